"""What the encoder said stays from one run to the next: the same bytes, no second encoding, whatever happens to the file."""
import glob
import os
import shutil
import signal
import subprocess
import time

from check import BINARY, equal, main, test
from endpoint import folder
from live import serving

WORDS = "alpha bravo charlie delta echo foxtrot golf hotel".split()
LINES = [f"{a} {verb} the {b} of shard 17 in 25 ms" for a in WORDS for b in WORDS for verb in ("moved", "lost")]
TEXT = "".join(line + "\n" for line in LINES).encode()
ENCODED, KEPT = "logclass_encoder_records_total", "logclass_vector_store_hits_total"


def state(at=None):
    return {"PATH": os.environ["PATH"], "HOME": at or folder()}


def classify(env, *args):
    r = subprocess.run([BINARY, "classify", *args], input=TEXT, capture_output=True, env=env, timeout=300)
    equal(r.returncode, 0)
    return r.stdout


def file_of(env):
    return os.path.join(env["HOME"], ".local/state/logclass/vectors-384")


def encodings(env, *options):
    """(templates encoded, vectors found kept) by a server of that state folder that is asked about the lines once."""
    with serving(*options, env={**env, "XDG_STATE_HOME": ""}) as s:
        s.lines(*LINES)
        return s.value(ENCODED), s.value(KEPT)


@test
def the_second_run_encodes_nothing():
    env = state()
    first = classify(env)
    equal(first.count(b"\n"), len(LINES))
    equal(encodings(env), (0, len(LINES)))
    equal(encodings(env, "--memo-store", "off"), (len(LINES), 0))
    equal(encodings(env, "--kernel", "scalar"), (len(LINES), 0))  # other arithmetic, other vectors
    for more in ((), ("--memo-store", "off"), ("--no-memo",), ("--workers", "1")):
        equal(classify(env, *more), first)


@test
def a_damaged_file_costs_encodings_only():
    env = state()
    first, path = classify(env), file_of(env)
    whole = open(path, "rb").read()
    for at in (3, 30, 64 + 20, len(whole) // 2, len(whole) - 5):
        shutil.rmtree(os.path.dirname(path))
        os.makedirs(os.path.dirname(path))
        with open(path, "wb") as f:
            f.write(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1:])
        equal(classify(env), first)
        equal(classify(env), first)
        assert os.path.exists(path + ".damaged"), at
    for cut in (0, 10, 64, 1000, len(whole) - 1):
        with open(path, "wb") as f:
            f.write(whole[:cut])
        equal(classify(env), first)
    os.remove(path)
    os.mkdir(path)  # neither to be read nor written
    equal(classify(env), first)
    env["HOME"] = "/dev/null"
    equal(classify(env), first)


@test
def what_a_killed_run_left_is_whole():
    env = state()
    first = classify(state())
    for wait in (0.3, 0.5, 0.7, 0.9):
        p = subprocess.Popen([BINARY, "classify", "--workers", "2"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=env)
        p.stdin.write(TEXT)
        p.stdin.flush()
        time.sleep(wait)
        p.send_signal(signal.SIGKILL)
        p.wait()
        p.stdin.close()
    equal(classify(env), first)
    equal(glob.glob(file_of(env) + ".damaged"), [])


main()
