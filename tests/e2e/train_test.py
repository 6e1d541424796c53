"""`logclass train` and `eval` as a person with labels of their own uses them. All rows are made up here."""
import csv
import json
import os
import subprocess
import tempfile

from check import BINARY, equal, main, test
from endpoint import Endpoint, chat, store

FOLDER = tempfile.mkdtemp()
ID = {"PAYMENT": "Payment", "DELIVERY": "Delivery", "RETURN": "Return", "STOCK": "Stock"}
TRAIN = {
    "PAYMENT": ["payment of 12.50 EUR received for order 1001", "credit card charged for order 1002", "refund of 7 EUR paid out",
                "invoice 88 was paid by bank transfer", "customer paid order 1003 with gift card"],
    "DELIVERY": ["parcel 77 handed to the carrier", "order 1001 was delivered to the neighbour", "courier picked up parcel 78",
                 "delivery of order 1004 is delayed by snow", "shipment 9 left the depot"],
    "RETURN": ["customer sends back order 1002", "return label printed for order 1005", "returned goods of order 1001 arrived",
               "return of order 1006 refused, box was open", "customer wants to return the blue shirt"],
    "STOCK": ["article 4711 is sold out", "only 3 pieces of article 12 left in the warehouse", "goods received: 40 pieces of article 9",
              "inventory counted, 2 pieces missing", "article 5 reordered from the supplier"],
}
OTHERS = {
    "PAYMENT": ["paypal payment for order 2001 confirmed", "direct debit of 30 EUR was booked", "invoice 99 is still unpaid"],
    "DELIVERY": ["parcel 200 is on its way to the customer", "the carrier delivered shipment 31", "courier could not find the address"],
    "RETURN": ["order 2002 was returned by the customer", "goods sent back because of a wrong size", "return label for order 2003"],
    "STOCK": ["article 20 is available again in the warehouse", "stock of article 33 is low", "12 pieces of article 8 put on the shelf"],
}


def run(*args, stdin="", env=None):
    return subprocess.run([BINARY, *args], input=stdin, capture_output=True, text=True, timeout=600,
                          env={**os.environ, **(env or {})})


def fine(*args, stdin="", env=None):
    r = run(*args, stdin=stdin, env=env)
    assert r.returncode == 0, r.stderr
    return r.stdout


def refused(says, *args, stdin=""):
    r = run(*args, stdin=stdin)
    assert r.returncode in (1, 2) and says in r.stderr, (r.returncode, r.stderr)


def path(name):
    return os.path.join(FOLDER, name)


def write_rows(name, rows):
    with open(path(name), "w", newline="") as out:
        csv.writer(out).writerows([["log_message", "label"]] + [[m, k] for k in rows for m in rows[k]])
    return path(name)


def write_labels():
    with open(path("labels.txt"), "w") as out:
        for k in TRAIN:
            out.write(f"{k} | {ID[k]} | lines about {ID[k].lower()}\n")
            out.writelines(f"- {m}\n" for m in TRAIN[k][:2])
    return path("labels.txt")


ROWS = write_rows("rows.csv", {k: v[2:] for k, v in TRAIN.items()})
OTHER = write_rows("others.csv", OTHERS)
LABELS, HEAD = write_labels(), path("head.json")
FIGURES = fine("train", ROWS, "--labels", LABELS, "--curve", "--out", HEAD, "--threads", "1")


@test
def five_examples_a_label_beat_chance_by_far():
    assert "20 rows, 20 different templates" in FIGURES, FIGURES
    assert "learning curve" in FIGURES and "PAYMENT has 5 different rows: 20 or more are better" in FIGURES
    score = json.loads(fine("eval", OTHER, "--head", HEAD, "--json"))["all"]
    assert score["accuracy_without_threshold"] >= 0.75, score  # chance: 0.25


@test
def a_head_says_what_it_is_and_where_it_belongs():
    head = json.load(open(HEAD))
    equal([k["id"] for k in head["labels"]], [*TRAIN, "UNCLASSIFIED"])
    equal(head["labels"][0]["description"], "lines about payment")
    equal(head["metrics"]["rows"], 20)
    assert head["model"] and head["version"] == 1 and "folds" in head["calibration"]


@test
def the_same_rows_give_the_same_bytes_on_any_threads():
    again = path("again.json")
    fine("train", ROWS, "--labels", LABELS, "--curve", "--out", again, "--threads", "3")
    equal(open(again).read(), open(HEAD).read())


@test
def classify_takes_the_labels_from_the_head():
    line = "the courier delivered the parcel\nUser admin logged in\n"
    out = [json.loads(s) for s in fine("classify", "--head", HEAD, "--bert-classifier-threshold", "0", stdin=line).splitlines()]
    equal((out[0]["label_id"], out[0]["label"]), ("DELIVERY", "Delivery"))
    assert out[1]["source"] != "regex", out  # the shipped rules name labels that this head does not have


