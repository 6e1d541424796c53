"""The command line and HTTP read the same JSON alike, and damage takes only what it hit."""
import gzip
import json
import os
import subprocess

from check import BINARY, equal, main, test
from endpoint import folder
from live import serving

RULE = "User User{} logged in."


def classify(data, *options, name="in.jsonl"):
    path = os.path.join(folder(), name)
    with open(path, "wb") as f:
        f.write(data)
    r = subprocess.run([BINARY, "classify", "--no-summary", "--offline", "--explain", path, *options], capture_output=True)
    return r.returncode, r.stdout


@test
def odd_objects_are_read_alike():
    objects = [r'{"log_message":"a","log_message":"User User1 logged in."}', r'{"log_message":"User User2 logged in \ud800"}',
               r'{"message":"a","message":"User User3 logged in."}', r'{"log_message":"\udc00 x \ud83d\ude00"}',
               r'{"log_message":"tail \ud83d"}', r'{"source":"a","source":"b","log_message":"Backup started"}']
    _, out = classify("\n".join(objects).encode())
    rows = [json.loads(x) for x in out.splitlines()]
    with serving("--offline") as s:
        for one, row in zip(objects, rows):
            answer = json.loads(s.ask("POST", "/classify", f"[{one}]")[1])[0]
            equal([answer[k] for k in ("label_id", "source", "confidence")], [row[k] for k in ("label_id", "source", "confidence")])
    equal([r["log_message"] for r in rows[:3]], ["User User1 logged in.", "User User2 logged in �", "User User3 logged in."])
    equal((rows[3]["log_message"], rows[5]["log_source"]), ("� x 😀", "b"))


@test
def a_first_line_that_was_cut_off_does_not_hide_the_objects_behind_it():
    rest = "\n".join(json.dumps({"log_message": RULE.format(i)}) for i in range(3)) + "\n"
    _, out = classify(('er7 logged in."}\n' + rest).encode())
    equal([json.loads(x)["log_message"] for x in out.splitlines()], ['er7 logged in."}'] + [RULE.format(i) for i in range(3)])
    _, out = classify(b"\xef\xbb\xbf" + rest.encode())
    equal([json.loads(x)["log_message"] for x in out.splitlines()], [RULE.format(i) for i in range(3)])


@test
def what_stood_before_the_damage_is_answered():
    for n in (5, 500, 5000):
        text = "".join(json.dumps({"log_message": RULE.format(i)}) + "\n" for i in range(n)).encode()
        with serving("--offline") as s:
            r, answer = s.ask("POST", "/classify", gzip.compress(text) + b"garbage",
                              {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"})
            lines = [json.loads(x) for x in answer.splitlines()]
            equal((r.status, len(lines), [x.get("source") for x in lines[:n]]), (200, n + 1, ["regex"] * n))
            assert lines[n]["error"].startswith(f"line {n + 1}: "), lines[n]
        code, out = classify(gzip.compress(text) + b"garbage", name="in.jsonl.gz")
        equal((code, len(out.splitlines())), (1, n))


@test
def a_spreadsheet_computes_nothing_and_training_reads_the_text():
    lines = ["=cmd|' /C calc'!A0 failed", "@SUM(A1) of user 7", "-2+3+cmd", "- 117 2005.06.03 RAS KERNEL INFO ok", "bad \udcff byte"]
    _, out = classify("\n".join(lines).encode(errors="surrogateescape") + b"\n", "--output", "csv", name="in.log")
    rows = out.decode().splitlines()[1:]  # valid UTF-8, or this fails
    for row, line in zip(rows, lines):
        assert (f",'{line[:4]}" in row) == (line[0] in "=@-" and line[1] != " "), row
    labelled = "label,source,log_message\nINFO,,\"'=1+1 is the result\"\n"
    path = os.path.join(folder(), "in.csv")
    with open(path, "w") as f:
        f.write(labelled)
    out = subprocess.run([BINARY, "classify", "--no-summary", "--offline", "--explain", path], capture_output=True).stdout
    equal(json.loads(out)["log_message"], "=1+1 is the result")


main()
