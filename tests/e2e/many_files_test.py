"""Many followed files, on folder watches: few descriptors, bounded memory, no work while nothing happens, and nothing lost over
rotations of all of them. 600 files; with LONG=1, 10,000."""
import contextlib
import os
import random
import threading
import time

from check import equal, main, test
from stream import cpu_s, line, place, resident_kb, wait_until

LONG = bool(os.environ.get("LONG"))
FILES = 10_000 if LONG else 600
OPEN_MAX = 512 if LONG else 64  # descriptors of files
OPEN_MORE = 40  # those of the rest of the process
GROWTH_KB = 40 << 10 if LONG else 16 << 10
WAIT_S = 300


class Watcher:
    """The most descriptors and memory that the process had, looked at all the time."""

    def __init__(self, run):
        self.run, self.descriptors, self.kb, self.over = run, 0, 0, False
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while not self.over and self.run.poll() is None:
            try:
                self.descriptors = max(self.descriptors, len(os.listdir(f"/proc/{self.run.pid}/fd")))
                self.kb = max(self.kb, resident_kb(self.run))
            except (FileNotFoundError, StopIteration):
                return
            time.sleep(0.01)

    def end(self):
        self.over = True
        self.thread.join()


class Fleet:
    """The files, in folders of 1,000, and the numbers that were written."""

    def __init__(self, p):
        self.p, self.n, self.rnd = p, 0, random.Random(5)
        self.names = [f"d{i // 1000}/app-{i}.log" for i in range(FILES)]
        for i in range(0, FILES, 1000):
            os.mkdir(p.log(f"d{i // 1000}"))

    def write(self, names):
        for name in names:
            self.p.write(line(self.n), name)
            self.n += 1

    def write_some(self, count):
        self.write(self.rnd.choice(self.names) for _ in range(count))

    def rotate(self):
        for name in self.names:
            with contextlib.suppress(FileNotFoundError):
                os.rename(self.p.log(name) + ".1", self.p.log(name) + ".2")
            os.rename(self.p.log(name), self.p.log(name) + ".1")

    def wait(self):
        self.p.wait_ids(range(self.n), WAIT_S)

    def start(self):
        run = self.p.follow("--start", "beginning", "--open-files-max", str(OPEN_MAX), "--scan-interval", "10", pattern="*/*.log")
        return run, Watcher(run)

    def check(self, seen, base_kb):
        print(f"{FILES} files: at most {seen.descriptors} descriptors, {seen.kb >> 10} MiB; {base_kb >> 10} MiB with one file", flush=True)
        assert seen.descriptors <= OPEN_MAX + OPEN_MORE, seen.descriptors
        assert seen.kb <= base_kb + GROWTH_KB, (seen.kb, base_kb)


def with_one_file():
    with place() as p:
        p.write("".join(line(i) for i in range(3 * FILES)))
        run = p.follow("--start", "beginning")
        p.wait_ids(range(3 * FILES), WAIT_S)
        kb = resident_kb(run)
        p.stop(run)
    return kb


@test
def many_files_rotated_deleted_and_new():
    base_kb = with_one_file()
    with place() as p:
        fleet = Fleet(p)
        fleet.write(fleet.names)
        run, seen = fleet.start()
        fleet.wait()
        for _ in range(3):
            fleet.write_some(FILES)
            fleet.rotate()
            fleet.write(fleet.names)
            fleet.write_some(FILES)
            fleet.wait()
        for name in fleet.names[::10]:
            os.remove(p.log(name))
        fleet.write([f"d0/new-{i}.log" for i in range(FILES // 10)])
        fleet.write(fleet.names[::10])  # there again
        fleet.wait()
        time.sleep(3)  # those that were rotated are let go
        used, idle_s = cpu_s(run), 30 if LONG else 2
        time.sleep(idle_s)
        print(f"{FILES} idle files: {(cpu_s(run) - used) / idle_s:.2%} of a core", flush=True)
        seen.end()
        fleet.check(seen, base_kb)
        p.stop(run)
        equal(p.twice(), 0)
        assert "follow.lost" not in p.said() and "follow.broken" not in p.said(), p.said()[-2000:]


@test
def many_files_rotated_while_it_was_down():
    with place() as p:
        fleet = Fleet(p)
        fleet.write(fleet.names)
        run, seen = fleet.start()
        fleet.wait()
        p.stop(run)
        seen.end()
        for _ in range(2):
            fleet.write(fleet.names)
            fleet.rotate()
            fleet.write(fleet.names)
        run, seen = fleet.start()
        wait_until(lambda: fleet.n - 1 in p.ids(), WAIT_S)
        fleet.write_some(100)
        fleet.wait()
        seen.end()
        assert seen.descriptors <= OPEN_MAX + OPEN_MORE, seen.descriptors
        p.stop(run)
        equal(p.twice(), 0)


main()
