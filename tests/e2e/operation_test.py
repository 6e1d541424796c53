"""Running it: start, readiness, reload, signals, logs, configuration, long streams, hostile bodies."""
import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import zlib

from check import BINARY, equal, main, test
from live import Server, chat, fake, label, serving, wait_until

SECRET = "canary 4417 in a log line"


class Files:
    """A folder with a config file and what it names."""

    def __init__(self, **options):
        self.dir = tempfile.mkdtemp()
        self.options = {"bert": "off", **options}
        self.save()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def save(self, **options):
        self.options.update(options)
        text = "; a comment\n# another\n[group]\n" + "".join(f"{k} = {v}\n" for k, v in self.options.items())
        return self.write("logclass.conf", text)


def rules_form():
    """How a rule is written, from the shipped file."""
    path = os.path.join(os.path.dirname(__file__), "..", "..", "data", "rules.conf")
    return open(path).read()


@test
def a_log_that_nobody_reads_stops_nothing():
    end, log = os.pipe()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    p = subprocess.Popen([BINARY, "serve", "--bert", "off", "--access-log", "--port", str(port)], stderr=log)
    os.write(log, b"x" * 60000)  # there is room for few lines

    def ask(path):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        c.request("GET", path)
        return c.getresponse().read()

    def up():
        try:
            return ask("/readyz")
        except OSError:
            return None
    wait_until(up)
    for _ in range(150):
        ask("/livez")
    lost = [x for x in ask("/metrics").decode().splitlines() if x.startswith("logclass_log_lost_total")]
    assert float(lost[0].split()[1]) > 0, lost
    p.terminate()
    equal(p.wait(20), 0)
    os.close(end)
    os.close(log)


@test
def it_says_no_until_it_is_ready():
    f = Files()
    os.mkfifo(f.path("rules"))
    rules = os.open(f.path("rules"), os.O_RDWR)  # while it is open, the server waits for the rules' end
    s = Server("--bert", "off", "--rules", f.path("rules"), ready=False)
    r, text = s.ask("GET", "/readyz")
    equal((r.status, text), (503, b'{"status":"starting"}'))
    equal(s.ask("GET", "/livez")[0].status, 200)
    equal(s.ask("GET", "/health")[0].status, 200)
    equal(s.ask("GET", "/metrics")[0].status, 200)
    r, text = s.ask("POST", "/classify", "[{}]")
    equal((r.status, r.getheader("Retry-After")), (503, "1"))
    os.write(rules, rules_form().encode())
    os.close(rules)
    wait_until(lambda: s.ask("GET", "/readyz")[0].status == 200)
    equal(s.lines("User a logged in")[0]["source"], "regex")
    equal(s.stop(), 0)


@test
def what_can_not_be_loaded_ends_it_with_the_reason():
    f = Files()
    for options, part in ((["--rules", f.write("bad", "nonsense\n"), "--drain-delay", "300000"], "bad:1"), (["--labels", "/nowhere"], "/nowhere"),
                          (["--host", "192.0.2.1", "--allow-open"], "192.0.2.1"), (["--client-entries-max", "5"], "client-entries-max")):
        r = subprocess.run([BINARY, "serve", "--bert", "off", "--port", "0", *options], capture_output=True, text=True, timeout=60)
        assert r.returncode in (1, 2) and part in r.stderr, (options, r)


