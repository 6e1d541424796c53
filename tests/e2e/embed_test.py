"""The library as others link it, and clients over HTTP: the examples of docs/embedding.md, run as they stand there."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from check import BINARY, equal, main, test
from live import serving

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = pathlib.Path(tempfile.mkdtemp())
PAGE = (ROOT / "docs/embedding.md").read_text()
BOB = "USER_ACTION regex 0.95"


def example(language):
    """The one block of the page in this language."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.M | re.S)
    equal(len(blocks), 1)
    return blocks[0]


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def install():
    if not (PREFIX / "lib").exists():
        run("make", "-s", "install", f"PREFIX={PREFIX}", cwd=ROOT, check=True, env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")})
    return PREFIX


def compile_c(name, text, *options, compiler=("cc", "-std=c11")):
    at = install()
    flags = run("pkg-config", "--cflags", "--libs", "logclass", check=True, env={**os.environ, "PKG_CONFIG_PATH": f"{at}/lib/pkgconfig"}).stdout.split()
    suffix = ".cc" if compiler[0] == "c++" else ".c"
    (at / f"{name}{suffix}").write_text(text)
    run(*compiler, "-Wall", "-Wextra", "-Werror", f"{name}{suffix}", "-o", name, *flags, f"-Wl,-rpath,{at}/lib", *options, cwd=at, check=True)
    return str(at / name)


@test
def the_example_in_c_compiles_and_runs():
    r = run(compile_c("example", example("c")), env={"HOME": str(PREFIX)})  # it finds its files by where the library lies
    equal(r.stderr, "")
    rule, encoder = r.stdout.splitlines()
    equal(rule, "USER_ACTION regex 0.9500")
    assert re.fullmatch(r"AUTH_ERROR bert 0\.9\d{3}", encoder), encoder


@test
def the_header_is_cpp_too_and_needs_no_other():
    source = '#include <logclass.h>\n#include <cstdio>\nint main() { std::puts(logclass_version()); }\n'
    equal(run(compile_c("cpp", source, compiler=("c++", "-std=c++17"))).stdout.strip(), (ROOT / "VERSION").read_text().strip())


@test
def nothing_but_the_public_names_is_visible_and_the_manual_has_them_all():
    declared = set(re.findall(r"\b(logclass_\w+)\(", re.sub(r"/\*.*?\*/", "", (ROOT / "src/lib/logclass.h").read_text(), flags=re.S)))
    listed = run("nm", "-D", "--defined-only", f"{install()}/lib/liblogclass.so", check=True).stdout
    equal({x.split()[2].split("@")[0] for x in listed.splitlines() if x.split()[1] == "T"}, declared)
    soname = run("readelf", "-d", f"{PREFIX}/lib/liblogclass.so", check=True).stdout
    assert "Library soname: [liblogclass.so.0]" in soname, soname
    manual = (ROOT / "src/lib/logclass.3").read_text()
    equal(sorted(x for x in declared if f"{x}(" not in manual), [])


@test
def no_function_that_ends_the_process_or_handles_signals_is_called():
    undefined = run("nm", "-D", "--undefined-only", f"{install()}/lib/liblogclass.so", check=True).stdout
    called = {x.split()[-1].split("@")[0] for x in undefined.splitlines()}
    equal(sorted(called & {"exit", "_exit", "quick_exit", "signal", "sigaction", "setlocale", "setenv", "putenv", "chdir", "umask", "atexit", "fork", "stdout"}), [])


STDIN = r"""
#include <logclass.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int n, char **setting) {
    const char *settings[8] = {0};
    struct logclass_options o = {.size = sizeof o, .settings = settings, .use_state = getenv("WITH_STATE") != NULL};
    struct logclass_error e;
    for (int i = 1; i < n; i++) settings[i - 1] = setting[i];
    struct logclass *c = logclass_open(&o, &e);
    if (!c) return fprintf(stdout, "%s\n", e.text), 1;
    for (char text[70000]; fgets(text, sizeof text, stdin);) {
        struct logclass_line line = {.message = text, .message_bytes = strcspn(text, "\n")};
        struct logclass_answer a;
        if (logclass_classify(c, &line, 1, &a, &e)) return 2;
        printf("%s %s %.4f\n", logclass_label_id(c, a.label), logclass_decider_name(a.decider), a.confidence);
    }
    logclass_close(c);
    return 0;
}
"""


@test
def answers_are_those_of_the_command_line():
    lines = [x for p in sorted((ROOT / "data/corpus").iterdir()) if p.suffix == ".log" for x in p.read_text().splitlines()[:20]]
    lines = [x for x in lines if x][:400]
    assert len(lines) == 400, len(lines)
    said = run(BINARY, "classify", "--format", "lines", "--no-message", "-q", input="\n".join(lines), check=True).stdout.splitlines()
    want = ["{label_id} {source} {confidence:.4f}".format(**json.loads(x)) for x in said]
    equal(run(compile_c("lines", STDIN), input="\n".join(lines), check=True).stdout.splitlines(), want)


@test
def what_was_said_on_this_machine_counts_where_that_is_asked_for():
    state = tempfile.mkdtemp()
    env = {**os.environ, "XDG_STATE_HOME": state}
    run(BINARY, "correct", "BACKUP", "at org.zork.Quux.frobnicate(Quux.java:12)", env=env, check=True)
    program = compile_c("lines", STDIN)
    for more, want in (({}, "UNCLASSIFIED fallback 0.0000"), ({"WITH_STATE": "1"}, "BACKUP regex 1.0000")):
        r = run(program, input="at org.zork.Quux.frobnicate(Quux.java:12)\n", env={**env, **more})
        equal((r.stdout.strip(), r.stderr), (want, ""))


@test
def the_environment_and_config_files_do_not_count():
    (PREFIX / "config").write_text("labels = /nowhere\n")
    env = {**os.environ, "LOGCLASS_LABELS": "/nowhere", "LOGCLASS_CONFIG": str(PREFIX / "config"), "GROQ_API_KEY": "k"}
    equal(run(compile_c("lines", STDIN), input="User a logged in\n", env=env).stdout, "USER_ACTION regex 0.9500\n")


@test
def files_that_are_not_there_are_named():
    r = run(compile_c("lines", STDIN), input="", env={**os.environ, "LOGCLASS_DATA_DIR": "/nowhere"})
    equal(r.returncode, 1)
    assert "rules.conf" in r.stdout and "LOGCLASS_DATA_DIR" in r.stdout, r.stdout


def over_http(language, suffix, *command):
    if not shutil.which(command[0]):
        print(f"  skipped: there is no {command[0]}", file=sys.stderr)
        return
    with serving("--bert", "off") as s:
        (PREFIX / f"client{suffix}").write_text(example(language).replace("localhost:8080", f"127.0.0.1:{s.port}"))
        r = run(*command, f"client{suffix}", cwd=PREFIX, timeout=600)
    equal((r.stdout.strip(), r.stderr), (BOB, ""))


@test
def the_client_in_go_runs():
    over_http("go", ".go", "go", "run")


@test
def the_client_in_node_runs():
    over_http("js", ".mjs", "node")


main()
