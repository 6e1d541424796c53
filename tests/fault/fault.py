"""Faults as the system makes them: the n-th malloc, read, write, fsync, rename, mmap, thread start or connect fails, once or from then on,
for n = 1, 2, … until a run is clean; for classify, serve with a reload, learn and follow.

    python3 tests/fault/fault.py [BINARY] [--long] [COMMAND...] [KIND...]

BINARY: the program, or one with the faults linked in (build/asan/logclass-fault), whose reports count as wrong.

What must hold, whatever fails:
- The process ends by itself and in time: well; or with a status that tells, and a message; or stopped for want of memory or a thread,
  with a line that says so (base/must.h). Nothing else kills it.
- What it answered is what it answers without a fault, or UNCLASSIFIED; lines come whole and in order; status 0 means all of them.
- The next run, without a fault, in the same state folder, answers as if nothing had been.

Of malloc, whose calls are hundreds of thousands, one call from each place is made to fail (tests/fault/shim.c tells places apart), and
with --long every call of the first thousands too. Without --long a sample of all that, the same every time.
"""
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KINDS = ("malloc", "read", "write", "sync", "rename", "mmap", "thread", "connect")
LONG = "--long" in sys.argv
NAMES = [x for x in sys.argv[1:] if not x.startswith("--")]
BINARY = os.path.abspath(NAMES.pop(0) if NAMES and "/" in NAMES[0] else "build/release/logclass")
WORK = pathlib.Path(tempfile.mkdtemp(prefix="logclass-fault-"))
SHIM = WORK / "shim.so"
LINKED = b"FAULT_STICKY" in pathlib.Path(BINARY).read_bytes()
REPORT = 99  # exit status of a sanitizer's report
SANITIZERS = {"ASAN_OPTIONS": f"exitcode={REPORT}:allocator_may_return_null=1", "UBSAN_OPTIONS": f"exitcode={REPORT}", "LSAN_OPTIONS": f"exitcode={REPORT}"}
SECONDS = 300 if LINKED else 30  # a run that takes longer hangs
MALLOCS = 3000  # of the first calls, with --long
SAMPLE = {"malloc": 24}  # of the others 6: first, last, and between
STOPPED = re.compile(r"logclass: the system gives no (memory|thread) \(")
LINES = ["User bob logged in", "zork frobnicates the quux", "User alice logged out", "gnarl bits in spool"]
RULES = "[rule login]\nlabel = USER_ACTION\npattern = User \\w+ logged (in|out)\n"
NOTHING = ("UNCLASSIFIED", "fallback")


class Wrong(Exception):
    pass


def check(fine, *what):
    if not fine:
        raise Wrong(" ".join(str(x) for x in what))


class Folder:
    """A state folder and inputs of its own, and what is run in it."""

    def __init__(self):
        self.at = pathlib.Path(tempfile.mkdtemp(dir=WORK))
        (self.at / "in.log").write_text("\n".join(LINES) + "\n")
        (self.at / "rules.conf").write_text(RULES)
        (self.at / "run.conf").write_text("workers = 2\n")

    def env(self, fault=None):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.at), "XDG_STATE_HOME": str(self.at / "state"), **SANITIZERS}
        if fault:
            env |= {} if LINKED else {"LD_PRELOAD": str(SHIM)}
            env |= {"FAULT_KIND": fault.kind, "FAULT_AT": str(fault.n), "FAULT_LOG": str(self.at / "fault.log")}
            env |= {"FAULT_STICKY": "1"} if fault.sticky else {}
        return env

    def start(self, fault, *args):
        """With stdout and stderr in files: nobody has to read while it runs."""
        with open(self.at / "out", "wb") as out, open(self.at / "err", "wb") as err:
            return subprocess.Popen([BINARY, *args], env=self.env(fault), stdout=out, stderr=err, stdin=subprocess.DEVNULL, cwd=self.at)

    def said(self):
        return (self.at / "err").read_text(errors="replace")

    def end(self, process):
        try:
            return process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Wrong("it hangs:", self.said()[-300:]) from None

    def log(self):
        with contextlib.suppress(FileNotFoundError):
            return (self.at / "fault.log").read_text()
        return ""


Fault = collections.namedtuple("Fault", "kind n sticky")


def answers_of(text, whole=True):
    """(label_id, source) of each line of JSON; the last one may be cut off where not whole."""
    lines = text.split("\n")
    cut = lines.pop()
    check(not whole or cut == "", "a line is cut off:", cut[:80])
    out = []
    for line in lines:
        try:
            answer = json.loads(line)
        except ValueError:
            raise Wrong("a line is torn:", line[:80]) from None
        out.append((answer["label_id"], answer["source"]))
    return out


def check_answers(got, want, complete):
    check(len(got) <= len(want) and (not complete or len(got) == len(want)), f"{len(got)} answers of {len(want)}")
    for g, w in zip(got, want):
        check(g in (w, NOTHING), "answered", g, "not", w)


