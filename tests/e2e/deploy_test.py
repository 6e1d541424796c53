"""What lies in deploy/, tried: Prometheus scrapes a server under load and evaluates every expression of alerts and
dashboard, the proxies speak TLS in front of it, the unit's sandbox allows what the program does, the configuration loads."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from check import BINARY, equal, main, test
from live import Server, wait_until

DEPLOY = pathlib.Path(__file__).resolve().parent.parent.parent / "deploy"
ENTRY = [{"source": "app", "log_message": "User admin123 logged in."}]


def tool(name, package):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    assert path, f"{name} is needed (package {package}, scripts/install-debian --dev)"
    return path


def run(*command, **more):
    r = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    assert r.returncode == 0, f"{command}: {r.stdout}{r.stderr}"
    return r.stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def process(*command):
    with tempfile.TemporaryFile() as log:
        p = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log)
        try:
            yield p
        except BaseException:
            log.seek(0)
            print(log.read().decode(errors="replace")[-3000:])
            raise
        finally:
            p.terminate()
            p.wait(timeout=30)


def answers(url, context=None):
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(url, timeout=5, context=context).status == 200
    return False


@test
def prometheus_accepts_configuration_and_rules():
    promtool = tool("promtool", "prometheus")
    run(promtool, "check", "config", DEPLOY / "prometheus.yml")
    run(promtool, "check", "rules", DEPLOY / "alerts.yml")
    run(promtool, "test", "rules", DEPLOY / "alerts_test.yml")


def dashboard_expressions():
    panels = json.load(open(DEPLOY / "dashboard.json"))["panels"]
    ids = [p["id"] for p in panels]
    equal(len(ids), len(set(ids)))
    for p in panels:
        for t in p.get("targets", []):
            yield p["title"], t["expr"].replace("$__rate_interval", "5s").replace("$instance", ".*").replace("[1h]", "[5s]")


class Prometheus:
    def __init__(self, port):
        self.port = port

    def get(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        return json.load(urllib.request.urlopen(url, timeout=20))["data"]

    def query(self, expr):
        return self.get("query", query=expr)["result"]


@contextlib.contextmanager
def prometheus(target, where):
    text = (DEPLOY / "prometheus.yml").read_text().replace("127.0.0.1:8080", target).replace("15s", "1s")
    (where / "prometheus.yml").write_text(text)
    shutil.copy(DEPLOY / "alerts.yml", where)
    port = free_port()
    with process(tool("prometheus", "prometheus"), f"--config.file={where}/prometheus.yml", f"--storage.tsdb.path={where}/data",
                 f"--web.listen-address=127.0.0.1:{port}"):
        p = Prometheus(port)
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/-/ready"))
        yield p


@contextlib.contextmanager
def load(server):
    """Known and new lines, a refusal now and then, until the end."""
    over = threading.Event()

    def work():
        n = 0
        while not over.is_set():
            n += 1
            server.classify(ENTRY + [{"log_message": f"pool {n} of {'abcdefghij'[n % 10]} is empty"}])
            server.ask("POST", "/classify", "[]")
            server.ask("GET", "/health")
            server.ask("GET", "/api/kinds?limit=1")
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@test
def every_expression_has_a_value_in_a_real_prometheus():
    where = tempfile.mkdtemp()
    conf = pathlib.Path(where, "logclass.conf")
    conf.write_text(f"[source in]\ntype = file\ninclude = {where}/*.log\n[source net]\ntype = syslog\nlisten = unixgram://{where}/s\n"
                    f"[sink out]\ntype = file\npath = {where}/out\n")
    pathlib.Path(where, "a.log").write_text("User bob logged in.\n")
    s = Server("--config", str(conf), command=("run",), env={"XDG_STATE_HOME": where})
    with tempfile.TemporaryDirectory() as d, load(s), prometheus(f"127.0.0.1:{s.port}", pathlib.Path(d)) as p:
        wait_until(lambda: len(p.query('count_over_time(up{job="logclass"}[1m])')) == 1
                   and int(p.query('count_over_time(up{job="logclass"}[1m])')[0]["value"][1]) >= 7)
        for title, expr in dashboard_expressions():
            assert p.query(expr), f"the panel '{title}' shows nothing: {expr}"
        rules = p.get("rules")["groups"][0]["rules"]
        equal(len(rules), (DEPLOY / "alerts.yml").read_text().count("- alert:"))
        for r in rules:
            equal((r["name"], r["health"], r.get("lastError", "")), (r["name"], "ok", ""))
            for name in set(re.findall(r"\b(?:up|(?:log_class|logclass_|process_)\w+)(?=[{\[ ]|$)", r["query"])):
                assert p.query(f"count({name})"), f"alert {r['name']}: nobody exports {name}"
    s.stop()


def certificate(where):
    run(tool("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", where / "key.pem", "-out", where / "cert.pem")
    (where / "both.pem").write_text((where / "cert.pem").read_text() + (where / "key.pem").read_text())
    return ssl.create_default_context(cafile=where / "cert.pem")


def through_the_proxy(port, context):
    base = f"https://127.0.0.1:{port}"
    wait_until(lambda: answers(base + "/readyz", context))
    r = urllib.request.Request(base + "/classify", json.dumps(ENTRY).encode(), {"Content-Type": "application/json"})
    answer = json.load(urllib.request.urlopen(r, timeout=20, context=context))
    equal((answer[0]["label_id"], answer[0]["source"]), ("USER_ACTION", "regex"))
    with urllib.request.urlopen(base + "/metrics", timeout=20, context=context) as m:
        assert b"logclass_build_info" in m.read()
    for path in ("/livez", "/classify/x", "/other"):
        try:
            urllib.request.urlopen(base + path, timeout=20, context=context)
            raise AssertionError(f"{path} was passed on")
        except urllib.error.HTTPError as e:
            equal(e.code, 404)


@test
def nginx_speaks_tls_in_front():
    s = Server("--bert", "off")
    port = free_port()
    with tempfile.TemporaryDirectory() as d:
        where = pathlib.Path(d)
        context = certificate(where)
        text = (DEPLOY / "nginx.conf").read_text()
        for old, new in (("listen 443", f"listen 127.0.0.1:{port}"), ("127.0.0.1:8080", f"127.0.0.1:{s.port}"),
                         ("logs.example.org", "127.0.0.1"), ("/etc/ssl/certs/logclass.pem", f"{d}/cert.pem"),
                         ("/etc/ssl/private/logclass.key", f"{d}/key.pem")):
            assert old in text, old
            text = text.replace(old, new)
        temp = "".join(f"{kind}_temp_path {d}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (where / "nginx.conf").write_text(f"daemon off; pid {d}/pid; error_log stderr; events {{}}\nhttp {{ access_log off; {temp}\n{text}}}\n")
        with process(tool("nginx", "nginx-light"), "-e", "stderr", "-p", d, "-c", where / "nginx.conf"):
            through_the_proxy(port, context)
    s.stop()


@test
def haproxy_speaks_tls_in_front():
    s = Server("--bert", "off")
    port = free_port()
    with tempfile.TemporaryDirectory() as d:
        where = pathlib.Path(d)
        context = certificate(where)
        text = (DEPLOY / "haproxy.cfg").read_text()
        for old, new in (("maxconn 10000", "maxconn 100"), ("bind :443", f"bind 127.0.0.1:{port}"), ("127.0.0.1:8080", f"127.0.0.1:{s.port}"),
                         ("/etc/ssl/private/logclass.pem", f"{d}/both.pem")):
            assert old in text, old
            text = text.replace(old, new)
        (where / "haproxy.cfg").write_text(text)
        with process(tool("haproxy", "haproxy"), "-f", where / "haproxy.cfg"):
            through_the_proxy(port, context)
    s.stop()


@test
def the_example_configuration_is_valid_and_names_defaults():
    run(BINARY, "config", "check", "--config", DEPLOY / "logclass.conf")
    shown = run(BINARY, "config", "show")
    for line in (DEPLOY / "logclass.conf").read_text().splitlines():
        m = re.fullmatch(r"; ([a-z-]+) = (\S*)", line)
        if m and not m.group(2).startswith(("/", "http")) and not m.group(1).startswith("llm-"):
            assert re.search(rf"^#? ?;? ?{m.group(1)} = {re.escape(m.group(2))}$", shown, re.M), f"{line} is not the default"


@test
def the_unit_is_closed_and_still_lets_the_program_work():
    """What the unit forbids is not done: checked from a trace, since a container has no service manager."""
    unit = (DEPLOY / "logclass.service").read_text()
    analyze = tool("systemd-analyze", "systemd")
    run(analyze, "security", "--offline=true", "--threshold=20", DEPLOY / "logclass.service")
    filters = re.findall(r"^SystemCallFilter=(~?)(.*)$", unit, re.M)

    def calls_of(groups):
        names, todo = set(), groups.split()
        while todo:
            for line in run(analyze, "syscall-filter", todo.pop()).splitlines()[1:]:
                word = line.strip()
                if word.startswith("@"):
                    todo.append(word)
                elif word and not word.startswith("#"):
                    names.add(word)
        return names
    allowed = set()
    for minus, groups in filters:
        allowed = allowed - calls_of(groups) if minus else allowed | calls_of(groups)
    with tempfile.TemporaryDirectory() as d:
        trace = os.path.join(d, "trace")
        s = Server(wrap=[tool("strace", "strace"), "-D", "-f", "-qq", "-o", trace])
        s.classify(ENTRY + [{"log_message": "the pump in hall nine reports no pressure"}])
        s.metrics()
        s.stop()
        text = open(trace).read()
    made = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)[( ]", text, re.M)) - {"execve"}
    # setrlimit is tried only where LimitNOFILE is too low; the program goes on without it. fchown is SQLite's, of root alone.
    assert {"epoll_wait", "accept4", "mmap"} <= made and made - {"prlimit64", "setrlimit", "fchown"} <= allowed, made - allowed
    assert "MemoryDenyWriteExecute=yes" in unit
    started = text.split("eventfd2(")[-1]
    bad = re.findall(r"(?:mmap|mprotect|pkey_mprotect)\([^\n]*PROT_WRITE\|PROT_EXEC[^\n]*", text)
    bad += re.findall(r"mprotect\([^\n]*PROT_EXEC[^\n]*", started)
    equal(bad, [])


@test
def the_chart_has_the_version_of_the_program():
    version = (DEPLOY.parent / "VERSION").read_text().strip()
    chart = (DEPLOY / "helm/logclass/Chart.yaml").read_text()
    assert f"\nversion: {version}\n" in chart and f"\nappVersion: {version}\n" in chart, chart


@test
def secrets_that_the_services_group_reads_are_fine_and_those_that_all_read_are_not():
    """As the package's documents say to make them, and as Kubernetes makes those of Secrets."""
    with tempfile.TemporaryDirectory() as d:
        secret = pathlib.Path(d, "secret")
        secret.write_text("0123456789abcdef0123456789abcdef\n")
        for option, *more in (("--token-file",), ("--llm-key-file", "--llm-url", "https://127.0.0.1:9/v1")):
            for mode, said in ((0o640, False), (0o644, True), (0o660, True)):
                secret.chmod(mode)
                s = Server(option, secret, *more, env={"STATE_DIRECTORY": d})
                s.stop()
                equal((option, oct(mode), s.says("open to others: chmod 640")), (option, oct(mode), said))


main()
