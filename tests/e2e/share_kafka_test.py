"""Several instances that keep their words in a topic of a real Kafka broker: there, away, killed, compacted."""
import os
import sys

if "KAFKA_TEST_PYTHON" not in os.environ:  # the client for it is in the Python of tests/peers
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from peers import peer
    os.environ["KAFKA_TEST_PYTHON"] = "1"
    os.execv(python := os.path.join(peer("python"), "env/bin/python"), [python, os.path.abspath(__file__), *sys.argv[1:]])

import contextlib
import json
import random
import subprocess
import tempfile
import threading
import time

from broker import Broker
from check import BINARY, equal, main, test
from instances import Node, becomes, said
from live import Server, wait_until
from peers import LONG

folder = tempfile.TemporaryDirectory(prefix="logclass-share-kafka-")
CLEANER = {"log.cleaner.enable": "true", "log.cleaner.threads": 1, "log.cleaner.backoff.ms": 200, "log.cleaner.dedupe.buffer.size": 4 << 20}
broker = Broker(os.path.join(folder.name, "broker"), **(CLEANER if LONG else {}))
topics = iter(range(1000))


@contextlib.contextmanager
def nodes(count, **settings):
    """Instances, and a function that lets another one join."""
    topic, all = f"words-{next(topics)}", []
    broker.topic(topic, 1, **{"cleanup.policy": "compact", **settings})

    def join():
        all.append(Node(f"node-{len(all) + 1}", "--corrections-brokers", broker.address, "--corrections-topic", topic))
        return all[-1]
    try:
        for _ in range(count):
            join()
        yield topic, join, *all[:count]
    finally:
        for n in all:
            n.close()


def all_say_the_same(*all):
    first = all[0]
    for n in all[1:]:
        wait_until(lambda: said(n) == said(first), 60)


def logs(*all):
    """What the logs hold of the topic, byte for byte."""
    texts = []
    for n in all:
        with open(n.log) as f:
            lines = [x for x in f if json.loads(x)["id"] < 1 << 31 and '"kept"' not in x]
        texts.append(lines)
    return texts


def forget(node, template):
    subprocess.run([BINARY, "kinds", "--forget", node.kinds()[template]["id"]], check=True, capture_output=True,
                   env={**os.environ, "XDG_STATE_HOME": node.folder})


def values(topic, wanted):
    """What compaction may leave of the topic: the last message of each key."""
    return {m.key(): m.value() for m in broker.read(topic, wanted, quiet=1) if m.value() or m.key()}


@test
def what_is_forgotten_is_deleted_in_the_topic_and_what_is_no_record_is_passed_over():
    with nodes(2) as (topic, join, a, b):
        a.say("secret name came", "INFO")
        becomes(b, "secret name came", "INFO")
        b.say("secret name came", "BACKUP")
        broker.produce(topic, range(2))
        a.say("pool is full", "INFO")
        for n in (a, b):
            becomes(n, "pool is full", "INFO")
            wait_until(lambda: n.s.says("share.broken"))
        forget(a, "secret name came")
        becomes(b, "secret name came", "UNCLASSIFIED")
        left = values(topic, 8)
        assert not any(v and b"secret" in v for v in left.values()), left
        assert sum(v is None for v in left.values()) == 2 and any(v and b"pool is full" in v for v in left.values()), left
        equal(b"secret" in open(b.log, "rb").read(), False)
        c = join()
        becomes(c, "pool is full", "INFO")
        equal(c.label_of("secret name came"), "UNCLASSIFIED")


@test
def what_is_wrong_with_the_options_or_the_topic_is_said():
    for more, words in ((("--desk", "http://localhost:1"), "expected one of them"), (("--offline",), "offline forbids"),
                        (("--corrections-kafka-file", "/dev/null/none"), "corrections-kafka-file"),
                        (("--corrections-topic", "no topic"), None)):
        with tempfile.TemporaryDirectory() as state:
            try:
                n = Server("--bert", "off", "--corrections-brokers", broker.address, *more, env={"XDG_STATE_HOME": state})
            except RuntimeError as e:
                assert words and words in str(e), e
                continue
            wait_until(lambda: n.says("share.failed"))
            equal(n.lines("pool is full")[0]["label_id"], "UNCLASSIFIED")
            equal(n.stop(), 0)
    with tempfile.NamedTemporaryFile("w") as f, tempfile.TemporaryDirectory() as state:
        for text, words in (("acks = 1", "it is set by logclass"), ("# x\nhello", ":2: expected NAME = VALUE"), ("no.such = 1", "no.such")):
            f.seek(0)
            f.truncate()
            f.write(text)
            f.flush()
            try:
                Server("--bert", "off", "--corrections-brokers", broker.address, "--corrections-kafka-file", f.name, env={"XDG_STATE_HOME": state})
            except RuntimeError as e:
                assert words in str(e), e
                continue
            raise AssertionError(text)


def what_came_before_is_sent_and_a_log_follows_one_topic_only():
    with nodes(1) as (topic, join, a), nodes(0) as (other, *_):
        a.say("pool is full", "BACKUP")
        wait_until(lambda: a.history()[0]["on"] == "node-1")
        a.s.stop()
        a.options = (*a.options[:-1], other)
        a.start()
        wait_until(lambda: a.s.says("follows another topic"))
        equal(a.label_of("pool is full"), "BACKUP")
        b = join()
        b.s.stop()
        os.unlink(b.log)
        options, b.options = b.options, ()
        b.start()
        b.say("disk is gone", "INFO")  # by itself
        b.s.stop()
        b.options = options
        b.start()
        becomes(b, "pool is full", "BACKUP")
        c = join()
        becomes(c, "disk is gone", "INFO")
        os.unlink(c.log)  # of a process that runs
        wait_until(lambda: os.path.exists(c.log) and "disk is gone" in open(c.log).read() and len(c.history()) == 2, 60)


