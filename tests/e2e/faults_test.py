"""`serve` with services over the network that fail in every way: no line is lost, no failure is silent, no line waits
that needs none of them."""
import gzip
import http.client
import json
import os
import tempfile
import threading
import time

from check import equal, main, test
from live import UNCLASSIFIED, Server, chat, crowd, fake, http_answer, label, nowhere, serving, wait_until

FAST = ["--retries-max", "0"]
PATIENT = ["--bert-failures-max", "1000000", "--llm-failures-max", "1000000"]  # the breaker stays out of it
RULE = {"label_id": "USER_ACTION", "label": "User Action", "source": "regex", "confidence": 0.95}
GOOD = {"label_id": "INFO", "label": "Informational Log", "confidence": 0.9}


def store():
    return os.path.join(tempfile.mkdtemp(), "answers.db")


def bert(url, *options):
    return serving("--bert", url, *options)


def llm(url, *options):
    return serving("--bert", "off", "--llm-url", url, "--llm-store", "none", *options)


def answer_with(data, *fields):
    return http_answer(json.dumps({**GOOD, **data}).encode(), "200 OK", *fields)


# What a service may say instead of an answer, and how each is counted.
GARBAGE = [
    ("decode", http_answer(b"")), ("decode", http_answer(b"null")), ("decode", http_answer(b"[]")),
    ("decode", http_answer(b"42")), ("decode", http_answer(b'"INFO"')), ("decode", http_answer(b"{}")),
    ("decode", http_answer(b"{")), ("decode", http_answer(b"<html>busy</html>")), ("decode", http_answer(b"\xff\xfe\x00")),
    ("decode", http_answer(b"\x00" * 100)), ("decode", http_answer(b"[" * 100000)),
    ("decode", http_answer(json.dumps([GOOD]).encode())), ("decode", http_answer(json.dumps(GOOD).encode() + b"x")),
    ("decode", http_answer(json.dumps(GOOD).encode() * 2)), ("decode", http_answer(json.dumps(GOOD).encode()[:-1])),
    ("decode", http_answer(json.dumps(GOOD).encode("utf-16"))), ("decode", http_answer(gzip.compress(b"{}"))),
    ("decode", answer_with({"label_id": "NO_SUCH"})), ("decode", answer_with({"label_id": "info"})),
    ("decode", answer_with({"label_id": ""})), ("decode", answer_with({"label_id": None})),
    ("decode", answer_with({"label_id": 3})), ("decode", answer_with({"label_id": ["INFO"]})),
    ("decode", answer_with({"label_id": "INFO\x00"})), ("decode", answer_with({"label": None})),
    ("decode", answer_with({"label": 7})), ("decode", answer_with({"confidence": None})),
    ("decode", answer_with({"confidence": "0.9"})), ("decode", answer_with({"confidence": 1.0001})),
    ("decode", answer_with({"confidence": -0.1})), ("decode", answer_with({"confidence": True})),
    ("decode", http_answer(b'{"label_id":"INFO","label":"I","confidence":NaN}')),
    ("decode", http_answer(b'{"label_id":"INFO","label":"I","confidence":1e999}')),
    ("decode", http_answer(b'{"label_id":"INFO","label":"I"}')), ("decode", http_answer(b'{"confidence":0.9}')),
    ("decode", http_answer(b'{"label_id":"INFO","label":"' + b"x" * (1 << 20) + b'","confidence":0.9}')),
    ("decode", b"SSH-2.0-OpenSSH_9.2\r\n"), ("decode", b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    ("decode", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
    ("connection", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), ("connection", b""),
    ("connection", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}"),
    ("http_status", http_answer(json.dumps(GOOD).encode(), "500 Oops")),
    ("http_status", http_answer(json.dumps(GOOD).encode(), "204 No Content")),
    ("http_status", http_answer(json.dumps(GOOD).encode(), "201 Created")),
    ("http_status", http_answer(b"", "302 Found", "Location: http://127.0.0.1:1/")),
    ("http_status", http_answer(json.dumps(GOOD).encode(), "404 Not Found")),
]


@test
def garbage_is_counted_and_labels_nothing():
    assert len(GARBAGE) >= 40
    # names by letters: numbers would be masked, and the templates equal
    names = ["g" + chr(ord("a") + i // 26) + chr(ord("a") + i % 26) for i in range(len(GARBAGE))]

    def say(f, connection, request):
        data = GARBAGE[names.index(request["message"])][1]  # it closes and says so, or the next call may meet the end
        connection.sendall(data.replace(b"\r\nContent-Length:", b"\r\nConnection: close\r\nContent-Length:", 1))
        return "close"
    for classifier, start in (("bert", bert), ("llm", llm)):
        with fake(say) as f, start(f.url(), *FAST, *PATIENT) as s:
            for name, (kind, data) in zip(names, GARBAGE):
                want = s.errors(classifier)
                equal((data, s.lines(name, "User a logged in")), (data, [UNCLASSIFIED, RULE]))
                want[kind] = want.get(kind, 0) + 1
                equal((data, s.errors(classifier)), (data, want))


@test
def every_way_to_be_down_is_counted_by_its_type():
    ways = {
        "hanging": ("timeout", lambda f, c, r: None),
        "dripping": ("timeout", lambda f, c, r: ("drip", label("INFO"))),
        "reset": ("connection", lambda f, c, r: "reset"),
        "closed": ("connection", lambda f, c, r: "close"),
        "500": ("http_status", http_answer(b"{}", "500 Internal Server Error")),
        "429": ("http_status", http_answer(b"{}", "429 Too Many Requests", "Retry-After: 60")),
        "400": ("http_status", http_answer(b"{}", "400 Bad Request")),
    }
    for classifier, start in (("bert", bert), ("llm", llm)):
        with start(nowhere(), *FAST, *PATIENT) as s:  # refused
            equal(s.lines("x", "User a logged in"), [UNCLASSIFIED, RULE])
            equal(s.errors(classifier), {"connection": 1})
        for name, (kind, script) in ways.items():
            with fake(script) as f, start(f.url(), *FAST, *PATIENT, f"--{classifier}-timeout", "300") as s:
                equal((name, s.lines("x", "User a logged in")), (name, [UNCLASSIFIED, RULE]))
                equal((name, s.errors(classifier)), (name, {kind: 1}))


@test
def passing_failures_are_tried_again_and_permanent_ones_are_not():
    for status, attempts in (("500 x", 3), ("503 x", 3), ("429 x", 3), ("408 x", 3), ("404 x", 1), ("400 x", 1)):
        with fake(http_answer(b"{}", status)) as f, bert(f.url(), *PATIENT) as s:
            equal(s.lines("x"), [UNCLASSIFIED])
            equal((status, len(f.requests)), (status, attempts))
            equal(s.value('logclass_remote_retries_total{classifier="bert"}'), attempts - 1)
    times = []

    def at_last(f, connection, request):
        times.append(time.monotonic())
        return label("BACKUP") if len(times) == 3 else http_answer(b"", "500 x")
    with fake(at_last) as f, bert(f.url(), *PATIENT) as s:
        equal(s.lines("x")[0]["label_id"], "BACKUP")
        equal(s.errors("bert"), {})  # the line got its answer
        assert times[1] - times[0] >= 0.1 and times[2] - times[1] >= 0.2, times


@test
def retry_after_is_obeyed():
    times = []

    def later(f, connection, request):
        times.append(time.monotonic())
        return http_answer(b"", "429 x", "Retry-After: 1") if len(times) == 1 else label("INFO")
    with fake(later) as f, bert(f.url(), *PATIENT) as s:
        equal(s.lines("x")[0]["label_id"], "INFO")
        assert times[1] - times[0] >= 0.99, times


@test
def exactly_so_many_failures_open_the_breaker_and_one_probe_closes_it():
    for classifier, start, limit in (("bert", bert, 5), ("llm", llm, 3)):
        gauge = f'log_classifier_circuit_breaker_open{{classifier="{classifier}"}}'
        words = iter(a + b + c for a in "abcdefgh" for b in "abcdefgh" for c in "abcdefgh")
        hold = threading.Event()
        with fake(http_answer(b"", "500 x")) as f, start(f.url(), *FAST, f"--{classifier}-reset-time", "3000") as s:
            for n in range(limit):
                equal((n, s.value(gauge)), (n, 0))
                s.lines(next(words))
            opened = time.monotonic()
            equal(s.value(gauge), 1)
            for _ in range(20):
                s.lines(next(words), next(words))
            if time.monotonic() - opened < 2.5:  # a machine that takes longer proves nothing here
                equal(len(f.requests), limit)
                equal(s.errors(classifier), {"http_status": limit, "circuit_open": 40})

            def probe(f, connection, request):
                hold.wait(30)
                return label("INFO")
            f.script = probe
            time.sleep(max(0, opened + 3.2 - time.monotonic()))
            equal(len(f.requests), limit)  # no connection for nothing: only a line makes one
            answers = []
            ten = [threading.Thread(target=lambda w=next(words): answers.extend(s.lines(w))) for _ in range(10)]
            for t in ten:
                t.start()
            wait_until(lambda: len(answers) == 9)  # refused at once, while the probe is on its way
            equal((len(f.requests), answers), (limit + 1, [UNCLASSIFIED] * 9))
            hold.set()
            for t in ten:
                t.join()
            equal([a["source"] for a in answers].count(classifier), 1)
            equal(s.value(gauge), 0)
            equal(s.lines(next(words))[0]["source"], classifier)


@test
def the_contracts_own_numbers():
    """No option: 5 failures and 10 s, 3 failures and 5 s; both at once, so that it takes 10 s in all."""
    with fake(http_answer(b"", "500 x")) as b, fake(http_answer(b"", "500 x")) as m, \
            serving("--bert", b.url(), "--llm-url", m.url(), "--llm-store", "none") as s:
        s.lines("one")  # three attempts each
        opened = {"llm": time.monotonic()}
        equal([len(b.requests), len(m.requests)], [3, 3])
        s.lines("two")  # two more: the breaker cuts the third
        opened["bert"] = time.monotonic()
        equal([len(b.requests), len(m.requests)], [5, 3])
        for name, f, rest, had in (("llm", m, 5, 3), ("bert", b, 10, 5)):
            while time.monotonic() < opened[name] + rest - 0.5:
                s.lines(f"probe {'abcdefghijklmnopqrstuvwxyz'[int(time.monotonic() * 10) % 26]}")
                if time.monotonic() < opened[name] + rest - 0.5:
                    equal((name, len(f.requests)), (name, had))
                time.sleep(0.2)
            time.sleep(max(0, opened[name] + rest + 0.2 - time.monotonic()))
            s.lines(f"after {name}")
            equal((name, len(f.requests)), (name, had + 1))  # one probe; it fails, and the breaker is open again


@test
def a_hanging_service_keeps_nobody_waiting_who_does_not_need_it():
    for start, classifier in ((bert, "bert"), (llm, "llm")):
        with fake(lambda f, c, r: None) as f, start(f.url(), f"--{classifier}-timeout", "20000") as s:
            stuck = [threading.Thread(target=s.lines, args=(f"stuck {'abcdefghij'[i]}", "User a logged in"), daemon=True)
                     for i in range(10)]
            for t in stuck:
                t.start()
            wait_until(lambda: len(f.requests) >= (10 if classifier == "bert" else 8))
            for _ in range(100):
                equal(s.lines("User b logged in"), [RULE])
            equal(s.ask("GET", "/health")[0].status, 200)
            assert all(t.is_alive() for t in stuck)  # and these still wait
            equal(s.value("log_classifier_active_workers"), 0)  # but hold no worker
            f.close()
            for t in stuck:
                t.join(timeout=60)


@test
def overload_is_never_silent():
    """A service that can do less than is asked of it: each line that got no label of its own is in the counters."""
    gate = threading.Semaphore(2)

    def slow(f, connection, request):
        with gate:
            time.sleep(0.02)
        return label("INFO")
    answers, lock = {"INFO": 0, "UNCLASSIFIED": 0}, threading.Lock()
    with fake(slow) as f, bert(f.url(), "--bert-timeout", "400", "--client-entries-max", "400", "--entries-max", "400") as s:
        def client(k):
            for i in range(3):
                body = json.dumps([{"log_message": f"{k} {i} {j}"} for j in range(20)])
                r, text = s.ask("POST", "/classify", body)
                with lock:
                    if r.status == 200:
                        for a in json.loads(text):
                            answers[a["label_id"]] += 1
                    else:
                        equal((r.status, r.getheader("Retry-After")), (429, "1"))
                        assert b"client-entries-max" in text, text
                        answers["refused"] = answers.get("refused", 0) + 1
        crowd(50, client)
        lost = answers["UNCLASSIFIED"]
        assert lost > 0 and answers["INFO"] > 0 and answers.get("refused", 0) > 0, answers
        equal(sum(s.errors("bert").values()), lost)
        equal(s.value('log_classifications_total{classifier="fallback",label="UNCLASSIFIED"}'), lost)
        equal(s.value('log_classifications_total{classifier="bert",label="INFO"}'), answers["INFO"])
        equal(s.value('logclass_requests_refused_total{reason="client_share"}'), answers["refused"])
        equal(s.value('log_classifier_http_requests_total{endpoint="/classify",method="POST",status="429"}'),
              answers["refused"])


@test
def a_hundred_clients_lose_no_answer_of_the_encoder():
    messages = [line.rstrip("\n") for line in open(os.path.join(os.path.dirname(__file__), "..", "..", "data", "sample.log"))]
    with serving("--no-memo") as s:
        expected = s.lines(*messages)
        assert sum(a["source"] == "bert" for a in expected) > 5

        def client(k):
            mine = [(k * 7 + i * 3) % len(messages) for i in range(12)]
            got = s.lines(*(messages[i] for i in mine))
            equal(got, [expected[i] for i in mine])
        crowd(100, client)


@test
def all_seven_metrics_tell_the_truth():
    def says(f, connection, request):
        return http_answer(b"", "400 x") if "bad" in request["message"] else label("BACKUP")
    with fake(says) as b, fake(lambda f, c, r: label("WORKFLOW_ERROR")) as m, \
            serving("--bert", b.url(), "--llm-url", m.url(), "--llm-store", "none", *FAST, *PATIENT) as s:
        answers = s.lines("User a logged in", "good one", "good two", "bad one", "bad two", "bad three")
        equal([a["source"] for a in answers], ["regex", "bert", "bert", "llm", "llm", "llm"])
        for classifier, label_id, n in (("regex", "USER_ACTION", 1), ("bert", "BACKUP", 2), ("llm", "WORKFLOW_ERROR", 3)):
            equal(s.value(f'log_classifications_total{{classifier="{classifier}",label="{label_id}"}}'), n)
            equal(s.value(f'log_classification_duration_seconds_count{{classifier="{classifier}"}}'), n)
        equal([s.errors("bert"), s.errors("llm")], [{"http_status": 3}, {}])
        equal(s.value("log_classifier_active_workers"), 0)
        equal(s.value('log_classifier_circuit_breaker_open{classifier="bert"}'), 0)
        equal(s.value('log_classifier_http_requests_total{endpoint="/classify",method="POST",status="200"}'), 1)
        equal(s.value('log_classifier_http_request_duration_seconds_count{endpoint="/classify",method="POST"}'), 1)


@test
def serve_asks_an_llm_once_for_each_template_and_keeps_the_answers():
    db = store()
    options = ["--bert", "off", "--llm-model", "m", "--llm-store", db]
    lines = [f"job {n} of {n + 7} was stopped" for n in range(50)] + ["another thing"]
    with fake(chat("WORKFLOW_ERROR")) as f:
        for round_ in range(2):  # the second time the store knows
            with serving("--llm-url", f.url("/v1"), *options) as s:
                answers = s.lines(*lines)
                equal({(a["label_id"], a["source"]) for a in answers}, {("WORKFLOW_ERROR", "llm")})
                equal(s.value('log_classifications_total{classifier="llm",label="WORKFLOW_ERROR"}'), 51)
            asked = len(f.requests)
            assert asked < 10, asked  # templates, not lines
            if round_ == 0:
                first = asked
            else:
                equal(asked, first)


@test
def a_budget_that_is_used_up_is_counted():
    with fake(chat("INFO")) as f, serving("--bert", "off", "--llm-url", f.url("/v1"), "--llm-model", "m", "--llm-store",
                                          "none", "--llm-calls-day", "1") as s:
        answers = s.lines("alpha", "beta", "gamma")
        equal(sorted(a["source"] for a in answers), ["fallback", "fallback", "llm"])
        equal(len(f.requests), 1)
        equal(s.value("logclass_llm_budget_refused_total"), 2)
        equal(s.errors("llm"), {"cancelled": 2})


@test
def a_drain_ends_in_time_whatever_hangs():
    with fake(lambda f, c, r: None) as f:
        s = Server("--bert", f.url(), "--bert-timeout", "60000", "--drain-time-max", "300")
        waiting = http.client.HTTPConnection("127.0.0.1", s.port)
        waiting.request("POST", "/classify", '[{"log_message":"x"}]')
        wait_until(lambda: f.requests)
        equal(s.stop(), 0)
        assert s.says("time is over"), s.log


main()
