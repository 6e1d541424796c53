"""Followed files: nothing is lost, whatever becomes of the files, of the process, of the disk. Counted by sets of numbers."""
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time
import urllib.request

from check import BINARY, equal, main, test
from stream import Writer, ids, line, place, wait_until

IN_FLIGHT = 16 * 4096  # chunks of a flow, lines of a chunk
SCALE = int(os.environ.get("STREAM_SCALE", "1"))  # the long tier: STREAM_SCALE=5 python3 tests/e2e/follow_test.py BINARY


def logrotate(p, *options):
    conf, state = os.path.join(p.root, "rotate.conf"), os.path.join(p.root, "rotate.state")
    with open(conf, "w") as f:
        f.write(f"{p.logs}/app.log {{\n" + "".join(f"  {o}\n" for o in ("rotate 1000", "missingok", *options)) + "}\n")
    os.chmod(conf, 0o644)
    r = subprocess.run(["/usr/sbin/logrotate", "-f", "-s", state, conf], capture_output=True, text=True)
    equal((r.returncode, r.stderr), (0, ""))


@test
def lines_come_out_as_they_are_written():
    with place() as p:
        run = p.follow()
        for i in range(20):
            p.write(line(i))
            p.wait_ids(range(i + 1))
        p.write(b"id=20 half a")
        time.sleep(0.3)
        equal(len(p.whole()), 20)
        p.write(b" line\n")
        p.wait_ids(range(21))
        equal(p.whole()[-1]["log_message"], "id=20 half a line")
        equal(p.whole()[-1]["log_file"], p.log())
        p.stop(run)


@test
def any_bytes_are_lines():
    with place() as p:
        run = p.follow("--multiline", "none")
        p.write(b"\n\r\n\x00\x01\n\xff\xfe\n" + b"x" * 3_000_000 + b"\nid=1 after\n")
        p.wait_ids([1])
        out = p.whole()
        equal([o["log_message"] for o in out[:4]], ["", "", "\x00\x01", "\ufffd\ufffd"])
        equal((len(out), len(out[4]["log_message"]), out[4]["truncated"]), (6, 65536, True))
        p.stop(run)


@test
def killed_at_any_time_it_goes_on():
    with place() as p:
        rnd, writer, kills = random.Random(1), Writer(p), 12 * SCALE
        run = p.follow("--start", "beginning")
        for _ in range(kills):
            for _ in range(rnd.randrange(1, 6)):
                writer.write(rnd.randrange(1, 6000))
                time.sleep(rnd.random() * 0.05)
            run.kill()
            run.wait()
            run = p.follow("--start", "beginning")
        p.wait_ids(range(writer.n))
        p.stop(run)
        p.whole()
        assert p.twice() <= kills * IN_FLIGHT, p.twice()
        equal(p.follow().poll(), None)


@test
def with_exactly_once_a_kill_brings_nothing_twice():
    """Two files, rotated now and then: each line is in the output once, in the order of its file, and none is torn."""
    once = ("--start", "beginning", "--exactly-once", "--batch-wait", "20")
    with place() as p:
        rnd, kills, n = random.Random(3), 10 * SCALE, 0
        run = p.follow(*once)
        wait_until(p.is_begun)
        for kill in range(kills):
            for _ in range(rnd.randrange(1, 6)):
                name, count = rnd.choice(["a.log", "b.log"]), rnd.randrange(1, 6000)
                p.write("".join(line(i) for i in range(n, n + count)), name)
                n += count
                time.sleep(rnd.random() * 0.05)
            if kill % 4 == 3 and os.path.exists(p.log("a.log")):
                os.rename(p.log("a.log"), p.log(f"a.log.{kill}"))
            run.kill()
            run.wait()
            run = p.follow(*once)
        p.wait_ids(range(n))
        p.stop(run)
        equal(p.twice(), 0)
        order = {}
        for o in p.whole():
            i = ids((o["log_message"] + " ").encode())[0]
            file = os.path.basename(o["log_file"])[0]
            assert order.get(file, -1) < i, (file, i)
            order[file] = i
        run = p.follow(*once)  # and a whole one is not cut
        p.write("id=1000000000 \n", "b.log")
        p.wait_ids([1000000000])
        p.stop(run)
        equal((len(p.ids()), p.twice()), (n + 1, 0))
        with open(p.out, "ab") as f:
            f.write(b"half a line")  # as a kill leaves it
        run = p.follow(*once)
        wait_until(lambda: p.text().endswith(b"}\n"))
        run.kill()
        equal(len(p.whole()), n + 1)


