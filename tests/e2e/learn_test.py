"""`learn`: what the LLM answered and users corrected teaches the head, which is installed, listed and brought back."""
import json
import os
import random
import signal
import subprocess
import threading
import time
import urllib.request

from check import BINARY, equal, main, test
from endpoint import Endpoint, chat, folder

HERE = os.path.dirname(__file__)
WORDS = "amber birch cedar dune ember fjord gale heath inlet jetty knoll ledge mesa north ocean plain quarry ridge".split()
RNG = random.Random(3)


def lines(n):
    """Log lines of a fault that nobody knows; each a template of its own."""
    seen = set()
    rng = random.Random(3)
    while len(seen) < n:
        a, b, c, d = rng.sample(WORDS, 4)
        seen.add(f"quux: {a} {b} corrupt {c} {d} unreadable")
    return sorted(seen)


def corpus(folder):
    """A part of the shipped corpus, so that learning takes seconds."""
    path = os.path.join(folder, "rows.csv")
    out = subprocess.run([BINARY, "corpus", "generate", "--rows-per-template", "1", "data/corpus"], capture_output=True,
                         check=True, cwd=os.path.join(HERE, "..", "..")).stdout.decode().splitlines()
    with open(path, "w") as f:
        f.write("\n".join(out[:1] + out[1::10]) + "\n")
    return path


class Place:
    """A state folder and what is called in it."""

    def __init__(self):
        self.folder = folder()
        self.env = {"PATH": os.environ["PATH"], "HOME": self.folder, "XDG_STATE_HOME": self.folder}
        # a tenth of the corpus takes less of a penalty: with all of it the new head would be behind before it learns
        self.teach = ("learn", "--json", "--data", corpus(self.folder), "--l2", "0.3")

    def call(self, *args, status=0):
        r = subprocess.run([BINARY, *args], capture_output=True, env=self.env, timeout=300, text=True)
        equal((r.returncode, r.stderr if r.returncode != status else ""), (status, ""))
        return r.stdout

    def classify(self, texts, *args):
        path = os.path.join(self.folder, "in.log")
        with open(path, "w") as f:
            f.write("\n".join(texts) + "\n")
        return [json.loads(x) for x in self.call("classify", "--no-summary", path, *args).splitlines()]

    def learn(self, *args):
        return json.loads(self.call(*self.teach, "--weight", "20", *args))


@test
def answers_teach_the_head_and_it_is_brought_back():
    place, llm = Place(), Endpoint(chat("BACKUP"))
    some = lines(800)
    every = [x for x, answer in zip(some, place.classify(some, "--offline")) if answer["source"] == "fallback"][:120]
    equal(len(every), 120)  # that the shipped head leaves open
    known, fresh = every[::2], every[1::2]
    before = place.classify(fresh, "--offline")
    place.classify(known, "--llm-url", llm.url("/v1"), "--llm-model", "m")
    asked = len(llm.asked)
    assert asked > 40
    judged = place.learn("--dry-run")
    equal((judged["fresh"], judged["better"], judged["installed"]), (asked, True, None))
    equal(place.classify(fresh, "--offline"), before)
    taught = place.learn()
    assert taught["better"] and taught["installed"], taught
    assert taught["new"]["answered"] > 0.8 and taught["in_use"]["answered"] == 0, taught
    after = place.classify(fresh, "--offline")
    assert sum((x["label_id"], x["source"]) == ("BACKUP", "bert") for x in after) > 50, after
    heads = json.loads(place.call("learn", "--list", "--json"))
    equal([(h["name"], h["in_use"]) for h in heads], [(taught["installed"], True)])
    place.call(*place.teach)  # nothing that it was not taught
    place.call("learn", "--restore", "shipped")
    equal(place.classify(fresh, "--offline"), before)
    place.call("learn", "--restore", taught["installed"])
    equal(place.classify(fresh, "--offline"), after)
    place.call("learn", "--restore", "../../etc/passwd", status=1)


