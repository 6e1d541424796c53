"""Several instances, one of them the desk: words, rules and counts, with the desk there, away, and killed."""
import contextlib
import gzip
import json
import os
import random
import sqlite3
import subprocess
import tempfile
import threading
import time

from check import BINARY, equal, main, test
from instances import Node, becomes, free_port, said
from live import Server, wait_until


@contextlib.contextmanager
def nodes(count=1, desk_options=(), options=()):
    """The desk, and those that follow it."""
    all = [Node("desk", *desk_options, port=free_port())]
    try:
        url = f"http://127.0.0.1:{all[0].port}"
        for i in range(count):
            all.append(Node(f"node-{i + 1}", "--desk", url, *options))
        yield all
    finally:
        for n in all:
            n.close()


@test
def a_word_of_the_desk_counts_everywhere_within_five_seconds():
    with nodes(2) as (desk, a, b):
        wait_until(lambda: len(desk.get("/api/health")["instances"]) == 2)
        for i, line in enumerate(("pool is full", "disk is gone")):
            desk.say(line, "BACKUP")
            begun = time.monotonic()
            becomes(a, line, "BACKUP")
            becomes(b, line, "BACKUP")
            print(f"in force on both after {time.monotonic() - begun:.2f} s")
        a.say("queue is stuck", "WORKFLOW_ERROR")
        becomes(b, "queue is stuck", "WORKFLOW_ERROR")
        equal(desk.label_of("queue is stuck"), "WORKFLOW_ERROR")
        wait_until(lambda: said(a) == said(desk) and said(b) == said(desk))
        equal(desk.history()[0]["on"], "node-1")
        names = [(i["name"], i["silent"]) for i in desk.get("/api/health")["instances"]]
        equal(names, [("node-1", False), ("node-2", False)])
        assert a.s.value("logclass_share_lag_seconds") < 40 and desk.s.value("logclass_share_lag_seconds") == 0
        equal(a.s.value("logclass_share_failures_total"), 0)


@test
def undo_states_and_forgetting_travel():
    with nodes(1) as (desk, a):
        batch = desk.say("pool is full", "BACKUP")
        becomes(a, "pool is full", "BACKUP")
        desk.post("/api/corrections/undo", {"batch": batch}, 200)
        becomes(a, "pool is full", "UNCLASSIFIED")
        batch = a.say("disk is gone", "INFO")
        becomes(desk, "disk is gone", "INFO")
        wait_until(lambda: said(a) == said(desk))
        a.post("/api/corrections/undo", {"batch": batch}, 200)  # by the number that it had
        becomes(desk, "disk is gone", "UNCLASSIFIED")
        desk.s.lines("noise about nothing")
        a.s.lines("noise about nothing")
        wait_until(lambda: "noise about nothing" in desk.kinds() and "noise about nothing" in a.kinds())
        k = desk.kinds()["noise about nothing"]
        batch = desk.post("/api/kinds/state", {"ids": [k["id"]], "state": "muted"}, 201)["batch"]
        wait_until(lambda: a.kinds()["noise about nothing"]["state"] == "muted")
        desk.post("/api/corrections/undo", {"batch": batch}, 200)
        wait_until(lambda: a.kinds()["noise about nothing"]["state"] == "known")
        a.say("a secret name", "INFO")
        becomes(desk, "a secret name", "INFO")
        desk.s.lines("a secret name")
        wait_until(lambda: "a secret name" in desk.kinds())
        k = a.kinds()["a secret name"]["id"]
        wait_until(lambda: subprocess.run([BINARY, "kinds", "--forget", k], capture_output=True,
                                          env={**os.environ, "XDG_STATE_HOME": a.folder}).returncode == 0)
        wait_until(lambda: "a secret name" not in desk.kinds())
        wait_until(lambda: said(a) == said(desk) and "secret" not in open(a.log).read() + open(desk.log).read())