def of_words_with_instances_and_broker_killed_at_random_none_is_lost():
    rng, letters = random.Random(7), "abcdefghij"
    with nodes(3) as (topic, join, *all):
        ended = threading.Event()

        def kill():
            while not ended.wait(rng.uniform(4, 9)):
                broker.kill()
                ended.wait(rng.uniform(0, 3))
                broker.start()
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            for i in range(100):
                n = all[i % 3]
                n.say(f"word {letters[i // 10]}{letters[i % 10]} came", ("INFO", "BACKUP")[i % 2])
                n.kill()  # right after the 201
                n.start()
        finally:
            ended.set()
            killer.join()
        want = sorted(f"word {x}{y} came" for x in letters for y in letters)
        all.append(join())
        for n in all:
            wait_until(lambda: sorted(w["template"] for w in n.history()) == want, 60)
        all_say_the_same(*all)
        wait_until(lambda: all[0].get("/api/corrections")["in_force"] == 100)
        first, *others = logs(*all)
        for text in others:
            equal(text, first)


def whoever_joins_after_compaction_knows_what_all_know():
    now = {"segment.ms": 100, "min.cleanable.dirty.ratio": 0.01, "delete.retention.ms": 100, "max.compaction.lag.ms": 1000,
           "file.delete.delay.ms": 100}
    with nodes(2, **now) as (topic, join, a, b):
        a.say("secret name came", "INFO")
        for i in range(5):
            for label in ("INFO", "BACKUP"):
                b.say("disk is gone", label)
        a.post("/api/corrections/undo", {"batch": a.say("pool is full", "INFO")}, 200)
        becomes(b, "secret name came", "INFO")
        forget(b, "secret name came")
        becomes(a, "secret name came", "UNCLASSIFIED")
        before = len(broker.read(topic, 0, quiet=1, seconds=5))

        def cleaned():
            a.say("disk is gone", "INFO")  # each begins a new segment
            folder = os.path.join(broker.folder, "data", f"{topic}-0")
            texts = [open(os.path.join(folder, f), "rb").read() for f in os.listdir(folder) if f.endswith(".log")]
            return not any(b"secret" in t for t in texts)
        wait_until(cleaned, 60)
        print(f"{before} messages before compaction, {len(broker.read(topic, 0, quiet=1, seconds=5))} after", file=sys.stderr)
        c = join()
        all_say_the_same(a, b, c)
        equal(c.label_of("disk is gone"), "INFO")
        assert len(c.history()) >= 12  # compaction takes no history
        equal(c.label_of("pool is full"), "UNCLASSIFIED")


if LONG:
    test(what_came_before_is_sent_and_a_log_follows_one_topic_only)
    test(whoever_joins_after_compaction_knows_what_all_know)


@test
def words_of_three_instances_count_at_all_over_kills_and_outages():
    with nodes(3) as (topic, join, a, b, c):
        for n, line in ((a, "pool is full"), (b, "disk is gone"), (c, "queue is stuck")):
            n.say(line, "BACKUP")
            begun = time.monotonic()
            for other in (a, b, c):
                becomes(other, line, "BACKUP")
            print(f"in force at all after {time.monotonic() - begun:.2f} s", file=sys.stderr)
        wait_until(lambda: a.history()[0]["on"] == "node-3" and len(a.history()) == 3)
        a.post("/api/corrections/undo", {"batch": [w["batch"] for w in a.history() if w["template"] == "disk is gone"][0]}, 200)
        for other in (a, b, c):
            becomes(other, "disk is gone", "UNCLASSIFIED")
        b.say("said and killed", "INFO")  # right after the 201
        b.kill()
        b.start()
        for other in (a, b, c):
            becomes(other, "said and killed", "INFO")
        broker.kill()
        wait_until(lambda: a.s.says("share.failed") and c.s.says("share.failed"), 60)
        a.say("said without the broker", "INFO")
        equal(a.label_of("said without the broker"), "INFO")
        equal(c.label_of("pool is full"), "BACKUP")
        c.say("said without it here", "BACKUP")
        wait_until(lambda: a.s.value("logclass_share_words_waiting") == 1)
        assert a.s.value("logclass_share_failures_total") > 0
        c.kill()  # what waits is on its disk
        broker.start()
        c.start()
        for other in (a, b, c):
            becomes(other, "said without the broker", "INFO", 60)
            becomes(other, "said without it here", "BACKUP", 60)
        wait_until(lambda: a.s.says("share.back"))
        equal(sum("share.failed" in x for x in a.s.log), 1)
        d = join()
        becomes(d, "queue is stuck", "BACKUP")
        all_say_the_same(a, b, c, d)
        of_a, *others = logs(a, b, c, d)
        for text in others:
            equal(text, of_a)


if LONG:
    test(of_words_with_instances_and_broker_killed_at_random_none_is_lost)


try:
    main()
finally:
    broker.kill()
    folder.cleanup()
