"""`make install` into an empty prefix: what is there works from there, and `make uninstall` leaves nothing."""
import contextlib
import gzip
import json
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time

from check import equal, main, test

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = pathlib.Path(tempfile.mkdtemp())
ENV = {"PATH": f"{PREFIX}/bin:{os.environ['PATH']}", "HOME": str(PREFIX)}


def make(goal):
    subprocess.run(["make", "-s", goal, f"PREFIX={PREFIX}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                   env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")})


def files():
    """All but what the program's runs learnt and cached, which is its user's."""
    return [p for p in PREFIX.rglob("*") if p.is_file() and p.relative_to(PREFIX).parts[0] not in (".local", ".cache")]


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
    shown = subprocess.run(["man", "-l", PREFIX / "share/man/man1/logclass.1.gz"], capture_output=True, text=True,
                           env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}).stdout if shutil.which("man") else ""
    wide = [x for x in shown.splitlines() if len(x) > 80]
    equal(wide, [])


@test
def the_other_man_pages_tell_of_each_option_and_section():
    page = gzip.open(PREFIX / "share/man/man5/logclass.conf.5.gz", "rt").read()
    document = (ROOT / "docs/configuration.md").read_text()
    keys = re.findall(r"^\| `([a-z0-9.-]+)` \|", document, re.M)
    assert len(keys) > 150, len(keys)
    for key in keys:
        assert f".B {key}\n".replace("-", "\\-") in page, key
    assert "auto|lines|jsonl|csv" in page
    assert "--classes" in gzip.open(PREFIX / "share/man/man1/logclass-import-sklearn.1.gz", "rt").read().replace("\\", "")


@test
def bash_completes_commands_options_and_values():
    equal(complete("logclass", "cla"), ["classify"])
    equal(complete("logclass", "classify", "--memo-e"), ["--memo-entries"])
    equal(complete("logclass", "classify", "--output", "t"), ["table", "tsv"])
    equal(complete("logclass", "llm", "sh"), ["show"])
    equal(complete("logclass", "rules", "m"), ["match"])
    equal(complete("logclass", "classify", "--no-prog"), ["--no-progress"])
    equal(complete("logclass", "journ"), [])


@test
def zsh_and_fish_complete_too():
    """In the real shells: zsh in a pseudo-terminal, as it completes nowhere else."""
    here = pathlib.Path(PREFIX)
    script = here / "share/fish/vendor_completions.d/logclass.fish"
    for typed, want in (("logclass cla", "classify"), ("logclass classify --memo-e", "--memo-entries"),
                        ("logclass classify --output ts", "tsv"), ("logclass llm sh", "show")):
        r = subprocess.run(["fish", "--no-config", "-c", f"source {script}; complete -C '{typed}'"], capture_output=True, text=True, env=ENV,
                           cwd=PREFIX)
        assert want in [x.split("\t")[0] for x in r.stdout.split("\n")], r.stdout  # beside files of that name
        equal(zsh(f"{typed}\t"), f"{typed[:typed.rindex(' ')]} {want}")


def zsh(typed):
    """The line that is there after these keys."""
    home = tempfile.mkdtemp()
    with open(os.path.join(home, ".zshrc"), "w") as f:
        f.write(f"fpath=({PREFIX}/share/zsh/site-functions $fpath)\nautoload -Uz compinit\ncompinit -u -d {home}/dump\nPS1='READY '\n"
                f"show() {{ print -r -- \"$BUFFER\" > {home}/line; exit }}\nzle -N show\nbindkey '^G' show\n"
                "bindkey '^I' complete-word\nunsetopt LIST_BEEP\n")
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(PREFIX)
        os.execvpe("zsh", ["zsh", "-i"], {**ENV, "TERM": "dumb", "ZDOTDIR": home})
    out, sent = b"", False
    end = time.monotonic() + 60
    line = pathlib.Path(home, "line")
    while not (line.exists() and line.stat().st_size) and time.monotonic() < end:  # it is there before it is written
        if select.select([fd], [], [], 0.05)[0]:
            with contextlib.suppress(OSError):
                out += os.read(fd, 65536)
        if not sent and b"READY" in out:
            sent = True
            os.write(fd, typed.encode() + b"\x07")
    os.close(fd)
    os.waitpid(pid, 0)
    return line.read_text().strip()


@test
def the_installed_binary_carries_the_page():
    r = subprocess.run(["python3", ROOT / "tests/e2e/page_files_test.py", PREFIX / "bin/logclass"], capture_output=True, text=True,
                       env=ENV, cwd=PREFIX)
    equal((r.stdout.split("\n")[-2], r.stderr), ("5 passed, 0 failed", ""))


@test
def uninstall_leaves_nothing():
    assert files()
    make("uninstall")
    equal(files(), [])


main()