@test
def with_the_desk_killed_all_goes_on_and_what_was_said_is_sent_later():
    with nodes(2) as (desk, a, b):
        desk.say("pool is full", "BACKUP")
        becomes(a, "pool is full", "BACKUP")
        desk.kill()
        a.say("disk is gone", "INFO")
        equal(a.label_of("disk is gone"), "INFO")
        equal(a.label_of("pool is full"), "BACKUP")
        wait_until(lambda: a.s.says("share.failed"))
        a.kill()
        a.start()  # without the desk
        equal((a.label_of("disk is gone"), a.label_of("pool is full")), ("INFO", "BACKUP"))
        desk.start()
        begun = time.monotonic()
        becomes(b, "disk is gone", "INFO")
        becomes(desk, "disk is gone", "INFO")
        print(f"caught up after {time.monotonic() - begun:.1f} s")
        wait_until(lambda: said(a) == said(desk) and said(b) == said(desk))


@test
def the_later_word_counts_and_the_other_is_shown():
    with nodes(1) as (desk, a):
        desk.s.lines("pool is full")
        wait_until(lambda: "pool is full" in desk.kinds())
        desk.s.stop()
        a.say("pool is full", "INFO")
        a.s.stop()
        time.sleep(3)  # times are whole seconds, and the inventory takes them once in a while
        desk.start()
        desk.say("pool is full", "BACKUP")
        a.start()
        becomes(a, "pool is full", "BACKUP")
        wait_until(lambda: len(desk.history()) == 2)
        late = desk.history()[0]
        equal((late["label_id"], late["undone"], late["on"], late["lost"]), ("INFO", True, "node-1", "1"))
        equal(desk.label_of("pool is full"), "BACKUP")
        wait_until(lambda: said(a) == said(desk))


@test
def counts_of_all_add_up():
    with nodes(2) as (desk, a, b):
        lines = [f"thing {w} happened" for w in ("red", "green", "blue", "black")]
        for n, node in enumerate((desk, a, b)):
            for i, line in enumerate(lines):
                node.s.lines(*[line] * (10 * (n + 1) + i))
        want = {line: 60 + 3 * i for i, line in enumerate(lines)}
        wait_until(lambda: {t: k["lines"] for t, k in desk.kinds().items()} == want, 60)
        time.sleep(11)  # another turn adds nothing
        equal({t: k["lines"] for t, k in desk.kinds().items()}, want)


@test
def counts_that_are_sent_again_are_taken_once():
    with nodes(0) as (desk,):
        def send(seq, n, run="00000000000000aa", pack=True):
            body = json.dumps({"run": run, "seq": seq, "instance": "x", "kinds": [
                {"id": "00000000000000bb", "text": "what came", "n": n, "at": 0, "label": "INFO", "stage": 1}]}).encode()
            r, text = desk.s.ask("POST", "/api/share/kinds", gzip.compress(body) if pack else body,
                                 {"Content-Encoding": "gzip"} if pack else {})
            equal(r.status, 200)
            return json.loads(text)
        equal(send(1, 5), {"taken": 1, "repeated": False})
        equal(send(1, 5), {"taken": 0, "repeated": True})
        equal(send(2, 7, pack=False), {"taken": 1, "repeated": False})
        equal(send(1, 1, run="00000000000000cc"), {"taken": 1, "repeated": False})
        equal(desk.kinds()["what came"]["lines"], 13)
        for body, status in ((b"{}", 400), (b"[", 400), (gzip.compress(b'{"run":"00000000000000aa","kinds":3}'), 413)):
            more = {"Content-Encoding": "gzip"} if body[:1] == b"\x1f" else {}
            equal(desk.s.ask("POST", "/api/share/kinds", body, more)[0].status, status)
        r, _ = desk.s.ask("POST", "/api/share/kinds", gzip.compress(b" " * (9 << 20)), {"Content-Encoding": "gzip"})
        equal(r.status, 413)


