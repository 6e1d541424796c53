"""Log requests by OTLP and as Loki takes them: real senders, refusals, and that an answer of 200 means that the sink has it."""
import gzip
import json
import os
import signal
import subprocess
import threading
import time

from check import equal, main, test
from peers import Run, peer
from push_wire import JSON, WIRE, otlp
from stream import ids, line, place, wait_until

PYTHON = os.path.join(peer("python"), "env/bin/python")
SECTIONS = "[source sdk]\ntype = otlp\n[source lines]\ntype = loki\nsource = nobody\n[sink out]\ntype = file\npath = {}\nbatch-wait = 20\n"


def start(p, *args, **popen):
    return Run(p, SECTIONS.format(p.out), *args, **popen)


def python(text, *args):
    subprocess.run([PYTHON, "-c", text, *map(str, args)], check=True, timeout=120)


def loki(numbers):
    values = [[str(time.time_ns()), line(i).strip()] for i in numbers]
    return json.dumps({"streams": [{"stream": {"app": "web"}, "values": values}]}).encode()


SDK = """
import logging, sys
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk.resources import Resource
to = OTLPLogExporter(endpoint=sys.argv[1], compression=Compression.Gzip if sys.argv[2] == "gzip" else Compression.NoCompression)
provider = LoggerProvider(resource=Resource.create({"service.name": "shop", "host.name": "h1"}))
provider.add_log_record_processor(BatchLogRecordProcessor(to, max_queue_size=10000))
log = logging.getLogger("x")
log.setLevel(logging.INFO)
log.addHandler(LoggingHandler(logger_provider=provider))
for i in range(int(sys.argv[3]), int(sys.argv[4])):
    log.error("request id=%d of user bob", i, extra={"deep": {"a": [1, "x"]}})
provider.shutdown()
"""


@test
def the_python_sdk_sends_every_record_once():
    with place() as p:
        run = start(p)
        python(SDK, run.url("/v1/logs"), "gzip", 0, 1500)
        python(SDK, run.url("/v1/logs"), "plain", 1500, 2000)
        p.wait_ids(range(2000))
        equal(p.twice(), 0)
        o = p.whole()[0]
        equal((o["log_source"], o["log_host"], o["log_severity"]), ("shop", "h1", "err"))
        equal(o["log_attributes"]["deep"], '{"a":[1,"x"]}')
        equal(run.value('logclass_source_records_total{source="sdk"}'), 2000.0)
        p.stop(run.process)


LOKI = """
import cramjam, logging, logging_loki, sys, urllib.request
log = logging.getLogger("x")
log.setLevel(logging.INFO)
log.addHandler(logging_loki.LokiHandler(url=sys.argv[1], tags={"app": "web"}, version="1"))
for i in range(40):
    log.info("request id=%d of user bob", i)
v = lambda n: bytes([n]) if n < 128 else bytes([n & 127 | 128]) + v(n >> 7)
b = lambda n, x: v(n << 3 | 2) + v(len(x)) + x
entries = b"".join(b(2, b(1, b"\\x08" + v(1769853600 + i)) + b(2, b"request id=%d of user bob" % i) + b(3, b(1, b"trace") + b(2, b"7"))) for i in range(40, 5000))
packed = bytes(cramjam.snappy.compress_raw(b(1, b(1, b'{app="wire"}') + entries)))
for headers in ({}, {"Content-Encoding": "snappy"}):
    request = urllib.request.Request(sys.argv[1], packed, {"Content-Type": "application/x-protobuf", **headers})
    assert urllib.request.urlopen(request).status == 204
"""


@test
def lines_come_as_loki_clients_send_them():
    with place() as p:
        run = start(p)
        python(LOKI, run.url("/loki/api/v1/push"))
        r, _ = run.ask("POST", "/loki/api/v1/push", gzip.compress(loki(range(5000, 5100))), {**JSON, "Content-Encoding": "gzip"})
        equal(r.status, 204)
        p.wait_ids(range(5100))
        equal(p.twice(), 4960)  # those that were sent twice
        by_id = {ids(o["log_message"].encode())[0]: o for o in p.whole()}
        equal((by_id[0]["log_source"], by_id[0]["log_attributes"]["severity"]), ("web", "info"))
        equal((by_id[40]["log_source"], by_id[40]["log_attributes"]), ("wire", {"app": "wire", "trace": "7"}))
        equal(by_id[40]["log_time"], "2026-01-31T10:00:40Z")
        p.stop(run.process)


