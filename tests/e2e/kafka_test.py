"""Kafka, a real broker: consumer group in, topic out, at least once and exactly once, by sets of numbers."""
import os
import sys

if "KAFKA_TEST_PYTHON" not in os.environ:  # the client for it is in the Python of tests/peers
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from peers import peer
    os.environ["KAFKA_TEST_PYTHON"] = "1"
    os.execv(python := os.path.join(peer("python"), "env/bin/python"), [python, os.path.abspath(__file__), *sys.argv[1:]])

import collections
import random
import re
import signal
import socket
import tempfile
import threading
import time

from broker import Broker
from check import equal, main, test
from live import wait_until
from peers import LONG
from stream import cpu_s, ids, line, place, resident_kb

KILLS = 50 if LONG else 5


folder = tempfile.TemporaryDirectory(prefix="logclass-kafka-")
broker = Broker(os.path.join(folder.name, "broker"))


def numbers(messages):
    return [int(re.search(rb"id=(\d+) ", m.value()).group(1)) for m in messages]


def check(messages, wanted, twice=0):
    seen = collections.Counter(numbers(messages))
    missing = set(wanted) - set(seen)
    assert not missing, f"{len(missing)} lost, such as {sorted(missing)[:5]}"
    more = sum(seen.values()) - len(seen)
    assert more <= twice, f"{more} came twice"
    return more


def run(p, name, topic_in, topic_out, *more, instance="a", source="", sink=""):
    """A process of its own state: a place of it is not needed."""
    config = os.path.join(p.root, f"{name}.conf")
    with open(config, "w") as f:
        f.write(f"[source in]\ntype = kafka\nbrokers = {broker.address}\ntopics = {topic_in}\ngroup = {topic_in}\ninstance = {instance}\n{source}\n"
                f"[sink out]\ntype = kafka\nbrokers = {broker.address}\ntopic = {topic_out}\n{sink}\n")
    return p.start("--config", config, "--port", "0", "--name", name, *more, command="run")


ONCE = "exactly-once = yes\n"


@test
def messages_go_on_as_they_came_with_the_answer_beside_them():
    with place() as p:
        broker.topic("in1")
        broker.topic("out1")
        broker.produce("in1", range(5000), headers=[("trace", b"7"), ("logclass.label", b"OLD")])
        q = run(p, "a", "in1", "out1")
        got = broker.read("out1", 5000)
        check(got, range(5000))
        m = got[0]
        n = numbers([m])[0]
        equal((m.key(), m.value()), (str(n % 97).encode(), f"request id={n} of user bob".encode()))
        headers = dict(m.headers())
        equal(len(headers), len(m.headers()))
        equal((headers["trace"], set(headers)), (b"7", {"trace", "logclass.label", "logclass.confidence", "logclass.stage"}))
        assert headers["logclass.label"] != b"OLD"
        order = collections.defaultdict(list)
        for m in got:
            order[m.key()].append(numbers([m])[0])
        assert all(v == sorted(v) for v in order.values())  # a key is in one partition, in order
        p.stop(q)
        equal(sum(broker.committed("in1", "in1")), 5000)
        broker.produce("in1", range(5000, 6000))
        q = run(p, "a", "in1", "out1")
        check(broker.read("out1", 6000), range(6000))
        p.stop(q)


@test
def offsets_wait_for_the_sink():
    with place() as p:
        broker.topic("in12")
        broker.produce("in12", range(1000))
        config = os.path.join(p.root, "conf")
        with open(config, "w") as f:
            f.write(f"[source in]\ntype = kafka\nbrokers = {broker.address}\ntopics = in12\ngroup = in12\ncommit-interval = 10\n"
                    "[sink out]\ntype = syslog\naddress = tcp://127.0.0.1:1\n")  # nobody listens there
        q = p.start("--config", config, "--port", "0", "--stream-drain-time-max", "100", command="run")
        wait_until(lambda: "kafka.assigned" in p.said() and "sink.down" in p.said(), 60)
        time.sleep(1)
        q.send_signal(signal.SIGTERM)
        equal(q.wait(timeout=30), 1)
        assert all(at < 0 for at in broker.committed("in12", "in12"))


@test
def topics_by_label_and_answers_in_the_value():
    with place() as p:
        broker.topic("in2", 1)
        broker.topic("out2.USER_ACTION", 1)
        broker.produce("in2", range(10), text=lambda i: f'{{"n":{i},"msg":"User bob logged in"}}')
        q = run(p, "a", "in2", "out2.{label}", sink="annotate = value\n")
        got = broker.read("out2.USER_ACTION", 10)
        equal(got[3].value(), b'{"n":3,"msg":"User bob logged in","logclass_label":"USER_ACTION","logclass_confidence":0.95,"logclass_stage":"regex"}')
        p.stop(q)


