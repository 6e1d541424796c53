"""Rules, heads and cost as the page changes and shows them, against the real binary."""
import json
import os
import re
import subprocess
import time

from check import BINARY, equal, main, test
from endpoint import Endpoint, chat, folder
from live import serving, wait_until

ASK = {"Host": "localhost", "Content-Type": "application/json", "X-Logclass": "1"}


class Desk:
    """A server with a state folder of its own."""

    def __init__(self, *options):
        self.state = folder()
        self.env = {"XDG_STATE_HOME": self.state, "HOME": self.state}
        self.serving = serving(*options, env=self.env)

    def __enter__(self):
        self.server = self.serving.__enter__()
        return self

    def __exit__(self, *why):
        return self.serving.__exit__(*why)

    def get(self, path):
        r, text = self.server.ask("GET", path, headers={"Host": "localhost"})
        return r.status, json.loads(text)

    def post(self, path, **body):
        r, text = self.server.ask("POST", path, json.dumps(body), ASK)
        return r.status, json.loads(text)

    def label(self, line):
        r, text = self.server.ask("POST", "/classify", json.dumps([{"source": "", "log_message": line}]))
        return json.loads(text)[0]

    def save(self, **rule):
        status, preview = self.post("/api/rules/preview", **rule)
        equal(status, 200)
        return self.post("/api/rules/save", **rule, hash=preview["hash"])


LINE = "quux: flange 12 corrupt in drum 7"
RULE = {"name": "flange", "label_id": "DB_ERROR", "pattern": r"flange \d+ corrupt", "confidence": 0.9}


@test
def a_rule_of_the_page_is_in_force_with_the_answer_and_can_be_taken_back():
    with Desk() as d:
        before = d.label(LINE)
        assert before["source"] != "regex", before
        status, listed = d.get("/api/rules")
        equal((status, listed["editable"], listed["undo"]), (200, True, False))
        assert listed["path"].endswith("data/rules.conf") and {r["from"] for r in listed["items"]} == {"file"}, listed
        shipped = len(listed["items"])
        status, saved = d.save(**RULE)
        equal((status, saved["items"][0]["name"], saved["items"][0]["from"], saved["total"]), (200, "flange", "page", shipped + 1))
        equal(d.label(LINE), {"label_id": "DB_ERROR", "label": "Database Error", "source": "regex", "confidence": 0.9})
        out = subprocess.run([BINARY, "classify", "--no-summary", "--offline", "-"], input=LINE + "\n", capture_output=True,
                             text=True, env={**os.environ, **d.env}, check=True).stdout
        equal(json.loads(out)["source"], "regex")  # other programs of this state folder know it too
        equal(d.save(**{**RULE, "label_id": "BACKUP"})[0], 200)
        equal(d.label(LINE)["label_id"], "BACKUP")
        status, undone = d.post("/api/rules/undo")
        equal((status, undone["versions"], undone["undo"]), (200, 1, True))
        equal(d.label(LINE)["label_id"], "DB_ERROR")
        status, renamed = d.save(**{**RULE, "name": "drum", "replaces": "flange"})
        equal((status, renamed["items"][0]["name"], renamed["total"]), (200, "drum", shipped + 1))
        equal(d.post("/api/rules/save", remove="drum")[0], 200)
        equal(d.label(LINE), before)


@test
def what_can_not_be_a_rule_is_told_before_and_changes_nothing():
    with Desk() as d:
        for change, word in (({"pattern": "a("}, "pattern"), ({"pattern": "x*"}, "empty string"), ({"pattern": "a{0,32767}"}, "1000"),
                             ({"label_id": "NOPE"}, "no label is called"), ({"name": ""}, "name"), ({"pattern": " x"}, "blank"),
                             ({"name": "a\n[rule b]"}, "rule")):
            status, answer = d.post("/api/rules/preview", **{**RULE, **change})
            equal((change, status), (change, 422))
            assert word in answer["error"], answer
        status, preview = d.post("/api/rules/preview", **RULE, lines=["a flange 12 corrupt", "flange"])
        equal((preview["pasted"], preview["items"]), ([{"example": "a flange 12 corrupt", "span": [2, 19]}], []))
        for change in ({"pattern": r"flange \d"}, {"name": "other"}, {"confidence": 0.8}, {"hash": "0"}):
            sent = {**RULE, "hash": preview["hash"], **change}
            equal(d.post("/api/rules/save", **sent)[0], 409)  # it is not what was looked at
        stale = {**RULE, "hash": preview["hash"]}
        equal(d.save(**{**RULE, "name": "first"})[0], 200)
        status, answer = d.post("/api/rules/save", **stale)
        equal(status, 409)  # somebody else was faster
        assert "somebody else" in answer["error"], answer
        equal(d.post("/api/rules/save", remove="none")[0], 422)
        r, text = d.server.ask("POST", "/api/rules/save", "[1]", ASK)
        equal(r.status, 400)