def check_end(status, said, fine=(0, 1, 78)):
    """How a process may end."""
    check("Sanitizer" not in said and "runtime error" not in said, said[-2000:])
    if status == -signal.SIGABRT:
        check(STOPPED.search(said), "it aborts:", said[-300:])
        return
    check(status in fine, "status", status, said[-300:])
    check(status == 0 or re.search(r"^logclass: \S.{10}|level=error", said, flags=re.M), "status", status, "without a message:", said[-300:])


# ---- the commands: each is run in a folder with a fault or none, and checks what it can see ----

class Classify:
    """The encoder, with its store of vectors; rules of two lines, so that a run is short."""
    args = ("classify", "-q", "--no-message", "--rules", "rules.conf", "in.log")
    want = None  # what the first run says

    def run(self, f, fault):
        status = f.end(f.start(fault, *self.args))
        check_end(status, f.said())
        got = answers_of((f.at / "out").read_text(), status == 0)
        type(self).want = self.want or got
        check_answers(got, self.want, status == 0)


class Ask(Classify):
    """An LLM over HTTP, with its store of answers."""
    want = [("USER_ACTION", "regex"), ("BACKUP", "llm"), ("USER_ACTION", "regex"), ("BACKUP", "llm")]

    def __init__(self):
        self.args = ("classify", "-q", "--no-message", "--rules", "rules.conf", "--bert", "off", "--llm-url", f"http://127.0.0.1:{PORT}/v1",
                     "--llm-model", "m", "--retries-max", "0", "in.log")


class Serve:
    """A question, a reload, a question again, the end."""
    body = json.dumps([{"log_message": x} for x in LINES]).encode()
    want = [("USER_ACTION", "regex"), NOTHING, ("USER_ACTION", "regex"), NOTHING]

    def ask(self, port):
        try:
            with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/classify", self.body), timeout=SECONDS) as r:
                check_answers([(x["label_id"], x["source"]) for x in json.load(r)], self.want, True)
        except urllib.error.HTTPError as e:  # an answer too
            check(e.code in (500, 503), "refused with", e.code, e.read()[:200])
            return False
        except OSError:  # the connection was closed
            return False
        return True

    def wait(self, f, p, mark):
        end = time.monotonic() + SECONDS
        while p.poll() is None and time.monotonic() < end:
            m = re.search(mark, f.said())
            if m:
                return m
            time.sleep(0.005)
        check(p.poll() is not None, "it does not say", mark, f.said()[-300:])
        return None

    def run(self, f, fault):
        p = f.start(fault, "serve", "--port", "0", "--rules", "rules.conf", "--bert", "off", "--llm-url", "off", "--config", "run.conf", "--drain-time-max", "2000")
        m = self.wait(f, p, r"listening on \S+ port (\d+)")
        answered = 0
        if m:
            answered += self.ask(m.group(1))
            with contextlib.suppress(ProcessLookupError):
                p.send_signal(signal.SIGHUP)
            self.wait(f, p, r"event=reload\.\w+|event=config\.reload|reload")
            answered += self.ask(m.group(1))
            with contextlib.suppress(ProcessLookupError):
                p.send_signal(signal.SIGTERM)
        check_end(f.end(p), f.said())
        check(fault or answered == 2, "it does not answer")


class Follow:
    """A file of four lines into another, by a checkpoint; ended when all are there, or after a while. Then, without a fault, it goes on,
    and takes a fifth. At least once: lines may come twice, none may be missing, and where one was torn it follows whole."""
    more = "User carol logged in"

    def lines(self, f):
        with contextlib.suppress(FileNotFoundError):
            for x in (f.at / "answers").read_text(errors="replace").splitlines():
                with contextlib.suppress(ValueError):
                    yield json.loads(x)["log_message"]

    def run(self, f, fault):
        want = set(LINES)
        if not fault:
            with open(f.at / "in.log", "a") as log:
                log.write(self.more + "\n")
            want.add(self.more)
        p = f.start(fault, "follow", "--name", "t", "--to", f"file={f.at}/answers", "--start", "beginning", "--rules", "rules.conf", "--bert", "off", "--llm-url", "off",
                    "--checkpoint-interval", "100", "--stream-drain-time-max", "1000", str(f.at / "in.log"))
        end = time.monotonic() + (3 if fault and fault.n else SECONDS)
        while p.poll() is None and time.monotonic() < end and set(self.lines(f)) != want:
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):
            p.send_signal(signal.SIGTERM)
        status = f.end(p)
        check_end(0 if fault and status == -signal.SIGTERM else status, f.said())  # it had not come to where it takes signals
        check(fault or set(self.lines(f)) == want, "there is", set(self.lines(f)), f.said()[-300:])


