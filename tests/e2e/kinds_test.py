"""Kinds of line: what is counted, shown, corrected and kept, over the page's requests and a real model."""
import contextlib
import glob
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

from check import BINARY, equal, main, test
from live import crowd, serving, wait_until

ASK = {"Content-Type": "application/json", "X-Logclass": "1"}
QUICK = not os.environ.get("LONG")


@contextlib.contextmanager
def desk(*options, state=None, **how):
    """A server with a state folder of its own."""
    folder = state or tempfile.mkdtemp()
    with serving(*options, env={"XDG_STATE_HOME": folder, **how.pop("env", {})}, **how) as s:
        s.state = folder
        yield s
    if not state:
        shutil.rmtree(folder)


def get(s, path, status=200):
    r, text = s.ask("GET", path)
    equal((r.status, text[:300] if r.status != status else b""), (status, b""))
    return json.loads(text)


def post(s, path, body, status=None, headers=None):
    r, text = s.ask("POST", path, json.dumps(body), {**ASK, **(headers or {})})
    if status:
        equal((r.status, text[:300] if r.status != status else b""), (status, b""))
    return json.loads(text)


def kinds(s, query=""):
    return get(s, "/api/kinds?limit=500" + query)["items"]


def kind_of(s, text):
    """The kind with this template; waits until its lines are counted."""
    def found():
        return [k for k in kinds(s) if k["template"] == text]
    wait_until(lambda: len(found()) == 1)
    return found()[0]


def counted(s, lines):
    wait_until(lambda: sum(k["lines"] for k in kinds(s)) == lines)


def correct(s, kind, label, status=201, **more):
    return post(s, "/api/corrections", {"changes": [{"id": kind["id"], "rev": kind["rev"], "label_id": label, **more}]}, status)


@test
def every_line_is_counted_once():
    lines = [f"widget {i % 7 + 2} of {name} turned {i} times" for i in range(10, 310) for name in ("alpha", "beta", "gamma")]
    for options in ((), ("--no-memo",), ("--workers", "1", "--bert", "off")):
        with desk(*options) as s:
            for at in range(0, len(lines), 100):
                s.lines(*lines[at:at + 100])
            s.lines(lines[0])
            s.classify([{"source": "app", "log_message": "widget 2 of alpha turned 11 times"}])
            counted(s, len(lines) + 2)
            assert {k["template"] for k in kinds(s)} <= {f"{a}widget # of {n} turned # times" for n in ("alpha", "beta", "gamma")
                                                          for a in ("", "app: ")}


@test
def lines_of_rules_are_counted():
    with desk() as s:
        s.lines(*["User bob logged in"] * 90)
        k = kind_of(s, "User bob logged in")
        counted(s, 90)
        equal((k["label_id"], k["stage"], k["confidence"], k["by_rule"]), ("USER_ACTION", "regex", 1, True))


def rule_of(s, name="user logged in or out"):
    return next(r for r in get(s, "/api/rules")["items"] if r["name"] == name)


def marks(s):
    return [m["what"] for m in get(s, "/api/overview?span=1h")["marks"]]


@test
def every_line_that_a_rule_decides_is_counted_by_rule():
    state = tempfile.mkdtemp()
    with desk("--workers", "3", state=state) as s:
        equal((rule_of(s)["lines"], rule_of(s)["last"], rule_of(s, "system reboot")["lines_24h"]), (0, None, 0))
        for _ in range(30):  # by the loop's thread, and by the workers
            s.lines(*["User bob logged in"] * 20)
            s.lines(*["User bob logged in"] * 200, "flange 7 is loose")
        wait_until(lambda: rule_of(s)["lines"] == 6600)
        post(s, "/api/explain", {"entries": [{"source": "", "log_message": "User eve logged in"}]}, 200)
        correct(s, kind_of(s, "User bob logged in"), "INFO")
        equal(s.lines("User bob logged in")[0]["label_id"], "INFO")
        wait_until(lambda: s.value("logclass_words_lines_total") == 1)
        time.sleep(1.2)
        r = rule_of(s)
        equal((r["lines"], sum(r["hours"]), r["lines_24h"], len(r["hours"])), (6600, 6600, 6600, 24))
        equal(marks(s), ["started"])
        rule = {"name": "teapot", "label_id": "BACKUP", "pattern": "teapot"}
        shown = post(s, "/api/rules/preview", rule, 200)
        post(s, "/api/rules/save", {**rule, "hash": shown["hash"]}, 200)
        s.lines("User eve logged in", "I am a teapot")
        wait_until(lambda: (rule_of(s)["lines"], rule_of(s, "teapot")["lines"]) == (6601, 1))
        equal(marks(s), ["started", "rule added: teapot"])
        post(s, "/api/rules/undo", {}, 200)
        equal(marks(s)[2:], ["rule removed: teapot"])
    with desk(state=state) as s:
        wait_until(lambda: rule_of(s)["lines"] == 6601)
        assert rule_of(s)["last"] > time.time() - 600
        equal(marks(s), ["started", "rule added: teapot", "rule removed: teapot", "started"])
    shutil.rmtree(state)