@test
def a_file_goes_to_a_topic_and_poison_to_the_dead_letters():
    with place() as p:
        broker.topic("out3", 2, **{"max.message.bytes": "2000"})
        p.write("".join(f"request id={i} of user bob\n" for i in range(3000)) + "id=3000 " + os.urandom(2500).hex() + "\nrequest id=3001 of user bob\n")
        q = p.start("--name", "t", "--start", "beginning", "--to", f"kafka={broker.address}", "--topic", "out3", p.log())
        check(broker.read("out3", 3001), set(range(3002)) - {3000})
        wait_until(lambda: "sink.dead_letter" in p.said())
        with open(os.path.join(p.root, "state/logclass/dead-letters/t.jsonl")) as f:
            letters = f.readlines()
        assert len(letters) == 1 and "id=3000 " in letters[0], letters
        p.stop(q)


def kill_often(p, topic_in, topic_out, count, sink):
    """Killed while messages come in and others are on their way out; offsets are committed as often as they can be."""
    often, dice = "commit-interval = 10\n", random.Random(topic_in)
    for k in range(KILLS):
        q = run(p, "a", topic_in, topic_out, source=often, sink=sink)
        wait_until(lambda: p.said().count("kafka.assigned") > k, 60)
        for piece in range(8):
            broker.produce(topic_in, range(k * count + piece * count // 8, k * count + (piece + 1) * count // 8))
            time.sleep(0.3 * dice.random())
        q.send_signal(signal.SIGKILL)
        q.wait()
    q = run(p, "a", topic_in, topic_out, source=often, sink=sink)
    got = broker.read(topic_out, KILLS * count, seconds=90, quiet=4)
    p.stop(q)
    return got


@test
def killed_at_any_time_nothing_is_lost():
    with place() as p:
        broker.topic("in4")
        broker.topic("out4")
        more = check(kill_often(p, "in4", "out4", 4000, "rdkafka.linger.ms = 100\n"), range(KILLS * 4000), twice=KILLS * 65536)
        print(f"at least once: {KILLS} kills, {more} of {KILLS * 4000} came twice", file=sys.stderr)


@test
def killed_at_any_time_each_is_there_exactly_once():
    with place() as p:
        broker.topic("in5")
        broker.topic("out5")
        check(kill_often(p, "in5", "out5", 4000, ONCE + "batch-wait = 30\n"), range(KILLS * 4000))


def three_members(p, topic_in, topic_out, sink):
    """Members come and go under load, one of them by kill -9."""
    count, made = 30000, 0
    members = [run(p, n, topic_in, topic_out, instance=n, sink=sink) for n in "abc"]
    for turn in range(10 if LONG else 1):
        broker.produce(topic_in, range(made, made + count))
        made += count
        d = run(p, "d", topic_in, topic_out, instance=f"d{turn}", sink=sink)
        time.sleep(3)
        broker.produce(topic_in, range(made, made + count))
        made += count
        d.send_signal(signal.SIGTERM if turn % 2 else signal.SIGKILL)
        d.wait()
        time.sleep(1)
    got = broker.read(topic_out, made, seconds=120, quiet=5)
    for m in members:
        p.stop(m)
    return got, made


@test
def over_rebalances_nothing_is_lost():
    with place() as p:
        broker.topic("in6", 6)
        broker.topic("out6", 6)
        got, made = three_members(p, "in6", "out6", "")
        print(f"rebalances, at least once: {check(got, range(made), twice=made)} of {made} came twice", file=sys.stderr)


@test
def over_rebalances_each_is_there_exactly_once():
    with place() as p:
        broker.topic("in7", 6)
        broker.topic("out7", 6)
        got, made = three_members(p, "in7", "out7", ONCE)
        check(got, range(made))


@test
def what_is_under_way_at_a_rebalance_is_let_go():
    """Transactions that last longer than a rebalance waits for: what is in them belongs to the next member."""
    with place() as p:
        broker.topic("in11", 4)
        broker.topic("out11", 4)
        slow = ONCE + "batch-wait = 9000\n"
        a = run(p, "a", "in11", "out11", instance="a", sink=slow)
        wait_until(lambda: "kafka.assigned" in p.said(), 60)
        broker.produce("in11", range(4000))
        time.sleep(0.5)  # so that a has read them
        b = run(p, "b", "in11", "out11", instance="b", sink=ONCE)
        wait_until(lambda: p.said().count("kafka.assigned") >= 3, 60)
        check(broker.read("out11", 4000, seconds=60, quiet=8), range(4000))
        p.stop(a)
        p.stop(b)


@test
def a_member_that_was_paused_reads_on_after_a_rebalance():
    """The sink takes nothing until the chunks are full and partitions paused; then another member comes, and it takes all while they are revoked."""
    with place() as p, socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        peer.bind(("127.0.0.1", 0))
        peer.listen()
        seen, lock, go_on = set(), threading.Lock(), threading.Event()

        def take(c):
            rest = b""
            go_on.wait()
            while data := c.recv(1 << 16):
                found = (rest + data).rpartition(b" ")
                rest = found[2] if len(found[2]) < 100 else b""
                with lock:
                    seen.update(ids(found[0] + b" "))

        def accept():
            while True:
                threading.Thread(target=take, args=(peer.accept()[0],), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        broker.topic("in16")
        broker.produce("in16", range(100000))
        for n, instance in enumerate("ab"):
            config = os.path.join(p.root, f"{instance}.conf")
            with open(config, "w") as f:
                f.write(f"[source in]\ntype = kafka\nbrokers = {broker.address}\ntopics = in16\ngroup = in16\ninstance = {instance}\n"
                        f"[sink out]\ntype = syslog\naddress = tcp://127.0.0.1:{peer.getsockname()[1]}\n")
            p.start("--config", config, "--port", "0", "--name", instance, "--stream-drain-time-max", "100", command="run")
            wait_until(lambda: ("kafka.revoked" if n else "kafka.assigned") in p.said(), 60)
            time.sleep(0 if n else 4)  # so that it is paused
        go_on.set()
        wait_until(lambda: len(seen) == 100000, 90)


@test
def of_two_with_one_name_the_older_ends():
    with place() as p:
        broker.topic("in8")
        broker.topic("out8")
        broker.produce("in8", range(2000))
        older = run(p, "old", "in8", "out8", "--stream-drain-time-max", "2000", sink=ONCE)
        wait_until(lambda: "kafka.assigned" in p.said())
        younger = run(p, "new", "in8", "out8", sink=ONCE)
        p.wait_end(older, 1)
        assert "fenced" in p.said(), p.said()
        broker.produce("in8", range(2000, 4000))
        check(broker.read("out8", 4000), range(4000))
        p.stop(younger)


@test
def while_a_broker_is_away_memory_and_work_are_bounded():
    """Away for long: 5 minutes with LONG=1. A file goes on being written meanwhile; the process waits, and does next to nothing."""
    away_s = 300 if LONG else 8
    with place() as p:
        broker.topic("out15")
        p.write("".join(line(i) for i in range(20000)))
        q = p.start("--name", "t", "--start", "beginning", "--to", f"kafka={broker.address}", "--topic", "out15", p.log())
        check(broker.read("out15", 20000), range(20000))
        broker.kill()
        p.write("".join(line(i) for i in range(20000, 320000)))
        wait_until(lambda: "sink.down" in p.said())
        time.sleep(2)  # what may be under way is read by now
        used, kb, said = cpu_s(q), resident_kb(q), len(p.said())
        time.sleep(away_s)
        used, grown, said = cpu_s(q) - used, resident_kb(q) - kb, p.said()[said:].count("\n")
        print(f"away for {away_s} s: {used / away_s:.1%} of a core, {kb >> 10} MiB and {grown} KiB more, {said} lines said", file=sys.stderr)
        assert grown < 8 << 10 and said <= away_s + 5, (grown, said)
        assert used < away_s / 4, used  # no loop that turns without a rest
        broker.start()
        check(broker.read("out15", 320000, seconds=120, quiet=4), range(320000))
        p.stop(q)


@test
def a_broker_that_is_killed_and_comes_back_loses_nothing():
    for n, sink in (("9", ""), ("10", ONCE))[0 if LONG else 1:]:
        with place() as p:
            broker.topic("in" + n)
            broker.topic("out" + n)
            broker.produce("in" + n, range(20000))
            q = run(p, "a", "in" + n, "out" + n, sink=sink)
            wait_until(lambda: "kafka.assigned" in p.said())
            time.sleep(0.3)
            broker.kill()
            time.sleep(3)
            broker.start()
            broker.produce("in" + n, range(20000, 40000))
            check(broker.read("out" + n, 40000, seconds=90, quiet=4), range(40000), twice=0 if sink else 40000)
            p.stop(q)


@test
def what_the_promises_rest_on_can_not_be_set():
    with place() as p:
        q = run(p, "a", "inx", "outx", source="rdkafka.enable.auto.commit = true")
        equal(q.wait(timeout=30), 2)
        assert "rdkafka.enable.auto.commit: it is set by logclass" in p.said(), p.said()
        q = run(p, "a", "inx", "outx", source="rdkafka.no.such = 1")
        equal(q.wait(timeout=30), 2)
        q = run(p, "a", "inx", "outx", sink=ONCE + "[source more]\ntype = journald\n")
        equal(q.wait(timeout=30), 2)
        assert "exactly-once: expected one source, of type kafka" in p.said(), p.said()


try:
    main()
finally:
    broker.kill()
    folder.cleanup()