@test
def a_pattern_is_suggested_that_matches():
    with Desk() as d:
        status, s = d.post("/api/rules/suggest", templates=["payment # refused by bank for <email>", "payment # refused by shop"])
        equal((status, s["name"]), (200, "payment refused by"))
        status, preview = d.post("/api/rules/preview", name=s["name"], label_id="INFO", pattern=s["pattern"],
                                 lines=["payment 5512 refused by bank for a@b.example", "payment 1 refused by shop"])
        equal((status, len(preview["pasted"])), (200, 2))
        equal(d.post("/api/rules/suggest", templates=["one", "two"])[0], 422)
        equal(d.post("/api/rules/suggest", templates=[])[0], 422)


@test
def a_preview_says_what_would_change():
    with Desk() as d:
        for i in range(3):
            d.label(f"payment {5512 + i} refused by bank for a@b.example")
        d.label("payment 7 refused by gateway")
        d.label("coffee is ready")
        wait_until(lambda: d.get("/api/kinds")[1]["total"] == 3)
        kinds = d.get("/api/kinds")[1]["items"]
        ids = {k["template"]: k["id"] for k in kinds}
        bank = next(v for k, v in ids.items() if "bank" in k)
        gateway = next(v for k, v in ids.items() if "gateway" in k)
        coffee = next(v for k, v in ids.items() if "coffee" in k)
        status, s = d.post("/api/rules/suggest", ids=[bank, gateway])
        equal((status, s["name"]), (200, "payment refused by"))
        rule = {"name": s["name"], "label_id": "WORKFLOW_ERROR", "pattern": s["pattern"]}
        before = {k["id"]: k["label_id"] for k in kinds}
        status, p = d.post("/api/rules/preview", **rule, ids=[bank, gateway, coffee])
        equal((status, p["missed"], p["tested"]["kinds"], p["more"]), (200, [coffee], 3, False))
        changes = {b: sum(k["lines_24h"] for k in kinds if k["id"] in (bank, gateway) and k["label_id"] == b) for b in set(before.values())}
        equal({c["from"]: c["lines_24h"] for c in p["changes"]}, {k: v for k, v in changes.items() if v and k != "WORKFLOW_ERROR"})
        for item in p["items"]:
            assert item["example"][slice(*item["span"])].startswith("payment 7 refused by"), item
        # a person's word stays, and is named
        equal(d.post("/api/corrections", request="r1", changes=[{"id": gateway, "rev": 1, "label_id": "INFO"}])[0], 201)
        p = d.post("/api/rules/preview", **rule)[1]
        equal([(a["id"], a["label_id"]) for a in p["against"]], [(gateway, "INFO")])
        # a rule before it hides it, one behind it is hidden
        equal(d.save(**rule)[0], 200)
        p = d.post("/api/rules/preview", **{**rule, "name": "later"})[1]
        equal((p["shadows"][0][0], p["shadowed_by"], p["changes"]), (rule["name"], [], []))
        equal(d.save(name="second", label_id="BACKUP", pattern="refused by bank")[0], 200)
        p = d.post("/api/rules/preview", **rule)[1]
        equal([r[0] for r in p["shadowed_by"]], ["second"])


