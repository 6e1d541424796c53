"""`classify` with services over the network: a scripted endpoint that speaks chat completions and the described wire."""
import json
import math
import os
import subprocess

from check import BINARY, equal, main, test
from endpoint import Endpoint, chat, folder, store

SAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "data", "sample.log")
LINES = sum(1 for _ in open(SAMPLE))
CANARY = "gsk-canary-5b1e77"


def classify(*args, env=None):
    r = subprocess.run([BINARY, "classify", "--summary", SAMPLE, *args], capture_output=True, timeout=120,
                       env={"PATH": os.environ["PATH"], "HOME": folder(), **(env or {})})
    return r, [json.loads(line) for line in r.stdout.splitlines()]


def by(answers, source):
    return [a for a in answers if a["source"] == source]


@test
def the_llm_is_asked_once_for_each_template_and_never_again():
    llm, db = Endpoint(chat("INFO")), store()
    args = ["--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-store", db]
    _, before = classify("--offline")
    open_lines = len(by(before, "fallback"))
    assert open_lines > 0
    r, first = classify(*args)
    equal(len(by(first, "llm")), open_lines)
    equal(by(first, "fallback"), [])
    equal(len(llm.asked), open_lines)
    assert f"LLM: {open_lines} call".encode() in r.stderr, r.stderr
    _, second = classify(*args)
    equal(second, first)
    equal(len(llm.asked), open_lines)


def chat_with_probabilities(label, **others):
    """Answers with `label`, and tells how likely it and the others are; their names are single tokens."""
    def likely(token, p):
        return {"token": token, "logprob": math.log(p)}
    first = {**likely(label, 1 - sum(others.values())),
             "top_logprobs": [likely(label, 1 - sum(others.values())), *(likely(k, v) for k, v in others.items())]}
    tokens = [likely('{"label_id": "', 1), first, likely('"}', 1)]
    return lambda path, body: (200, {
        "choices": [{"message": {"content": json.dumps({"label_id": label})}, "finish_reason": "stop",
                     "logprobs": {"content": tokens}}], "usage": {"prompt_tokens": 100, "completion_tokens": 5}})


@test
def label_probabilities_are_mixed_with_the_heads():
    llm, db = Endpoint(chat_with_probabilities("BACKUP", INFO=0.2, DB_ERROR=0.1)), store()
    args = ["--explain", "--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-store", db]
    _, before = classify("--explain", "--offline")
    left = [i for i, a in enumerate(before) if a["source"] == "fallback"]
    _, mixed = classify(*args)
    asked = len(llm.asked)
    _, alone = classify(*args, "--llm-mix", "0")
    _, head = classify(*args, "--llm-mix", "0.000001")
    _, convinced = classify(*args, "--llm-mix", "10")
    for i in left:
        nearest = before[i]["explain"]["nearest"]  # the likeliest three; the others are too far off to win
        equal((alone[i]["label_id"], alone[i]["confidence"]), ("BACKUP", 0.7))
        equal(head[i]["label_id"], max(nearest, key=nearest.get))
        equal(convinced[i]["label_id"], "BACKUP")
        score = {k: p * {"BACKUP": 0.7, "INFO": 0.2, "DB_ERROR": 0.1}.get(k, 1e-4) ** 0.25 for k, p in nearest.items()}
        equal(mixed[i]["label_id"], max(score, key=score.get))
    for i in set(range(LINES)) - set(left):  # what was sure is not overruled
        equal(convinced[i], before[i])
    equal(len(llm.asked), asked)  # another weight asks nobody: what the LLM thinks is kept


@test
def an_answer_that_is_no_label_labels_nothing():
    for answer in ("ROOT_SHELL", "INFO\nDB_ERROR", "", "info; ignore the rest"):
        llm = Endpoint(chat(answer))
        _, out = classify("--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-store", store())
        equal(len(out), LINES)
        equal(by(out, "llm"), [])
        assert llm.asked


@test
def a_broken_llm_costs_no_line():
    for reply in ((500, b"oops"), (200, b"not json"), (200, b""), (404, {"error": "no such model"}), (302, b"")):
        llm = Endpoint(lambda path, body, reply=reply: reply)
        r, out = classify("--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-store", store())
        equal(r.returncode, 0)
        equal(len(out), LINES)
        equal(by(out, "llm"), [])


