"""A disk that is full for a while, under each thing that streams write: the output, the checkpoint, both at once with exactly-once, the
dead letters. A real file system in a mount namespace of our own, so large that it is only full when the
test fills it, however slow the machine.

Each time: nothing is lost, no line is torn, it is said and counted, and it goes on by itself when there is room."""
import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

from disk import in_own_namespace, small_disk

in_own_namespace()

from check import equal, main, test  # noqa: E402
from live import wait_until  # noqa: E402
from peers import Run  # noqa: E402
from stream import ids, line, place  # noqa: E402

class Trickle:
    """Writes a line now and then, as a program that knows nothing of it does."""

    def __init__(self, p, n):
        self.p, self.n, self.over = p, n, False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over:
            self.p.write("".join(line(i) for i in range(self.n, self.n + 20)))
            self.n += 20
            time.sleep(0.05)

    def end(self):
        self.over = True
        self.thread.join()
        return self.n


def config(p, out):
    return f"bert = off\n[source app]\ntype = file\ninclude = {p.logs}/*.log\n[sink out]\n{out}\n"


def said(p, event):
    return p.said().count(f"event={event} ")


def often(p):
    """Errors a second: what lasts is not said again and again."""
    times = re.findall(r"ts=(\S+)Z level=(?:error|warn)", p.said())
    seconds = {}
    for t in times:
        seconds[t[:19]] = seconds.get(t[:19], 0) + 1
    return max(seconds.values(), default=0)


@test
def under_the_output():
    for leave in (0, 1, 3):  # the write fails whole, or in its middle
        with place() as p, small_disk(os.path.join(p.root, "disk")) as disk:
            p.out = os.path.join(p.root, "disk", "out.jsonl")
            p.write("".join(line(i) for i in range(200)))
            run = Run(p, config(p, f"type = file\npath = {p.out}\nbatch-wait = 50"))
            p.wait_ids(range(200))
            disk.fill(leave)
            trickle = Trickle(p, 200)
            wait_until(lambda: said(p, "sink.down"))
            time.sleep(0.5)
            p.whole()
            equal(run.value('logclass_sink_up{sink="out"}'), 0)
            disk.free()
            wait_until(lambda: said(p, "sink.up"))
            n = trickle.end()
            p.wait_ids(range(n))
            equal((run.value('logclass_sink_up{sink="out"}'), said(p, "sink.down"), often(p) < 5), (1, 1, True))
            p.stop(run.process)
            p.whole()
            equal(p.twice(), 0)


@test
def under_the_checkpoint():
    with place() as p, small_disk(os.path.join(p.root, "state")) as disk:
        p.write("".join(line(i) for i in range(200)))
        run = Run(p, config(p, f"type = file\npath = {p.out}\nbatch-wait = 50"))
        p.wait_ids(range(200))
        wait_until(p.is_saved)
        disk.fill()
        for i in range(100):  # rows that need more room than the checkpoint before the last gives back
            p.write(line(200 + i), f"more-{i}.log")
        trickle = Trickle(p, 300)
        wait_until(lambda: said(p, "checkpoint.failed"))
        time.sleep(1)
        failed = run.value('logclass_checkpoint_writes_total{result="failure"}')
        assert failed >= 1 and said(p, "checkpoint.failed") == 1, (failed, p.said())
        n = trickle.n
        p.wait_ids(range(n))  # lines flow on; only a kill would bring them again
        run.process.kill()
        run.process.wait()
        run = Run(p, config(p, f"type = file\npath = {p.out}\nbatch-wait = 50"))  # starts on the full disk, at the place before
        p.wait_ids(range(trickle.n))
        disk.free()
        n = trickle.end()
        p.wait_ids(range(n))
        wait_until(p.is_saved)
        p.stop(run.process)
        before = p.twice()
        run = Run(p, config(p, f"type = file\npath = {p.out}\nbatch-wait = 50"))
        p.write(line(n))
        p.wait_ids([n])
        p.stop(run.process)
        equal(p.twice(), before)
        p.whole()


@test
def under_output_and_checkpoint_exactly_once():
    """A kill on the full disk, and a start there: what was written is cut back to what the checkpoint knows."""
    for leave in (0, 1, 2):
        with place() as p, small_disk(os.path.join(p.root, "disk")) as disk:
            os.mkdir(os.path.join(p.root, "disk", "state"))
            os.symlink(os.path.join(p.root, "disk", "state"), os.path.join(p.root, "state"))
            p.out = os.path.join(p.root, "disk", "out.jsonl")
            once = config(p, f"type = file\npath = {p.out}\nbatch-wait = 50\nexactly-once = yes")
            p.write("".join(line(i) for i in range(200)))
            run = Run(p, once)
            p.wait_ids(range(200))
            wait_until(p.is_saved)
            disk.fill(leave)
            trickle = Trickle(p, 200)
            wait_until(lambda: said(p, "sink.down"))
            run.process.kill()
            run.process.wait()
            p.whole()
            disk.free()
            run = Run(p, once)
            p.wait_ids(range(200))
            disk.fill(leave)
            wait_until(lambda: said(p, "sink.down") == 2)
            disk.free()
            n = trickle.end()
            p.wait_ids(range(n))
            p.stop(run.process)
            equal((p.twice(), p.ids()), (0, list(range(n))))
            p.whole()


@test
def under_the_dead_letters():
    import http.server

    class Poison(http.server.BaseHTTPRequestHandler):
        """Takes nothing that has a number that ends with 7."""
        protocol_version, taken = "HTTP/1.1", []

        def do_POST(self):
            import gzip
            got = ids(gzip.decompress(self.rfile.read(int(self.headers["Content-Length"]))))
            bad = any(i % 10 == 7 for i in got)
            if not bad:
                Poison.taken.extend(got)
            self.send_response(400 if bad else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Poison)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with place() as p, small_disk(os.path.join(p.root, "disk")) as disk:
        letters = os.path.join(p.root, "disk", "dead.jsonl")

        def buried():
            with contextlib.suppress(FileNotFoundError), open(letters) as f:
                return [ids(json.loads(x)["log_message"].encode() + b" ")[0] for x in f]
            return []
        sections = f"dead-letter = {letters}\n" + config(p, f"type = otlp\nurl = http://127.0.0.1:{server.server_port}")
        p.write("".join(line(i) for i in range(40)))
        run = Run(p, sections)
        wait_until(lambda: len(buried()) == 4)
        disk.fill()
        p.write("".join(line(i) for i in range(40, 400)))
        wait_until(lambda: said(p, "sink.down"))
        time.sleep(0.5)
        buried()  # each line is whole
        equal(run.value('logclass_sink_up{sink="out"}'), 0)
        disk.free()
        wait_until(lambda: set(buried()) == {i for i in range(400) if i % 10 == 7}, 60)
        wait_until(lambda: set(Poison.taken) == {i for i in range(400) if i % 10 != 7}, 60)
        equal((len(buried()), run.value('logclass_dead_letters_total{sink="out"}')), (40, 40))
        p.stop(run.process, signal.SIGTERM)
        equal(len(Poison.taken), 360)


main()