@test
def the_same_message_from_other_sources_is_one_family():
    with desk() as s:
        s.classify([{"source": name, "log_message": "flange 7 is loose"} for name in ("app", "web", "db")])
        s.lines("a widget came off")
        counted(s, 4)
        found = {k["template"]: k for k in kinds(s)}
        equal((found["app: flange # is loose"]["in_family"], found["a widget came off"]["in_family"]), (3, 1))
        family = kinds(s, "&family=" + found["app: flange # is loose"]["family"])
        equal({k["template"] for k in family}, {"app: flange # is loose", "web: flange # is loose", "db: flange # is loose"})
        get(s, "/api/kinds?family=xyz", 400)


@test
def a_list_is_filtered_sorted_and_paged():
    with desk() as s:
        s.lines(*[f"thing{'s' * (i % 9)} happened {i} times" for i in range(10, 210)], "Timeout while reading", "something's odd <b>")
        counted(s, 202)
        wait_until(lambda: get(s, "/api/kinds?limit=4")["share"] == 1)
        page = get(s, "/api/kinds?limit=4")
        equal((len(page["items"]), page["total"], page["lines"], page["share"], page["kept"]), (4, 11, 202, 1, 11))
        seen, after = [], ""
        while after is not None:
            more = get(s, "/api/kinds?limit=4" + (f"&after={after}" if after else ""))
            seen += [k["id"] for k in more["items"]]
            after = more["next"]
        equal((len(seen), len(set(seen))), (11, 11))
        equal([k["template"] for k in kinds(s, "&q=timeout")], ["Timeout while reading"])
        equal([k["template"] for k in kinds(s, "&q=%3Cb%3E")], ["something's odd <b>"])
        equal(kinds(s, "&state=muted"), [])
        equal(len(kinds(s, "&state=new&seen=1h&stage=bert")) + len(kinds(s, "&stage=fallback")), 11)
        first = kinds(s, "&sort=first")
        assert first == sorted(first, key=lambda k: (-k["first"], -int(k["id"], 16)))
        for wrong in ("state=bad", "sort=bad", "limit=0", "limit=501", "limit=x", "after=x", "seen=x", "q=%zz", "unknown=1", "stage=x"):
            get(s, "/api/kinds?" + wrong, 400)


@test
def a_correction_is_in_force_when_it_is_answered():
    with desk() as s:
        s.lines("flange 7 is loose", "flange 8 is loose")
        k = kind_of(s, "flange # is loose")
        before = s.lines("flange 9 is loose")[0]
        done = correct(s, k, "BACKUP", scope="family", note="all <b>flanges</b>")
        equal((done["applied"], done["lines_24h"] >= 2), (1, True))
        equal(s.lines("flange 10 is loose"), [{"label_id": "BACKUP", "label": "Backup Event", "source": "regex", "confidence": 1}])
        now = kind_of(s, "flange # is loose")
        equal((now["label_id"], now["corrected_by"], now["rev"]), ("BACKUP", "local", 2))
        conflict = correct(s, k, "INFO", 409)
        equal(conflict["conflicts"][0] | {"at": 0}, {"id": k["id"], "rev": 2, "label_id": "BACKUP", "by": "local", "at": 0})
        whole = get(s, f"/api/kind?id={k['id']}")
        equal([(h["label_id"], h["by"], h["note"]) for h in whole["history"]], [("BACKUP", "local", "all <b>flanges</b>")])
        equal(post(s, "/api/corrections/undo", {"batch": done["batch"]}, 200)["items"][0]["corrected_by"], None)
        equal(s.lines("flange 11 is loose")[0], before)
        post(s, "/api/corrections/undo", {"batch": done["batch"]}, 404)
        equal([h["undone_by"] for h in get(s, "/api/corrections")["items"]], ["local"])


