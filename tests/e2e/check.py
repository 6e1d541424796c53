"""What the end-to-end tests share: a list of test functions, a binary, a closing line that counts."""
import contextlib
import os
import signal
import sys
import traceback

BINARY = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/release/logclass")
_tests = []


def test(fn):
    _tests.append(fn)
    return fn


def equal(got, want):
    assert got == want, f"got {got!r}, not {want!r}"


def end_children():
    """A test that broke may have left its processes, and these would hold the runner's pipe open for ever."""
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/children") as f:
            for pid in f.read().split():
                os.kill(int(pid), signal.SIGKILL)


def main():
    failed = 0
    for fn in _tests:
        try:
            fn()
        except Exception:  # a test that breaks is a failed test
            failed += 1
            print(f"FAILED {fn.__name__}", file=sys.stderr)
            traceback.print_exc()
    end_children()
    print(f"{len(_tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