@test
def a_rule_file_that_was_broken_by_hand_does_not_keep_the_server_from_starting():
    with Desk() as d:
        equal(d.save(**RULE)[0], 200)
        path = os.path.join(d.state, "logclass", "rules.conf")
        with open(path) as f:
            kept = f.read()
        with open(path, "w") as f:
            f.write(kept + "[rule x]\nlabel = NOPE\npattern = y\n")
        again = serving(env=d.env)
        with again as s:
            r, text = s.ask("POST", "/classify", json.dumps([{"source": "", "log_message": LINE}]))
            assert json.loads(text)[0]["source"] != "regex", text
            assert any("rules.unfit" in line for line in s.log), s.log


@test
def a_candidate_is_learnt_watched_and_put_in_force():
    with Desk() as d:
        status, learn = d.get("/api/learn")
        equal((status, learn["state"], learn["corrections"], learn["fresh"], learn["head"]), (200, "idle", 0, 0, "shipped"))
        equal(d.post("/api/learn/stop")[0], 409)
        equal(d.post("/api/learn/start")[0], 202)
        wait_until(lambda: d.get("/api/learn")[1]["state"] != "running")
        learn = d.get("/api/learn")[1]
        equal((learn["state"], learn["needed"], learn["error"]), ("done", 20, None))
        assert learn["result"]["said"].startswith("nothing to learn yet"), learn
        equal(d.post("/api/heads/use", name="candidate")[0], 404)
        equal(d.post("/api/heads/use", name="../../etc/passwd")[0], 404)
        equal(d.post("/api/heads/use", name="")[0], 422)
        heads = d.get("/api/heads")[1]
        equal(([h["name"] for h in heads["items"]], heads["candidate"]), (["shipped"], None))
        # a head that does not fit is refused, and the one before stays
        folder_of_heads = os.path.join(d.state, "logclass", "heads")
        os.makedirs(folder_of_heads, exist_ok=True)
        with open("data/head.json") as f:
            head = f.read()
        with open(os.path.join(folder_of_heads, "candidate.json"), "w") as f:
            f.write(re.sub(r'"created_by": ?"', '"created_by":"by hand; ', head))
        with open(os.path.join(folder_of_heads, "candidate.taught"), "w"):
            pass
        assert "by hand" in d.get("/api/heads")[1]["candidate"]["about"]
        equal(d.get("/api/learn")[1]["differs"], [])
        status, used = d.post("/api/heads/use", name="candidate")
        heads = d.get("/api/heads")[1]
        equal((status, used["head"], heads["candidate"]), (200, heads["in_use"], None))
        equal([h["in_use"] for h in heads["items"]], [True, False])
        equal(d.get("/api/learn")[1]["state"], "idle")  # its result is taken
        equal(d.post("/api/heads/use", name="shipped")[1]["head"], "shipped")
        with open(os.path.join(folder_of_heads, "20200101-000000.json"), "w") as f:
            f.write("{}")
        heads = d.get("/api/heads")[1]["items"]
        assert any("error" in h for h in heads), heads
        equal(d.post("/api/learn/stop", discard=True)[0], 202)


@test
def heads_are_compared_by_the_kinds_they_differ_on():
    lines = [f"quux: {a} {b} handled" for a in ("amber", "birch", "cedar", "dune") for b in ("ember", "fjord", "gale")]
    with Desk() as d:
        before = {x: d.label(x) for x in lines}
        folder_of_heads = os.path.join(d.state, "logclass", "heads")
        os.makedirs(folder_of_heads, exist_ok=True)
        with open("data/head.json") as f:
            head = json.load(f)
        labels = [x["id"] for x in head["labels"]]
        head["layers"][0]["bias"][labels.index("BACKUP")] += 30  # it says BACKUP whatever comes
        with open(os.path.join(folder_of_heads, "20200101-000000.json"), "w") as f:
            json.dump(head, f)
        wait_until(lambda: d.get("/api/kinds")[1]["total"] == len(lines))
        status, c = d.get("/api/heads/compare?a=shipped&b=20200101-000000")
        equal((status, c["compared"], c["skipped"]), (200, len(lines), 0))
        want = {x: (r["label_id"], "BACKUP") for x, r in before.items() if r["label_id"] != "BACKUP" and r["source"] != "regex"}
        equal({k["template"]: (k["was"], k["is"]) for k in c["differs"]}, want)
        equal(d.get("/api/heads/compare?a=shipped&b=shipped")[1]["differs"], [])
        equal(d.get("/api/heads/compare?a=shipped&b=20990101-000000")[0], 404)
        equal(d.post("/api/heads/use", name="20200101-000000")[0], 200)
        equal({d.label(x)["label_id"] for x in lines}, {"BACKUP"})


