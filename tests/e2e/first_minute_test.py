"""The first minute: what people of six kinds typed when they met logclass, and what should happen."""
import bz2
import contextlib
import csv
import fcntl
import gzip
import io
import json
import lzma
import os
import pty
import re
import select
import struct
import subprocess
import tarfile
import tempfile
import termios
import time
import zipfile

from check import BINARY, equal, main, test
from live import serving, wait_until

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SAMPLE = os.path.join(ROOT, "data", "sample.log")
LOGIN, PLAIN = b"User bob logged in\n", b"something plain\n"


def run(*args, stdin=b"", env=None, cwd=None):
    return subprocess.run([BINARY, *args], input=stdin, capture_output=True, timeout=120, cwd=cwd,
                          env={**os.environ, **(env or {})})


def shell(line, **more):
    """As typed: logclass is the binary under test."""
    return subprocess.run(["bash", "-c", f"logclass() {{ '{BINARY}' \"$@\"; }}; {line}"], capture_output=True, timeout=120, **more)


def objects(r):
    return [json.loads(line) for line in r.stdout.splitlines()]


def folder(**files):
    """A folder with these files; '_' in a name stands for '.'."""
    at = tempfile.mkdtemp()
    for name, data in files.items():
        with open(os.path.join(at, name.replace("_", ".")), "wb") as f:
            f.write(data)
    return at


def terminal(*args, columns=80, cwd=None, env=None, typed=b""):
    """Runs the program on a pseudo-terminal of so many columns: what it shows, without carriage returns."""
    pid, fd = pty.fork()
    if pid == 0:
        if cwd:
            os.chdir(cwd)
        os.environ.update(env or {})
        time.sleep(0.05)  # until the size is set
        os.execv(BINARY, [BINARY, *args])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    if typed:
        os.write(fd, typed)
    out = b""
    with contextlib.suppress(OSError):
        while more := os.read(fd, 65536):
            out += more
    os.waitpid(pid, 0)
    os.close(fd)
    rows = out.decode(errors="replace").replace("\r\n", "\n").split("\n")
    return "\n".join(r.rsplit("\r\033[K", 1)[-1] for r in rows)  # what a progress bar leaves behind


def plain(text):
    return re.sub(r"\033\[[0-9;]*[A-Za-z]", "", text)


# ---- never lose, never hold ----