@test
def the_same_request_is_done_once():
    with desk() as s:
        s.lines("flange 7 is loose")
        k = kind_of(s, "flange # is loose")
        body = {"request": "c0ffee01", "changes": [{"id": k["id"], "rev": 1, "label_id": "BACKUP"}]}
        first, again = post(s, "/api/corrections", body, 201), post(s, "/api/corrections", body, 200)
        equal((first["batch"], first["applied"]), (again["batch"], again["applied"]))
        equal(get(s, "/api/corrections")["words"], 1)


@test
def all_that_match_are_changed_only_as_they_were_seen():
    with desk() as s:
        s.lines(*[f"{word} timeout after {i} s" for i, word in enumerate(("red", "blue", "green", "black"))])
        counted(s, 4)
        ask = {"filter": {"q": "Timeout"}, "label_id": "WORKFLOW_ERROR"}
        equal(post(s, "/api/corrections", {**ask, "expect": 3}, 409)["total"], 4)
        equal(get(s, "/api/corrections")["words"], 0)
        equal(post(s, "/api/corrections", {**ask, "expect": 4}, 201)["applied"], 4)
        equal({r["label_id"] for r in s.lines("red timeout after 9 s", "black timeout after 9 s")}, {"WORKFLOW_ERROR"})


@test
def what_can_not_be_is_refused():
    with desk() as s:
        s.lines("flange 7 is loose")
        k = kind_of(s, "flange # is loose")
        change = {"id": k["id"], "label_id": "INFO"}
        for body, status in (({}, 400), ([], 400), ({"changes": []}, 400), ({"changes": [1]}, 400), ({"changes": {}}, 400),
                             ({"changes": [{**change, "id": "xyz"}]}, 400), ({"changes": [{**change, "label_id": "NO_SUCH"}]}, 400),
                             ({"changes": [{"id": k["id"]}]}, 400), ({"changes": [{**change, "id": "0" * 16}]}, 404),
                             ({"changes": [{**change, "note": "x" * 513}]}, 413), ({"changes": [{**change, "scope": "all"}]}, 400),
                             ({"changes": [change] * 501}, 413), ({"changes": [change], "filter": {}}, 400),
                             ({"changes": [{**change, "rev": -1}]}, 400), ({"request": "x" * 65, "changes": [change]}, 413)):
            post(s, "/api/corrections", body, status)
        post(s, "/api/kinds/state", {"ids": [k["id"]], "state": "new"}, 400)
        post(s, "/api/kinds/state", {"ids": [], "state": "muted"}, 400)
        post(s, "/api/corrections/undo", {"batch": "x"}, 400)
        get(s, "/api/kind?id=1", 400)
        get(s, "/api/kind?id=" + "0" * 16, 404)
        r, _ = s.ask("POST", "/api/corrections", b"{" + b" " * (1 << 20) + b"}", ASK)
        equal(r.status, 413)
        r, _ = s.ask("POST", "/api/corrections", b"{nonsense", ASK)
        equal(r.status, 400)
        equal(get(s, "/api/corrections")["words"], 0)
    with desk("--kinds-max", "0") as s:
        s.lines("flange 7 is loose")
        for path in ("/api/kinds", "/api/pulse", "/api/overview", "/api/review"):
            assert "kinds-max" in get(s, path, 404)["error"]


@test
def states_are_set_by_people():
    with desk() as s:
        s.lines("flange 7 is loose")
        k = kind_of(s, "flange # is loose")
        equal(k["state"], "new")
        done = post(s, "/api/kinds/state", {"ids": [k["id"]], "state": "muted"}, 201)
        equal(kind_of(s, "flange # is loose")["state"], "muted")
        equal(get(s, "/api/review")["waiting"], 0)
        equal(post(s, "/api/corrections/undo", {"batch": done["batch"]}, 200)["items"][0]["state"], "known")


@test
def what_is_exported_can_be_trained_on():
    with desk() as s:
        s.lines("coffee is ready", "tea is ready")
        correct(s, kind_of(s, "coffee is ready"), "BACKUP")
        post(s, "/api/kinds/state", {"ids": [kind_of(s, "tea is ready")["id"]], "state": "muted"}, 201)  # a word without a label
        rows = subprocess.run([BINARY, "correct", "--export"], env={**os.environ, "XDG_STATE_HOME": s.state}, check=True,
                              capture_output=True, text=True).stdout.splitlines()
        equal((len(rows), rows[0], rows[1].split(",")[:3]), (2, "label,source,log_message,by,at,note", ["BACKUP", "", "coffee is ready"]))
        equal(s.ask("GET", "/api/corrections/export?as=csv")[1].decode().splitlines(), rows)


