"""The HTTP side of the contract, row by row, against a live server: statuses, bodies, order, metrics, signals."""
import contextlib
import gzip
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import live
from check import BINARY, equal, main, test
from live import LABELS, UNCLASSIFIED

def Server(*options):
    """Rules only, so that answers don't depend on a trained model."""
    return live.Server("--bert", "off", *options)


@contextlib.contextmanager
def serving(*options):
    with live.serving("--bert", "off", *options) as s:
        yield s


SHARED = Server()


@test
def the_example_of_the_contract():
    r, text = SHARED.ask("POST", "/classify", '[{"source":"app-server","log_message":"User admin123 logged in."}]')
    equal(r.status, 200)
    equal(r.getheader("Content-Type"), "application/json")
    equal(text, b'[{"label_id":"USER_ACTION","label":"User Action","source":"regex","confidence":0.95}]')


@test
def the_rules_that_must_match_and_must_not():
    table = [
        ("User a logged in", "USER_ACTION"), ("User a logged out", "USER_ACTION"), ("xxUser a logged inyy", "USER_ACTION"),
        ("USER A LOGGED IN", "USER_ACTION"), ("Account with ID 12 created by x", "USER_ACTION"),
        ("System updated to version 2.0", "SYSTEM_NOTIFICATION"),
        ("File a.txt uploaded successfully by user bob", "SYSTEM_NOTIFICATION"),
        ("Disk cleanup completed successfully", "SYSTEM_NOTIFICATION"),
        ("System reboot initiated by user bob", "SYSTEM_NOTIFICATION"),
        ("User a b logged in", None), ("User a-b logged in", None), ("user é logged in", None),
        ("Account with ID  created by x", None), ("", None), ("Account with ID 1\n created by x", None),
        ("Backup completed successfully.", None),
    ]
    answers = SHARED.classify([{"source": "s", "log_message": m} for m, _ in table])
    for (message, label), a in zip(table, answers):
        if label:
            equal((message, a), (message, {"label_id": label, "label": LABELS[label], "source": "regex", "confidence": 0.95}))
        else:
            assert a["source"] != "regex", (message, a)


@test
def many_entries_keep_their_order():
    entries = [{"source": "s", "log_message": f"User u{i} logged in" if i % 3 else f"nothing {i}"} for i in range(10000)]
    answers = SHARED.classify(entries)
    equal(len(answers), 10000)
    for i, a in enumerate(answers):
        equal(list(a), ["label_id", "label", "source", "confidence"])
        equal(a["label_id"], "USER_ACTION" if i % 3 else "UNCLASSIFIED")


@test
def fields_are_lenient_where_the_contract_says_so():
    equal(SHARED.classify([{}]), [UNCLASSIFIED])
    r, text = SHARED.ask("POST", "/classify", '[{"extra":{"a":[1e999,-0]},"log_message":"User a logged in"}]')
    equal(json.loads(text)[0]["source"], "regex")
    r, text = SHARED.ask("POST", "/classify", '[{"log_message":"x","log_message":"User a logged in"}]')
    equal(json.loads(text)[0]["label_id"], "USER_ACTION")
    r, text = SHARED.ask("POST", "/classify", b'[{"log_message":"\xff\xfe User a logged in"}]')
    equal(json.loads(text)[0]["label_id"], "USER_ACTION")
    r, text = SHARED.ask("POST", "/classify", b'[{"log_message":"User a\xff logged in"}]')
    equal(json.loads(text)[0]["source"], "fallback")
    r, text = SHARED.ask("POST", "/classify", '[{"log_message":"User \\u0061 logged in"}]')
    equal(json.loads(text)[0]["label_id"], "USER_ACTION")


@test
def bad_requests_name_the_place():
    table = [
        ("[]", "no log entries provided"), ("null", "no log entries provided"), ("", "empty"), ("{}", "array"),
        ('"x"', "array"), ("[1]", "[0]"), ("[{},null]", "[1]"), ('[{"source":1}]', "[0].source"),
        ('[{},{"log_message":null}]', "[1].log_message"), ("[{}]x", "byte 4"), ("[{},]", "byte"), ("[{", "byte"),
        ("[" * 40, "deeper"),
    ]
    for body, part in table:
        r, text = SHARED.ask("POST", "/classify", body)
        equal((body, r.status), (body, 400))
        answer = json.loads(text)
        equal(list(answer), ["error"])
        assert part in answer["error"], (body, answer)
    equal(json.loads(SHARED.ask("POST", "/classify", "[]")[1]), {"error": "no log entries provided"})


