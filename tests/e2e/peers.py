"""Real counterparts that are built for the tests (tests/peers/build), and what tests of `logclass run` over HTTP share."""
import fcntl
import os
import re
import subprocess

from live import ask
from stream import wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LONG = bool(os.environ.get("LONG")) or float(os.environ.get("STREAM_SCALE", "1")) > 1  # the tests with peers that take minutes to build, too


def peer(name):
    """Where the counterpart is; it is built when it is not there. Two tests that want it at once wait for one building."""
    os.makedirs(os.path.join(ROOT, "build/peers"), exist_ok=True)
    with open(os.path.join(ROOT, "build/peers", name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        build = subprocess.run([os.path.join(ROOT, "tests/peers/build"), name], check=True, stdout=subprocess.PIPE, text=True)
        return build.stdout.strip()


class Run:
    """`logclass run` with the sections given, in a Place; returns once it answers."""

    def __init__(self, p, sections, *args, **popen):
        config = os.path.join(p.root, "logclass.conf")
        with open(config, "w") as f:
            f.write(sections)
        before = len(p.said())
        self.process = p.start("--config", config, "--port", "0", "--name", "t", *args, command="run", **popen)
        listening = re.compile(r"listening on \S+ port (\d+)")
        wait_until(lambda: listening.search(p.said()[before:]) or self.process.poll() is not None)
        found = listening.search(p.said()[before:])
        assert found, p.said()[before:]
        self.port = int(found.group(1))

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, *request, **more):
        return ask(self.port, *request, **more)

    def value(self, series):
        m = re.search(r"^" + re.escape(series) + r" (\S+)$", self.ask("GET", "/metrics")[1].decode(), flags=re.M)
        return float(m.group(1)) if m else 0.0