@test
def requests_that_cannot_be_taken_are_answered_as_the_protocols_say():
    with place() as p:
        run = start(p, "--body-bytes-max", "100000")
        logs, push = "/v1/logs", "/loki/api/v1/push"
        bomb = b"\xff\xff\xff\xff\x0f" + b"\0" * 10  # snappy that says it is 4 GiB
        for path, body, headers, status in (
                (logs, b"", WIRE, 200), (logs, b"{}", JSON, 200), (logs, b"\x0a", WIRE, 400), (logs, b"{", JSON, 400), (logs, b"x", {}, 415),
                (logs, b"x" * 100001, WIRE, 413), (logs, gzip.compress(b"\0" * 1000000), {**WIRE, "Content-Encoding": "gzip"}, 413),
                (logs, b"x", {**WIRE, "Content-Encoding": "gzip"}, 400), (logs, b"x", {**WIRE, "Content-Encoding": "br"}, 415),
                (logs, b"x", {**WIRE, "Content-Encoding": "snappy"}, 415), (push, b"", WIRE, 400), (push, b'{"streams":[]}', JSON, 204),
                (push, b"{}", JSON, 400), (push, bomb, WIRE, 413), (push, b"\x05", WIRE, 400), (push, b"x", {**JSON, "Content-Encoding": "snappy"}, 400)):
            r, text = run.ask("POST", path, body, headers)
            equal((path, body[:20], headers, r.status), (path, body[:20], headers, status))
            if path == logs and status >= 400 and r.getheader("Content-Type") == "application/x-protobuf":
                assert text[0] == 8 and text[2] == 18 and len(text) == text[3] + 4, text  # google.rpc.Status: code, message
            if path == logs and headers.get("Content-Type") == "application/json":
                assert (json.loads(text) == {}) if status == 200 else json.loads(text)["message"], text
        equal(run.ask("GET", logs)[0].status, 405)
        equal(p.text(), b"")
        p.stop(run.process)
    with place() as p:
        run = Run(p, f"[source lines]\ntype = loki\n[sink out]\ntype = file\npath = {p.out}\n")
        equal(run.ask("POST", "/v1/logs", b"", WIRE)[0].status, 404)
        p.stop(run.process)


def post(run, path, body, headers):
    """The status; 0: no answer came."""
    try:
        return run.ask("POST", path, body, headers, timeout=200)[0].status
    except OSError:
        return 0
    except Exception as e:  # http.client's: half an answer
        assert type(e).__module__ == "http.client", e
        return 0


def send_all(run, numbers, answered, step=50):
    """Requests of some numbers each, by both ways, until the server is gone; what was answered well is noted."""
    for i, at in enumerate(range(0, len(numbers), step)):
        some = numbers[at:at + step]
        while not (status := post(run, *((("/v1/logs", otlp(some), WIRE), ("/loki/api/v1/push", loki(some), JSON))[i % 2]))) in (200, 204):
            if status == 0:
                return
            equal(status, 503)
            time.sleep(0.05)
        answered.update(some)


@test
def what_was_answered_is_there_after_a_kill():
    with place() as p:
        answered, at = set(), 0
        for kill in range(6):
            run = start(p)
            crowd = [threading.Thread(target=send_all, args=(run, list(range(at + k * 3000, at + k * 3000 + 3000)), answered)) for k in range(4)]
            at += 12000
            for t in crowd:
                t.start()
            time.sleep(0.1 + 0.07 * kill)
            how = signal.SIGKILL if kill < 5 else signal.SIGTERM
            run.process.send_signal(how)
            equal(run.process.wait(timeout=60), -how if how == signal.SIGKILL else 0)
            for t in crowd:
                t.join()
        assert len(answered) > 100, len(answered)
        missing = answered - set(p.ids())
        assert not missing, f"{len(missing)} of {len(answered)} lost, such as {sorted(missing)[:5]}"
        p.whole()


