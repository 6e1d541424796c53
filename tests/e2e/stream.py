"""What tests of log streams share: a `logclass follow` or `run` in a folder of its own, writers of numbered lines, and the
count by sets of numbers: what is lost, what came twice."""
import collections
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from check import BINARY, equal
from live import wait_until

FAST = ("--bert", "off", "--llm-url", "off", "--no-memo", "--workers", "1", "--checkpoint-interval", "100")


def line(i):
    return f"2026-01-31T10:00:00Z worker[{i % 97}]: request id={i} of user bob took {i % 500} ms\n"


def resident_kb(process):
    with open(f"/proc/{process.pid}/status") as f:
        return next(int(x.split()[1]) for x in f if x.startswith("VmRSS:"))


def cpu_s(process):
    with open(f"/proc/{process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ids(text):
    return [int(n) for n in re.findall(rb"id=(\d+) ", text)]


class Place:
    """A folder with logs/, state/ and the output file; streams that are started in it."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="logclass-stream-")
        self.logs = os.path.join(self.root, "logs")
        self.out = os.path.join(self.root, "out.jsonl")
        os.mkdir(self.logs)
        self.checkpoint = os.path.join(self.root, "state", "logclass", "checkpoints", "t.jsonl")
        self.processes = []

    def log(self, name="app.log"):
        return os.path.join(self.logs, name)

    def write(self, text, name="app.log"):
        with open(self.log(name), "ab") as f:
            f.write(text if isinstance(text, bytes) else text.encode())

    def start(self, *args, command="follow", wrap=(), **popen):
        env = {**os.environ, "XDG_STATE_HOME": os.path.join(self.root, "state")}
        env.pop("STATE_DIRECTORY", None)
        self.stderr = open(os.path.join(self.root, "stderr"), "ab")
        p = subprocess.Popen([*wrap, BINARY, command, *FAST, *args], stderr=self.stderr, env=env, **popen)
        self.processes.append(p)
        return p

    def follow(self, *args, pattern="*.log", **popen):
        """Follows the logs by a checkpoint, to the output file."""
        return self.start("--name", "t", "--to", f"file={self.out}", "--rotate-wait", "1", "--line-wait", "1",
                          "--scan-interval", "1", *args, self.log(pattern), **popen)

    def is_begun(self):
        """Whether the checkpoint knows what was there at the first start."""
        with contextlib.suppress(FileNotFoundError), open(self.checkpoint) as f:
            return '"known"' in f.read()
        return False

    def is_saved(self, name="app.log"):
        """Whether the checkpoint has the log as read to its end."""
        with contextlib.suppress(FileNotFoundError), open(self.checkpoint) as f:
            rows = [json.loads(x) for x in f]
            return any(r.get("path") == self.log(name) and r["at"] == os.path.getsize(self.log(name)) for r in rows)
        return False

    def said(self):
        with contextlib.suppress(FileNotFoundError), open(os.path.join(self.root, "stderr"), "rb") as f:
            return f.read().decode()
        return ""

    def text(self):
        with contextlib.suppress(FileNotFoundError), open(self.out, "rb") as f:
            return f.read()
        return b""

    def ids(self):
        return ids(self.text())

    def wait_ids(self, wanted, seconds=60):
        """Until every number is in the output; fails with what is lost."""
        end, wanted = time.monotonic() + seconds, set(wanted)
        while (missing := wanted - set(self.ids())) and time.monotonic() < end:
            time.sleep(0.05)
        assert not missing, f"{len(missing)} lost, such as {sorted(missing)[:5]} … {sorted(missing)[-5:]}; {self.said()[-2000:]}"

    def twice(self):
        return sum(n - 1 for n in collections.Counter(self.ids()).values())

    def whole(self):
        """Every line of the output is an object; returns them."""
        return [json.loads(x) for x in self.text().decode().splitlines()]

    def wait_end(self, p, code):
        """Until the process ends by itself; fails with what it said."""
        try:
            equal(p.wait(timeout=120), code)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end: {self.said()[-4000:]}") from None

    def stop(self, p, how=signal.SIGTERM, code=0):
        p.send_signal(how)
        self.wait_end(p, code)

    def close(self):
        for p in self.processes:
            if p.poll() is None:
                p.kill()
                p.wait()
        shutil.rmtree(self.root, ignore_errors=True)


@contextlib.contextmanager
def place():
    p = Place()
    try:
        yield p
    finally:
        p.close()


class Writer:
    """Appends numbered lines to a log as a program does that opens its log by name each time (reopen), or keeps it."""

    def __init__(self, where, name="app.log", reopen=True):
        self.where, self.name, self.reopen, self.n, self.file = where, name, reopen, 0, None

    def write(self, count):
        text = "".join(line(i) for i in range(self.n, self.n + count))
        if self.reopen or not self.file:
            self.file = open(self.where.log(self.name), "ab", buffering=0)
        self.file.write(text.encode())
        self.n += count
        if self.reopen:
            self.file.close()


__all__ = ["BINARY", "Place", "Writer", "cpu_s", "equal", "ids", "line", "place", "resident_kb", "wait_until"]
