"""The LLM stage's limits: budgets, waiting, what is kept, what a dry run says, and that nothing leaks."""
import ctypes
import email.utils
import json
import os
import resource
import signal
import sqlite3
import struct
import subprocess
import sys
import time

from check import BINARY, equal, main, test
from endpoint import HANG, Endpoint, ask, chat, classify, completion, environment, folder, run, says, store
from live import Server, wait_until

# Lines of different templates that no rule takes; without encoder all of them are the LLM's.
WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa".split()
LINES = [f"the {word} unit is out of paper" for word in WORDS]
CANARY = "gsk-canary-5b1e77"


def by(answers, source):
    return [a for a in answers if a["source"] == source]


class LlmServer(Server):
    """A live `logclass serve` without encoder."""

    def __init__(self, endpoint, *args, **how):
        super().__init__("--bert", "off", "--llm-url", endpoint.url(), "--llm-model", "m", *args, env=environment(), **how)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# ---- asked once, kept ----

@test
def one_template_is_one_call_whatever_its_values():
    e, db = Endpoint(chat("BACKUP")), store()
    lines = [f"copied {n} blocks to tape {n * 7}" for n in range(1, 501)]
    _, answers = classify(e, lines, keep=db)
    equal((len(by(answers, "llm")), len(e.asked)), (500, 1))
    _, answers = classify(e, lines[:10], keep=db)
    equal((len(by(answers, "llm")), len(e.asked)), (10, 1))
    row = sqlite3.connect(db).execute("SELECT template, label, confidence, model, length(prompt), first_seen <= last_seen,"
                                      " count > 1 FROM answers").fetchall()
    equal(row, [("copied # blocks to tape #", "BACKUP", 0.7, "m", 16, 1, 1)])
    equal(os.stat(db).st_mode & 0o777, 0o600)


@test
def what_is_kept_is_what_was_sent():
    e, db = Endpoint(chat("BACKUP")), store()
    secrets = ["kLqWmZtRvXpB", "correct horse battery", "hunter@corp.example"]
    lines = [f'restore with passphrase="{s}" of the tape' for s in secrets]
    _, answers = classify(e, lines, keep=db)
    equal(len(by(answers, "llm")), 3)
    asked = len(e.asked)
    _, answers = classify(e, [lines[0].replace("kLq", "ZZt")], keep=db)  # it differs in the secret alone: the answer is known
    equal((len(by(answers, "llm")), len(e.asked)), (1, asked))
    kept = b"".join(open(db + end, "rb").read() for end in ("", "-wal") if os.path.exists(db + end)) + json.dumps(e.asked).encode()
    for s in secrets:
        assert s.encode() not in kept, s
    rows = sqlite3.connect(db).execute("SELECT template FROM answers").fetchall()
    equal({r[0] for r in rows}, {f'restore with passphrase="{s}" of the tape' for s in ("<secret>", "<email>")})


@test
def what_has_no_answer_is_kept_for_a_shorter_time():
    e, db = Endpoint(lambda path, body: (200, completion("no idea"))), store()
    for _ in range(2):
        _, answers = classify(e, LINES[:3], keep=db)
        equal((len(by(answers, "fallback")), len(e.asked)), (3, 3))
    with sqlite3.connect(db) as c:  # two days pass
        equal(c.execute("UPDATE answers SET answered = answered - 2 * 86400 WHERE negative = 1").rowcount, 3)
    e.reply = chat("BACKUP")
    _, answers = classify(e, LINES[:3], keep=db)
    equal((len(by(answers, "llm")), len(e.asked)), (3, 6))


@test
def another_model_is_asked_anew():
    e, db = Endpoint(chat("BACKUP")), store()
    for model in ("m", "other", "m"):
        ask(e, LINES[0], model=model, keep=db)
    equal([b["model"] for b in e.asked], ["m", "other"])