@test
def with_exactly_once_the_output_is_ours_alone():
    with place() as p:
        p.write(line(1))
        once = ("--start", "beginning", "--exactly-once")
        run = p.follow(*once)
        p.wait_ids([1])
        p.stop(run)
        os.truncate(p.out, 5)
        run = p.follow(*once)
        equal(run.wait(timeout=30), 2)
        assert "nobody else may touch it" in p.said(), p.said()
        run = p.start("--to", f"file={p.out}", "--exactly-once", p.log())
        equal(run.wait(timeout=30), 2)
        assert "exactly-once needs a checkpoint" in p.said(), p.said()
        run = p.start("--name", "u", "--from", "syslog=udp://127.0.0.1:0", "--to", f"file={p.out}", "--exactly-once")
        equal(run.wait(timeout=30), 2)
        assert "sources of type file and journald only" in p.said(), p.said()


@test
def stopped_and_started_nothing_comes_twice():
    with place() as p:
        writer = Writer(p)
        for _ in range(8):
            run = p.follow("--start", "beginning")
            writer.write(20000)
            time.sleep(0.1)
            run.send_signal(signal.SIGTERM)
            code = run.wait(timeout=60)
            assert code in (0, -signal.SIGTERM), code  # on a busy machine it may not listen to signals yet
        run = p.follow("--start", "beginning")
        p.wait_ids(range(writer.n))
        p.stop(run)
        equal((p.ids() == sorted(p.ids()), p.twice()), (True, 0))


def storm(*options, reopen, lossy=False):
    with place() as p:
        writer = Writer(p, reopen=reopen)
        writer.write(1)
        run = p.follow("--start", "beginning")
        p.wait_ids([0])
        for i in range(40 * SCALE):
            for _ in range(4):
                writer.write(500)
                time.sleep(0.005)
            logrotate(p, *options)
        writer.write(1)
        if lossy:
            on_disk = set()
            for name in os.listdir(p.logs):
                with open(p.log(name), "rb") as f:
                    on_disk |= set(ids(f.read()))
            p.wait_ids(on_disk)
        else:
            p.wait_ids(range(writer.n))
        time.sleep(0.3)
        p.stop(run)
        equal(p.twice(), 0)
        if not lossy:
            equal(p.ids() == sorted(p.ids()), True)


@test
def a_storm_of_renames():
    storm("create", reopen=True)


@test
def a_storm_of_renames_and_compression():
    storm("create", "compress", "delaycompress", reopen=True)


@test
def a_storm_of_copies_and_cuts():
    storm("copytruncate", reopen=True, lossy=True)


@test
def the_rotated_files_may_fit_the_pattern_too():
    with place() as p:
        writer = Writer(p)
        run = p.follow("--start", "beginning", pattern="app.log*")
        for i in range(12):
            writer.write(300)
            logrotate(p, "copytruncate" if i % 2 else "create")
        writer.write(1)
        p.wait_ids(range(writer.n))
        time.sleep(1.5)
        p.stop(run)
        equal(p.twice(), 0)


@test
def rotated_while_it_was_down():
    for i, options in enumerate([("create",), ("create", "compress", "delaycompress"), ("create", "compress"), ("copytruncate",)]):
        for rotations in (1, 2, 4):
            with place() as p:
                writer = Writer(p)
                run = p.follow("--start", "beginning")
                writer.write(3000)
                p.wait_ids(range(3000))
                p.stop(run) if i % 2 else (run.kill(), run.wait())
                before = p.twice()
                for _ in range(rotations):
                    writer.write(700)
                    time.sleep(0.02)
                    logrotate(p, *options)
                    writer.write(300)
                run = p.follow("--start", "beginning")
                p.wait_ids(range(writer.n))
                p.stop(run)
                assert p.twice() - before <= (0 if i % 2 else 3000), (options, rotations, p.twice())
                assert i % 2 == 0 or p.ids() == sorted(p.ids()), (options, rotations)


