"""The life of the Debian packages in a bare Debian 12 (as root): install, use, serve as the unit's user, upgrade from the version
before with what was learnt and configured kept, remove, purge. lintian looks at them first. What is typed and what comes of it is
written to build/package/transcript.txt.

DEBS=FOLDER tries packages that are there already. The version before is made from the last commit with another VERSION, with
today's packaging.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

from debs import ROOT, WHERE, hash_of, make_debs, output, today

from bare_debian import Bare, run
from check import equal, main, test

VERSION = (ROOT / "VERSION").read_text().strip()
LINE, LABEL = "frobnicator spindle 7 is out of true", "DB_ERROR"
PORT = 18081


def before():
    """The version before, its own sources with today's packaging."""
    out = WHERE / f"debs-before-{hash_of('debian', 'scripts')}"
    if out.exists():
        return out
    with tempfile.TemporaryDirectory() as d:
        tree = pathlib.Path(d, "tree")
        tree.mkdir()
        changed = output("git", "log", "-1", "--format=%H", "--", "VERSION", cwd=ROOT).strip()
        run("sh", "-c", f"git archive {changed}^ | tar -x -C {tree}", cwd=ROOT)
        for part in ("debian", "deploy/helm"):
            shutil.copytree(ROOT / part, tree / part, dirs_exist_ok=True)
        for name in ("fetch", "make-deb", "make-sbom", "make-man"):
            shutil.copy(ROOT / "scripts" / name, tree / "scripts")
        install = tree / "debian/logclass.install"
        make = (tree / "Makefile").read_text()
        if "man/man5" not in make:  # it installs one page only
            install.write_text(install.read_text().replace("usr/share/man/man5\n", ""))
            other = tree / "debian/logclass-import-sklearn.install"
            other.write_text("usr/bin/logclass-import-sklearn\n")
        if "liblogclass.so" not in make:
            for name in ("liblogclass0.install", "liblogclass-dev.install"):
                (tree / "debian" / name).unlink()
        shutil.copytree(ROOT / "build/deps", tree / "build/deps")
        shutil.copytree(ROOT / "models", tree / "models", ignore=shutil.ignore_patterns("packed-*"))
        return make_debs(tree, out)