@test
def methods_and_paths():
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        r, _ = SHARED.ask(method, "/classify")
        equal((method, r.status, r.getheader("Allow")), (method, 405, "POST"))
    r, text = SHARED.ask("GET", "/health")
    equal((r.status, text), (200, b'{"status":"healthy"}'))
    r, text = SHARED.ask("HEAD", "/health")
    equal((r.status, text, r.getheader("Content-Length")), (200, b"", "20"))
    equal(SHARED.ask("GET", "/nothing")[0].status, 404)
    equal(SHARED.ask("GET", "/livez")[0].status, 200)
    equal(SHARED.ask("GET", "/readyz")[0].status, 200)
    paths = json.loads(SHARED.ask("GET", "/openapi.json")[1])["paths"]
    assert {"/classify", "/health", "/metrics", "/livez", "/readyz", "/openapi.json"} <= set(paths), paths


@test
def explanations_are_asked_for():
    a = SHARED.classify([{"log_message": "User a logged in"}], path="/classify?explain=1")[0]
    equal(list(a), ["label_id", "label", "source", "confidence", "explain"])
    assert a["explain"]["rule"], a


@test
def streams_of_lines():
    lines = "".join(json.dumps({"log_message": f"User {i} logged in"}) + "\n" for i in range(3000)) + "no json\n"
    for headers, body in (({}, lines.encode()), ({"Content-Encoding": "gzip"}, gzip.compress(lines.encode()))):
        r, text = SHARED.ask("POST", "/classify", body, {"Content-Type": "application/x-ndjson", **headers})
        equal(r.status, 200)
        answers = [json.loads(line) for line in text.splitlines()]
        equal(len(answers), 3001)
        assert all(a["label_id"] == "USER_ACTION" for a in answers[:3000])
        assert answers[3000]["error"].startswith("line 3001"), answers[3000]


