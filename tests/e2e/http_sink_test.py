"""Sinks over HTTP: OTLP and Loki, beside a server that answers as it is told, and beside real ones."""
import collections
import gzip
import http.server
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

from check import equal, main, test
from live import wait_until
from peers import LONG, Run, peer
from push_wire import WIRE, otlp, otlp_records
from stream import ids, line, place

PYTHON = os.path.join(peer("python"), "env/bin/python")


class Server:
    """Answers POSTs by `answer(path, body, headers)` → (status, headers, text), and keeps the bodies that it took."""

    def __init__(self, answer=lambda path, body, headers: (200, {}, b"")):
        self.answer, self.taken, self.seen = answer, [], []
        lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(h):
                body = h.rfile.read(int(h.headers["Content-Length"]))
                if h.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                with lock:
                    status, headers, text = self.answer(h.path, body, h.headers)
                    self.seen.append((status, time.monotonic()))
                    if status == 0:  # hangs up
                        h.close_connection = True
                        return
                    if status < 300:
                        self.taken.append((h.path, body, dict(h.headers)))
                h.send_response(status)
                for name, value in headers.items():
                    h.send_header(name, value)
                h.send_header("Content-Length", str(len(text)))
                h.end_headers()
                h.wfile.write(text)

            def log_message(h, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def ids(self):
        return [i for _, body, _ in list(self.taken) for i in ids(body + b" ")]

    def wait_ids(self, wanted, p):
        missing, end = None, time.monotonic() + 60
        while (missing := set(wanted) - set(self.ids())) and time.monotonic() < end:
            time.sleep(0.05)
        assert not missing, f"{len(missing)} lost, such as {sorted(missing)[:5]}; {p.said()[-2000:]}"


def follow(p, kind, url, *args):
    return p.start("--name", "t", "--start", "beginning", "--source", "worker", "--multiline", "none", "--to", f"{kind}={url}", *args, p.log())


@test
def every_line_goes_to_a_server_once():
    with place() as p:
        s = Server()
        p.write("".join(line(i) for i in range(20000)))
        run = follow(p, "otlp", f"http://127.0.0.1:{s.port}", "--headers", "X-Scope-OrgID: team-a, X-More: 1")
        s.wait_ids(range(20000), p)
        p.stop(run)
        equal(sum(n - 1 for n in collections.Counter(s.ids()).values()), 0)
        path, body, headers = next(x for x in s.taken if line(0).strip().encode() in x[1])  # several are on their way at once
        equal((path, headers["Content-Type"], headers["X-Scope-OrgID"], headers["X-More"]), ("/v1/logs", "application/x-protobuf", "team-a", "1"))
        record = otlp_records(body)[0]
        attributes = {k: v for k, v in record["attributes"]}
        equal((record["body"] + "\n").encode(), line(0).encode())
        equal(set(attributes), {"log.file.path", "logclass.label", "logclass.confidence", "logclass.stage"})
        equal(record["resource"], [("service.name", "worker")])


@test
def what_came_by_otlp_goes_on_field_by_field():
    """Random records with values of all kinds and fields that nobody knows, against Python's protobuf."""
    with place() as p:
        s = Server()
        run = Run(p, f"[source sdk]\ntype = otlp\n[sink next]\ntype = otlp\nurl = http://127.0.0.1:{s.port}/otlp\n")
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "otlp_equal.py")
        sent = os.path.join(p.root, "sent")
        subprocess.run([PYTHON, script, "send", run.url("/v1/logs"), sent, "20" if not LONG else "200"], check=True, timeout=300)
        p.stop(run.process)
        got = os.path.join(p.root, "got")
        os.mkdir(got)
        for n, (path, body, _) in enumerate(s.taken):
            equal(path, "/otlp")
            with open(os.path.join(got, str(n)), "wb") as f:
                f.write(body)
        subprocess.run([PYTHON, script, "compare", sent, got], check=True, timeout=300)


@test
def faults_of_all_kinds_lose_nothing():
    with place() as p:
        dice = random.Random(7)

        def answer(path, body, headers):
            if len(s.seen) < 25:
                return dice.choice([(500, {}, b""), (503, {"Retry-After": "0"}, b""), (429, {}, b"slow"), (0, {}, b""), (200, {}, b""), (200, {}, b""),
                                    (200, {}, b""), (200, {}, b"")])
            return 200, {}, b""
        s = Server(answer)
        p.write("".join(line(i) for i in range(60000)))
        run = follow(p, "otlp", f"http://127.0.0.1:{s.port}", "--requests-max", "2")
        s.wait_ids(range(60000), p)
        p.stop(run)
        equal(sum(n - 1 for n in collections.Counter(s.ids()).values()), 0)  # here none that failed was taken
        assert "sink.down" in p.said() and "sink.up" in p.said(), p.said()