class Learn:
    """The head from a few rows and a correction; after it a head is in force that classify can use."""
    def run(self, f, fault):
        if not (f.at / "rows.csv").exists():
            shutil.copy(ROWS, f.at / "rows.csv")
            (f.at / "more.csv").write_text("label,log_message\n" + "".join(f"BACKUP,gnarl bits {x}{x} in spool {x}\n" for x in string.ascii_lowercase))
            shutil.copytree(STATE, f.at / "state", dirs_exist_ok=True)
        status = f.end(f.start(fault, "learn", "--json", "--data", "rows.csv", "--weight", "5", "--vectors", "vectors", "more.csv"))
        check_end(status, f.said())
        if not fault:
            check(status == 0, f.said()[-300:])
            status = f.end(f.start(None, *Classify.args))
            check(status == 0 and len(answers_of((f.at / "out").read_text())) == len(LINES), f.said()[-300:])


COMMANDS = {"classify": Classify, "llm": Ask, "serve": Serve, "follow": Follow, "learn": Learn}


# ---- points ----

def points(command, kind):
    f = Folder()
    COMMANDS[command]().run(f, Fault(kind, 0, False))
    calls = max((int(x) for x in re.findall(r"^calls (\d+)$", f.log(), flags=re.M)), default=0)
    places = sorted({int(x) for x in re.findall(r"^new (\d+)$", f.log(), flags=re.M)})
    shutil.rmtree(f.at, ignore_errors=True)
    if kind == "malloc":
        chosen = sorted({*places, *(range(1, min(calls, MALLOCS) + 1) if LONG else ())})
    else:
        chosen = list(range(1, calls + 1)) if LONG or calls < 64 else places
    most = SAMPLE.get(kind, 6)
    if not LONG and len(chosen) > most:
        chosen = [chosen[i * (len(chosen) - 1) // (most - 1)] for i in range(most)]
    return calls, len(places), chosen


def one(command, fault):
    """What is wrong, or None; and whether the fault came to pass."""
    f = Folder()
    try:
        COMMANDS[command]().run(f, fault)
        struck = "place" in f.log()
        COMMANDS[command]().run(f, None)
        return None, struck
    except Wrong as e:
        place = re.search(r"^place (\S+)\+(0x\w+)$", f.log(), flags=re.M)
        return f"{e}\n      at {place.group(1) if place else '?'} {place.group(2) if place else ''}", True
    finally:
        shutil.rmtree(f.at, ignore_errors=True)


class Llm(threading.Thread):
    """An endpoint that says BACKUP to everything."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def run(self):
        while True:
            c, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        body = json.dumps({"choices": [{"message": {"content": '{"label_id":"BACKUP"}'}, "finish_reason": "stop"}],
                           "usage": {"prompt_tokens": 10, "completion_tokens": 5}}).encode()
        with c, contextlib.suppress(OSError):
            r = c.makefile("rb")
            while r.readline():
                n = 0
                for line in iter(r.readline, b"\r\n"):
                    if not line:
                        return
                    if line.lower().startswith(b"content-length:"):
                        n = int(line.split(b":")[1])
                r.read(n)
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def prepare_learning():
    """Rows and a correction, made once."""
    f = Folder()
    rows = subprocess.run([BINARY, "corpus", "generate", "--rows-per-template", "1", "data/corpus"], capture_output=True, check=True, cwd=ROOT).stdout.decode().splitlines()
    (WORK / "rows.csv").write_text("\n".join(rows[:1] + rows[1::1000 if LINKED else 100]) + "\n")
    for line in ("gnarl bits in spool", "gnarl bytes in spool", "gnarl words in the pool"):
        subprocess.run([BINARY, "correct", "BACKUP", line], check=True, env=f.env(), stdout=subprocess.DEVNULL)
    return WORK / "rows.csv", f.at / "state"


def main():
    global PORT, ROWS, STATE
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-g", HERE / "shim.c", "-o", SHIM], check=True)
    llm = Llm()
    llm.start()
    PORT = llm.listener.getsockname()[1]
    commands = [x for x in NAMES if x in COMMANDS] or list(COMMANDS)
    if "learn" in commands:
        ROWS, STATE = prepare_learning()
    passed = failed = 0
    print(f"{'command':9} {'kind':8} {'calls':>7} {'places':>6} {'tried':>6} {'struck':>6} {'wrong':>6}")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for command in commands:
            for kind in [x for x in NAMES if x in KINDS] or KINDS:
                calls, places, chosen = points(command, kind)
                faults = [Fault(kind, n, sticky) for i, n in enumerate(chosen) for sticky in (False, True) if LONG or kind != "malloc" or sticky == i % 2]
                results = list(pool.map(lambda x, c=command: one(c, x), faults))
                wrong = [(x, r[0]) for x, r in zip(faults, results) if r[0]]
                print(f"{command:9} {kind:8} {calls:7} {places:6} {len(faults):6} {sum(r[1] for r in results):6} {len(wrong):6}", flush=True)
                for x, what in wrong[:6 if not LONG else 1000]:
                    print(f"    {command} {x.kind} {x.n}{' sticky' if x.sticky else ''}: {what}", flush=True)
                failed += len(wrong)
                passed += len(faults) - len(wrong)
    shutil.rmtree(WORK, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