@test
def smuggling_is_refused():
    post = b"POST /classify HTTP/1.1\r\nHost: localhost\r\n"
    for request in (
        post + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        post + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n[{}]",
        post + b"Content-Length: +4\r\n\r\n[{}]",
        b"GET /health HTTP/1.1\nHost: x\n\n",
        b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    ):
        answer = SHARED.raw(request + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 "), (request, answer)
        equal((request, answer.count(b"HTTP/1.1")), (request, 1))


@test
def metrics_are_the_contracts_and_pass_the_linter():
    text = SHARED.metrics()
    promtool = shutil.which("promtool")
    assert promtool, "promtool is needed (package prometheus)"
    lint = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    equal((lint.returncode, lint.stdout + lint.stderr), (0, ""))
    for name, kind, labels in (
        ("log_classifications_total", "counter", ["classifier", "label"]),
        ("log_classification_duration_seconds", "histogram", ["classifier"]),
        ("log_classification_errors_total", "counter", ["classifier", "error_type"]),
        ("log_classifier_active_workers", "gauge", []),
        ("log_classifier_circuit_breaker_open", "gauge", ["classifier"]),
        ("log_classifier_http_requests_total", "counter", ["endpoint", "method", "status"]),
        ("log_classifier_http_request_duration_seconds", "histogram", ["endpoint", "method"]),
    ):
        assert f"# TYPE {name} {kind}\n" in text, name
        sample = re.search(rf"^{name}(?:_count)?(?:\{{(.*?)\}})? ", text, flags=re.M)
        equal((name, re.findall(r"(\w+)=", sample.group(1) or "")), (name, labels))
    bounds = re.findall(r'^log_classification_duration_seconds_bucket\{classifier="bert",le="(.*?)"\}', text, flags=re.M)
    equal(bounds, "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 +Inf".split())


@test
def metrics_tell_the_truth():
    with serving() as s:
        equal(s.value('log_classifications_total{classifier="regex",label="USER_ACTION"}'), 0)
        equal(s.value('log_classifier_circuit_breaker_open{classifier="llm"}'), 0)
        s.classify([{"log_message": "User a logged in"}] * 5 + [{"log_message": "x"}])
        s.ask("GET", "/classify")
        s.ask("GET", "/some/secret/path")
        equal(s.value('log_classifications_total{classifier="regex",label="USER_ACTION"}'), 5)
        equal(s.value('log_classifications_total{classifier="fallback",label="UNCLASSIFIED"}'), 1)
        equal(s.value('log_classification_duration_seconds_count{classifier="regex"}'), 5)
        requests = 'log_classifier_http_requests_total{endpoint="%s",method="%s",status="%d"}'
        equal(s.value(requests % ("/classify", "POST", 200)), 1)
        equal(s.value(requests % ("other", "GET", 404)), 1)
        equal(s.value('log_classifier_http_request_duration_seconds_count{endpoint="/classify",method="POST"}'), 1)
        assert "secret" not in s.metrics()


@test
def many_clients_at_once():
    failures = []

    def client(k):
        c = http.client.HTTPConnection("127.0.0.1", SHARED.port, timeout=20)
        for i in range(40):
            n = (k * 7 + i) % 50 + 1
            c.request("POST", "/classify", json.dumps([{"log_message": f"User u{j} logged in" if j % 2 else "x"} for j in range(n)]))
            answers = json.loads(c.getresponse().read())
            if [a["source"] for a in answers] != ["regex" if j % 2 else "fallback" for j in range(n)]:
                failures.append((k, i))
        c.close()

    threads = [threading.Thread(target=client, args=(k,)) for k in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(failures, [])


@test
def limits_are_options():
    with serving("--entries-max", "3", "--body-bytes-max", "2000", "--header-bytes-max", "2048", "--line-bytes-max", "100",
                 "--depth-max", "5") as s:
        equal(s.ask("POST", "/classify", json.dumps([{}] * 3))[0].status, 200)
        r, text = s.ask("POST", "/classify", json.dumps([{}] * 4))
        equal((r.status, "limit is 3" in text.decode()), (413, True))
        equal(s.ask("POST", "/classify", "[{}]" + " " * 2000)[0].status, 413)
        equal(s.ask("GET", "/health", headers={"X": "y" * 3000})[0].status, 431)
        equal(s.ask("POST", "/classify", json.dumps([{"source": "s" * 101}]))[0].status, 413)
        equal(s.ask("POST", "/classify", '[{"x":[[[[1]]]]}]')[0].status, 400)


@test
def idle_connections_are_small():
    """What a connection holds is what more of them add. The first ones also make the process touch memory that it needs
    once (some megabytes where pages are huge), and whatever else it does only adds: the least of the later steps counts."""
    with serving("--connections-max", "2000") as s:
        held, resident = [], []
        for _ in range(4):
            more = [socket.create_connection(("127.0.0.1", s.port)) for _ in range(250)]
            for c in more:
                c.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for c in more:
                assert c.recv(4096).startswith(b"HTTP/1.1 200")
            held += more
            resident.append(s.value("process_resident_memory_bytes"))
        equal(s.value("logclass_connections") >= len(held), True)
        for c in held:
            c.close()
        each = min(after - before for before, after in zip(resident, resident[1:])) / 250
        assert each <= 4096, f"{each:.0f} bytes for an idle connection; resident after each 250: {resident}"


@test
def tokens_guard_what_others_can_reach():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "token")
        with open(path, "w") as f:
            f.write("a-secret-of-some-length\n")
        refused = subprocess.run([BINARY, "serve", "--bert", "off", "--host", "0.0.0.0", "--port", "0"], capture_output=True,
                                 text=True, timeout=60)
        equal(refused.returncode != 0, True)
        assert "token" in refused.stderr, refused.stderr
        with serving("--host", "0.0.0.0", "--token-file", path) as s:
            equal(s.ask("POST", "/classify", "[{}]")[0].status, 401)
            equal(s.ask("POST", "/classify", "[{}]", {"Authorization": "Bearer wrong"})[0].status, 401)
            equal(s.ask("POST", "/classify", "[{}]", {"Authorization": "Bearer a-secret-of-some-length"})[0].status, 200)
            equal(s.ask("GET", "/health")[0].status, 200)


@test
def a_signal_drains():
    s = Server("--drain-delay", "1500")
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=20)
    c.request("GET", "/readyz")
    r = c.getresponse()
    equal((r.status, r.read()), (200, b'{"status":"ready"}'))
    s.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    equal(s.ask("GET", "/readyz")[0].status, 503)
    equal(s.ask("POST", "/classify", "[{}]")[0].status, 200)  # still served
    equal(s.process.wait(timeout=30), 0)
    s.stop()


@test
def a_reload_keeps_serving():
    with serving() as s:
        s.process.send_signal(signal.SIGHUP)
        for _ in range(50):
            equal(s.classify([{"log_message": "User a logged in"}])[0]["source"], "regex")
            if any("reload." in line for line in s.log):
                break
            time.sleep(0.1)
        assert any("reload.done" in line for line in s.log), s.log


@test
def the_shared_server_ends_well():
    equal(SHARED.stop(), 0)


main()