@test
def while_a_server_is_down_one_request_probes_it():
    with place() as p:
        s = Server(lambda *_: (503, {"Retry-After": "1"}, b"") if len(s.seen) < 4 else (200, {}, b""))
        p.write("".join(line(i) for i in range(60000)))
        run = follow(p, "otlp", f"http://127.0.0.1:{s.port}", "--requests-max", "1")
        s.wait_ids(range(60000), p)
        times = [t for _, t in s.seen[:5]]
        assert all(b - a >= 0.99 for a, b in zip(times, times[1:])), times  # Retry-After is kept
        p.stop(run)


@test
def a_wrong_key_is_an_outage_and_no_poison():
    with place() as p:
        s = Server(lambda path, body, headers: (401, {}, b"who are you?"))
        p.write("".join(line(i) for i in range(100)))
        run = follow(p, "loki", f"http://127.0.0.1:{s.port}", "--stream-drain-time-max", "200")
        wait_until(lambda: "status 401: who are you?" in p.said())
        run.send_signal(signal.SIGTERM)
        equal(run.wait(timeout=30), 1)
        assert not os.path.exists(os.path.join(p.root, "state/logclass/dead-letters/t.jsonl"))
        s.answer = lambda path, body, headers: (200, {}, b"") if headers["Authorization"] == "Bearer s3cret" else (403, {}, b"")
        key = os.path.join(p.root, "key")
        with open(key, "w") as f:
            f.write("s3cret\n")
        run = follow(p, "loki", f"http://127.0.0.1:{s.port}/loki/api/v1/push", "--key-file", key)
        wait_until(lambda: len(s.taken) > 0)
        p.stop(run)
        assert "s3cret" not in p.said()


@test
def poison_alone_goes_to_the_dead_letters():
    with place() as p:
        bad = {17, 18, 4000, 5555, 9999}

        def answer(path, body, headers):
            if len(body) > 100000:
                return 413, {}, b"too large"
            return (400, {}, b"poison\n") if bad & set(ids(body + b" ")) else (200, {}, b"")
        s = Server(answer)
        p.write("".join(line(i) for i in range(10000)) + "id=10000 " + "x" * 60000 + "\n" + "id=10001 " + "y" * 60000 + "\n")
        run = follow(p, "otlp", f"http://127.0.0.1:{s.port}", "--compression", "none")
        s.wait_ids(set(range(10002)) - bad, p)
        p.stop(run)
        equal(sum(n - 1 for n in collections.Counter(s.ids()).values()), 0)
        with open(os.path.join(p.root, "state/logclass/dead-letters/t.jsonl")) as f:
            dead = [json.loads(x) for x in f]
        equal({ids(d["log_message"].encode())[0] for d in dead}, bad)
        for d in dead:
            equal((d["reason"], d["sink"], d["log_file"]), ("status 400: poison ", "out", p.log()))
            with open(p.log(), "rb") as f:
                f.seek(d["log_place"])
                equal(f.readline().decode().rstrip("\n"), d["log_message"])


@test
def full_dead_letters_make_the_sink_wait():
    with place() as p:
        s = Server(lambda path, body, headers: (400, {}, b"no"))
        p.write("".join(line(i) for i in range(3)))
        letters = os.path.join(p.root, "letters")
        run = follow(p, "otlp", f"http://127.0.0.1:{s.port}", "--dead-letter", letters, "--dead-letter-bytes", "400", "--stream-drain-time-max", "200")
        wait_until(lambda: "is full (dead-letter-bytes)" in p.said())
        with open(letters) as f:
            equal(len(f.readlines()), 1)
        os.rename(letters, letters + ".1")
        wait_until(lambda: os.path.exists(letters))
        run.kill()
        run.wait()


@test
def killed_at_any_time_nothing_is_lost():
    with place() as p:
        s = Server()
        written = 0
        for kill in range(6):
            p.write("".join(line(i) for i in range(written, written + 8000)))
            written += 8000
            run = follow(p, "otlp", f"http://127.0.0.1:{s.port}")
            time.sleep(0.15 + 0.05 * kill)
            run.kill()
            run.wait()
        run = follow(p, "otlp", f"http://127.0.0.1:{s.port}")
        s.wait_ids(range(written), p)
        p.stop(run)


