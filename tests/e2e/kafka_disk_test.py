"""Kafka to Kafka by transactions while the broker's disk is full. A broker that cannot write its log gives up; it is started again
when there is room. With LONG=1: a broker on a small disk is slow to fill and to start."""
import os
import sys

from peers import LONG, peer

if not LONG:
    print("skipped: LONG=1 runs it", file=sys.stderr)
    print("0 passed, 0 failed")
    sys.exit(0)
if "KAFKA_TEST_PYTHON" not in os.environ:  # the client for it is in the Python of tests/peers
    os.environ["KAFKA_TEST_PYTHON"] = "1"
    os.execv(python := os.path.join(peer("python"), "env/bin/python"), [python, os.path.abspath(__file__), *sys.argv[1:]])

from disk import in_own_namespace, small_disk

in_own_namespace()

import collections
import re
import tempfile
import time

from broker import Broker
from check import equal, main, test
from live import wait_until
from stream import place

MESSAGES, TIMES, SIZE = 200_000, 3, 512 << 20  # messages each time


def numbers(messages):
    return collections.Counter(int(re.search(rb"id=(\d+) ", m.value()).group(1)) for m in messages)


@test
def each_is_there_exactly_once_when_the_brokers_disk_was_full():
    with place() as p, tempfile.TemporaryDirectory(prefix="logclass-kafka-") as folder, small_disk(os.path.join(folder, "disk"), SIZE) as disk:
        broker = Broker(os.path.join(folder, "disk", "broker"))
        try:
            broker.topic("in")
            broker.topic("out")
            config = os.path.join(p.root, "conf")
            with open(config, "w") as f:
                f.write(f"[source in]\ntype = kafka\nbrokers = {broker.address}\ntopics = in\ngroup = in\ninstance = a\n"
                        f"[sink out]\ntype = kafka\nbrokers = {broker.address}\ntopic = out\nexactly-once = yes\nbatch-wait = 30\n")
            q = p.start("--config", config, "--port", "0", "--name", "t", command="run")
            wait_until(lambda: "kafka.assigned" in p.said(), 120)
            behind = []
            for n in range(TIMES):
                broker.produce("in", range(n * MESSAGES, (n + 1) * MESSAGES))
                disk.fill()
                wait_until(lambda: broker.process.poll() is not None, 180)
                assert q.poll() is None, p.said()
                disk.free()
                broker.start()
                behind.append((n + 1) * MESSAGES - sum(broker.committed("in", "in")))
                end = time.monotonic() + 180
                while (at := sum(broker.committed("in", "in"))) < (n + 1) * MESSAGES:
                    assert time.monotonic() < end, f"{at} of {(n + 1) * MESSAGES} at time {n + 1}; {p.said()[-3000:]}"
                    time.sleep(0.2)
            got = numbers(broker.read("out", TIMES * MESSAGES, seconds=180, quiet=8))
            print(f"  messages that were not committed when there was room again: {behind}", file=sys.stderr)
            equal((len(set(range(TIMES * MESSAGES)) - set(got)), sum(n - 1 for n in got.values())), (0, 0))
            p.stop(q)
        finally:
            broker.kill()


main()