@test
def large_requests_that_find_no_room_wait_for_it():
    with place() as p:
        run = Run(p, f"[source sdk]\ntype = otlp\nanswer-wait = 120000\n[sink out]\ntype = file\npath = {p.out}\nbatch-wait = 20\n",
                  "--body-bytes-max", "20000000")
        statuses = []
        crowd = [threading.Thread(target=lambda k=k: statuses.append(post(run, "/v1/logs", otlp(range(k * 20000, k * 20000 + 20000)), WIRE)))
                 for k in range(8)]
        for t in crowd:
            t.start()
        for t in crowd:
            t.join()
        equal(statuses, [200] * 8)  # of five chunks each, and there are sixteen
        equal(sorted(p.ids()), list(range(160000)))
        p.stop(run.process)


@test
def large_requests_are_taken_whole_or_not_at_all():
    with place() as p:
        run = start(p, "--body-bytes-max", "20000000")
        statuses = []
        crowd = [threading.Thread(target=lambda k=k: statuses.append((k, post(run, "/v1/logs", otlp(range(k * 20000, k * 20000 + 20000)), WIRE))))
                 for k in range(8)]
        for t in crowd:
            t.start()
        for t in crowd:
            t.join()
        taken = [k for k, status in statuses if status == 200]
        assert taken and {s for _, s in statuses} <= {200, 503}, statuses
        wait_until(lambda: len(p.ids()) >= 20000 * len(taken))
        equal(set(p.ids()), {i for k in taken for i in range(k * 20000, k * 20000 + 20000)})
        equal(p.twice(), 0)
        equal(post(run, "/v1/logs", otlp(range(80000)), WIRE), 413)  # more than can be under way at all
        p.stop(run.process)


@test
def many_clients_that_push_a_line_each_are_all_taken():
    with place() as p:
        run = start(p)
        statuses = []

        def client(k):
            statuses.extend(post(run, "/loki/api/v1/push", loki([k * 10 + i]), JSON) for i in range(10))

        crowd = [threading.Thread(target=client, args=(k,)) for k in range(64)]
        for t in crowd:
            t.start()
        for t in crowd:
            t.join()
        equal((len(statuses), set(statuses)), (640, {204}))
        equal(sorted(p.ids()), list(range(640)))
        p.stop(run.process)


@test
def while_the_sink_takes_nothing_the_answer_is_later():
    with place() as p:
        port = 1  # nobody listens there
        sections = f"[source sdk]\ntype = otlp\nanswer-wait = 300\n[sink out]\ntype = syslog\naddress = tcp://127.0.0.1:{port}\n"
        run = Run(p, sections, "--stream-drain-time-max", "500")
        r, text = run.ask("POST", "/v1/logs", otlp(range(10)), WIRE)
        equal((r.status, r.getheader("Retry-After")), (503, "1"))
        assert b"may come twice" in text, text
        for _ in range(40):  # until all chunks are taken, and it is said before the body is read
            r, text = run.ask("POST", "/v1/logs", otlp(range(10)), WIRE)
            equal(r.status, 503)
            if b"what came before" in text:
                break
        assert b"what came before" in text, text
        equal(run.ask("GET", "/livez")[0].status, 200)
        equal(run.ask("GET", "/readyz")[0].status, 200)
        run.process.send_signal(signal.SIGTERM)
        equal(run.process.wait(timeout=30), 1)  # not everything was settled, and it says so
        assert "not everything was settled" in p.said(), p.said()


@test
def readyz_can_mean_the_sink_too():
    with place() as p:
        sections = "[source sdk]\ntype = otlp\nanswer-wait = 100\n[sink out]\ntype = syslog\naddress = tcp://127.0.0.1:1\n"
        run = Run(p, sections, "--ready-needs-sink", "--stream-drain-time-max", "100")
        run.ask("POST", "/v1/logs", otlp(range(10)), WIRE)
        wait_until(lambda: run.ask("GET", "/readyz")[0].status == 503)
        equal(run.ask("GET", "/readyz")[1], b'{"status":"sink_down"}')
        run.process.send_signal(signal.SIGTERM)
        equal(run.process.wait(timeout=30), 1)


main()