@test
def sources_bring_kinds_too():
    folder = tempfile.mkdtemp()
    config = os.path.join(folder, "run.conf")
    with open(os.path.join(folder, "in.log"), "w") as f:
        f.write("coffee is ready\n" * 3)
    with open(config, "w") as f:
        f.write(f"[source a]\ntype = file\ninclude = {folder}/in.log\n[sink s]\ntype = file\npath = {folder}/out.jsonl\n")
    with desk("--config", config, state=folder, command=("run",)) as s:
        counted(s, 3)
        equal(kind_of(s, "coffee is ready")["lines"], 3)
    shutil.rmtree(folder)


@test
def review_puts_first_what_settles_most():
    with desk() as s:
        s.lines(*["nginx: worker process 3391 exited on signal 11"] * 9, *["at com.example.cart.Cart.total(Cart.java:214)"] * 3)
        wait_until(lambda: get(s, "/api/review")["waiting"] == 2)
        r = get(s, "/api/review?order=newest")
        equal((len(r["items"]), r["lines"]), (2, 12))
        for order in ("lines", "unsure", "newest", "mixed"):
            equal(get(s, f"/api/review?order={order}&limit=1")["waiting"], 2)
        card = get(s, "/api/review")["items"][0]
        equal([t["label_id"] for t in card["top"]], [card["best"]["label_id"], card["second"]["label_id"]])
        get(s, "/api/review?order=bad", 400)
        wait_until(lambda: get(s, "/api/pulse")["waiting"] == 2)
        p = get(s, "/api/pulse")
        equal(get(s, f"/api/pulse?since={p['seq']}")["changed"], [])
        correct(s, card, "INFO")
        assert "corrections" in get(s, f"/api/pulse?since={p['seq']}")["changed"]
        equal(get(s, "/api/review")["waiting"], 1)


@test
def the_overview_adds_up():
    with desk() as s:
        s.lines(*["User bob logged in"] * 5, *["flange 7 is loose"] * 3)
        for span, places in (("1h", 60), ("24h", 24), ("7d", 168)):
            wait_until(lambda: get(s, f"/api/overview?span={span}")["tiles"]["lines"]["now"] == 8)
            o = get(s, f"/api/overview?span={span}")
            equal({len(x["n"]) for x in o["series"]["labels"]}, {places})
            equal(sum(sum(x["n"]) for x in o["series"]["labels"]), 8)
            equal((o["span"], o["stages"]["regex"], o["warmup"]["needed"], o["tiles"]["new_kinds"]["n"]), (span, 5, 0.99, 2))
        assert {k["template"] for k in o["look"]} == {"User bob logged in", "flange # is loose"}


@test
def explaining_asks_nobody_and_counts_nothing():
    lines = ["User bob logged in", "flange 7 is loose", "could not obtain a database connection within 30 s"]
    cli = [json.loads(line) for line in subprocess.run([BINARY, "classify", "--explain"], input="\n".join(lines).encode(),
                                                       capture_output=True, check=True).stdout.splitlines()]
    with desk() as s:
        said = post(s, "/api/explain", {"entries": [{"log_message": line} for line in lines]}, 200)["items"]
        for one, there in zip(said, cli):
            equal((one["label_id"], one["confidence"], one["template"]), (there["label_id"], there["confidence"], there["explain"]["template"]))
            if "nearest" in there["explain"]:
                equal({t["label_id"]: t["p"] for t in one["top"]}, there["explain"]["nearest"])
        equal((said[0]["rule"], said[0]["span"], said[0]["matched"]), ("user logged in or out", [0, 18], "User bob logged in"))
        equal([len(one["top"]) for one in said], [3, 3, 3])
        equal(kinds(s), [])
        for body, status in (({"entries": []}, 400), ({"entries": [{}] * 201}, 413), ({"entries": [{"log_message": "x" * 65537}]}, 413)):
            post(s, "/api/explain", body, status)