@test
def two_processes_share_the_answers():
    e, db = Endpoint(chat("BACKUP")), store()
    args = [BINARY, "classify", "--summary", "--bert", "off", "--llm-url", e.url(), "--llm-model", "m", "--llm-store", db]
    both = [subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             env=environment()) for _ in range(2)]
    text = "".join(line + "\n" for line in LINES).encode()
    out = [p.communicate(text, timeout=120)[0] for p in both]
    equal([[json.loads(x)["source"] for x in o.splitlines()] for o in out], [["llm"] * len(LINES)] * 2)
    assert len(LINES) <= len(e.asked) <= 2 * len(LINES)
    asked = len(e.asked)
    classify(e, LINES, keep=db)
    equal(len(e.asked), asked)
    equal(sqlite3.connect(db).execute("PRAGMA integrity_check").fetchall(), [("ok",)])


@test
def an_answer_that_comes_too_late_is_kept_for_the_next_line():
    def slow(path, body):
        time.sleep(0.3)
        return 200, says("BACKUP")
    e = Endpoint(slow)
    with LlmServer(e, "--llm-store", store(), "--llm-calls-max", "1", "--llm-timeout", "1000") as s:
        first = s.lines(*LINES)
        assert by(first, "fallback"), "sixteen calls of 0.3 s, one at a time, are not over in a second"
        wait_until(lambda: len(e.asked) == len(LINES) and s.value("logclass_remote_requests_in_flight{classifier=\"llm\"}") == 0)
        equal(len(by(s.lines(*LINES), "llm")), len(LINES))
        equal(len(e.asked), len(LINES))


# ---- budgets ----

def day_rows(db):
    return sqlite3.connect(db).execute("SELECT calls, tokens FROM usage WHERE kind = 1").fetchall()


@test
def the_budget_of_a_day_outlives_the_process():
    e, db = Endpoint(chat("BACKUP")), store()
    r, answers = classify(e, LINES[:8], "--llm-calls-day", "5", keep=db)
    equal((len(by(answers, "llm")), len(by(answers, "fallback")), len(e.asked)), (5, 3, 5))
    _, answers = classify(e, LINES[:8], "--llm-calls-day", "5", keep=db)
    equal((len(by(answers, "llm")), len(e.asked)), (5, 5))
    _, answers = classify(e, LINES[:8], "--llm-calls-day", "6", keep=db)
    equal((len(by(answers, "llm")), len(e.asked)), (6, 6))
    equal(day_rows(db), [(6, 6 * 105)])


@test
def the_budget_of_a_minute_is_a_limit_too():
    for _ in range(5):  # until both runs fall into the same minute
        minute, e, db = time.time() // 60, Endpoint(chat("BACKUP")), store()
        for _ in range(2):
            classify(e, LINES[:4], "--llm-calls-minute", "2", keep=db)
        if time.time() // 60 == minute:
            break
    equal(len(e.asked), 2)


@test
def tokens_are_a_budget():
    e, db = Endpoint(lambda path, body: (200, completion('{"label_id":"BACKUP"}', usage=(5000, 20)))), store()
    _, answers = classify(e, LINES[:8], "--llm-tokens-day", "12000", "--llm-calls-max", "1", keep=db)
    asked = len(e.asked)
    assert 1 <= asked <= 3, asked
    equal(day_rows(db), [(asked, asked * 5020)])
    equal(len(by(answers, "llm")), asked)


@test
def two_processes_share_the_budget():
    e, db = Endpoint(chat("BACKUP")), store()
    args = [BINARY, "classify", "--bert", "off", "--llm-url", e.url(), "--llm-model", "m", "--llm-store", db,
            "--llm-calls-day", "7"]
    both = [subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             env=environment()) for _ in range(2)]
    for p, lines in zip(both, (LINES[:8], LINES[8:])):
        p.communicate("".join(line + "\n" for line in lines).encode(), timeout=120)
    equal(len(e.asked), 7)


