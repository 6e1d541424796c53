"""`logclass classify` as a person or a script uses it."""
import csv
import gzip
import io
import json
import os
import re
import signal
import subprocess
import tempfile
import time

from check import BINARY, equal, main, test

SAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "data", "sample.log")
FIELDS = ["label_id", "label", "source", "confidence"]


def run(*args, stdin=b"", env=None):
    return subprocess.run([BINARY, *args], input=stdin, capture_output=True, timeout=300,
                          env={**os.environ, **(env or {})})


def answers(*args, stdin=b""):
    r = run("classify", *args, stdin=stdin)
    equal(r.returncode, 0)
    return [json.loads(line) for line in r.stdout.splitlines()]


def write(name, data):
    path = os.path.join(tempfile.mkdtemp(), name)
    with open(path, "wb") as f:
        f.write(data)
    return path


@test
def four_fields_in_order_one_a_line():
    out = answers("--no-message", SAMPLE)
    equal(len(out), sum(1 for _ in open(SAMPLE)))
    for a in out:
        equal(list(a), FIELDS)
    equal(out[2], {"label_id": "USER_ACTION", "label": "User Action", "source": "regex", "confidence": 0.95})


@test
def the_encoder_knows_plain_cases():
    def label(text):
        return answers(stdin=text.encode())[0]["label_id"]
    equal(label("Failed password for invalid user oracle from 203.0.113.44 port 38122 ssh2"), "AUTH_ERROR")
    equal(label("ORA-00060: deadlock detected while waiting for resource"), "DB_ERROR")
    equal(label("WARNING: option 'use_legacy_auth' is deprecated and will be removed in 5.0"), "DEPRECATION_WARNING")
    equal(label("nightly dump of database billing finished: 18.2 GB in 00:41:12"), "BACKUP")


@test
def twice_the_same_bytes_with_and_without_memory():
    text = open(SAMPLE, "rb").read() * 20
    first = run("classify", stdin=text).stdout
    equal(run("classify", stdin=text).stdout, first)
    equal(run("classify", "--no-memo", stdin=text).stdout, first)
    equal(run("classify", "--workers", "1", stdin=text).stdout, first)


@test
def every_kind_of_line_is_one_answer():
    lines = [b"", b" ", b"\xff\xfe\xfd", b"x" * 200000, b"\x00\x01", "日本語 ログ".encode(), b"\r", b"[CLS] [MASK]", b"end"]
    equal(len(answers(stdin=b"\n".join(lines))), len(lines))


@test
def json_lines_and_csv_are_found_out():
    entry = {"source": "app", "log_message": "User admin123 logged in."}
    equal(answers(stdin=json.dumps(entry).encode())[0]["label_id"], "USER_ACTION")
    table = io.StringIO()
    w = csv.writer(table)
    w.writerow(["id", "source", "log_message"])
    w.writerow([1, "app", 'said "hi"\nand: User admin123 logged in.'])
    out = answers(stdin=table.getvalue().encode())
    equal([a["label_id"] for a in out], ["USER_ACTION"])


@test
def compressed_files_give_the_same():
    plain = run("classify", SAMPLE).stdout
    equal(run("classify", write("a.gz", gzip.compress(open(SAMPLE, "rb").read()))).stdout, plain)


@test
def csv_output_can_be_read_back():
    r = run("classify", "--output", "csv", SAMPLE)
    rows = list(csv.DictReader(io.StringIO(r.stdout.decode())))
    equal([row["log_message"] for row in rows], open(SAMPLE).read().splitlines())
    equal(rows[2]["label_id"], "USER_ACTION")


@test
def explain_names_rule_and_span_and_nearest_labels():
    out = answers("--explain", stdin=b"now User admin123 logged in.\ndisk sdb: 3 sectors reallocated\n")
    equal(out[0]["explain"]["span"], [4, 27])
    equal(out[0]["explain"]["matched"], "User admin123 logged in")
    equal(len(out[1]["explain"]["nearest"]), 3)
    assert "template" in out[1]["explain"]


