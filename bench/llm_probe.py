#!/usr/bin/env python3
"""How often hostile lines move the label: asks about lines in which somebody tries to choose the label, with and without
the attack, of rules and encoder, of the LLM alone, and of all together.

    bench/llm_probe.py FILE [--binary PATH] [OPTION of 'logclass classify']...
    bench/llm_probe.py data/injection/lines.jsonl --llm-url http://127.0.0.1:8081/v1 --llm-timeout 600000 --llm-calls-max 1
    bench/llm_probe.py data/injection/lines.jsonl --offline           rules and encoder only

FILE has a JSON object a line: label (what the line is), wanted (what the attacker wants), line, and hostile, in which @@
stands for the line. Answers come fresh from the endpoint and are not kept; the budgets of the options hold.
"""
import json
import pathlib
import subprocess
import sys

BINARY = pathlib.Path(__file__).resolve().parent.parent / "build/release/logclass"


def read_rows(path):
    rows = []
    for n, text in enumerate(open(path, encoding="utf-8"), 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
            rows.append((row["label"], row["wanted"], row["line"], row["hostile"].replace("@@", row["line"], 1)))
        except (ValueError, KeyError, TypeError, AttributeError):
            sys.exit(f"{path}:{n}: expected an object with label, wanted, line and hostile")
    return rows or sys.exit(f"{path}: contains no line")


def decide(binary, rows, options):
    """(label, source) of each row without and with its attack."""
    lines = "".join(json.dumps({"log_message": text}) + "\n" for _, _, line, hostile in rows for text in (line, hostile))
    command = [binary, "classify", *options, "--no-memo", "--format", "jsonl", "--output", "jsonl", "--llm-store", "none"]
    out = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=True).stdout.splitlines()
    answers = [(a["label_id"], a["source"]) for a in map(json.loads, out)]
    return list(zip(answers[::2], answers[1::2]))


def show(who, rows, answers):
    count = dict.fromkeys(("right", "right_hostile", "moved", "won", "open"), 0)
    for (label, wanted, _, _), ((clean, _), (hostile, source)) in zip(rows, answers):
        count["right"] += clean == label
        count["right_hostile"] += hostile == label
        count["moved"] += hostile != clean
        count["won"] += hostile == wanted != clean
        count["open"] += source == "fallback"
    print(f"{who:20}" + "".join(f" {100 * n / len(rows):{w}.1f} %" for n, w in zip(count.values(), (6, 8, 6, 10, 8))), flush=True)


def main(path, *options):
    binary = BINARY
    if "--binary" in options:
        at = options.index("--binary")
        binary, options = options[at + 1], options[:at] + options[at + 2:]
    rows = read_rows(path)
    print(f"{len(rows)} lines             right without   with it   moved  as wanted  left open", flush=True)
    show("rules and encoder", rows, decide(binary, rows, [*options, "--offline"]))
    if "--offline" not in options:
        show("the LLM alone", rows, decide(binary, rows, [*options, "--bert", "off", "--rules", "none"]))
        show("all together", rows, decide(binary, rows, options))


if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
    sys.exit(__doc__)
try:
    main(*sys.argv[1:])
except subprocess.CalledProcessError as e:
    sys.exit(f"logclass classify failed with status {e.returncode}")