@test
def look_alikes_are_found():
    with desk() as s:
        s.lines("nightly backup of database billing finished", "nightly backup of database payroll finished",
                "weekly backup of database billing finished", "weekly backup of database payroll finished",
                "User bob logged in", "cache warmed in 40 ms", "at org.zork.backup.Database.finish(Database.java:12)")
        counted(s, 7)
        k = kind_of(s, "nightly backup of database billing finished")
        alike = get(s, f"/api/kinds?alike={k['id']}")["items"]
        assert alike and all("backup of database" in a["template"] and a["similarity"] >= 0.9 for a in alike), alike
        near = get(s, f"/api/kind?id={k['id']}")["nearest"]
        assert near[0]["id"] == alike[0]["id"] and near == sorted(near, key=lambda n: -n["similarity"]), near
        decided = {x["id"] for x in kinds(s) if x["stage"] != "fallback"} - {k["id"]}
        assert {n["id"] for n in near} <= decided and len(near) >= 3, (near, decided)  # what is undecided is missing; what has nothing in common may be
        equal(correct(s, k, "BACKUP")["alike"], len(alike))
        said = post(s, "/api/explain", {"entries": [{"log_message": "nightly backup of database billing finished"}]}, 200)["items"][0]
        equal((said["id"], said["correction"]["by"], said["nearest"][0]["id"]), (k["id"], "local", near[0]["id"]))
        get(s, "/api/kinds?alike=" + "0" * 16, 404)


@test
def kinds_are_searched_by_pattern():
    with desk() as s:
        s.lines("flange 7 is loose", "bolt 7 is loose", "a bolt fell")
        counted(s, 3)
        equal({k["template"] for k in kinds(s, "&re=1&q=%5E(flange%7Cbolt)%20%23")}, {"flange # is loose", "bolt # is loose"})
        for wrong in ("(", "a{0,32767}", "", "x*"):
            if wrong:
                get(s, f"/api/kinds?re=1&q={wrong}", 400)


@test
def health_and_drift_are_told():
    with desk() as s:
        s.lines("flange 7 is loose", "User bob logged in")
        counted(s, 2)
        wait_until(lambda: sum(d["n"] for d in get(s, "/api/health")["decided"]) == 2)
        h = get(s, "/api/health")
        equal((h["serving"]["ready"], h["serving"]["workers"], h["kinds"]["max"], h["alerts"]), (True, 4, 100000, []))
        d = get(s, "/api/drift")
        equal((d["alarm"], d["new_kinds"]["n"], d["new_kinds"]["limit"], d["warmup"]["needed"]), (False, 0, 20, 0.99))  # it has just begun: what comes now is no news
        equal((len(d["hours"]), len(d["kinds"])), (24, 2))
        wait_until(lambda: s.value("logclass_kinds") == 2)
        equal(s.value('logclass_drift_alarm{alarm="new_kinds"}'), 0)


def logclass(s, *args, keys=b""):
    r = subprocess.run([BINARY, *args], input=keys, capture_output=True, timeout=60, env={**os.environ, "XDG_STATE_HOME": s.state})
    equal((r.returncode, r.stderr if r.returncode else b""), (0, b""))
    return r.stdout.decode()


def written(s):
    """Waits until all that was counted so far is in the file."""
    n = s.value("logclass_kinds_write_seconds_count")
    wait_until(lambda: s.value("logclass_kinds_write_seconds_count") >= n + 1)


@test
def kinds_are_listed_and_reviewed_in_the_terminal():
    with desk() as s:
        s.lines(*["nginx: worker process 3391 exited on signal 11"] * 9, *["at com.example.cart.Cart.total(Cart.java:214)"] * 3,
                "User bob logged in", "<trick>\x1b[2J\x07 of 7</trick>")
        counted(s, 14)
        written(s)
        rows = [json.loads(line) for line in logclass(s, "kinds", "--undecided", "-o", "json").splitlines()]
        equal([r["lines_24h"] for r in rows], [9, 3, 1])
        equal(len(logclass(s, "kinds", "--new", "--rows", "0").splitlines()), 4)
        equal(logclass(s, "kinds", "--label", "USER_ACTION").split()[2], "USER_ACTION")
        assert "\x1b" not in logclass(s, "kinds", "--search", "TRICK")
        shown = logclass(s, "review", keys=b"s1bu5mq")  # skip, label, back, undo, label, mute the last
        assert "undone" in shown and "Nothing more waits" in shown, shown
        wait_until(lambda: get(s, "/api/corrections")["words"] == 3)
        log = get(s, "/api/corrections")["items"]
        equal([(w["label_id"], w["state"], w["undone"]) for w in reversed(log)], [("USER_ACTION", None, True), ("BACKUP", None, False), (None, "muted", False)])
        wait_until(lambda: s.lines("nginx: worker process 9 exited on signal 11")[0]["label_id"] == "BACKUP")
        logclass(s, "review", keys=b"m")
        wait_until(lambda: get(s, "/api/review")["waiting"] == 0)
    r = subprocess.run([BINARY, "kinds"], capture_output=True, env={**os.environ, "XDG_STATE_HOME": tempfile.mkdtemp()})
    assert r.returncode and b"there is none yet" in r.stderr


