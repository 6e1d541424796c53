"""systemd's journal, with a real journald in a mount namespace of its own: nothing lost over rotations and kills, and a
vacuum past our place is seen."""
import contextlib
import os
import signal
import subprocess
import time

from check import equal, main, test
from stream import ids, line, place, wait_until

JOURNALD = "/usr/lib/systemd/systemd-journald"
assert os.path.exists(JOURNALD), "systemd is missing: scripts/install-debian --dev"


class Journal:
    """A journald whose files, socket and id are in a mount namespace, which `inside` leads into."""

    def __init__(self, p):
        script = ("mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/log/journal && "
                  f"{{ {JOURNALD} & echo $! > {p.root}/journald.pid; }} && while [ ! -S /run/systemd/journal/socket ]; do sleep 0.05; done; "
                  f"touch {p.root}/ready; sleep 600")
        unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
        self.process = subprocess.Popen([*unshare, "sh", "-c", script], stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until(lambda: os.path.exists(os.path.join(p.root, "ready")))
        self.inside = ["nsenter", "-t", str(self.process.pid), *(["-m"] if os.geteuid() == 0 else ["-U", "-m", "--preserve-credentials"]), "--"]

    def call(self, *args, stdin=None):
        subprocess.run([*self.inside, *args], input=stdin, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def log(self, numbers):
        self.call("logger", "--socket-errors=off", "-u", "/run/systemd/journal/dev-log", "-t", "worker", "-p", "auth.warning",
                  stdin="".join(line(i) for i in numbers).encode())

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def journal():
    with place() as p:
        j = Journal(p)
        try:
            yield p, j
        finally:
            j.close()


def follow(p, j):
    return p.start("--name", "t", "--start", "beginning", "--from", "journald", "--to", f"file={p.out}", wrap=j.inside)


def child_of(pid):
    return [int(c) for c in open(f"/proc/{pid}/task/{pid}/children").read().split()] + [
        int(c) for t in os.listdir(f"/proc/{pid}/task") for c in open(f"/proc/{pid}/task/{t}/children").read().split()]


@test
def entries_are_read_over_rotations_and_kills():
    with journal() as (p, j):
        j.log(range(500))
        run = follow(p, j)
        p.wait_ids(range(500))
        for i in range(1, 7):
            j.log(range(500 * i, 500 * i + 500))
            j.call("journalctl", "--rotate")
            if i == 2:
                for pid in set(child_of(run.pid)):
                    os.kill(pid, signal.SIGKILL)  # journalctl: it is started again
            if i == 4:
                p.wait_ids(range(2000))
                time.sleep(0.5)  # the checkpoint is written by then, many times over
                run.kill()
                run.wait()
                run = follow(p, j)
        p.wait_ids(range(3500))
        p.stop(run)
        j.log(range(3500, 3600))
        run = follow(p, j)
        p.wait_ids(range(3600))
        p.stop(run)
        assert p.twice() <= 500, p.twice()
        first = next(o for o in p.whole() if ids(o["log_message"].encode()) == [0])
        equal((first["log_source"], first["log_severity"]), ("worker", "warning"))
        assert first["log_time"].endswith("Z") and first["log_attributes"]["journald.transport"] == "syslog", first
        assert "journal.gap" not in p.said()


@test
def a_vacuum_past_our_place_is_a_gap():
    with journal() as (p, j):
        j.log(range(100))
        run = follow(p, j)
        p.wait_ids(range(100))
        p.stop(run)
        for i in range(1, 4):
            j.log(range(1000 * i, 1000 * i + 1000))
            j.call("journalctl", "--rotate")
        j.call("journalctl", "--vacuum-files=1")
        j.log(range(9000, 9010))
        run = follow(p, j)
        p.wait_ids(range(9000, 9010))
        p.stop(run)
        equal(p.said().count("journal.gap"), 1)


main()
