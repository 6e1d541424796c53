"""What bench/serve and bench/torture share: lines, a server to talk to, and the load program."""
import atexit
import csv
import io
import json
import os
import pathlib
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "build/release/logclass"
LOAD = ROOT / "build/load"
FDS = 32768


def generated_lines():
    text = subprocess.run([BINARY, "corpus", "generate", ROOT / "data/corpus", "--seed", "7"], capture_output=True, text=True, check=True)
    return [(r["source"], r["log_message"]) for r in csv.DictReader(io.StringIO(text.stdout))]


def file_lines(paths):
    return [("app", line.rstrip("\r\n")) for p in paths for line in open(p, encoding="utf-8", errors="replace") if line.strip()]


def new_lines(lines, n):
    """Lines whose templates nobody has seen: each gets a word of its own, which masking leaves alone."""
    r = random.Random(time.time_ns())
    word = lambda: "".join(r.choice("bdfgklmnprstvz") + r.choice("aeiou") for _ in range(3))
    return [(s, f"{m} {word()}") for s, m in r.choices(lines, k=n)]


def body(entries):
    return json.dumps([{"source": s, "log_message": m} for s, m in entries], ensure_ascii=False, separators=(",", ":"))


def cpu_seconds(*pids):
    """User and system time so far (proc(5))."""
    ticks = 0
    for pid in pids:
        f = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(f[11]) + int(f[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Process:
    def __init__(self, *command):
        self.p = subprocess.Popen([str(c) for c in command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        atexit.register(self.p.kill)  # whatever becomes of us

    def children(self):
        return [int(pid) for pid in pathlib.Path(f"/proc/{self.p.pid}/task/{self.p.pid}/children").read_text().split()]

    def stop(self):
        self.p.terminate()
        return self.p.wait(timeout=120)


class Server(Process):
    def __init__(self, *options, binary=None):
        super().__init__(binary or BINARY, "serve", "--port", "0", "--log-level", "info", *options)
        self.log = []
        for line in self.p.stderr:
            self.log.append(line)
            if m := re.search(r"listening on \S+ port (\d+)", line):
                self.port = int(m.group(1))
                self.reader = threading.Thread(target=lambda: self.log.extend(self.p.stderr), daemon=True)
                self.reader.start()
                return
        sys.exit("the server did not start:\n" + "".join(self.log))

    def post(self, text):
        r = urllib.request.Request(f"http://127.0.0.1:{self.port}/classify", text.encode(), {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(r, timeout=120))

    def metric(self, name):
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20).read().decode()
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M).group(1))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def prepare():
    """As many descriptors as we may have, an orderly end, and the load program."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FDS, hard) if hard > 0 else FDS, hard))
    subprocess.run(["cc", "-O2", "-o", LOAD, ROOT / "bench/load.c"], check=True)


def load(port, bodies, connections, rate, seconds):
    """bench/load.c's report."""
    out = subprocess.run([LOAD, str(port), str(bodies), str(connections), str(rate), str(seconds)], capture_output=True, text=True)
    if out.returncode:
        sys.exit(out.stderr)
    return json.loads(out.stdout)