@test
def renamed_before_it_was_ever_saved():
    """Files that come and are rotated while the process can't look, and is then killed: the checkpoint knows nothing of them."""
    for options in ((), ("--exactly-once", "--batch-wait", "20"), ("--start", "end")):
        with place() as p:
            start = () if "--start" in options else ("--start", "beginning")
            p.write(line(0), "old.log")
            p.write(line(1), "old.log.1")  # from before our time
            run = p.follow(*start, *options)
            wait_until(p.is_begun)
            p.write(line(2), "old.log")
            wait_until(lambda: 2 in p.ids() and p.is_saved("old.log"))
            run.send_signal(signal.SIGSTOP)
            time.sleep(0.05)  # behind the clock's tick that the checkpoint was written in
            p.write("".join(line(i) for i in range(100, 200)), "a.log")
            os.rename(p.log("a.log"), p.log("a.log.2"))
            p.write("".join(line(i) for i in range(200, 300)), "a.log")
            os.rename(p.log("a.log"), p.log("a.log.1"))
            subprocess.run(["gzip", p.log("a.log.2")], check=True)
            p.write("".join(line(i) for i in range(300, 400)), "a.log")
            p.write("".join(line(i) for i in range(400, 500)), "b-20260131.log.gz.tmp")
            os.rename(p.log("b-20260131.log.gz.tmp"), p.log("b.log.1"))
            run.kill()
            run.wait()
            run = p.follow(*start, *options)
            p.wait_ids([2, *range(100, 500)])
            p.stop(run)
            equal(([i for i in p.ids() if 100 <= i < 400], 1 in p.ids()), (list(range(100, 400)), False))
            run = p.follow(*start, *options)  # and they are not read again
            p.write(line(5000), "b.log")
            p.wait_ids([5000])
            p.stop(run)
            equal(p.twice(), 0)


@test
def what_was_deleted_unread_is_counted():
    with place() as p:
        run = p.follow("--start", "beginning")
        p.write("".join(line(i) for i in range(1000)))
        p.wait_ids(range(1000))
        p.stop(run)
        os.remove(p.log())
        p.write(line(1000))
        run = p.follow("--start", "beginning")
        p.wait_ids(range(1001))
        p.stop(run)
        equal((p.twice(), "was not read" in p.said() or "were not read" in p.said()), (0, False))


@test
def replaced_links_and_rewritten_files():
    with place() as p:
        run = p.follow("--start", "beginning", pattern="link.log")
        for i in range(10):
            p.write(line(i), f"app.{i}")
            os.symlink(p.log(f"app.{i}"), p.log("new"))
            os.replace(p.log("new"), p.log("link.log"))
            p.wait_ids(range(i + 1))
            p.write(line(100 + i), f"app.{i}")
            p.wait_ids([100 + i])
        p.stop(run)
        equal(p.twice(), 0)
    with place() as p:
        run = p.follow("--start", "beginning")
        for i, n in enumerate((3, 1, 5, 5, 2)):  # rewritten to less, to more, to the same size
            with open(p.log(), "wb") as f:
                f.write("".join(line(1000 + 10 * i + k) for k in range(n)).encode())
            p.wait_ids(1000 + 10 * i + k for k in range(n))
        p.stop(run)


@test
def a_damaged_checkpoint_is_set_aside():
    with place() as p:
        writer = Writer(p)
        for _ in range(3):
            run = p.follow("--start", "beginning")
            writer.write(1000)
            p.wait_ids(range(writer.n))
            p.stop(run)
        path = p.checkpoint
        with open(path, "r+b") as f:
            f.seek(150)
            f.write(b"#")
        writer.write(10)
        run = p.follow("--start", "beginning")
        p.wait_ids(range(writer.n))
        second = p.follow("--start", "beginning")
        equal(second.wait(timeout=60), 2)
        assert "another process" in p.said()
        p.stop(run)
        assert p.twice() <= 2000, p.twice()
        equal(len([n for n in os.listdir(os.path.dirname(path)) if "damaged" in n]), 1)


