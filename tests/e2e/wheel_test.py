"""The Python package: built, installed into virtual environments of its own, and tried there: the oldest CPython that it is for, and the
newest of this machine. pandas and pyarrow are installed once, in build/; without them that part is left out, and said."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from check import BINARY, equal, main, test

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
WHEELS = pathlib.Path(tempfile.mkdtemp())
ENV = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}


def pythons():
    """(minor version, program) of each CPython from 3.11 on, the oldest and the newest."""
    found = {}
    for at in [*os.environ["PATH"].split(os.pathsep), *(pathlib.Path.home() / ".pyenv/versions").glob("3.*/bin")]:
        for minor in range(11, 20):
            program = shutil.which(f"python3.{minor}", path=str(at))
            if program and minor not in found and subprocess.run([program, "-c", "import venv"], capture_output=True).returncode == 0:
                found[minor] = program
    return [(x, found[x]) for x in sorted({min(found), max(found)})]


def wheel():
    """Built by what pip calls, with no package but what stands in the tree."""
    if not list(WHEELS.iterdir()):
        subprocess.run([sys.executable, "-c", "import backend, sys; backend.build_wheel(sys.argv[1])", WHEELS], cwd=ROOT / "python", env=ENV, check=True)
    return next(WHEELS.iterdir())


def environment(minor, program):
    """A virtual environment with the wheel alone installed anew, and whether pandas and pyarrow are there too."""
    at = ROOT / f"build/wheel-venv-3.{minor}"
    if not (at / "bin/python").exists():
        subprocess.run([program, "-m", "venv", at], check=True)
    pip = [at / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    tables = subprocess.run([*pip, "--only-binary=:all:", "pandas", "pyarrow"], capture_output=True, text=True)
    if tables.returncode != 0:
        print(f"  skipped, Python 3.{minor}: pandas and Arrow: {tables.stderr.strip().splitlines()[-1]}", file=sys.stderr)
    subprocess.run([*pip, "--no-index", "--no-deps", "--force-reinstall", wheel()], check=True)
    return at / "bin/python", tables.returncode == 0


def try_out(minor, program):
    python, tables = environment(minor, program)
    r = subprocess.run([python, HERE / "wheel_checks.py", BINARY, *(["pandas"] if tables else [])], capture_output=True, text=True, cwd="/", timeout=600)
    equal((r.stderr, r.stdout.strip()), ("", f"{15 if tables else 11} passed, 0 failed"))


@test
def it_works_in_the_oldest_python():
    try_out(*pythons()[0])


@test
def it_works_in_the_newest_python():
    if len(pythons()) == 1:
        print("  skipped: there is no newer Python than the oldest", file=sys.stderr)
    else:
        try_out(*pythons()[1])


@test
def pip_builds_the_same_wheel():
    """By PEP 517, without a network; the same tree gives the same bytes."""
    out = tempfile.mkdtemp()
    python = ROOT / f"build/wheel-venv-3.{pythons()[0][0]}/bin/python"
    subprocess.run([python, "-m", "pip", "wheel", "-q", "--no-index", "--no-deps", "--disable-pip-version-check", "-w", out, ROOT / "python"], env=ENV, check=True)
    equal((pathlib.Path(out) / wheel().name).read_bytes() == wheel().read_bytes(), True)


main()