class Life:
    """The bare Debian with a transcript."""

    def __init__(self):
        root = WHERE / "debian"
        shutil.rmtree(root, ignore_errors=True)
        WHERE.mkdir(parents=True, exist_ok=True)
        self.bare = Bare(root, include=("systemd", "procps"))  # a server has them
        self.bare.env["DEBIAN_FRONTEND"] = "noninteractive"
        self.bare.mount_proc()
        self.transcript = open(WHERE / "transcript.txt", "w")

    def sh(self, command, user=None, fails=False, keep=12):
        """What it printed; the transcript has the last lines of it."""
        self.bare.user = user
        r = subprocess.run(self.bare.chroot("sh", "-c", command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.bare.user = None
        prompt = f"{user.split(':')[0]}$" if user else "#"
        lines = r.stdout.splitlines()
        self.transcript.write(f"{prompt} {command}\n" + "".join(f"{x}\n" for x in lines[-keep:] if keep))
        self.transcript.flush()
        assert (r.returncode != 0) == fails, f"{command}: {r.returncode}: {r.stdout[-3000:]}"
        return r.stdout

    def install(self, debs):
        for deb in [*debs.glob("logclass_*.deb"), *debs.glob("logclass-model_*.deb")]:
            shutil.copy(deb, self.bare.path("/root"))
        names = " ".join(f"./{d.name}" for d in [*debs.glob("logclass_*.deb"), *debs.glob("logclass-model_*.deb")])
        return self.sh(f"cd /root && apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold {names} 2>&1 | grep -v ^debconf:", keep=8)

    def unit(self, key):
        text = self.bare.path("/usr/lib/systemd/system/logclass.service")
        text = text if text.exists() else self.bare.path("/lib/systemd/system/logclass.service")
        return re.search(rf"^{key}=(.*)$", text.read_text(), re.M).group(1)

    def say(self, text):
        self.transcript.write(f"\n## {text}\n")

    def close(self):
        self.bare.umount_proc()
        self.transcript.close()


class Serving:
    """What the unit would start, as its user with its folders; a chroot has no service manager that could."""

    def __init__(self, life):
        self.life = life
        user = life.unit("User")
        life.bare.user = f"{user}:{user}"
        environment = {"STATE_DIRECTORY": f"/var/lib/{life.unit('StateDirectory')}", "CACHE_DIRECTORY": f"/var/cache/{life.unit('CacheDirectory')}"}
        command = [*life.unit("ExecStart").split(), "--port", str(PORT), "--drain-delay", "0"]
        life.transcript.write(f"{user}$ {' '.join(command)} &\n")
        with open(WHERE / "serve.log", "w") as log:
            self.process = subprocess.Popen(life.bare.chroot("env", *(f"{k}={v}" for k, v in environment.items()), *command), stderr=log)
        life.bare.user = None

    def __enter__(self):
        for _ in range(600):
            time.sleep(0.1)
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=5)
                return self
            except OSError:
                assert self.process.poll() is None, (WHERE / "serve.log").read_text()
        raise AssertionError("it did not get ready: " + (WHERE / "serve.log").read_text())

    def classify(self, message):
        body = json.dumps([{"log_message": message}])
        text = urllib.request.urlopen(f"http://127.0.0.1:{PORT}/classify", body.encode(), timeout=20).read().decode()
        self.life.transcript.write(f"$ curl -s localhost:{PORT}/classify -d '{body}'\n{text}\n")
        return json.loads(text)[0]

    def __exit__(self, *_):
        self.process.terminate()
        self.status = self.process.wait(timeout=60)


LIFE = None


@test
def lintian_finds_no_error():
    changes = next(today().glob("*.changes"))
    said = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", "--no-tag-display-limit", str(changes)], capture_output=True, text=True)
    (WHERE / "lintian.txt").write_text(said.stdout + said.stderr)
    equal((said.returncode, [x for x in said.stdout.splitlines() if x.startswith("E:")]), (0, []))


@test
def it_installs_and_labels():
    global LIFE
    LIFE = Life()
    LIFE.sh("apt-get update -qq", keep=0)
    LIFE.say("install")
    LIFE.install(before())
    LIFE.sh("logclass version | head -n 1")
    said = LIFE.sh("echo 'Failed password for root from 203.0.113.7 port 22 ssh2' | logclass classify", user="nobody:nogroup")
    equal(json.loads(said)["label_id"], "AUTH_ERROR")
    equal(LIFE.sh("stat -c '%U %a' /var/lib/logclass").split(), ["logclass", "700"])
    assert "/usr/sbin/nologin" in LIFE.sh("getent passwd logclass")
    LIFE.sh("systemd-analyze verify --man=no logclass.service")
    equal(LIFE.sh("systemctl is-enabled logclass", fails=True).strip(), "disabled")
    assert "/etc/logclass/logclass.conf" in LIFE.sh("dpkg-query --showformat='${Conffiles}\\n' --show logclass")
    said = LIFE.sh("cat /var/lib/dpkg/info/logclass.postinst", keep=0)  # what only a running service manager would do
    assert "systemctl --system daemon-reload" in said and "deb-systemd-invoke try-restart 'logclass.service'" in said, said
    assert LIFE.bare.path("/usr/share/man/man1/logclass.1.gz").exists() or "path-exclude" in LIFE.sh("cat /etc/dpkg/dpkg.cfg.d/* || true")
    assert LIFE.bare.path("/usr/share/zsh/vendor-completions/_logclass").exists()


@test
def it_serves_as_the_units_user_and_keeps_what_it_is_told():
    LIFE.say("serve as the unit's user")
    with Serving(LIFE) as s:
        equal(os.stat(f"/proc/{s.process.pid}").st_uid, int(LIFE.sh("id -u logclass")))
        equal(s.classify("User admin123 logged in.")["label_id"], "USER_ACTION")
        LIFE.sh(f"STATE_DIRECTORY=/var/lib/logclass logclass correct {LABEL} '{LINE}'", user="logclass:logclass")
        for _ in range(100):
            time.sleep(0.1)
            if s.classify(LINE)["label_id"] == LABEL:
                break
        equal(s.classify(LINE)["label_id"], LABEL)
    equal(s.status, 0)
    equal(set(LIFE.sh("find /var/lib/logclass /var/cache/logclass -printf '%u\\n'", keep=0).split()), {"logclass"})
    assert "packed-" in LIFE.sh("ls /var/cache/logclass")


@test
def an_upgrade_keeps_state_and_configuration():
    LIFE.say("upgrade")
    LIFE.sh("sed -i 's/^; workers = .*/workers = 3/' /etc/logclass/logclass.conf && echo 'ingest:a:0123456789abcdef' > /etc/logclass/tokens")
    LIFE.install(today())
    assert LIFE.sh("logclass version").startswith(f"logclass {VERSION} ")
    assert "workers = 3\n" in LIFE.sh("grep workers /etc/logclass/logclass.conf")
    assert LINE.split()[0] in LIFE.sh("STATE_DIRECTORY=/var/lib/logclass logclass correct --list", user="logclass:logclass")
    with Serving(LIFE) as s:
        equal(s.classify(LINE)["label_id"], LABEL)
    equal(s.status, 0)
    bill = json.loads(LIFE.sh("cat /usr/share/doc/logclass/logclass.spdx.json.gz | gzip -d", keep=0))
    sums = {f["fileName"]: {c["algorithm"]: c["checksumValue"] for c in f["checksums"]} for f in bill["files"]}
    equal(LIFE.sh("sha256sum /usr/bin/logclass").split()[0], sums["./bin/logclass"]["SHA256"])
    LIFE.sh("dpkg --verify logclass logclass-model | grep -v /etc/logclass/logclass.conf", fails=True)


@test
def a_removal_keeps_state_and_a_purge_does_not():
    LIFE.say("remove, and purge")
    LIFE.sh("echo x | logclass classify")  # as root, who keeps packed weights beside the model
    LIFE.sh("apt-get remove -y -qq -o Dpkg::Use-Pty=0 logclass logclass-model")
    assert not LIFE.bare.path("/usr/bin/logclass").exists() and not LIFE.bare.path("/usr/share/logclass").exists()
    assert "corrections" in LIFE.sh("ls /var/lib/logclass") and "logclass.conf" in LIFE.sh("ls /etc/logclass")
    LIFE.sh("apt-get purge -y -qq -o Dpkg::Use-Pty=0 logclass logclass-model")
    for path in ("/var/lib/logclass", "/var/cache/logclass", "/etc/logclass/logclass.conf"):
        assert not LIFE.bare.path(path).exists(), path
    equal(LIFE.sh("ls /etc/logclass").split(), ["tokens"])  # the administrator's own
    equal(LIFE.sh("dpkg-query --list 'logclass*' 2>/dev/null | grep ^ii", fails=True), "")


try:
    main()
finally:
    if LIFE:
        LIFE.close()
        shutil.rmtree(WHERE / "debian", ignore_errors=True)
