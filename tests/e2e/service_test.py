"""`logclass service bert|llm`: the described services' wire, both ways, and the same answers as in one process."""
import json
import os
import subprocess
import tempfile

from check import BINARY, equal, main, test
from live import LABELS, Fake, Server, chat, fake, http_answer, serving

SAMPLE = [line.rstrip("\n") for line in open(os.path.join(os.path.dirname(__file__), "..", "..", "data", "sample.log"))]
BERT = Server(command=("service", "bert"))


def ask(s, message, **more):
    r, text = s.ask("POST", "/classify", json.dumps({"message": message, **more}))
    return r.status, json.loads(text)


@test
def bert_speaks_the_described_wire():
    r, text = BERT.ask("POST", "/classify", '{"message":"Failed password for root from 10.0.0.1 port 22 ssh2"}')
    equal((r.status, r.getheader("Content-Type")), (200, "application/json"))
    answer = json.loads(text)
    equal(list(answer), ["label_id", "label", "confidence"])
    equal((answer["label_id"], answer["label"]), ("AUTH_ERROR", LABELS["AUTH_ERROR"]))
    assert 0.5 <= answer["confidence"] <= 1
    equal(ask(BERT, ""), (200, {"label_id": "UNCLASSIFIED", "label": "Unclassified", "confidence": 0}))
    for body in ("", "[]", "{}", '{"message":1}', '{"message":null}', '{"message":"x"', "x"):
        r, text = BERT.ask("POST", "/classify", body)
        equal((body, r.status, list(json.loads(text))), (body, 400, ["error"]))
    r, _ = BERT.ask("GET", "/classify")
    equal((r.status, r.getheader("Allow")), (405, "POST"))
    equal(BERT.ask("GET", "/health")[1], b'{"status":"healthy"}')
    equal(BERT.ask("GET", "/readyz")[0].status, 200)
    equal(BERT.ask("GET", "/nothing")[0].status, 404)
    paths = json.loads(BERT.ask("GET", "/openapi.json")[1])["paths"]
    schema = paths["/classify"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    equal(schema, {"$ref": "#/components/schemas/Question"})
    assert BERT.value('log_classifications_total{classifier="bert",label="AUTH_ERROR"}') >= 1


@test
def bert_answers_as_the_stage_in_serve_does():
    with serving("--rules", "none") as s:
        local = s.lines(*SAMPLE)
    for line, a in zip(SAMPLE, local):
        want = {k: a[k] for k in ("label_id", "label", "confidence")}
        equal((line, ask(BERT, line)), (line, (200, want)))


@test
def thresholds_and_limits_are_options():
    with serving("--bert-classifier-threshold", "1", "--line-bytes-max", "20", command=("service", "bert")) as s:
        equal(ask(s, "Failed password")[1]["label_id"], "UNCLASSIFIED")
        status, answer = ask(s, "x" * 21)
        equal((status, "line-bytes-max" in answer["error"]), (413, True))


def llm_options(endpoint, *more):
    return ["--llm-url", endpoint.url("/v1"), "--llm-model", "m", "--llm-store", "none", *more]


@test
def llm_speaks_it_too_and_says_when_it_can_not():
    with fake(chat("WORKFLOW_ERROR")) as f:
        with serving(*llm_options(f, "--llm-calls-day", "2"), command=("service", "llm")) as s:
            want = (200, {"label_id": "WORKFLOW_ERROR", "label": "Workflow Error", "confidence": 0.7, "source": "llm"})
            equal(ask(s, "step 3 of job 77 failed"), want)
            equal(ask(s, "step 9 of job 12 failed"), want)  # the same template
            equal(len(f.requests), 1)
            assert "job 77" not in json.dumps(f.requests)
            f.script = lambda *_: chat("NONSENSE")
            equal(ask(s, "another"), (200, {"label_id": "UNCLASSIFIED", "label": "Unclassified", "confidence": 0, "source": "llm"}))
            r, text = s.ask("POST", "/classify", '{"message":"a third"}')
            equal((r.status, r.getheader("Retry-After")), (503, "1"))  # the budget
            assert b"no answer" in text, text
    for answer, status in ((http_answer(b"", "500 x"), 502), (http_answer(b"no json"), 502), (http_answer(b"", "401 x"), 502),
                           (None, 504), ("reset", 502)):
        with fake(answer) as f, serving(*llm_options(f, "--llm-timeout", "400", "--retries-max", "0"),
                                        command=("service", "llm")) as s:
            equal((answer, ask(s, "x")[0]), (answer, status))
            equal(s.ask("GET", "/health")[0].status, 200)
    with fake(http_answer(b"", "500 x")) as f, serving(*llm_options(f, "--retries-max", "0"), command=("service", "llm")) as s:
        equal([ask(s, w)[0] for w in ("one", "two", "three", "four")], [502, 502, 502, 503])  # the breaker
        equal(len(f.requests), 3)


@test
def wrong_use_says_what_is_expected():
    for args, part in (([], "bert"), (["tts"], "bert"), (["llm"], "--llm-url"), (["bert", "--rules", "x"], "--rules"),
                       (["bert", "word"], "word"), (["llm", "--offline"], "--offline")):
        r = subprocess.run([BINARY, "service", *args], capture_output=True, text=True, timeout=60,
                           env={"PATH": os.environ["PATH"], "HOME": tempfile.mkdtemp()})
        equal((args, r.returncode), (args, 2))
        assert part in r.stderr, (args, r.stderr)
    for role, port in (("bert", "5000"), ("llm", "5001")):
        text = subprocess.run([BINARY, "service", role, "--help"], capture_output=True, text=True).stdout
        assert f"[{port}]" in text, text


def kind_of(f, connection, request):
    """A fake LLM whose answer depends on what it is asked."""
    line = request["messages"][-1]["content"]
    return chat("DEPRECATION_WARNING" if "e" in line.lower().split("spool")[-1] else "WORKFLOW_ERROR")


@test
def serve_with_our_services_answers_as_in_one_process():
    entries = [{"source": ("sshd", "cron", "")[i % 3], "log_message": line} for i, line in enumerate(SAMPLE)]
    entries += [{"log_message": m} for m in ("User a logged in", "spool 7 zzz", "spool 7 zzz of 9", "", "qqq 5 xyzzy")]
    with fake(kind_of) as f:
        with serving(*llm_options(f)) as s:
            one = s.classify(entries)
        with serving(*llm_options(f), command=("service", "llm")) as m, \
                serving("--bert", BERT.url(), "--bert-send-source", "--llm-url", m.url(), "--llm-store", "none") as s:
            three = s.classify(entries)
            equal([s.errors("bert"), s.errors("llm")], [{}, {}])
    assert {a["source"] for a in one} >= {"regex", "bert", "llm"}, one
    for entry, a, b in zip(entries, one, three):
        equal((entry, a), (entry, b))


@test
def what_the_service_refuses_the_caller_counts_and_goes_on():
    with fake(http_answer(b"", "500 x")) as f, \
            serving(*llm_options(f, "--retries-max", "0"), command=("service", "llm")) as m, \
            serving("--bert", BERT.url(), "--llm-url", m.url(), "--llm-store", "none", "--retries-max", "0") as s:
        a = s.lines("User a logged in", "spool zzz")
        equal([x["source"] for x in a], ["regex", "fallback"])
        equal(s.errors("llm"), {"http_status": 1})


@test
def the_shared_service_ends_well():
    equal(BERT.stop(), 0)


main()
