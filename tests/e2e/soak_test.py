"""A stream that runs for long: followed files that are rotated and packed, syslog over TCP and UDP, OTLP pushed; the output rotated, too.
Nothing is lost or comes twice, descriptors stay as many, memory stays flat. 8 seconds; with LONG=1, 30 minutes (SOAK_S: so many seconds)."""
import collections
import gzip
import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request

from check import equal, main, test
from live import wait_until
from peers import Run
from stream import ids, line, place

LONG = bool(os.environ.get("LONG"))
SECONDS = int(os.environ.get("SOAK_S", 1800 if LONG else 8))
RATE = int(os.environ.get("SOAK_RATE", 400))  # lines a second, of each kind a quarter
ROTATE_S = 20 if LONG else 2
TICK_S = 0.25
GROWTH_KB_A_MINUTE = 103  # 1 MiB in ten minutes
SETTLED_KB = 16 << 10  # from the first quarter on


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as x:
        x.bind(("127.0.0.1", 0))
        return x.getsockname()[1]


class Load:
    """Numbered lines by four ways, each number once; UDP has numbers of its own, which may be dropped, and are counted."""

    def __init__(self, p, run, syslog_port):
        self.p, self.run, self.n, self.udp_n, self.over, self.said = p, run, 0, 0, False, None
        self.tcp = socket.create_connection(("127.0.0.1", syslog_port))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(("127.0.0.1", syslog_port))
        self.thread = threading.Thread(target=self.send_all)
        self.thread.start()

    def numbers(self, count):
        self.n += count
        return range(self.n - count, self.n)

    def push(self, numbers):
        records = [{"body": {"stringValue": line(i)[:-1]}} for i in numbers]
        body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
        while True:
            try:
                request = urllib.request.Request(self.run.url("/v1/logs"), body, {"Content-Type": "application/json"})
                return urllib.request.urlopen(request, timeout=30).read()
            except urllib.error.HTTPError as e:
                assert e.code == 503, e.code
                time.sleep(0.5)

    def send_all(self):
        try:
            part, rotated = max(1, int(RATE * TICK_S / 4)), time.monotonic()
            while not self.over:
                begun = time.monotonic()
                for name in ("a.log", "b.log"):
                    self.p.write("".join(line(i) for i in self.numbers(part // 2 + 1)), name)
                self.tcp.sendall("".join(f"<13>1 - h app - - - {line(i)}" for i in self.numbers(part)).encode())
                self.push(self.numbers(part))
                for _ in range(part):
                    self.udp.send(f"<13>1 - h app - - - udp={self.udp_n} of user bob".encode())
                    self.udp_n += 1
                if begun - rotated > ROTATE_S:
                    self.rotate()
                    rotated = begun
                time.sleep(max(0, TICK_S - (time.monotonic() - begun)))
        except Exception as e:
            self.said = e

    def rotate(self):
        """One generation as it is, one packed; and our own output, as logrotate does it."""
        for name in ("a.log", "b.log"):
            old = self.p.log(name + ".1")
            if os.path.exists(old):
                with open(old, "rb") as f, gzip.open(self.p.log(name + ".2.gz"), "wb") as packed:
                    packed.write(f.read())
            os.rename(self.p.log(name), old)
        os.rename(self.p.out, f"{self.p.out}.{time.monotonic_ns()}")
        self.run.process.send_signal(signal.SIGHUP)
        wait_until(lambda: os.path.exists(self.p.out))

    def end(self):
        self.over = True
        self.thread.join()
        self.tcp.close()
        if self.said:
            raise self.said


def state_of(pid):
    with open(f"/proc/{pid}/status") as f:
        status = dict(x.split(":", 1) for x in f)
    return int(status["VmRSS"].split()[0]), len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"])


def watch(run, load):
    """Rows of seconds, KiB, descriptors, threads, bytes behind."""
    rows, begun = [], time.monotonic()
    while (now := time.monotonic() - begun) < SECONDS and not load.said:
        rows.append((now, *state_of(run.process.pid), run.value('logclass_source_lag_bytes{source="files"}')))
        if len(rows) % 12 == 1:
            print("  {:6.0f} s {:8} KiB {:4} descriptors {:3} threads {:8.0f} bytes behind".format(*rows[-1]), flush=True)
        time.sleep(min(5, SECONDS / 10))
    return rows


def growth_kb_a_minute(rows):
    """The slope of a line through the rows, by least squares."""
    x, y = [r[0] / 60 for r in rows], [r[1] for r in rows]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y)) / sum((a - mx) ** 2 for a in x)


def end_of(rows):
    """The last 30 %: before, memory comes in a few steps of some MiB, which the allocator keeps."""
    return rows[len(rows) * 7 // 10:]


@test
def for_long_nothing_is_lost_and_nothing_grows():
    with place() as p:
        port = free_port(socket.SOCK_STREAM)
        run = Run(p, f"[source files]\ntype = file\ninclude = {p.logs}/*.log\n[source net]\ntype = syslog\n"
                     f"listen = tcp://127.0.0.1:{port}, udp://127.0.0.1:{port}\n[source sdk]\ntype = otlp\n"
                     f"[sink out]\ntype = file\npath = {p.out}\nbatch-wait = 20\n")
        load = Load(p, run, port)
        rows = watch(run, load)
        load.end()
        dropped = run.value('logclass_source_dropped_total{source="net",reason="kernel"}')
        p.stop(run.process)
        seen, udp = collections.Counter(), 0
        for name in sorted(os.listdir(p.root)):
            if name.startswith("out.jsonl"):
                with open(os.path.join(p.root, name), "rb") as f:
                    text = f.read()
                assert text.endswith(b"\n") or not text, name
                seen.update(ids(text))
                udp += text.count(b"udp=")
        grown = growth_kb_a_minute(end_of(rows))
        print(f"  {SECONDS} s, {load.n} numbers, {load.udp_n} datagrams ({dropped:.0f} dropped); descriptors {min(r[2] for r in rows[1:])} to "
              f"{max(r[2] for r in rows[1:])}, {rows[-1][1]} KiB, {grown:+.0f} KiB a minute; at most {max(r[4] for r in rows):.0f} bytes behind", flush=True)
        equal((len(set(range(load.n)) - set(seen)), sum(n - 1 for n in seen.values())), (0, 0))
        equal(udp + dropped, load.udp_n)
        assert max(r[2] for r in rows) <= rows[len(rows) // 4][2] + 12, [r[2] for r in rows]
        if SECONDS >= 600:
            assert grown <= GROWTH_KB_A_MINUTE, grown
            assert rows[-1][1] <= rows[len(rows) // 4][1] + SETTLED_KB, (rows[len(rows) // 4], rows[-1])


main()