@test
def a_full_disk_tears_nothing():
    """The disk's end is a limit on the size of files, which is lifted later."""
    with place() as p:
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        writer = Writer(p)
        writer.write(20000)
        run = p.follow("--start", "beginning", preexec_fn=limit)
        wait_until(lambda: "sink.down" in p.said())
        size = len(p.text())
        time.sleep(0.5)
        assert size <= 300_000, size
        p.whole()
        run.kill()
        run.wait()
        run = p.follow("--start", "beginning", preexec_fn=limit)
        wait_until(lambda: p.said().count("sink.down") == 2)
        resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        p.wait_ids(range(writer.n))
        wait_until(lambda: "sink.up" in p.said())
        p.stop(run)
        p.whole()


@test
def a_drain_has_a_time_limit():
    with place() as p:
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        writer = Writer(p)
        writer.write(20000)
        run = p.follow("--start", "beginning", "--stream-drain-time-max", "200", preexec_fn=limit)
        wait_until(lambda: "sink.down" in p.said())
        p.stop(run, code=1)
        assert "read again at the next start" in p.said()
        run = p.follow("--start", "beginning")
        p.wait_ids(range(writer.n))
        p.stop(run)


@test
def many_files_and_folders_that_come():
    with place() as p:
        run = p.follow("--start", "beginning", "--open-files-max", "50", pattern="**/*.log")
        for i in range(600):
            os.makedirs(p.log(f"d{i % 7}"), exist_ok=True)
            p.write(line(i), f"d{i % 7}/f{i}.log")
        p.wait_ids(range(600))
        for i in range(600):
            p.write(line(1000 + i), f"d{i % 7}/f{i}.log")
        p.wait_ids(range(1000, 1600))
        assert len(os.listdir(f"/proc/{run.pid}/fd")) < 80
        for i in range(600):
            os.remove(p.log(f"d{i % 7}/f{i}.log"))
        p.write(line(5000), "d1/last.log")
        p.wait_ids([5000])
        p.stop(run)
        equal(p.twice(), 0)


@test
def its_own_output_is_not_read():
    with place() as p:
        run = p.start("--name", "t", "--start", "beginning", "--to", f"file={p.log('out.log')}", p.log("*.log"))
        p.write(line(1))
        p.out = p.log("out.log")
        p.wait_ids([1])
        time.sleep(0.5)
        p.stop(run)
        equal(len(p.whole()), 1)


@test
def the_output_is_reopened_and_labels_are_dropped():
    with place() as p:
        run = p.follow("--start", "beginning", "--drop", "USER_ACTION")
        p.write("User bob logged in.\n" + line(0))
        p.wait_ids([0])
        os.rename(p.out, p.out + ".1")
        run.send_signal(signal.SIGHUP)
        wait_until(lambda: os.path.exists(p.out))
        p.write(line(1))
        p.wait_ids([1])
        p.stop(run)
        with open(p.out + ".1", "rb") as f:
            equal((ids(f.read()), p.ids()), ([0], [1]))
    with place() as p:
        equal(p.follow("--drop", "NO_SUCH").wait(timeout=60), 2)
        assert "there is no label 'NO_SUCH'" in p.said()


@test
def run_follows_and_serves():
    with place() as p:
        conf = os.path.join(p.root, "logclass.conf")
        with open(conf, "w") as f:
            f.write(f"bert = off\n[source app]\ntype = file\ninclude = {p.logs}/*.log\n[sink out]\ntype = file\npath = {p.out}\n")
        equal(subprocess.run([BINARY, "config", "check", "--config", conf]).returncode, 0)
        p.write(line(0))
        run = p.start("--config", conf, "--port", "0", command="run")
        p.wait_ids([0])
        wait_until(lambda: "listening on" in p.said())
        port = re.search(r"listening on \S+ port (\d+)", p.said()).group(1)
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        assert 'logclass_source_records_total{source="app"} 1\n' in metrics
        assert 'logclass_sink_up{sink="out"} 1\n' in metrics
        run.send_signal(signal.SIGHUP)
        wait_until(lambda: "reload.done" in p.said())
        p.write(line(1))
        p.wait_ids([1])
        p.stop(run)
        p.write(line(2))
        run = p.start("--config", conf, "--port", "0", command="run")
        p.wait_ids(range(3))
        p.stop(run)
        equal(p.twice(), 0)