def free_port():
    with socket.socket() as x:
        x.bind(("127.0.0.1", 0))
        return x.getsockname()[1]


class VictoriaLogs:
    def __init__(self, p):
        self.port = free_port()
        self.process = subprocess.Popen(
            [os.path.join(peer("victorialogs"), "victoria-logs"), f"-storageDataPath={p.root}/victoria", f"-httpListenAddr=127.0.0.1:{self.port}",
             "-retentionPeriod=100y"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        p.processes.append(self.process)
        wait_until(lambda: self.is_up())

    def is_up(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5).status == 200
        except OSError:
            return False

    def rows(self):
        q = urllib.parse.urlencode({"query": "*", "limit": "1000000"})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/select/logsql/query?{q}", timeout=60) as r:
            return [json.loads(x) for x in r.read().splitlines()]

    def wait_ids(self, wanted):
        wanted, end = set(wanted), time.monotonic() + 60
        while wanted - set(ids(" ".join(r["_msg"] + " " for r in self.rows()).encode())) and time.monotonic() < end:
            time.sleep(0.3)
        rows = self.rows()
        seen = collections.Counter(ids(" ".join(r["_msg"] + " " for r in rows).encode()))
        equal((len(wanted - set(seen)), len(set(seen) - wanted), set(seen.values())), (0, 0, {1}))
        return rows


@test
def victorialogs_takes_both_kinds():
    if not shutil.which("go"):
        print("VictoriaLogs was not asked: it is built by go, which is not here", file=sys.stderr)
        return
    with place() as p:
        v = VictoriaLogs(p)
        p.write("User bob logged in. id=0 \n" + "".join(line(i) for i in range(1, 3000)))
        run = follow(p, "loki", f"http://127.0.0.1:{v.port}/insert/loki/api/v1/push")
        rows = v.wait_ids(range(3000))
        p.stop(run)
        user = next(r for r in rows if "id=0 " in r["_msg"])
        equal((user["logclass_label"], user["logclass_confidence"], user["logclass_stage"], user["service_name"]), ("USER_ACTION", "0.95", "regex", "worker"))
    with place() as p:
        v = VictoriaLogs(p)
        run = Run(p, f"[source sdk]\ntype = otlp\n[sink next]\ntype = otlp\nurl = http://127.0.0.1:{v.port}/insert/opentelemetry/v1/logs\n")
        for at in range(0, 3000, 500):
            equal(run.ask("POST", "/v1/logs", otlp(range(at, at + 500)), WIRE)[0].status, 200)
        rows = v.wait_ids(range(3000))
        equal({r["service.name"] for r in rows}, {"shop"})
        assert all(r["logclass.label"] for r in rows)
        p.stop(run.process)


if LONG:
    @test
    def the_collector_and_telemetrygen_on_both_sides():
        with place() as p:
            s, behind, before = Server(), free_port(), free_port()
            run = Run(p, f"[source sdk]\ntype = otlp\n[sink next]\ntype = otlp\nurl = http://127.0.0.1:{behind}\n", "--body-bytes-max", "20M")
            for name, port, to in (("before", before, run.port), ("behind", behind, s.port)):
                conf = os.path.join(p.root, name + ".yaml")
                with open(conf, "w") as f:
                    f.write(f"""receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{otlp_http: {{endpoint: "http://127.0.0.1:{to}", sending_queue: {{enabled: false}}}}}}
service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{logs: {{receivers: [otlp], exporters: [otlp_http]}}}}}}
""")
                p.processes.append(subprocess.Popen([os.path.join(peer("otelcol"), "otelcol"), "--config", conf], stderr=subprocess.DEVNULL))
            time.sleep(3)
            for at in range(0, 20000, 1000):
                request = urllib.request.Request(f"http://127.0.0.1:{before}/v1/logs", otlp(range(at, at + 1000)), WIRE)
                equal(urllib.request.urlopen(request, timeout=60).status, 200)
            s.wait_ids(range(20000), p)
            equal(sum(n - 1 for n in collections.Counter(s.ids()).values()), 0)
            subprocess.run([os.path.join(peer("telemetrygen"), "telemetrygen"), "logs", "--otlp-http", "--otlp-insecure", "--otlp-endpoint",
                            f"127.0.0.1:{run.port}", "--logs", "500", "--body", "id=777777 telemetry"], check=True, timeout=120, stderr=subprocess.DEVNULL)
            wait_until(lambda: s.ids().count(777777) == 500)
            p.stop(run.process)


main()