@test
def what_does_not_belong_together_is_refused():
    other_labels, other_mask = path("other.txt"), path("mask.json")
    open(other_labels, "w").write("PAYMENT\nSTOCK\n")
    open(other_mask, "w").write(open(HEAD).read().replace('"mask_version": ', '"mask_version": 9'))
    refused("the head belongs to other labels", "classify", "--head", HEAD, "--labels", other_labels, stdin="x\n")
    refused("the head was trained on model", "classify", "--head", HEAD, "--adapter", "none", stdin="x\n")
    refused("templates of masking version", "classify", "--head", other_mask, stdin="x\n")
    refused("is not in the label set", "eval", OTHER)
    refused("not a head file", "eval", OTHER, "--head", ROWS)
    refused("--raw is for figures", "train", ROWS, "--raw", "--out", path("raw.json"))


@test
def thresholds_that_are_solved_for_are_used():
    solved = path("solved.json")
    out = fine("train", ROWS, "--labels", LABELS, "--target-llm-share", "50%", "--out", solved)
    threshold = json.load(open(solved))["threshold"]
    assert 0 < threshold < 1 and f"at {threshold:.4f}: 5" in out, (threshold, out)  # ten of twenty, or more where they tie
    head = json.load(open(solved))
    head["threshold"] = 1
    json.dump(head, open(solved, "w"))
    line = TRAIN["STOCK"][0] + "\n"
    equal(json.loads(fine("classify", "--head", solved, stdin=line))["source"], "fallback")
    given = fine("classify", "--head", solved, "--no-head-thresholds", "--bert-classifier-threshold", "0", stdin=line)
    equal(json.loads(given)["label_id"], "STOCK")
    equal(json.loads(fine("eval", OTHER, "--head", solved, "--json"))["threshold"], 1)
    refused("both solve the threshold", "train", ROWS, "--target-precision", "0.9", "--target-llm-share", "5%")


@test
def the_shipped_corpus_is_in_order():
    out = fine("corpus", "lint", os.path.join(os.path.dirname(__file__), "..", "..", "data", "corpus"))
    assert "0 duplicates, 0 contradictions" in out, out[-400:]


@test
def eval_tells_scripts_and_people():
    page = path("page.html")
    refused("macro-F1", "eval", OTHER, "--head", HEAD, "--min-macro-f1", "1.0", "--threshold", "0.99")
    text = fine("eval", OTHER, "--head", HEAD, "--html", page, "--min-macro-f1", "0.1", "--threshold", "0.0001")
    assert "macro-F1" in text and "what was answered, by truth" in text
    html = open(page).read()
    assert html.startswith("<!doctype html>") and html.count("<svg") == 3 and "http" not in html
    at = json.loads(fine("eval", OTHER, "--head", HEAD, "--json", "--target-accuracy", "0.75"))["target_accuracy"]
    assert at["accuracy"] >= 0.75 and 0 < at["answered"] <= 1 and 0 <= at["threshold"] <= 1, at
    assert f'--bert-classifier-threshold {at["threshold"]:.4f}' in fine("eval", OTHER, "--head", HEAD, "--target-accuracy", "75%")
    refused("no threshold gives", "eval", write_rows("lost.csv", {"STOCK": OTHERS["PAYMENT"]}), "--head", HEAD, "--target-accuracy", "1")
    got = json.loads(fine("eval", OTHER, "--head", HEAD, "--cascade", "--json"))
    equal(sum(s["rows"] for s in got["stages"].values()), 12)
    equal(got["llm_calls"], 0)


@test
def eval_counts_what_the_llm_was_asked_and_said():
    llm = Endpoint(chat("STOCK"))
    env = {"LOGCLASS_LLM_URL": llm.url("/v1"), "LOGCLASS_LLM_MODEL": "m", "LOGCLASS_LLM_STORE": store()}
    args = ["eval", OTHER, "--head", HEAD, "--cascade", "--json", "--threshold", "1"]
    got = json.loads(fine(*args, env=env))
    equal(got["stages"]["llm"], {"rows": 12, "right": 3})
    equal(got["llm_calls"], len(llm.asked))
    equal(got["llm_calls"], 12)
    equal(json.loads(fine(*args, env=env))["llm_calls"], 0)  # the answers are known now
    equal(json.loads(fine(*args, env={**env, "LOGCLASS_OFFLINE": "yes"}))["stages"]["fallback"]["rows"], 12)


@test
def rows_that_look_mislabelled_are_listed():
    rows = dict(TRAIN, STOCK=TRAIN["STOCK"] + ["parcel 79 handed to the carrier by the driver"])
    out = fine("train", write_rows("wrong.csv", rows), "--doubts", "3", "--no-source")
    doubts = out.split("whose label looks wrong")[1].splitlines()[1:4]
    assert any("STOCK" in d and "parcel # handed to the carrier by the driver" in d for d in doubts), doubts


main()
