"""What the tests of packages share: packages are made once for a state of the tree, and kept under build/package."""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHERE = ROOT / "build/package"
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "scripts")]


def output(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def hash_of(*folders):
    """Of what is tracked there, as it stands."""
    return output("sh", "-c", 'git ls-files -z "$@" | xargs -0 cat | sha256sum | cut -c1-16', "sh", *folders, cwd=ROOT).strip()


def make_debs(tree, out, **env):
    """`out`, filled by the tree's own scripts/make-deb when it is not there yet."""
    if not out.exists():
        new = out.with_name(out.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        subprocess.run([tree / "scripts/make-deb", new], check=True, env={**os.environ, **env})
        new.rename(out)
    return out


def today():
    """The packages of this tree; those of the folder DEBS where it is set."""
    return pathlib.Path(os.environ["DEBS"]) if os.environ.get("DEBS") else make_debs(ROOT, WHERE / f"debs-{hash_of('.')}")
