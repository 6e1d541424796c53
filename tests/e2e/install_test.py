"""`make install` into an empty prefix: what is there works from there, and `make uninstall` leaves nothing."""
import gzip
import json
import os
import pathlib
import subprocess
import tempfile

from check import equal, main, test

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = pathlib.Path(tempfile.mkdtemp())
ENV = {"PATH": f"{PREFIX}/bin:{os.environ['PATH']}", "HOME": str(PREFIX)}


def make(goal):
    subprocess.run(["make", "-s", goal, f"PREFIX={PREFIX}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                   env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")})


def files():
    return [p for p in PREFIX.rglob("*") if p.is_file()]


def complete(*words):
    """What bash offers for the last word."""
    script = PREFIX / "share/bash-completion/completions/logclass"
    line = f'. {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _logclass; printf "%s\\n" "${{COMPREPLY[@]}}"'
    r = subprocess.run(["bash", "-c", line, "bash", *words], capture_output=True, text=True, env=ENV, cwd=PREFIX)
    equal(r.stderr, "")
    return r.stdout.split()


@test
def it_labels_from_where_it_is_installed():
    make("install")
    r = subprocess.run(["logclass", "classify"], input=b"Failed password for root from 203.0.113.7 port 22 ssh2\n",
                       capture_output=True, env=ENV, cwd=PREFIX)
    equal(r.returncode, 0)
    equal(json.loads(r.stdout)["label_id"], "AUTH_ERROR")


@test
def the_man_page_tells_of_each_command():
    page = gzip.open(PREFIX / "share/man/man1/logclass.1.gz", "rt").read()
    commands = complete("logclass", "")
    assert {"classify", "serve", "train"} <= set(commands), commands
    for c in commands:
        assert f'.SH "LOGCLASS {c.upper()}"' in page, c
    assert "\\-\\-memo\\-entries" in page


@test
def bash_completes_commands_options_and_values():
    equal(complete("logclass", "cla"), ["classify"])
    equal(complete("logclass", "classify", "--memo-e"), ["--memo-entries"])
    equal(complete("logclass", "classify", "--output", "t"), ["table"])


@test
def uninstall_leaves_nothing():
    assert files()
    make("uninstall")
    equal(files(), [])


main()