@test
def what_is_spent_is_told():
    e = Endpoint(chat("BACKUP"))
    price = ["--llm-price-in", "2", "--llm-price-out", "10"]
    r, _ = classify(e, LINES[:4], *price)
    assert b"LLM: 4 calls, 400 + 20 tokens, estimated cost 0.0010;" in r.stderr, r.stderr
    with LlmServer(e, "--llm-store", "none", "--llm-calls-day", "3", *price) as s:
        s.lines(*LINES[:5])
        equal(s.value('logclass_llm_tokens_total{kind="prompt"}'), 300)
        equal(s.value('logclass_llm_tokens_total{kind="completion"}'), 15)
        equal(s.value("logclass_llm_budget_refused_total"), 2)
        assert abs(s.value("logclass_llm_cost_total") - (300 * 2 + 15 * 10) / 1e6) < 1e-9


@test
def a_dry_run_tells_the_calls_and_makes_none():
    e, db = Endpoint(chat("BACKUP")), store()
    text = "".join(line + "\n" for line in LINES * 3).encode()
    args = ["--bert", "off", "--llm-url", e.url(), "--llm-model", "m", "--llm-store", db, "--llm-price-in", "1"]
    dry = json.loads(run("classify", "--dry-run", *args, stdin=text).stdout)
    equal((dry["lines"], dry["open_lines"], dry["llm_calls"], dry["templates_known"]), (48, 48, 16, 0))
    assert 16 * 300 < dry["tokens_in"] < 16 * 1000 and abs(dry["cost"] - dry["tokens_in"] / 1e6) < 1e-4, dry
    assert e.asked == [] and not os.path.exists(db), "nothing is asked, and no store is made"
    classify(e, LINES[:6], keep=db)
    before = sqlite3.connect(db).execute("SELECT * FROM answers").fetchall()
    dry = json.loads(run("classify", "--dry-run", *args, stdin=text).stdout)
    equal((dry["llm_calls"], dry["templates_known"], len(e.asked)), (10, 6, 6))
    equal(sqlite3.connect(db).execute("SELECT * FROM answers").fetchall(), before)
    run("classify", *args, stdin=text)
    equal(len(e.asked), 16)
    dry = run("classify", "--dry-run", "--bert", "off", "--offline", stdin=text)  # with no endpoint at all
    equal(json.loads(dry.stdout)["llm_calls"], 16)


@test
def a_path_that_is_too_long_is_an_error():
    e = Endpoint(chat("BACKUP"))
    r, answer = ask(e, LINES[0], keep="/" + "x" * 5000)
    equal((r.returncode != 0, answer, e.asked), (True, None, []))
    r = run("classify", "--bert", "off", "--llm-url", e.url(), stdin=b"x\n", env={"HOME": "/" + "x" * 5000})
    assert r.returncode == 2 and b"llm-store" in r.stderr, r.stderr


@test
def a_store_that_can_not_be_is_done_without():
    e = Endpoint(chat("BACKUP"))
    for path in ("/nowhere/answers.db", "/dev/null/answers.db", folder()):
        r, answers = classify(e, LINES, keep=path)
        equal((r.returncode, {a["source"] for a in answers}, len(answers)), (0, {"llm"}, len(LINES)))
        equal(r.stderr.count(b"store.failed"), 1)
        asked = len(e.asked)
        r, answers = classify(e, LINES, "--llm-calls-day", "100", keep=path)  # which could not be kept
        equal((r.returncode, {a["source"] for a in answers}, len(e.asked)), (0, {"fallback"}, asked))
        assert b"where a budget is set the LLM is not asked" in r.stderr, r.stderr
    r, answers = classify(e, LINES, keep="", env={"HOME": "/dev/null"})
    equal((r.returncode, {a["source"] for a in answers}), (0, {"llm"}))