@test
def a_wrong_token_is_said_and_nothing_changes():
    fd, right = tempfile.mkstemp()
    with os.fdopen(fd, "w") as f:
        f.write("share:others:sharesharesharesharesha\nadmin:lena:adminadminadminadmin\n")
    fd, key = tempfile.mkstemp()
    with os.fdopen(fd, "w") as f:
        f.write("adminadminadminadmin\n")  # may do all but this
    with nodes(1, ("--token-file", right), ("--desk-token-file", key)) as (desk, a):
        wait_until(lambda: a.s.says("the token is refused"))
        a.say("disk is gone", "INFO")
        time.sleep(2)
        equal(a.label_of("disk is gone"), "INFO")
        assert not os.path.exists(desk.log)
        equal(sum("share.failed" in line for line in a.s.log), 1)
        with open(key, "w") as f:
            f.write("sharesharesharesharesha\n")
        a.s.stop()
        a.start()
        wait_until(lambda: os.path.exists(desk.log) and "disk is gone" in open(desk.log).read())
        for method, path in (("GET", "/api/share/words"), ("POST", "/api/share/words"), ("POST", "/api/share/kinds"),
                             ("GET", "/api/share/rules"), ("GET", "/api/share/head")):
            for token, status in (("", 401), ("Bearer adminadminadminadmin", 403)):
                r, _ = desk.s.ask(method, path, b"{}" if method == "POST" else None, {"Authorization": token} if token else {})
                equal((path, r.status), (path, status))
    os.unlink(right)
    os.unlink(key)


@test
def rules_of_the_desk_are_taken_and_changed_there_only():
    with nodes(1) as (desk, a):
        def save(node, status):
            rule = {"name": "teapot", "label_id": "BACKUP", "pattern": "teapot"}
            shown = node.post("/api/rules/preview", rule, 200)
            return node.post("/api/rules/save", {**rule, "hash": shown["hash"]}, status)
        save(desk, 200)
        equal(desk.label_of("I am a teapot"), "BACKUP")
        becomes(a, "I am a teapot", "BACKUP")
        assert "desk" in save(a, 409)["error"]
        desk.post("/api/rules/undo", {}, 200)
        becomes(a, "I am a teapot", "UNCLASSIFIED", 60)


@test
def counts_that_were_written_before_the_desk_was_killed_are_taken_once():
    with nodes(0) as (desk,):
        def send(seq, n):
            body = {"run": "00000000000000aa", "seq": seq, "instance": "x", "kinds": [
                {"id": "00000000000000bb", "text": "what came", "n": n, "at": 0, "label": "INFO", "stage": 1}]}
            r, text = desk.s.ask("POST", "/api/share/kinds", json.dumps(body))
            equal(r.status, 200)
            return json.loads(text)["repeated"]
        equal(send(1, 5), False)
        path = os.path.join(desk.folder, "logclass", "kinds.db")

        def written():
            with contextlib.closing(sqlite3.connect(path)) as db, contextlib.suppress(sqlite3.Error):
                return db.execute("SELECT count(*) FROM told").fetchone() == (1,) and db.execute("SELECT sum(lines) FROM kinds").fetchone() == (5,)
        wait_until(written)
        desk.kill()
        desk.start()  # the sender got no answer, and sends it again
        wait_until(lambda: "what came" in desk.kinds())
        equal(send(1, 5), True)
        equal(send(2, 3), False)
        equal(desk.kinds()["what came"]["lines"], 8)