JAVA = """2026-01-31 ERROR [main] a.B - request id=%d failed
\tat a.B.c(B.java:12)
\tat a.B.main(B.java:%d)
Caused by: java.io.IOException: connection reset
\tat a.C.d(C.java:9)
\t... 2 more
"""
PYTHON = """Traceback (most recent call last):
  File "a.py", line %d, in <module>
    f(id=%d )

  File "a.py", line 1, in f
ZeroDivisionError: division by zero
"""


@test
def stack_traces_are_one_event():
    with place() as p:
        run = p.follow("--start", "beginning")
        for i in range(30):
            text = (JAVA if i % 2 else PYTHON) % (i, i) + line(100 + i)
            half = 10 * (i % 7)
            p.write(text[:half])
            time.sleep(0.01)
            p.write(text[half:])
        p.wait_ids([*range(30), *range(100, 130)])
        p.write(JAVA % (50, 1))
        run.kill()  # in the middle of an open event
        run.wait()
        p.write(JAVA % (51, 1) + line(200))
        run = p.follow("--start", "beginning")
        p.wait_ids([50, 51, 200])
        p.stop(run)
        traces = [o["log_message"] for o in p.whole() if "\n" in o["log_message"]]
        equal({t + "\n" for t in traces}, {(JAVA if i % 2 else PYTHON) % (i, i) for i in range(30)} | {JAVA % (i, 1) for i in (50, 51)})


@test
def an_event_begins_where_the_pattern_says():
    with place() as p:
        run = p.follow("--start", "beginning", "--multiline", "start:^[0-9]+ ", "--multiline-wait", "100")
        p.write("1 id=1 a\nb\n\n  c\n2 id=2 d\ne\n")
        p.wait_ids([1, 2])
        p.stop(run)
        equal([o["log_message"] for o in p.whole()], ["1 id=1 a\nb\n\n  c", "2 id=2 d\ne"])


@test
def containers_lines_are_taken_apart():
    with place() as p:
        def cri(stream, tag, text):
            return f"2026-01-31T10:00:00.5Z {stream} {tag} {text}\n"
        java = (JAVA % (3, 1)).splitlines()
        mixed = [cri("stdout", "F", line(0)[:-1]), cri("stderr", "P", "id=1 half a "), cri("stdout", "F", line(2)[:-1]), cri("stderr", "F", "line")]
        for i, text in enumerate(java):
            mixed += [cri("stderr", "F", text), cri("stdout", "F", line(10 + i)[:-1])]
        p.write("".join(mixed), "cri.log")
        docker = [{"log": line(20), "stream": "stdout", "time": "2026-01-31T10:00:00Z"}, {"log": "id=21 cut ", "stream": "stderr", "time": "2026-01-31T10:00:01Z"},
                  {"log": "off\n", "stream": "stderr", "time": "2026-01-31T10:00:02Z"}, {"log": '{"msg":"User bob logged in. id=22 "}\n', "stream": "stdout", "time": "2026-01-31T10:00:03Z"}]
        p.write("".join(json.dumps(d, separators=(",", ":")) + "\n" for d in docker), "docker.log")
        run = p.follow("--start", "beginning")
        p.wait_ids([0, 1, 2, 3, *range(10, 10 + len(java)), 20, 21, 22])
        p.write("".join(cri("stdout", "F", line(30 + i)[:-1]) for i in range(5)), "cri.log")
        p.wait_ids(range(30, 35))
        p.stop(run)
        out = {ids(o["log_message"].encode())[0]: o for o in p.whole()}
        equal(p.twice(), 0)
        equal(out[1]["log_message"], "id=1 half a line")
        equal(out[3]["log_message"], "\n".join(java))
        equal((out[3]["log_attributes"], out[3]["log_time"]), ({"log.iostream": "stderr"}, "2026-01-31T10:00:00.5Z"))
        equal((out[20]["log_message"], out[21]["log_message"], out[21]["log_time"]), (line(20)[:-1], "id=21 cut off", "2026-01-31T10:00:01Z"))
        equal((out[22]["label_id"], out[22]["log_message"]), ("USER_ACTION", "User bob logged in. id=22 "))


assert shutil.which("/usr/sbin/logrotate"), "logrotate is missing: scripts/install-debian --dev"
main()