@test
def a_correction_is_the_last_word():
    place = Place()
    taught = lines(60)
    place.call("correct", "NO_SUCH", "x", status=2)
    for line in taught[:3]:
        place.call("correct", "DB_ERROR", "--source", "quuxd", line)
        with open(os.path.join(place.folder, "logclass", "corrections.jsonl"), "ab") as f:
            f.write(b'{"label":"INFO","log_mess\xff')  # as a kill leaves it
    table = os.path.join(place.folder, "mine.csv")
    with open(table, "w") as f:
        f.write("source,log_message,label\n" + "".join(f"quuxd,{x},DB_ERROR\n" for x in taught[3:]))
    r = place.learn(table)
    equal((r["corrections"], r["answers"], r["better"]), (60, 0, True))
    path = os.path.join(place.folder, "in.jsonl")
    with open(path, "w") as f:
        f.write("".join(json.dumps({"source": "quuxd", "log_message": x}) + "\n" for x in taught))
    out = [json.loads(x) for x in place.call("classify", "--no-summary", "--offline", path).splitlines()]
    equal({x["label_id"] for x in out}, {"DB_ERROR"})
    equal({x["source"] for x in out[3:]} - {"regex"}, {"bert"})  # the first three are words in force


@test
def a_candidate_waits_for_a_persons_yes():
    place, texts = Place(), lines(60)
    table = os.path.join(place.folder, "mine.csv")
    with open(table, "w") as f:
        f.write("log_message,label\n" + "".join(f"{x},BACKUP\n" for x in texts))
    before = place.classify(texts[:20], "--offline")
    place.call("learn", "--install", status=1)
    read, write = os.pipe()
    r = subprocess.run([BINARY, *place.teach, "--candidate", "--progress-fd", str(write), table],
                       capture_output=True, env=place.env, timeout=300, text=True, pass_fds=[write])
    os.close(write)
    with os.fdopen(read) as f:
        told = [json.loads(line) for line in f]
    equal({x["doing"] for x in told}, {"embedding", "fitting"})
    assert all(0 <= x["done"] <= x["total"] for x in told), told
    result = json.loads(r.stdout)
    equal((result["better"], result["candidate"], result["installed"]), (True, True, None))
    equal(place.call("learn", "--list", "--json"), "[]\n")
    equal(place.classify(texts[:20], "--offline"), before)
    name = json.loads(place.call("learn", "--install", "--json"))["installed"]
    equal([(h["name"], h["in_use"]) for h in json.loads(place.call("learn", "--list", "--json"))], [(name, True)])
    equal({x["label_id"] for x in place.classify(texts[:20], "--offline")}, {"BACKUP"})
    place.call("learn", "--install", status=1)


@test
def nonsense_is_not_installed():
    """Half of the labels are what the head says anyway, half are drawn by chance: nothing can be learnt from that."""
    place, texts = Place(), lines(80)
    table = os.path.join(place.folder, "mine.csv")
    said = [x["label_id"] for x in place.classify(texts, "--offline")]
    with open(table, "w") as f:
        labels = ["BACKUP", "INFO", "AUTH_ERROR", "USER_ACTION"]
        f.write("log_message,label\n" + "".join(f"{x},{RNG.choice([was, RNG.choice(labels)])}\n" for x, was in zip(texts, said)))
    r = place.learn(table)
    equal((r["better"], r["installed"]), (False, None))
    equal(place.call("learn", "--list", "--json"), "[]\n")


@test
def a_server_takes_it_up():
    place = Place()
    texts = lines(40)
    table = os.path.join(place.folder, "mine.csv")
    with open(table, "w") as f:
        f.write("log_message,label\n" + "".join(f"{x},BACKUP\n" for x in texts))
    server = subprocess.Popen([BINARY, "serve", "--port", "0"], env=place.env, stderr=subprocess.PIPE, text=True)
    try:
        port = next(line for line in server.stderr if "listening" in line).split("port ")[1].split('"')[0].split()[0]
        threading.Thread(target=server.stderr.read, daemon=True).start()

        def ask():
            body = json.dumps([{"source": "", "log_message": x} for x in texts]).encode()
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/classify", body, timeout=60) as r:
                        return [x["label_id"] for x in json.load(r)]
                except urllib.error.HTTPError as e:  # it may still be loading
                    assert e.code == 503, e
                    time.sleep(0.2)
        assert ask().count("BACKUP") < 10
        assert place.learn(table)["installed"]
        server.send_signal(signal.SIGHUP)
        for _ in range(600):
            if ask().count("BACKUP") == len(texts):
                break
            time.sleep(0.1)
        equal(ask(), ["BACKUP"] * len(texts))
    finally:
        server.terminate()
        server.wait(60)


main()