@test
def counts_of_a_kind_that_was_forgotten_do_not_bring_it_back():
    with nodes(0) as (desk,):
        def send(seq, first):
            body = {"run": "00000000000000aa", "seq": seq, "instance": "x", "kinds": [
                {"id": "00000000000000bb", "text": "a secret name", "n": 5, "at": 0, "first": first, "label": "INFO", "stage": 1}]}
            r, text = desk.s.ask("POST", "/api/share/kinds", json.dumps(body))
            equal(r.status, 200)
            return json.loads(text)["taken"]
        before = int(time.time()) - 100
        equal(send(1, before), 1)
        wait_until(lambda: subprocess.run([BINARY, "kinds", "--forget", "00000000000000bb"], capture_output=True,
                                          env={**os.environ, "XDG_STATE_HOME": desk.folder}).returncode == 0)
        wait_until(lambda: "a secret name" not in desk.kinds())
        equal(send(2, before), 0)  # packed before its sender knew
        assert "a secret name" not in desk.kinds()
        time.sleep(3)  # times are whole seconds, and the inventory takes them once in a while
        equal(send(3, int(time.time()) + 5), 1)  # it came again after that
        desk.say("disk is gone", "INFO")  # the log is read again, and what is to be forgotten is in it
        wait_until(lambda: "a secret name" in desk.kinds())


def head_that_says(node, label):
    """A head that says this whatever comes, put in use."""
    folder = os.path.join(node.folder, "logclass", "heads")
    os.makedirs(folder, exist_ok=True)
    with open("data/head.json") as f:
        head = json.load(f)
    head["layers"][0]["bias"][[x["id"] for x in head["labels"]].index(label)] += 30
    with open(os.path.join(folder, "20200101-000000.json"), "w") as f:
        json.dump(head, f)
    node.post("/api/heads/use", {"name": "20200101-000000"}, 200)


@test
def the_head_of_the_desk_is_taken_and_refused_where_it_does_not_fit():
    line = "quux: amber ember handled"
    with nodes(1, ("--bert", "local"), ("--bert", "local")) as (desk, a):
        other = Node("node-2", "--desk", f"http://127.0.0.1:{desk.port}")  # it has no encoder
        try:
            before = a.label_of(line)
            head_that_says(desk, "BACKUP")
            equal(desk.label_of(line), "BACKUP")
            becomes(a, line, "BACKUP", 60)
            equal([h["in_use"] for h in a.get("/api/heads")["items"]].count(True), 1)
            wait_until(lambda: other.s.says("share.head_unfit"))
            equal(other.label_of(line), "UNCLASSIFIED")
            desk.say("pool is full", "INFO")  # it goes on following
            becomes(other, "pool is full", "INFO")
            equal(sum("share.head_unfit" in x for x in other.s.log), 1)
            desk.post("/api/heads/use", {"name": "shipped"}, 200)
            becomes(a, line, before, 60)
        finally:
            other.close()


@test
def an_instance_is_no_desk_and_a_desk_that_lost_its_log_is_told():
    with nodes(1) as (desk, a):
        desk.say("pool is full", "BACKUP")
        becomes(a, "pool is full", "BACKUP")
        equal(a.s.ask("GET", "/api/share/words?after=0&wait=0")[0].status, 409)
        desk.s.stop()
        os.unlink(desk.log)
        desk.start()
        wait_until(lambda: a.s.says("not the log that you followed"))
        equal(a.label_of("pool is full"), "BACKUP")


@test
def of_a_hundred_words_with_the_desk_killed_at_random_none_is_lost_and_none_comes_twice():
    rng = random.Random(7)
    with nodes(2) as (desk, a, b):
        ended = threading.Event()

        def kill():
            while not ended.wait(rng.uniform(0.2, 1.5)):
                desk.kill()
                ended.wait(rng.uniform(0, 0.5))
                desk.start()
        killer = threading.Thread(target=kill)
        killer.start()
        letters = "abcdefghij"
        try:
            for i in range(100):
                (a, b)[i % 2].say(f"word {letters[i // 10]}{letters[i % 10]} came", ("INFO", "BACKUP")[i % 3 == 0])
        finally:
            ended.set()
            killer.join()
        want = sorted(f"word {x}{y} came" for x in letters for y in letters)
        for n in (desk, a, b):
            wait_until(lambda: sorted(w["template"] for w in n.history()) == want, 60)
        wait_until(lambda: said(a) == said(desk) and said(b) == said(desk))
        equal(desk.get("/api/corrections")["in_force"], 100)


main()