@test
def a_kind_is_forgotten_everywhere():
    """From the table, examples, the file and the log, by every process of the state folder."""
    with desk() as s:
        s.lines("the zanzibar pump of kim is dry", "the zanzibar pump of kim is dry", "another line")
        counted(s, 3)
        k = kind_of(s, "the zanzibar pump of kim is dry")
        other = kind_of(s, "another line")
        correct(s, k, "BACKUP", note="zanzibar")
        correct(s, other, "INFO")
        written(s)
        logclass(s, "kinds", "--forget", k["id"])
        wait_until(lambda: not [x for x in kinds(s) if "zanzibar" in x["template"]])
        get(s, f"/api/kind?id={k['id']}", 404)
        assert s.lines("the zanzibar pump of kim is dry")[0]["source"] != "regex"  # the word is gone, too
        logclass(s, "kinds", "--forget", k["id"])
        wait_until(lambda: len(kinds(s)) == 1)
        equal([w["label_id"] for w in get(s, "/api/corrections")["items"]], ["INFO"])
        written(s)
        for folder, _, files in os.walk(s.state):
            for name in files:
                with open(os.path.join(folder, name), "rb") as f:
                    assert b"zanzibar" not in f.read(), name
        equal(os.stat(s.state + "/logclass/corrections.jsonl").st_mode & 0o777, 0o600)


@test
def corrections_reloads_and_traffic_go_together():
    """Run against a TSan build this is the search for races; here that every answer is one that was in force."""
    with desk("--bert", "off") as s:
        s.lines("flange 7 is loose", "bolt 7 is loose")
        counted(s, 2)
        ids = {k["template"]: k["id"] for k in kinds(s)}
        rounds = 15 if QUICK else 150

        def work(n):
            for i in range(rounds):
                if n == 0:
                    done = post(s, "/api/corrections", {"changes": [{"id": ids["flange # is loose"], "label_id": "BACKUP"}]}, 201)
                    equal(s.lines("flange 8 is loose")[0]["label_id"], "BACKUP")
                    post(s, "/api/corrections/undo", {"batch": done["batch"]}, 200)
                elif n == 1:
                    s.process.send_signal(signal.SIGHUP)
                    get(s, "/api/overview")
                elif n == 2:
                    get(s, "/api/kinds?q=loose")
                    get(s, "/api/review")
                    s.metrics()
                else:
                    for answer in s.lines(f"flange {i} is loose", f"{chr(97 + n)}word{chr(97 + i % 26)} {i}"):
                        assert answer["label_id"] in ("BACKUP", "UNCLASSIFIED")
        crowd(6, work)
        equal(get(s, "/api/corrections")["in_force"], 0)


@test
def the_page_waits_its_turn():
    """Of more requests than the desk takes some are told to come again; none is lost."""
    with desk("--bert", "off") as s:
        s.lines("flange 7 is loose")
        counted(s, 1)
        seen = []

        def work(n):
            for _ in range(5):
                r, text = s.ask("GET", "/api/kinds")
                seen.append(r.status)
                assert r.status == 200 or (r.status == 503 and r.headers["Retry-After"] == "1" and b"busy" in text), (r.status, text)
        crowd(100, work)
        equal(len(seen), 500)
        assert seen.count(200) > 100


@test
def what_was_said_is_exported():
    with desk() as s:
        s.lines("flange 7 is [loose]")
        correct(s, kind_of(s, "flange # is [loose]"), "BACKUP")
        r, text = s.ask("GET", "/api/corrections/export?as=csv")
        equal((r.status, r.headers["Content-Type"], r.headers["Content-Disposition"]),
              (200, "text/plain; charset=utf-8", 'attachment; filename="corrections.csv"'))
        equal(text.decode().splitlines()[1].split(",")[:3], ["BACKUP", "", "flange # is [loose]"])
        equal(json.loads(s.ask("GET", "/api/corrections/export?as=jsonl")[1])["log_message"], "flange # is [loose]")
        rules = s.ask("GET", "/api/corrections/export?as=rules")[1]
        equal(s.ask("GET", "/api/corrections/export?as=xml")[0].status, 400)
    with tempfile.NamedTemporaryFile(suffix=".conf") as f:
        f.write(rules)
        f.flush()
        subprocess.run([BINARY, "rules", "check", f.name], check=True, capture_output=True)
        out = subprocess.run([BINARY, "classify", "--rules", f.name, "--bert", "off"], input=b"flange 99 is [loose]\n",
                             capture_output=True, check=True)
        equal(json.loads(out.stdout)["label_id"], "BACKUP")