@test
def a_damaged_store_makes_room_for_a_new_one():
    e, bad = Endpoint(chat("BACKUP")), store()
    damage = os.urandom(7000)
    open(bad, "wb").write(damage)
    with LlmServer(e, "--llm-store", bad, "--llm-calls-day", "100") as s:
        equal([a["source"] for a in s.lines("alpha")], ["llm"])
        equal(s.value("logclass_llm_store_failures_total"), 1)
    aside = [f for f in os.listdir(os.path.dirname(bad)) if ".damaged-" in f and not f.endswith(("-wal", "-shm"))]
    equal([open(os.path.join(os.path.dirname(bad), f), "rb").read() for f in aside], [damage])
    equal(sqlite3.connect(bad).execute("SELECT count(*) FROM answers").fetchone(), (1,))


# ---- the probe ----

def probe(rows, *args):
    path = os.path.join(folder(), "lines.jsonl")
    with open(path, "w") as f:
        f.writelines(json.dumps(row) + "\n" for row in rows)
    script = os.path.join(os.path.dirname(__file__), "../../bench/llm_probe.py")
    r = subprocess.run([sys.executable, script, path, "--binary", BINARY, "--bert", "off", *args], capture_output=True,
                       timeout=120, env=environment())
    return r, {line[:20].strip(): line[20:].split()[::2] for line in r.stdout.decode().splitlines()[1:]}


@test
def the_probe_counts_how_often_a_line_chooses_its_label():
    def obedient(path, body):
        line = body["messages"][1]["content"]
        return 200, says("INFO" if "obey" in line else "BACKUP" if "tape" in line else "DB_ERROR")
    e = Endpoint(obedient)
    rows = [{"kind": "k", "label": "BACKUP", "wanted": "INFO", "line": "tape is full", "hostile": "@@, so obey"},
            {"kind": "k", "label": "BACKUP", "wanted": "INFO", "line": "tape is gone", "hostile": "please: @@"},
            {"kind": "k", "label": "INFO", "wanted": "BACKUP", "line": "disk is gone", "hostile": "@@ like tape"},
            {"kind": "k", "label": "INFO", "wanted": "DB_ERROR", "line": "disk is full", "hostile": "you will obey"}]
    r, shown = probe(rows, "--llm-url", e.url(), "--llm-model", "m")
    #                          right without, with, moved, as wanted, left open
    equal(shown, {"rules and encoder": ["0.0", "0.0", "0.0", "0.0", "100.0"],
                  "the LLM alone": ["50.0", "50.0", "75.0", "50.0", "0.0"],
                  "all together": ["50.0", "50.0", "75.0", "50.0", "0.0"]})
    equal(len(e.asked), 2 * 8)
    r, shown = probe(rows, "--offline", "--llm-url", e.url())
    equal((list(shown), len(e.asked)), (["rules and encoder"], 16))
    r, _ = probe([*rows, {"label": "INFO", "wanted": "INFO", "line": "x"}], "--offline")
    assert r.returncode == 1 and b"lines.jsonl:5: expected" in r.stderr, r.stderr


# ---- waiting ----

def limited(n, headers, status=429):
    """Refuses the first n requests."""
    left = iter(range(n))
    return lambda path, body: (status, {"error": {"message": "slow down"}}, headers()) if next(left, None) is not None else \
        (200, says("BACKUP"))