@test
def the_budget_is_a_hard_stop():
    llm = Endpoint(chat("INFO"))
    _, out = classify("--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-store", store(), "--llm-calls-day", "1")
    equal(len(llm.asked), 1)
    equal(len(by(out, "llm")), 1)
    equal(len(out), LINES)


@test
def the_key_goes_to_the_endpoint_and_nowhere_else():
    llm, db = Endpoint(chat("INFO")), store()
    key = os.path.join(folder(), "key")
    with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
        f.write(CANARY + "\n")
    r, _ = classify("--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-store", db, "--llm-key-file", key,
                    "--log-level", "debug")
    equal({h["Authorization"] for h in llm.headers}, {f"Bearer {CANARY}"})
    assert CANARY.encode() not in r.stdout + r.stderr
    where = os.path.dirname(db)
    for name in os.listdir(where):
        assert CANARY.encode() not in open(os.path.join(where, name), "rb").read(), name


@test
def only_the_template_is_sent():
    llm = Endpoint(chat("INFO"))
    classify("--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-store", store())
    sent = json.dumps(llm.asked)
    assert "3391" not in sent, "the process number of a sample line is masked"


def llm(*args):
    return subprocess.run([BINARY, "llm", *args], capture_output=True, timeout=60,
                          env={"PATH": os.environ["PATH"], "HOME": folder()})


@test
def llm_show_sends_nothing_and_llm_ask_sends_what_it_shows():
    endpoint, line = Endpoint(chat("BACKUP")), "copied 5512 blocks for alice@example.com to 10.1.2.3"
    args = ["--llm-url", endpoint.url("/v1"), "--llm-model", "m", "--llm-store", store(), line]
    shown = llm("show", *args)
    equal(shown.returncode, 0)
    equal(endpoint.asked, [])
    assert b"alice" not in shown.stdout and b"5512" not in shown.stdout and b"10.1.2.3" not in shown.stdout
    body = json.loads(shown.stdout[shown.stdout.index(b"{"):])
    asked = llm("ask", *args)
    equal(json.loads(asked.stdout),
          {"label_id": "BACKUP", "label": "Backup Event", "source": "llm", "confidence": 0.7})
    equal([len(endpoint.asked), endpoint.asked[0]["messages"][0]], [1, body["messages"][0]])
    equal(llm("ask", *args).stdout, asked.stdout)
    equal(len(endpoint.asked), 1)
    broken = Endpoint(lambda path, body: (400, b"no"))
    equal(llm("ask", "--llm-url", broken.url("/v1"), "--llm-model", "m", "--llm-store", "none", line).returncode, 1)
    unsure, db = Endpoint(chat("NOPE")), store()
    for _ in range(2):  # the second time it is the store that knows of no label
        r = llm("ask", "--llm-url", unsure.url("/v1"), "--llm-model", "m", "--llm-store", db, line)
        equal(r.returncode, 1)
        assert b"no answer" in r.stderr, r.stderr
    equal(len(unsure.asked), 1)
    equal(llm("ask", line).returncode, 2)
    equal(llm("ask", "--offline", *args).returncode, 2)


@test
def a_remote_encoder_gets_the_message_and_is_believed():
    bert = Endpoint(lambda path, body: (200, {"label_id": "BACKUP", "label": "Backup", "confidence": 0.9}))
    _, out = classify("--bert", bert.url("/classify"))
    equal(len(out), LINES)
    equal({a["label_id"] for a in by(out, "bert")}, {"BACKUP"})
    equal(len(by(out, "bert")) + len(by(out, "regex")), LINES)
    assert {"message"} == set(bert.asked[0]), bert.asked[0]


@test
def offline_asks_nobody():
    llm = Endpoint(chat("INFO"))
    _, out = classify("--offline", "--llm-url", llm.url("/v1"), "--llm-store", store(),
                      env={"GROQ_API_KEY": CANARY})
    equal(len(out), LINES)
    equal(llm.asked, [])
    r, _ = classify("--offline", "--bert", llm.url("/classify"))
    equal(r.returncode, 2)


main()
