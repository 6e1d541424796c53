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
from live import wait_until
from peers import LONG

folder = tempfile.TemporaryDirectory(prefix="logclass-share-kafka-")
broker = Broker(os.path.join(folder.name, "broker"))
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
        yield topic, join, *all
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


try:
    main()
finally:
    broker.kill()
    folder.cleanup()