@test
def the_service_manager_is_told():
    path = os.path.join(tempfile.mkdtemp(), "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(30)
        s = Server("--bert", "off", env={"NOTIFY_SOCKET": path})
        equal(manager.recv(4096), b"READY=1")
        s.process.send_signal(signal.SIGHUP)
        said = manager.recv(4096).split(b"\n")
        equal(said[0], b"RELOADING=1")
        name, value = said[1].split(b"=")
        equal(name, b"MONOTONIC_USEC")
        assert 0 <= time.monotonic() - int(value) / 1e6 < 60
        equal(manager.recv(4096), b"READY=1")
        equal(s.stop(), 0)
        equal(manager.recv(4096), b"STOPPING=1")


def reloads(s):
    return [s.value(f'logclass_reloads_total{{result="{r}"}}') for r in ("success", "failure")] + \
        [s.value("logclass_last_reload_successful")]


@test
def a_reload_changes_options_rules_and_tokens_or_nothing():
    f = Files(**{"entries-max": 2, "log-level": "info"})
    token = f.write("token", "the-first-token-of-all\n")
    f.save(**{"token-file": token})
    first, second = ({"Authorization": f"Bearer the-{n}-token-of-all"} for n in ("first", "second"))

    def post(headers, n):
        return s.ask("POST", "/classify", json.dumps([{}] * n), headers)[0].status
    s = Server("--config", f.path("logclass.conf"))
    metrics = s.metrics
    s.metrics = lambda: s.ask("GET", "/metrics", None, current)[1].decode()
    current = first
    equal([post(first, 2), post(first, 3), post(second, 1)], [200, 413, 401])
    equal(reloads(s), [0, 0, 1])
    started = s.value("logclass_last_reload_success_timestamp_seconds")
    assert abs(started - time.time()) < 120
    f.write("token", "the-second-token-of-all\n")
    f.save(**{"entries-max": 3, "workers": 3})
    s.hup()
    current = second
    equal([post(second, 3), post(second, 4), post(first, 1)], [200, 413, 401])
    equal(reloads(s), [1, 0, 1])
    assert s.says("workers has another value"), s.log
    for broken, part in (({"entries-max": "many"}, "entries-max"), ({"rules": "/nowhere"}, "/nowhere"),
                         ({"entries-max": 9, "token-file": "/nowhere"}, "/nowhere"),
                         ({"entries-max": 9, "client-entries-max": 8}, "client-entries-max")):
        kept = dict(f.options)
        f.save(**broken)
        s.hup("reload.failed")
        assert part in s.log[-1], (broken, s.log[-1])
        equal([post(second, 3), post(second, 4)], [200, 413])  # all of it stays
        f.options = kept
    equal(reloads(s), [1, 4, 0])
    f.save()
    s.hup()
    equal(reloads(s), [2, 4, 1])
    s.metrics = metrics
    equal(s.stop(), 0)


@test
def a_reload_brings_other_labels():
    f = Files()
    shipped = rules_form()
    one = "USER_ACTION | User Action | x\nSYSTEM_NOTIFICATION | System Notification | x\n"
    f.write("labels", one)
    f.write("rules", shipped)
    f.save(labels=f.path("labels"), rules=f.path("rules"))
    with fake(lambda fk, c, r: (time.sleep(1.5), label("SYSTEM_NOTIFICATION"))[1]) as slow:
        s = Server("--config", f.path("logclass.conf"), "--bert", slow.url())
        equal(s.lines("User a logged in")[0]["label"], "User Action")
        late = []
        t = threading.Thread(target=lambda: late.extend(s.lines("something slow", "User b logged in")))
        t.start()
        wait_until(lambda: slow.requests)
        f.write("labels", "FIRST | First | new\nUSER_ACTION | Human | x\nSYSTEM_NOTIFICATION | Machine | x\n")
        s.hup()
        equal(s.lines("User a logged in")[0]["label"], "Human")
        t.join()  # what was on its way keeps the labels it began with
        equal([a["label"] for a in late], ["System Notification", "User Action"])
        equal(s.lines("something else")[0]["label"], "Machine")
        assert "FIRST" in s.ask("GET", "/openapi.json")[1].decode()
        equal(s.value('log_classifications_total{classifier="regex",label="USER_ACTION"}'), 3)
        equal(s.value('log_classifications_total{classifier="bert",label="SYSTEM_NOTIFICATION"}'), 2)
        equal(s.stop(), 0)


@test
def a_reload_takes_a_new_key():
    f = Files()
    key = f.write("key", "the-first-key\n")
    os.chmod(key, 0o600)
    with fake(chat("INFO")) as llm:
        s = Server("--config", f.path("logclass.conf"), "--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-store", "none",
                   "--llm-key-file", key)
        s.lines("one")
        s.hup()
        s.lines("two")  # the same connection: nothing about the service has changed
        equal(llm.connections, 1)
        f.write("key", "the-second-key\n")
        s.hup()
        s.lines("three")
        keys = [next(line for line in head.split("\r\n") if line.startswith("Authorization")) for head in llm.heads]
        equal(keys, [f"Authorization: Bearer the-{n}-key" for n in ("first", "first", "second")])
        equal(s.stop(), 0)
        assert "-key" not in "".join(line for line in s.log if "llm.key" not in line), s.log


@test
def a_second_signal_stops_at_once():
    with fake(lambda f, c, r: None) as f:
        s = Server("--bert", f.url(), "--bert-timeout", "60000")
        waiting = http.client.HTTPConnection("127.0.0.1", s.port)
        waiting.request("POST", "/classify", '[{"log_message":"x"}]')
        wait_until(lambda: f.requests)
        s.process.send_signal(signal.SIGTERM)
        wait_until(lambda: s.says("server.drain"))
        assert s.process.poll() is None
        s.process.send_signal(signal.SIGTERM)
        equal(s.process.wait(timeout=60), 1)


@test
def a_drain_answers_what_is_in_flight():
    with fake(lambda f, c, r: (time.sleep(1), label("INFO"))[1]) as f:
        s = Server("--bert", f.url())
        waiting = http.client.HTTPConnection("127.0.0.1", s.port)
        waiting.request("POST", "/classify", '[{"log_message":"x"}]')
        wait_until(lambda: f.requests)
        s.process.send_signal(signal.SIGTERM)
        r = waiting.getresponse()
        equal((r.status, json.loads(r.read())[0]["label_id"], r.getheader("Connection")), (200, "INFO", "close"))
        equal(s.process.wait(timeout=60), 0)  # stop() would be a second signal
        s.stop()


@test
def the_text_of_lines_stays_out_of_the_log():
    for form in ("--log-json", "--no-log-json"):
        with fake(lambda f, c, r: b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n") as f:
            s = Server("--bert", f.url(), "--access-log", form, "--log-level", "info")
            s.lines(SECRET)
            s.ask("POST", "/classify", json.dumps([{"log_message": SECRET}])[:-1])
            s.ask("GET", "/path-" + SECRET.replace(" ", "-"))
            equal(s.stop(), 0)
        text = "".join(s.log)
        assert "http.request" in text and "remote.failed" in text, text
        assert "canary" not in text and "4417" not in text, text
        for line in s.log if form == "--log-json" else []:
            equal(set(json.loads(line)), {"ts", "level", "event", "msg"})


def config(*args, env=None):
    return subprocess.run([BINARY, "config", *args], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **(env or {})})


@test
def the_configuration_can_be_shown_checked_and_explained():
    f = Files(**{"workers": 3, "memo-entries": 5000})
    shown = config("show", "--config", f.path("logclass.conf"), "--workers", "5", env={"LOGCLASS_MEMO_ENTRIES": "6000"})
    equal(shown.returncode, 0)
    lines = shown.stdout.splitlines()
    assert "workers = 5" in lines and "memo-entries = 6000" in lines and "bert = off" in lines, shown.stdout
    assert lines[0].startswith("; "), lines[0]
    again = f.write("again", shown.stdout)
    def values(text):
        return [x for x in text.splitlines() if not x.startswith(";")]
    equal([x.replace(again, "") for x in values(config("show", "--config", again).stdout)],
          [x.replace(f.path("logclass.conf"), "") for x in values(shown.stdout)])
    equal(config("check", "--config", again).returncode, 0)
    for key, value, part in (("workers", "many", "workers"), ("wrokers", "3", "wrokers"), ("port", "70000", "65535")):
        bad = f.write("bad", f"; fine\n{key} = {value}\n")
        r = config("check", "--config", bad)
        equal(r.returncode, 78)
        assert part in r.stderr and f"{bad}:2" in r.stderr, r.stderr
    assert "| `workers` | `LOGCLASS_WORKERS` | `4` |" in config("doc").stdout


def touch_memory(s):
    """So that what the process needs once, some megabytes where pages are huge, is not counted as what comes next."""
    for _ in range(4):
        s.lines(*["User a logged in"] * 5000)


@test
def a_long_stream_needs_little_memory():
    """500,000 lines, 35 MB, in and out at the same time."""
    line = json.dumps({"source": "app", "log_message": "User somebody logged in"}).encode() + b"\n"
    block = line * 1000
    chunk = f"{len(block):x}\r\n".encode() + block + b"\r\n"
    with serving("--bert", "off") as s:
        touch_memory(s)
        before = s.value("process_resident_memory_bytes")
        c = socket.create_connection(("127.0.0.1", s.port), timeout=60)
        c.sendall(b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n")
        got = {"lines": 0, "tail": b""}

        def read():
            while b"\r\n0\r\n\r\n" not in got["tail"]:
                data = c.recv(1 << 20)
                if not data:
                    return
                got["lines"] += data.count(b'"label_id":"USER_ACTION"')
                joint = got["tail"][-23:] + data[:23]  # an id cut in two by the reads
                got["lines"] += joint.count(b'"label_id":"USER_ACTION"')
                got["tail"] = (got["tail"] + data)[-64:]
        reader = threading.Thread(target=read)
        reader.start()
        most = before
        for i in range(500):
            c.sendall(chunk)
            if i % 100 == 99:
                most = max(most, s.value("process_resident_memory_bytes"))
        c.sendall(b"0\r\n\r\n")
        reader.join(timeout=60)
        c.close()
        equal(got["lines"], 500000)
        assert most - before < 16 << 20, f"{(most - before) >> 20} MiB more"


def peak_mib(s):
    for row in open(f"/proc/{s.process.pid}/status"):
        if row.startswith("VmHWM"):
            return int(row.split()[1]) / 1024
    raise AssertionError("no VmHWM")


@test
def a_bomb_is_refused_before_it_goes_off():
    """1 GiB of blanks in 1 MB; the same again, compressed twice over, is 4 KB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b" " * (1 << 24)) for _ in range(64)) + packer.flush()
    with serving("--bert", "off") as s:
        touch_memory(s)
        before = peak_mib(s)
        r, text = s.ask("POST", "/classify", bomb, {"Content-Encoding": "gzip"})
        equal((r.status, "body-bytes-max" in text.decode()), (413, True))
        r, text = s.ask("POST", "/classify", gzip.compress(bomb), {"Content-Encoding": "gzip"})
        equal(r.status, 400)  # what it decodes to is no JSON
        r, text = s.ask("POST", "/classify", bomb, {"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"})
        equal((r.status, b"too long" in text), (200, True))  # an endless line
        assert peak_mib(s) - before < 24, peak_mib(s) - before
        equal(s.lines("User a logged in")[0]["source"], "regex")


def busiest_thread(s, work):
    """The thread that had the most of the CPU while work was done, by its own clock (proc(5))."""
    def spent():
        at = f"/proc/{s.process.pid}/task"
        return {t: int(open(f"{at}/{t}/schedstat").read().split()[0]) for t in os.listdir(at)}
    before = spent()
    work()
    after = spent()
    return max(after, key=lambda t: after[t] - before.get(t, 0))


@test
def what_is_packed_or_plenty_is_not_the_loops_work():
    """Whoever sends it keeps a helper busy, and nobody else's line waits for it."""
    def post(body, *times, **headers):
        for _ in range(*times):
            s.ask("POST", "/classify", body, {k.replace("_", "-"): v for k, v in headers.items()})
    with serving("--bert", "off", "--workers", "1") as s:
        loop = busiest_thread(s, lambda: [s.ask("GET", "/health") for _ in range(300)])
        blank, entries = gzip.compress(b"\n" * 260000), "[" + ",".join(["{}"] * 10000) + "]"
        for work in (lambda: post(blank, 100, Content_Encoding="gzip", Content_Type="application/x-ndjson"),
                     lambda: post(gzip.compress(b" " * 4000000), 20, Content_Encoding="gzip"),
                     lambda: post(entries, 20)):
            assert busiest_thread(s, work) != loop


@test
def each_limit_is_named_by_its_option():
    with serving("--bert", "off", "--entries-max", "3", "--body-bytes-max", "2000", "--header-bytes-max", "2048", "--line-bytes-max",
                 "100", "--depth-max", "5", "--header-time-max", "300", "--body-time-max", "300", "--client-entries-max", "3",
                 "--body-memory-max", "1048576") as s:
        post = "POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: "

        def body(text):
            return f"{post}{len(text)}\r\nConnection: close\r\n\r\n{text}"
        table = [
            ("entries-max", 413, body(json.dumps([{}] * 4))), ("body-bytes-max", 413, post + "2001\r\n\r\n"),
            ("header-bytes-max", 431, "GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + "y" * 3000 + "\r\n\r\n"),
            ("line-bytes-max", 413, body(json.dumps([{"source": "s" * 101}]))), ("depth-max", 400, body('[{"x":[[[[1]]]]}]')),
            ("header-time-max", 408, "GET /health HTTP/1.1\r\n"), ("body-time-max", 408, post + "10\r\n\r\n["),
        ]
        for option, status, request in table:
            answer = s.raw(request.encode()).decode()
            equal((option, answer.split(" ")[1]), (option, str(status)))
            assert option in answer, answer
    with serving("--bert", "off", "--connections-max", "1") as s:
        with socket.create_connection(("127.0.0.1", s.port)) as first:
            first.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            first.recv(4096)
            answer = s.raw(b"")
            assert b" 503 " in answer and b"connections-max" in answer and b"Retry-After" in answer, answer


main()