@test
def exported_rules_match_the_lines_that_they_were_made_of():
    lines = ["Jun 14 15:16:01 db1 backupd[7]: snapshot 9f86d081884c7d65 saved", "copied 1,234 files, 5.5 GB in 1m30s",
             "Failed password for invalid user bob from 10.0.0.7 port 4120 ssh2", "disk sda1 of host=db1.example.org: 91.5%",
             "fetch /var/lib/x from https://a.example/b?c=d", "mail to bob@example.org: 00:1b:21:ab:cd:ef is v1.2.3"]
    others = ["Jun 14 15:16:01 db1 backupd[7]: snapshot saved", "copied files, 5.5 GB in 1m30s"]
    with desk() as s:
        for line in lines:
            subprocess.run([BINARY, "correct", "BACKUP", line], env={**os.environ, "XDG_STATE_HOME": s.state}, check=True,
                           capture_output=True)
        subprocess.run([BINARY, "correct", "--source", "zfs", "DB_ERROR", "pool tank7 is gone"], check=True, capture_output=True,
                       env={**os.environ, "XDG_STATE_HOME": s.state})
        wait_until(lambda: json.loads(s.ask("GET", "/api/corrections")[1])["in_force"] == len(lines) + 1)
        rules = s.ask("GET", "/api/corrections/export?as=rules")[1]
    with tempfile.NamedTemporaryFile(suffix=".conf") as f, tempfile.TemporaryDirectory() as nothing_said:
        f.write(rules)
        f.flush()
        asked = "".join(line + "\n" for line in lines + others + ["pool tank8 is gone"])
        for source, label in ("", "UNCLASSIFIED"), ("zfs", "DB_ERROR"):
            out = subprocess.run([BINARY, "classify", "--rules", f.name, "--bert", "off", "--source", source],
                                 input=asked.encode(), capture_output=True, check=True, env={**os.environ, "XDG_STATE_HOME": nothing_said})
            equal([json.loads(row)["label_id"] for row in out.stdout.splitlines()], 6 * ["BACKUP"] + 2 * ["UNCLASSIFIED"] + [label])


@test
def nothing_said_is_lost_by_a_kill():
    """kill -9 right after the 201; the count loses at most what came since the last write."""
    state = tempfile.mkdtemp()
    with desk(state=state) as s:
        s.lines(*[f"{chr(97 + i % 26)}{chr(97 + i // 26)}flange {i} is loose" for i in range(26 * 4)])
        counted(s, 104)
    for i in range(4 if QUICK else 100):
        s = None
        with contextlib.suppress(AssertionError):
            with desk(state=state) as s:
                wait_until(lambda: get(s, "/api/kinds?limit=1")["total"] >= 104)
                k = kinds(s, "&sort=first")[i]
                correct(s, k, "BACKUP")
                s.process.send_signal(signal.SIGKILL)
                s.process.wait()
        with desk(state=state) as s:
            line = k["template"].replace("#", "5")
            equal(s.lines(line)[0]["label_id"], "BACKUP")
            equal(get(s, "/api/corrections")["in_force"], i + 1)
    shutil.rmtree(state)


@test
def kinds_outlive_a_restart():
    state = tempfile.mkdtemp()
    with desk(state=state) as s:
        s.lines(*["flange 7 is loose"] * 5, *["User bob logged in"] * 4)
        counted(s, 9)
        post(s, "/api/kinds/state", {"ids": [kind_of(s, "flange # is loose")["id"]], "state": "muted"}, 201)
    with desk(state=state) as s:
        counted(s, 9)
        s.lines("flange 9 is loose")
        counted(s, 10)
        k = kind_of(s, "flange # is loose")
        equal((k["lines"], k["state"]), (6, "muted"))
        wait_until(lambda: s.value("logclass_kinds") == 2)
        equal(s.value('logclass_kinds_new_total{label="INFO"}') + s.value('logclass_kinds_new_total{label="USER_ACTION"}'), 0)
    path = glob.glob(state + "/logclass/kinds.db")[0]
    with open(path, "wb") as f:
        f.write(b"no database at all" * 100)
    with desk(state=state) as s:
        s.lines("flange 9 is loose")
        counted(s, 1)
        assert s.value("logclass_kinds_write_failures_total") >= 1
        assert os.path.exists(path + ".damaged")
    os.unlink(path)
    os.mkdir(path)
    with desk(state=state) as s:
        s.lines("flange 9 is loose")
        counted(s, 1)
        wait_until(lambda: s.value("logclass_kinds_write_failures_total") >= 1)
    shutil.rmtree(state)