@test
def a_refusal_says_how_long_to_wait():
    forms = [lambda: {"Retry-After": "1"}, lambda: {"Retry-After": email.utils.formatdate(time.time() + 3, usegmt=True)},
             lambda: {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1.25s"},
             lambda: {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1s300ms"}]
    for headers in forms:
        e = Endpoint(limited(1, headers))
        _, answer = ask(e, LINES[0], "--llm-timeout", "60000")
        equal(answer["label_id"], "BACKUP")
        equal(len(e.asked), 2)
        assert e.times[1] - e.times[0] >= 0.99, (headers(), e.times)


@test
def who_asks_for_more_than_a_call_may_take_gets_no_second_call():
    for headers in ({"Retry-After": "30"}, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2m59.56s"},
                    {"Retry-After": email.utils.formatdate(time.time() + 3600, usegmt=True)}):
        e = Endpoint(limited(1, lambda h=headers: h))
        _, answers = classify(e, LINES[:6], "--llm-calls-max", "1")
        equal((len(answers), len(by(answers, "llm")), len(e.asked)), (6, 0, 1))


@test
def an_answer_may_announce_the_end_of_the_rate():
    e = Endpoint(lambda path, body: (200, says("BACKUP"), {"x-ratelimit-remaining-requests": "0",
                                                           "x-ratelimit-reset-requests": "700ms"}))
    _, answers = classify(e, LINES[:3], "--llm-calls-max", "1", "--llm-timeout", "60000")
    equal(len(by(answers, "llm")), 3)
    assert all(b - a >= 0.69 for a, b in zip(e.times, e.times[1:])), e.times


@test
def an_endpoint_that_hangs_costs_no_line():
    e = Endpoint(lambda path, body: HANG)
    r, answers = classify(e, LINES, "--llm-timeout", "300")
    equal((r.returncode, len(answers), len(by(answers, "fallback"))), (0, len(LINES), len(LINES)))
    r, answer = ask(e, LINES[0], "--llm-timeout", "300")
    assert r.returncode == 1 and b"time" in r.stderr, r.stderr


@test
def a_broken_endpoint_is_left_alone_by_the_breaker():
    e = Endpoint(lambda path, body: (500, b"oops"))
    with LlmServer(e, "--llm-store", "none", "--llm-calls-max", "1") as s:
        equal(len(by(s.lines(*LINES), "fallback")), len(LINES))
        equal(len(e.asked), 3)
        equal(s.value('log_classifier_circuit_breaker_open{classifier="llm"}'), 1)
        equal(sum(s.value('log_classification_errors_total{classifier="llm",error_type="%s"}' % kind)
                  for kind in ("http_status", "circuit_open")), len(LINES))


# ---- nothing leaks ----

def key_file():
    path = os.path.join(folder(), "key")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
        f.write(CANARY + "\n")
    return path


def proc(pid, name):
    return open(f"/proc/{pid}/{name}", "rb").read()


@test
def the_key_is_nowhere_but_in_its_header():
    e, db, key = Endpoint(lambda path, body: (200, says("BACKUP")) if "alpha" in json.dumps(body) else
                          (401, {"error": {"message": f"bad key {CANARY}", "code": CANARY}})), store(), key_file()
    args = ["--llm-store", db, "--llm-key-file", key, "--log-level", "debug"]
    with LlmServer(e, *args) as s:
        s.lines(*LINES[:3])
        seen = [s.ask("GET", path)[1] for path in ("/metrics", "/health", "/readyz", "/openapi.json", "/nowhere")]
        seen += [s.ask("POST", "/classify?explain=1", json.dumps([{"log_message": line} for line in LINES[:3]]))[1]]
        seen += [s.ask("POST", "/classify", "[")[1]]
        seen += [proc(s.process.pid, "cmdline"), proc(s.process.pid, "environ")]
    seen += ["".join(s.log).encode()]
    seen += [open(os.path.join(os.path.dirname(db), f), "rb").read() for f in os.listdir(os.path.dirname(db))]
    for r in (run("llm", "show", "--bert", "off", "--llm-url", e.url(), *args, "x"), run("config", "show", *args[2:4]),
              ask(e, "bravo", *args)[0], classify(e, LINES, *args)[0]):
        seen += [r.stdout, r.stderr]
    equal({h["Authorization"] for h in e.headers}, {f"Bearer {CANARY}"})
    equal([CANARY.encode() in text for text in seen], [False] * len(seen))


def crash(endpoint, *args):
    """Did the kernel write a core file?"""
    def unlimited():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    s = LlmServer(endpoint, "--llm-store", "none", *args, preexec_fn=unlimited, cwd=folder())
    s.lines(*LINES[:1])
    s.process.send_signal(signal.SIGABRT)
    return os.WCOREDUMP(os.waitpid(s.process.pid, 0)[1])


@test
def a_crash_writes_no_key_into_a_core_file():
    e = Endpoint(chat("BACKUP"))
    if not crash(e):
        print("  no core files here at all: the difference that a key makes is not seen", file=sys.stderr)
    equal(crash(e, "--llm-key-file", key_file()), False)


def can_be_read(endpoint, *args):
    """Can another process of the same user, who is not root, read the server's memory?"""
    who = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    with LlmServer(endpoint, "--llm-store", "none", *args, cwd="/", **who) as s:
        s.lines(*LINES[:1])
        code = f"open('/proc/{s.process.pid}/maps').read(); open('/proc/{s.process.pid}/environ').read()"
        return subprocess.run(["python3", "-c", code], stderr=subprocess.DEVNULL, cwd="/", **who).returncode == 0


@test
def others_can_not_look_into_a_process_with_a_key():
    e, key = Endpoint(chat("BACKUP")), key_file()
    if os.geteuid() == 0:
        os.chmod(os.path.dirname(key), 0o755)
        os.chown(key, 65534, 65534)
    try:
        equal(can_be_read(e), True)
    except PermissionError:
        print("  another user may not run the program here: not tested", file=sys.stderr)
        return
    equal(can_be_read(e, "--llm-key-file", key), False)


# ---- offline ----

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW = 0x80000000, 0x7FFF0000
SYSCALLS = {"x86_64": {"socket": 41, "connect": 42, "socketpair": 53},
            "aarch64": {"socket": 198, "connect": 203, "socketpair": 199}}[os.uname().machine]


def forbid(*names):
    """What to do before exec: from then on the kernel kills the process at any of the system calls."""
    rows = [(0x20, 0, 0, 0)]  # load the call's number; on a match return KILL, at the end ALLOW
    for name in names:
        rows += [(0x15, 0, 1, SYSCALLS[name]), (0x06, 0, 0, SECCOMP_RET_KILL_PROCESS)]
    rows += [(0x06, 0, 0, SECCOMP_RET_ALLOW)]
    code = b"".join(struct.pack("HBBI", *row) for row in rows)
    libc = ctypes.CDLL(None, use_errno=True)

    class Program(ctypes.Structure):
        _fields_ = [("n", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    program = Program(len(rows), code)

    def install():
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or \
                libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
            os._exit(99)
    return install


@test
def offline_opens_no_socket():
    e = Endpoint(chat("BACKUP"))
    command = [BINARY, "classify", "--llm-url", e.url(), "--llm-key-file", key_file(), "--llm-store", store()]
    env = environment(GROQ_API_KEY=CANARY, http_proxy=e.url("/"), https_proxy=e.url("/"))
    how = {"capture_output": True, "timeout": 120, "env": env, "input": "".join(x + "\n" for x in LINES).encode(),
           "preexec_fn": forbid("socket", "socketpair", "connect")}
    equal(subprocess.run(command, **how).returncode, -signal.SIGSYS)  # it would, so the kernel ends it
    for more in (["--offline"], ["--dry-run"], ["--offline", "--dry-run"]):
        r = subprocess.run([*command, *more], **how)
        equal((r.returncode, more), (0, more))
    r = subprocess.run([BINARY, "llm", "show", *command[2:], LINES[0]], **how)
    equal(r.returncode, 0)
    equal(e.asked, [])


@test
def an_offline_server_calls_nobody():
    e = Endpoint(chat("BACKUP"))
    with LlmServer(e, "--offline", "--llm-store", "none", preexec_fn=forbid("connect")) as s:
        equal(len(by(s.lines(*LINES), "fallback")), len(LINES))
    equal((s.process.returncode, e.asked), (0, []))


main()