@test
def one_line_and_then_silence_is_answered_at_once():
    for text in (LOGIN, b'{"log_message":"User bob logged in"}\n', gzip.compress(LOGIN)):
        p = subprocess.Popen([BINARY, "classify", "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        p.stdin.write(text)
        p.stdin.flush()
        assert select.select([p.stdout], [], [], 30)[0], "held back"
        assert b"USER_ACTION" in p.stdout.readline()
        p.stdin.close()
        equal(p.wait(), 0)
        p.stdout.close()


@test
def an_unreadable_file_or_a_folder_is_told_and_the_rest_is_read():
    at = folder(m1_log=LOGIN, m2_log=PLAIN)
    os.mkdir(os.path.join(at, "aaa"))
    r = shell("logclass classify --quiet m1.log nosuch.log m2.log", cwd=at)
    equal((r.returncode, len(objects(r))), (1, 2))
    assert b"nosuch.log: No such file" in r.stderr
    r = shell("logclass classify --quiet *", cwd=at)
    equal((r.returncode, len(objects(r))), (1, 2))
    assert b"aaa: is a directory, passed over" in r.stderr


@test
def compressed_and_wide_text_is_read():
    wide = LOGIN.decode().encode("utf-16")
    at = folder(s_log_xz=lzma.compress(LOGIN), s_log_bz2=bz2.compress(LOGIN), s_log_gz=gzip.compress(LOGIN), wide_log=wide,
                big_log=b"\xfe\xff" + LOGIN.decode().encode("utf-16-be"), marked_log=b"\xef\xbb\xbf" + LOGIN)
    r = shell("logclass classify --quiet *", cwd=at)
    equal((r.returncode, [a["label_id"] for a in objects(r)]), (0, ["USER_ACTION"] * 6))


@test
def what_is_no_text_is_refused_by_name():
    at = folder(m1_log=LOGIN, broken_gz=gzip.compress(LOGIN * 999)[:-9])
    with zipfile.ZipFile(os.path.join(at, "a.zip"), "w") as z:
        z.writestr("m1.log", LOGIN)
    with tarfile.open(os.path.join(at, "a.tar.gz"), "w:gz") as t:
        t.add(os.path.join(at, "m1.log"))
    r = shell("logclass classify --quiet a.zip a.tar.gz /bin/ls m1.log broken.gz", cwd=at)
    equal((r.returncode, len(objects(r))), (1, 1000))
    for part in (b"a.zip: a zip archive, not text; unzip -p a.zip", b"a.tar.gz: a tar archive", b"/bin/ls: a program",
                 b"broken.gz: the compressed data ends in the middle"):
        assert part in r.stderr, (part, r.stderr)
    equal(shell("logclass classify --quiet --binary a.zip", cwd=at).returncode, 0)


@test
def a_json_array_is_refused_with_the_way_to_read_it():
    r = run("classify", "--quiet", stdin=b'[{"source":"a","log_message":"x"}]')
    equal(r.returncode, 1)
    assert b"jq -c '.[]'" in r.stderr


@test
def separators_and_keys_of_other_tools_are_known():
    rows = {
        "journald": {"MESSAGE": "User bob logged in", "SYSLOG_IDENTIFIER": "app", "PRIORITY": "3"},
        "docker": {"log": "User bob logged in\n", "stream": "stdout", "time": "2024-01-01T00:00:00Z"},
        "bunyan": {"name": "app", "level": 50, "msg": "User bob logged in"},
        "gelf": {"short_message": "User bob logged in", "host": "h", "level": 3},
        "ecs": {"message": "User bob logged in", "log.level": "error", "service": {"name": "app"}},
        "otlp": {"body": {"stringValue": "User bob logged in"}, "severityText": "ERROR"},
        "serilog": {"@m": "User bob logged in"},
        "gcp": {"textPayload": "User bob logged in"},
    }
    for name, row in rows.items():
        a = objects(run("classify", "--severity", stdin=json.dumps(row).encode()))[0]
        equal((name, a["label_id"], a["log_message"]), (name, "USER_ACTION", "User bob logged in"))
        if name in ("journald", "bunyan", "gelf", "ecs", "otlp"):
            equal((name, a["severity"]), (name, "error"))
    cri = b"2016-10-06T00:17:09.669794202Z stdout P User bob \n2016-10-06T00:17:09.669794202Z stdout F logged in\n"
    equal([a["log_message"] for a in objects(run("classify", stdin=cri))], ["User bob logged in"])
    for sep in ",;\t":
        text = f"id{sep}message\n1{sep}User bob logged in\n"
        equal(objects(run("classify", stdin=text.encode()))[0]["log_message"], "User bob logged in")
    own = {"what": {"is": "User bob logged in"}, "who": "app"}
    a = objects(run("classify", "--message-key", "what.is", "--source-key", "who", stdin=json.dumps(own).encode()))[0]
    equal((a["log_message"], a["log_source"]), ("User bob logged in", "app"))


@test
def a_stack_trace_is_one_event():
    text = (b"ERROR it failed: java.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: y\n"
            b"\t... 7 more\nnext line\n")
    equal(len(objects(run("classify", stdin=text))), 5)
    out = objects(run("classify", "--join", stdin=text))
    equal([(a["line"], a["log_message"].count("\n")) for a in out], [(1, 3), (5, 0)])


# ---- filter and keep ----

@test
def only_the_labels_that_were_asked_for():
    text = LOGIN + b"ERROR: deadlock detected\nkernel: BUG: unable to handle kernel NULL pointer dereference\n"
    equal([a["label_id"] for a in objects(run("classify", "--only", "DB_ERROR", stdin=text))], ["DB_ERROR"])
    equal([a["label_id"] for a in objects(run("classify", "--not", "user_action,other", stdin=text))], ["DB_ERROR"])
    equal(len(objects(run("classify", "--min-confidence", "0.9501", stdin=LOGIN))), 0)
    r = run("classify", "--only", "AUTH_ERR", stdin=text)
    equal((r.returncode, r.stdout), (2, b""))
    assert b"did you mean 'AUTH_ERROR'?" in r.stderr


@test
def message_line_and_file_are_there_and_can_be_left_out():
    at = folder(a_log=LOGIN * 2, b_log=LOGIN)
    out = objects(shell("logclass classify a.log b.log", cwd=at))
    equal([(a["file"], a["line"], a["log_message"]) for a in out],
          [("a.log", 1, "User bob logged in"), ("a.log", 2, "User bob logged in"), ("b.log", 1, "User bob logged in")])
    equal(list(objects(shell("logclass classify --no-message a.log", cwd=at))[0]), ["label_id", "label", "source", "confidence"])
    equal(shell("logclass classify -o tsv a.log | grep USER_ACTION", cwd=at).stdout, b"USER_ACTION\tUser bob logged in\n" * 2)


@test
def the_object_comes_back_byte_for_byte():
    raw = b'{"ts":1.50, "host":"a" ,"msg":"User bob logged in","trace_id":"x\\u00e9", "n":1e3}'
    out = run("classify", "--merge", stdin=raw + b"\n").stdout
    assert out.startswith(raw[:-1] + b',"logclass_label_id":"USER_ACTION","logclass_label":"User Action",'
                          b'"logclass_source":"regex","logclass_confidence":0.95'), out
    out = run("classify", "--merge", "--merge-prefix", "lc.", stdin=raw + b"\n").stdout
    assert b',"lc.label_id":"USER_ACTION"' in out


# ---- the table ----

FAULTS = (b"Jun 15 02:04:59 combo sshd(pam_unix)[20882]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh rhost=1.2.3.4\n"
          b"Jun 15 02:05:00 combo kernel: BUG: unable to handle kernel NULL pointer dereference at 0000000000000008\n"
          + "Jun 15 02:05:01 combo app: ERROR 日本語のメッセージ 日本語のメッセージ 日本語のメッセージ 日本語のメッセージ\n".encode())


@test
def a_table_of_80_columns_shows_the_message():
    at = folder(s_log=FAULTS)
    shown = terminal("classify", "--no-summary", "s.log", cwd=at)
    rows = plain(shown).splitlines()
    equal(rows[0].split(), ["label", "sure", "line"])
    assert re.match(r"AUTH_ERROR +\d+ %  combo sshd\(pam_unix\)\[20882\]: authentication failure", rows[1]), rows
    assert re.match(r"UNCLASSIFIED other +\d+ %  combo kernel: BUG", rows[2]), rows
    assert all(sum(2 if ord(c) > 0x2e80 else 1 for c in r) <= 80 for r in rows), rows
    assert "\033[1;31mAUTH_ERROR" in shown and "\033[33mUNCLASSIFIED other" in shown


@test
def a_table_of_200_columns_shows_level_stage_and_time():
    rows = plain(terminal("classify", "--no-summary", "s.log", columns=200, cwd=folder(s_log=FAULTS))).splitlines()
    equal(rows[0].split(), ["label", "sure", "level", "stage", "line"])
    assert "bert     Jun 15 02:04:59 combo sshd" in rows[1], rows
    assert re.search(r" error +\w+ +(\(\w+\?\) )?Jun 15", rows[3]), rows


@test
def wrap_loses_nothing_and_explain_is_in_words():
    at = folder(s_log=FAULTS)
    rows = plain(terminal("classify", "--no-summary", "--wrap", "s.log", cwd=at)).splitlines()
    assert "rhost=1.2.3.4" in "".join(r[27:] for r in rows), rows
    shown = plain(terminal("classify", "--no-summary", "-e", "s.log", cwd=at))
    assert re.search(r"    encoder: AUTH_ERROR \d+ %", shown) and '"nearest"' not in shown, shown
    shown = plain(terminal("classify", "--no-summary", "-e", "l.log", cwd=folder(l_log=LOGIN)))
    assert 'rule "user logged in or out": "User bob logged in"' in shown, shown


@test
def colour_is_as_it_was_asked_for():
    at = folder(l_log=LOGIN)
    assert b"\033[" in run("classify", "-o", "table", "--color", "always", "l.log", cwd=at).stdout
    assert b"\033[" not in run("classify", "-o", "table", "l.log", cwd=at).stdout
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\033[" not in terminal("classify", "--no-summary", "l.log", cwd=at, env=env)
    assert "\033[" not in terminal("classify", "--no-summary", "--color=never", "l.log", cwd=at)


@test
def the_summary_tells_the_two_kinds_of_unclassified():
    shown = plain(terminal("classify", "s.log", cwd=folder(s_log=FAULTS)))
    assert re.search(r"UNCLASSIFIED +2 +66.7 %", shown) or re.search(r"UNCLASSIFIED +1 +33.3 %", shown), shown
    assert "none of the labels (other faults, fragments): 'logclass labels'" in shown, shown
    assert "lines/s" not in shown and " llm" not in shown, shown
    equal(run("classify", stdin=LOGIN).stderr, b"")  # no terminal, no summary
    assert b"1 line in" in run("classify", "--summary", stdin=LOGIN).stderr


@test
def short_flags_and_slips():
    equal(run("classify", "-q", "-ocsv", "--no-message", stdin=LOGIN).stdout.splitlines()[0], b"label_id,label,source,confidence")
    assert run("-V").stdout == run("version").stdout == run("--version").stdout
    for words, part in ((["clasify"], b"did you mean 'classify'?"), (["classify", "--ouput"], b"did you mean 'output'?"),
                        (["classify", "-x"], b"unknown option '-x'"), (["classify", "--no-output", "m1.log"], b"only yes/no options")):
        r = run(*words)
        equal(r.returncode, 2)
        assert part in r.stderr, r.stderr
    equal(run("classify", "--summary", "no", stdin=LOGIN).stderr, b"")


@test
def help_is_grouped_wrapped_and_for_each_command():
    for words in (("classify", "-h"), ("classify", "--help"), ("classify", "--help-all"), ("serve", "--help-all"), ("help",)):
        lines = run(*words).stdout.decode().splitlines()
        equal((words, [x for x in lines if len(x) > 80]), (words, []))
    short, long = (run("classify", o).stdout.decode() for o in ("-h", "--help"))
    assert short.index("\nInput\n") < short.index("\nOutput\n") < short.index("\nWhat decides\n")
    assert "--llm-url" in long and "--llm-url" not in short and "--no-NAME turns off" in short
    equal(run("help", "classify").stdout, run("classify", "--help").stdout)
    equal(run("help", "llm", "show").stdout, run("llm", "--help").stdout)


@test
def a_terminal_without_input_is_told():
    assert "reading lines from the terminal; Ctrl-D ends" in terminal("classify", typed=b"\x04")


# ---- what the labels mean ----

@test
def the_labels_are_explained():
    text = run("labels").stdout.decode()
    for word in ("SYSTEM_NOTIFICATION", "changed state", "Broker 3 is now the leader", "'unsure'"):
        assert word in text, (word, text)
    rows = objects(run("labels", "--json"))
    equal((len(rows), [len(r["examples"]) for r in rows]), (9, [2] * 9))
    equal(len(objects(run("labels", "--labels", "ops", "--json"))), 16)
    equal([r["id"] for r in objects(run("labels", "--json", "BACKUP"))], ["BACKUP"])
    equal(run("labels", "NONE_SUCH").returncode, 2)
    with open(os.path.join(ROOT, "docs", "labels.md")) as f:
        page = f.read()
    for r in rows:
        assert r["examples"][0] in page, r


@test
def a_second_label_set_has_names_for_faults():
    at = tempfile.mkdtemp()
    for name in ("rules.conf", "head.json", "adapter.safetensors"):
        os.symlink(os.path.join(ROOT, "data", name), os.path.join(at, name))
    os.symlink(os.path.join(ROOT, "models", "all-MiniLM-L6-v2"), os.path.join(at, "model"))
    ours = os.path.join(ROOT, "data", "head-ops.json")
    if os.path.exists(ours):
        os.symlink(ours, os.path.join(at, "head-ops.json"))
    else:  # a small head of our own
        rows = os.path.join(at, "rows.csv")
        with open(rows, "w") as f:
            f.write("label,log_message\n")
            for r in objects(run("labels", "--labels", "ops", "--json")):
                f.writelines(f'{r["id"]},"{line} {k}"\n' for line in r["examples"] for k in "abcd")
        r = run("train", rows, "--labels", "ops", "--folds", "0", "--out", os.path.join(at, "head-ops.json"))
        equal((r.returncode, r.stderr[-300:]), (0, r.stderr[-300:]))
    out = objects(run("classify", "--labels", "ops", "--threshold", "0.1", stdin=b"Out of memory: killed process 4211 (java)\n" + LOGIN,
                      env={"LOGCLASS_DATA_DIR": at}))
    assert out[0]["label_id"] in ("RESOURCE_ERROR", "CRASH"), out
    equal((out[1]["label_id"], out[1]["source"]), ("USER_ACTION", "regex"))
    if not os.path.exists(ours):
        r = run("classify", "--labels", "ops", stdin=LOGIN)
        assert r.returncode == 1 and b"head-ops.json" in r.stderr, r


# ---- the digest ----

@test
def top_tells_the_kinds_of_line():
    at = folder(a_log=LOGIN * 3 + b"Jun 15 02:04:59 pool 3 is full\n" + b"Jun 16 03:00:00 pool 4 is full\n", b_log=LOGIN)
    rows = objects(shell("logclass top --json a.log b.log", cwd=at))
    equal([(r["lines"], r["label_id"]) for r in rows][0], (4, "USER_ACTION"))
    equal((rows[0]["first"]["file"], rows[0]["first"]["line"], rows[0]["last"]["file"]), ("a.log", 1, "b.log"))
    equal((rows[1]["lines"], rows[1]["first"]["time"], rows[1]["last"]["time"]), (2, "Jun 15 02:04:59", "Jun 16 03:00:00"))
    assert rows[1]["example"].startswith("Jun 15"), rows
    equal([r["lines"] for r in objects(shell("logclass top --json --by label a.log b.log", cwd=at))], [4, 2])
    equal(len(objects(shell("logclass top --json --only USER_ACTION a.log", cwd=at))), 1)
    for columns in (80, 200):
        shown = plain(terminal("top", "a.log", columns=columns, cwd=at)).splitlines()
        assert shown[0].split()[:3] == ["lines", "share", "label"] and len(max(shown, key=len)) <= columns, shown
        assert re.match(r" +3 +60.0 %  USER_ACTION +", shown[1]), shown
    text = shell("logclass top -n 1 a.log", cwd=at).stdout.decode()
    assert "of 1 more kinds; -n 0 shows all" in text, text


@test
def a_long_table_suggests_the_digest():
    shown = terminal("classify", "many.log", cwd=folder(many_log=LOGIN * 5001))
    assert "'logclass top' shows the kinds" in shown, shown[-500:]


# ---- over HTTP ----

@test
def explain_is_the_same_over_http():
    lines = ["nginx: worker process 3391 exited on signal 11", "User bob logged in", "ERROR: deadlock detected"]
    with serving() as s:
        entries = [{"log_message": m} for m in lines]
        for again in (False, True):
            http = s.classify(entries, path="/classify?explain=1")
            here = objects(run("classify", "--explain", stdin="\n".join(lines).encode()))
            for a, b in zip(http, here):
                a["explain"].pop("memo", None), b["explain"].pop("memo", None)
                equal(a["explain"], b["explain"])
        assert {"nearest", "threshold", "reason", "template"} <= set(http[0]["explain"]), http
        body = "".join(json.dumps(e) + "\n" for e in entries)
        for kind in ("application/x-ndjson", "application/ndjson"):
            _, text = s.ask("POST", "/classify?explain=true", body, {"Content-Type": kind})
            equal([json.loads(x)["explain"].get("template") for x in text.splitlines()], [b["explain"]["template"] for b in here])
        equal("explain" in s.classify(entries, path="/classify?explain=0")[0], False)
        for query, part in (("explain=yes", b"explain is 'yes'; expected 1, true"), ("explian=1", b"unknown word 'explian'")):
            r, text = s.ask("POST", "/classify?" + query, json.dumps(entries))
            equal(r.status, 400)
            assert part in text, text


@test
def entries_without_a_message_are_counted_and_said():
    with serving() as s:
        equal([a["label_id"] for a in s.classify([{"message": "User bob logged in"}, {"MESSAGE": "User bob logged in"}])],
              ["USER_ACTION"] * 2)
        s.classify([{"host": "a"}, {"source": "b"}])
        equal(s.value("logclass_entries_without_message_total"), 2)
        wait_until(lambda: s.says("entries.without_message"))
        r, text = s.ask("POST", "/classify", "log_message=hello")
        equal(r.status, 400)
        assert b'expected [{\\"source\\"' in text, text
        r, text = s.ask("GET", "/")
        equal(r.status, 200)
        assert {"/classify", "/metrics"} <= {x["path"] for x in json.loads(text)["resources"]}
        s.lines("kernel: BUG: unable to handle kernel NULL pointer dereference")
        assert s.value('logclass_unclassified_total{reason="none_of_the_labels"}') >= 1


# ---- corrections ----

@test
def a_correction_is_in_force_at_once_everywhere_and_can_be_taken_back():
    env = {"XDG_STATE_HOME": tempfile.mkdtemp()}

    def label(line=b"quux of frobnicator 7 twiddled\n"):
        return objects(run("classify", "--explain", stdin=line, env=env))[0]
    before = label()
    with serving(env=env) as s:
        r = run("correct", "BACKUP", "quux of frobnicator 12 twiddled", env=env)
        equal(r.returncode, 0)
        assert b"correction 1: BACKUP for 'quux of frobnicator # twiddled'" in r.stdout, r.stdout
        a = label()
        equal((a["label_id"], a["source"], a["confidence"], a["explain"]["correction"]), ("BACKUP", "regex", 1, {"id": 1}))
        wait_until(lambda: s.lines("quux of frobnicator 99 twiddled")[0]["label_id"] == "BACKUP")
        run("correct", "INFO", "User bob logged in", env=env)  # before a rule
        equal(label(LOGIN)["label_id"], "INFO")
        equal(objects(run("classify", "--no-memo", stdin=LOGIN + b"quux of frobnicator 3 twiddled\n", env=env))[1]["label_id"], "BACKUP")
        run("correct", "--source", "zfs", "DB_ERROR", "quux of frobnicator 1 twiddled", env=env)
        equal([objects(run("classify", "-s", src, stdin=b"quux of frobnicator 2 twiddled\n", env=env))[0]["label_id"]
               for src in ("zfs", "app")], ["DB_ERROR", "BACKUP"])
        listed = objects(run("correct", "--list", "--json", env=env))
        equal([(x["id"], x["label"], x["source"], x["undone"]) for x in listed],
              [(1, "BACKUP", "", False), (2, "INFO", "", False), (3, "DB_ERROR", "zfs", False)])
        equal(run("correct", "--undo", "1", env=env).returncode, 0)
        equal(label()["label_id"], before["label_id"])
        wait_until(lambda: s.lines("quux of frobnicator 99 twiddled")[0]["label_id"] == before["label_id"])
        rows = run("correct", "--export", env=env).stdout.decode().splitlines()
        equal((rows[0], len(rows)), ("label,source,log_message,by,at,note", 3))
    r = run("correct", "SYS_NOTE", "x", env=env)
    assert r.returncode == 2 and b"no label is called 'SYS_NOTE'" in r.stderr, r
    with open(os.path.join(env["XDG_STATE_HOME"], "logclass", "corrections.jsonl")) as f:
        assert "frobnicator 12" not in f.read()


@test
def learn_with_nothing_to_learn_says_so():
    env = {"XDG_STATE_HOME": tempfile.mkdtemp()}
    run("correct", "BACKUP", "quux of frobnicator 12 twiddled", env=env)
    for words in (("learn",), ("learn", "--dry-run")):
        r = run(*words, env=env)
        equal((r.returncode, r.stdout), (0, b"nothing to learn yet: 0 answers, 1 corrections (20 needed)\n"))


# ---- nothing behind anybody's back ----

@test
def a_key_in_the_current_folder_is_told_before_the_first_call():
    at = folder(l_log=LOGIN)
    with open(os.path.join(at, ".env"), "w") as f:
        f.write("GROQ_API_KEY=gsk_0123456789abcdef\n")
    r = run("classify", "l.log", cwd=at)
    assert b"go to https://api.groq.com" in r.stderr and b"key from ./.env, no budget; --offline prevents it" in r.stderr, r.stderr
    assert b"gsk_" not in r.stderr
    equal(run("classify", "--offline", "l.log", cwd=at).stderr, b"")
    with serving(cwd=at) as s:
        wait_until(lambda: s.says("event=server.stages"))
        assert s.says("6 rules; encoder all-MiniLM-L6-v2") and s.says("key from ./.env"), s.log
    assert b"6 rules; encoder all-MiniLM-L6-v2" in run("classify", "-v", stdin=LOGIN).stderr


@test
def config_tells_what_is_in_force_and_checks_what_it_names():
    at = folder(d_conf=b"; mine\nrules = /nonexist\n", e_conf=b"port = 8300\nprot = 1\n", f_conf=b"workers = 2\n",
                broken_conf=b"[rule x]\npattern = (\nlabel = INFO\n")
    r = run("config", "check", "--config", "d.conf", cwd=at)
    equal((r.returncode, r.stderr), (78, b"logclass: d.conf:2: rules is '/nonexist': No such file or directory\n"))
    r = run("config", "check", "-c", "e.conf", cwd=at)
    equal(r.returncode, 78)
    assert b"e.conf:2: there is no option 'prot'; did you mean 'port'?" in r.stderr, r.stderr
    equal(run("config", "check", "--rules", "broken.conf", cwd=at).returncode, 78)
    r = run("config", "check", "-c", "f.conf", cwd=at)
    equal(r.returncode, 0)
    assert r.stdout.startswith(b"f.conf: fine: 9 labels; 6 rules; encoder "), r.stdout
    r = run("config", "check", env={"LOGCLASS_PROT": "1"})
    assert r.returncode == 78 and b"LOGCLASS_PROT is no option" in r.stderr
    shown = run("config", "show", "-c", "f.conf", "--port", "1234", cwd=at).stdout.decode()
    for part in ("; from f.conf:1\n; threads that decide lines\nworkers = 2\n", "; from --port\n", "\nport = 1234\n", "; in force: "):
        assert part in shown, part


# ---- labels of one's own ----

@test
def own_labels_keep_their_names_and_are_judged_fairly():
    at = tempfile.mkdtemp()
    words = {"web": "GET /page took long", "a b": "disk is slow", "Ünïcode": "mail was queued", "日本": "printer has no paper"}
    with open(os.path.join(at, "mine.csv"), "w") as f:
        f.write("label,log_message\n" + "".join(f"{k},{v} on host{c} for reason {c}{c}\n" for c in "abcdefgh" for k, v in words.items()))
    r = run("train", "mine.csv", "--out", "mine.json", "--html", "mine.html", cwd=at)
    equal((r.returncode, r.stderr.decode()[-200:]), (0, r.stderr.decode()[-200:]))
    assert "<html" in open(os.path.join(at, "mine.html")).read().lower()
    out = objects(run("classify", "--head", "mine.json", "--top", "4", "--threshold", "0.01", cwd=at,
                      stdin="\n".join(words.values()).encode()))
    equal([a["label_id"] for a in out], list(words))
    assert all(a["label"] == a["label_id"] and len(a["top"]) == 4 for a in out), out
    r = run("eval", "mine.csv", "--head", "mine.json", "--threshold", "0.9", "--out", "rows.csv", "--json", cwd=at)
    part = json.loads(r.stdout)
    text = json.dumps(part)
    assert '"macro_f1_all"' in text and '"answered"' in text, text
    with open(os.path.join(at, "rows.csv")) as f:
        rows = list(csv.DictReader(f))
    equal((len(rows), rows[0]["label"], set(rows[0])), (32, "web", {"line", "label", "answer", "likeliest", "confidence", "right", "source", "log_message"}))


@test
def vectors_are_a_numpy_array():
    r = run("embed", stdin=b"pool 7 is full\npool 8 is full\nother\n")
    equal((r.returncode, r.stdout[:8], len(r.stdout)), (0, b"\x93NUMPY\x01\x00", 128 + 3 * 384 * 4))
    assert b"'shape': (3, 384)" in r.stdout[:128]
    rows = struct.unpack("<1152f", r.stdout[128:])
    equal(rows[:384], rows[384:768])  # one kind of line
    assert abs(sum(x * x for x in rows[:384]) - 1) < 0.01
    assert "no text" in terminal("embed", typed=b"\x04")


@test
def a_sure_fault_of_another_kind_need_not_cost_a_call():
    line = b"kernel: BUG: unable to handle kernel NULL pointer dereference at 0000000000000008\n"
    words = ("classify", "--llm-url", "http://127.0.0.1:9/v1", "--llm-timeout", "100", "--log-level", "error")
    equal([objects(run(*words, *more, stdin=line))[0]["reason"] for more in ((), ("--llm-skip-sure", "0.9"))],
          ["llm_failed", "none_of_the_labels"])
    calls = [json.loads(run("classify", "--dry-run", "-o", "jsonl", "--llm-store", "none", *more, stdin=line).stdout)["llm_calls"]
             for more in ((), ("--llm-skip-sure", "0.9"))]
    equal(calls, [1, 0])


main()