@test
def what_could_not_be_written_is_written_when_it_can():
    state = tempfile.mkdtemp()
    with desk(state=state) as s:
        path = state + "/logclass/kinds.db"
        wait_until(lambda: os.path.exists(path) and get(s, "/api/health")["kinds"]["loaded"])
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        s.lines(*["flange 7 is loose"] * 5, *["User bob logged in"] * 4)
        counted(s, 9)
        wait_until(lambda: s.value("logclass_kinds_write_failures_total") >= 1, 30)
        s.lines(*["User bob logged in"] * 2)
        counted(s, 11)
        other.execute("ROLLBACK")
    equal([other.execute(f"SELECT sum(lines) FROM {table}").fetchone()[0] for table in ("kinds", "totals WHERE label != ''", "ruled", "ruled_hours")], [11, 11, 6, 6])
    other.close()
    shutil.rmtree(state)


@test
def a_secret_is_in_no_file():
    """Lines are kept in memory only, and templates without what looks like a secret."""
    state = tempfile.mkdtemp()
    with desk(state=state) as s:
        for line in ("login of kim with password=hunter2canary failed", "token gsk_canarycanarycanary1234 was refused",
                     "connect to postgres://kim:canarypass@db/x"):
            s.lines(*[line] * 3)
        wait_until(lambda: len(kinds(s)) == 3 and sum(k["lines"] for k in kinds(s)) == 9)
        for k in kinds(s):
            assert "canary" not in json.dumps(get(s, f"/api/kind?id={k['id']}"))
            correct(s, k, "AUTH_ERROR")
        equal({r["label_id"] for r in s.lines("login of kim with password=hunter2canary failed")}, {"AUTH_ERROR"})
    for folder, _, files in os.walk(state):
        for name in files:
            with open(os.path.join(folder, name), "rb") as f:
                assert b"canary" not in f.read(), name
    shutil.rmtree(state)


@test
def examples_are_shown_redacted_or_not_at_all():
    line = "disk sda9 of kim, password=hunter2canary, is full"
    for options, shown in (((), "disk sda9 of kim, password=<secret>, is full"), (("--kinds-examples", "raw"), line),
                           (("--kinds-examples", "none"), None), (("--allow-open",), None)):
        with desk(*options) as s:
            s.lines(line)
            wait_until(lambda: len(kinds(s)) == 1)
            examples = get(s, f"/api/kind?id={kinds(s)[0]['id']}")["examples"]
            equal(examples, [shown] if shown else [])


@test
def the_memory_of_kinds_is_bounded():
    with desk("--kinds-max", "200", "--bert", "off") as s:
        word = [chr(97 + i) * 3 for i in range(26)]
        lines = [f"{a} {b} {c}" for a in word for b in word for c in word[:4]]
        for at in range(0, len(lines), 500):
            s.lines(*lines[at:at + 500])
        page = get(s, "/api/kinds?limit=1")
        assert 100 < page["kept"] <= 264 and abs(page["estimate"] - len(lines)) < 0.1 * len(lines)


@test
def memory_or_none_the_answers_are_the_same():
    """With many corrections in force."""
    state = tempfile.mkdtemp()
    words = [f"{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}" for i in range(60 if QUICK else 1000)]
    lines = [f"part {w} number {i} broke" for i, w in enumerate(words)] + [f"other {w} came {i}" for i, w in enumerate(words)]
    with desk("--bert", "off", state=state) as s:
        for at in range(0, len(lines), 500):
            s.lines(*lines[at:at + 500])
        wait_until(lambda: get(s, "/api/kinds?limit=1")["total"] == len(lines))
        ids = [k["id"] for k in kinds(s, "&q=part")]
        for at in range(0, len(ids), 500):
            post(s, "/api/corrections", {"changes": [{"id": i, "label_id": "BACKUP"} for i in ids[at:at + 500]]}, 201)
    answers = []
    for options in ((), ("--no-memo",)):
        with desk(*options, state=state) as s:
            body = json.dumps([{"log_message": line} for line in lines])
            answers += [s.ask("POST", "/classify", body)[1] for _ in range(2)]
    equal(len(set(answers)), 1)
    assert answers[0].count(b"BACKUP") >= min(len(words), 500)
    shutil.rmtree(state)


main()