@test
def bad_input_is_named_and_nothing_read_is_lost():
    cases = [
        (["/nonexistent.log"], "/nonexistent.log"),
        (["/tmp"], "directory"),
        (["--format", "csv", write("x.csv", b"a,b\n1,2\n")], "log_message"),
        (["--head", write("head.json", b"{}"), SAMPLE], "head.json"),
        (["--rules", write("bad.conf", b"[r]\nlabel = NOPE\npattern = x\n"), SAMPLE], "bad.conf:"),
        (["--model", tempfile.mkdtemp(), SAMPLE], "config.json"),
        (["--kernel", "abacus", SAMPLE], "abacus"),
    ]
    for args, named in cases:
        r = run("classify", *args)
        assert r.returncode not in (0, -11, -6), (args, r.returncode)
        assert named in r.stderr.decode(), (args, r.stderr)
    packed = gzip.compress(open(SAMPLE, "rb").read() * 5000)
    r = run("classify", write("cut.gz", packed[:len(packed) // 2]))
    equal(r.returncode, 1)
    assert b"cut short" in r.stderr and r.stdout.count(b"\n") > 1000, r.stderr


@test
def a_full_disk_is_an_error():
    with open("/dev/full", "wb") as full:
        r = subprocess.run([BINARY, "classify", SAMPLE], stdout=full, stderr=subprocess.PIPE)
    equal(r.returncode, 1)
    assert b"No space left" in r.stderr, r.stderr


@test
def a_pipe_that_others_made_non_blocking_loses_nothing():
    lines = b"".join(b"User user%d logged in from 10.0.0.7\n" % i for i in range(40000))
    r, w = os.pipe()
    os.set_blocking(w, False)
    p = subprocess.Popen([BINARY, "classify", "--rules", os.path.join(os.path.dirname(SAMPLE), "rules.conf"), "--bert", "off",
                          write("many.log", lines)], stdout=w, stderr=subprocess.PIPE)
    os.close(w)
    got = b""
    while True:
        more = os.read(r, 4096)
        got += more
        if not more:
            break
        time.sleep(0.0005)
    os.close(r)
    equal((p.wait(60), got.count(b"\n")), (0, 40000))
    p.stderr.close()


@test
def a_reader_that_leaves_ends_it_quietly():
    r = subprocess.run(f"yes 'User admin123 logged in.' | {BINARY} classify --no-summary | head -n 3", shell=True,
                       capture_output=True, timeout=60)
    equal(r.stdout.count(b"\n"), 3)
    equal(r.stderr, b"")


@test
def an_interrupt_flushes_what_was_read():
    p = subprocess.Popen([BINARY, "classify"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(b"User admin123 logged in.\n" * 5)
    p.stdin.flush()
    got = b"".join(p.stdout.readline() for _ in range(5))  # answered while the pipe is still open
    time.sleep(0.1)
    p.send_signal(signal.SIGINT)
    rest = p.stdout.read()
    p.stdin.close()
    equal(p.wait(30), 130)
    equal((got + rest).count(b"\n"), 5)
    p.stdout.close()
    p.stderr.close()


@test
def colours_respect_no_color():
    # script(1) gives the program a terminal
    cmd = f"{BINARY} classify --no-summary {SAMPLE}"
    with_colour = subprocess.run(["script", "-qec", cmd, "/dev/null"], capture_output=True, stdin=subprocess.DEVNULL,
                                 env={k: v for k, v in os.environ.items() if k != "NO_COLOR"}).stdout
    without = subprocess.run(["script", "-qec", cmd, "/dev/null"], capture_output=True, stdin=subprocess.DEVNULL,
                             env={**os.environ, "NO_COLOR": "1"}).stdout
    assert b"\033[" in with_colour and b"\033[3" not in without


@test
def wrong_usage_is_2_and_help_is_0():
    equal(run().returncode, 2)
    equal(run("clasify").returncode, 2)
    equal(run("classify", "--wrokers", "3").returncode, 2)
    commands = [line.split()[0] for line in run("help").stdout.decode().splitlines() if re.match("  [a-z]+  +[a-z]", line)]
    assert {"classify", "serve", "train"} <= set(commands), commands
    for command in commands:
        r = run(command, "--help")
        equal(r.returncode, 0)
        assert b"Usage" in r.stdout, command


main()