@test
def what_the_llm_cost_is_told_to_the_cent():
    llm = Endpoint(chat("BACKUP"))
    with Desk("--bert", "off", "--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-price-in", "500", "--llm-price-out", "2000",
              "--llm-calls-day", "3") as d:
        cost = d.get("/api/cost?days=7")[1]
        equal((cost["configured"], cost["today"]["calls"], cost["days"], cost["limits"]["calls_day"]), (True, 0, [], 3))
        words = ["amber", "birch", "cedar", "dune", "ember", "fjord"]
        for word in words:
            d.label(f"quux: {word} corrupt unreadable")
        wait_until(lambda: d.get("/api/cost")[1]["today"]["calls"] == 3)
        time.sleep(0.2)
        cost = d.get("/api/cost")[1]
        _, text = d.server.ask("GET", "/metrics")
        total = [float(line.split()[1]) for line in text.decode().splitlines() if line.startswith("logclass_llm_cost_total")]
        equal((cost["today"]["cost"], cost["today"]["calls"], len(cost["days"])), (total[0], 3, 1))
        assert total[0] > 0 and cost["refused"] >= 1, cost


@test
def the_llm_is_asked_about_a_line_when_a_person_wants_it():
    answers = [chat("BACKUP")]
    llm = Endpoint(lambda path, body: answers[0](path, body))
    options = ("--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-calls-day", "3")
    ask = {"entries": [{"source": "", "log_message": "User bob logged in"}], "ask_llm": True}
    with Desk(*options) as d:
        status, told = d.post("/api/explain", **ask)
        equal((status, told["items"][0]["asked"]["label_id"], told["items"][0]["label_id"]), (200, "BACKUP", "USER_ACTION"))
        assert "logged in" in json.dumps(llm.asked[0])
        equal((d.label("User bob logged in")["label_id"], len(llm.asked)), ("USER_ACTION", 1))  # nothing else changes by it
        equal(d.post("/api/explain", entries=ask["entries"])[1]["items"][0].get("asked"), None)
        equal(d.post("/api/explain", **{**ask, "ask_llm": False})[1]["items"][0].get("asked"), None)
        equal(d.post("/api/explain", entries=ask["entries"] * 2, ask_llm=True)[0], 413)
        equal(d.post("/api/explain", entries=[], ask_llm=True)[0], 413)
        equal(len(llm.asked), 1)
        answers[0] = lambda path, body: (400, {"error": "not today"})
        status, told = d.post("/api/explain", entries=[{"source": "", "log_message": "the quux is bent"}], ask_llm=True)
        equal((status, "label_id" in told["items"][0]["asked"], bool(told["items"][0]["asked"]["error"])), (200, False, True))
        for _ in range(3):  # its budget is its own
            status, told = d.post("/api/explain", entries=[{"source": "", "log_message": "the quux is bent"}], ask_llm=True)
        assert "budget" in told["items"][0]["asked"]["error"], told
    with Desk() as d:
        equal(d.post("/api/explain", **ask)[1]["items"][0]["asked"], {"error": "no LLM is configured"})
    path = os.path.join(folder(), "tokens")
    with open(path, "w") as f:
        f.write("view:eve:viewviewviewviewview\nlabel:lena:labellabellabellabel\n")
    with Desk("--token-file", path, *options) as d:
        answers[0] = chat("BACKUP")
        for token, want in (("viewviewviewviewview", 403), ("labellabellabellabel", 200)):
            r, _ = d.server.ask("POST", "/api/explain", json.dumps(ask), {**ASK, "Authorization": "Bearer " + token})
            equal((token, r.status), (token, want))


main()
