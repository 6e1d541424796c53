"""A disk of some MiB in a mount namespace of our own, for tests that fill it: so large that it is only full when the test
fills it, however slow the machine."""
import contextlib
import ctypes
import os
import subprocess
import sys


def in_own_namespace():
    """Runs the program anew in one, once; ends it where the machine gives none."""
    if "IN_OWN_NAMESPACE" in os.environ:
        return
    as_root = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    if subprocess.run([*as_root, "true"], stderr=subprocess.DEVNULL).returncode == 0:
        os.environ["IN_OWN_NAMESPACE"] = "1"
        os.execvp("unshare", [*as_root, sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]])
    print("skipped: this machine gives no mount namespace", file=sys.stderr)
    print("0 passed, 0 failed")
    sys.exit(0)


@contextlib.contextmanager
def small_disk(path, size=32 << 20):
    os.makedirs(path, exist_ok=True)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mount(b"none", path.encode(), b"tmpfs", 0, f"size={size}".encode()) == 0, os.strerror(ctypes.get_errno())
    try:
        yield Disk(path)
    finally:
        libc.umount2(path.encode(), 2)


class Disk:
    def __init__(self, path):
        self.ballast = os.path.join(path, "ballast")

    def fill(self, leave=0):
        """Until not a byte more goes into it, then leaves so many pages."""
        with open(self.ballast, "ab", buffering=0) as f:
            for piece in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        f.write(b"x" * piece)
            f.truncate(max(0, os.path.getsize(self.ballast) - 4096 * leave))

    def free(self):
        os.remove(self.ballast)
