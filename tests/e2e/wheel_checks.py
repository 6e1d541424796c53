"""What must hold of the installed package; run by wheel_test.py in a virtual environment: wheel_checks.py BINARY [pandas]"""
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import warnings

import logclass
from check import BINARY, equal, main, test

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINES = ["User bob logged in", "Failed password for root from 203.0.113.7 port 22 ssh2", "", "zork frobs", "déjà vu: disk is full"]
C = logclass.Classifier(workers=2)
WANT = list(C.classify(LINES))


def raises(kind, part, call, *args, **more):
    try:
        call(*args, **more)
    except kind as e:
        assert part in str(e), e
        return
    raise AssertionError(f"no {kind.__name__}")


@test
def answers_are_those_of_the_command_line():
    lines = [x for p in sorted((ROOT / "data/corpus").glob("*.log")) for x in p.read_text().splitlines()[:20] if x][:400]
    said = subprocess.run([BINARY, "classify", "--format", "lines", "--no-message", "-q"], input="\n".join(lines), capture_output=True, text=True, check=True)
    want = [tuple(json.loads(x).values()) for x in said.stdout.splitlines()]
    equal([tuple(x[:4]) for x in C.classify(lines)], want)


@test
def any_iterable_of_text_will_do():
    equal([x.label_id for x in WANT], C.classify(LINES).label_ids)
    equal(WANT[0], ("USER_ACTION", "User Action", "regex", 0.95, ""))
    equal([x.reason != "" for x in WANT], [x[2] == "fallback" for x in WANT])
    equal(WANT[4].reason != "", True)
    for lines in (tuple(LINES), iter(LINES), dict.fromkeys(LINES), [x.encode() for x in LINES]):
        equal(list(C.classify(lines)), WANT)
    equal([x.label_id for x in C.classify([None, float("nan"), "caf\udce9 User a logged in", "\ud800 User a logged in"])],
          ["UNCLASSIFIED", "UNCLASSIFIED", "USER_ACTION", "USER_ACTION"])
    equal(len(C.classify([])), 0)


@test
def answers_are_a_sequence():
    a = C.classify(LINES)
    equal((len(a), a[-1], a[1:3], list(a.confidences)), (5, WANT[4], WANT[1:3], [x.confidence for x in WANT]))
    raises(IndexError, "5", a.__getitem__, 5)


@test
def what_is_wrong_is_named():
    raises(TypeError, "lines is one line", C.classify, "one")
    raises(TypeError, "lines[1] is int", C.classify, ["a", 5])
    raises(TypeError, "sources[0] is int", C.classify, ["a"], [5])
    raises(ValueError, "2 sources for 1 lines", C.classify, ["a"], ["x", "y"])
    raises(ValueError, "did you mean 'workers'", logclass.Classifier, worker=1)
    raises(ValueError, "workers", logclass.Classifier, workers=0)
    raises(logclass.Error, "/nowhere", logclass.Classifier, data_dir="/nowhere")
    raises(TypeError, "pickle", __import__("pickle").dumps, C)


@test
def settings_are_those_of_the_program():
    with logclass.Classifier(labels="ops", workers=1) as c:
        assert len(c.labels) > len(C.labels) == 9
    raises(ValueError, "closed", c.classify, LINES)
    with logclass.Classifier(rules="none", bert="off", memo=False) as c:
        equal(c.classify(LINES).label_ids, ["UNCLASSIFIED"] * 5)


@test
def explanations_are_objects():
    equal(C.explain(LINES[0])["explain"]["matched"], LINES[0])
    equal(C.explain(b"Failed password for root from 203.0.113.7 port 22 ssh2", "sshd")["label_id"], "AUTH_ERROR")


@test
def the_interpreter_is_free_meanwhile():
    """The service that the lines wait for runs in this interpreter: it could not answer otherwise."""
    class Bert(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"label_id": "BACKUP", "label": "Backup Event", "confidence": 0.75}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bert)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with logclass.Classifier(rules="none", offline=False, llm_url="off", bert=f"http://127.0.0.1:{server.server_port}/classify") as c:
        equal(tuple(c.classify(["what nobody knows"])[0][:4]), ("BACKUP", "Backup Event", "bert", 0.75))
    server.shutdown()


@test
def threads_share_a_classifier():
    wrong = []

    def work():
        for _ in range(50):
            if list(C.classify(LINES * 10)) != WANT * 10:
                wrong.append(1)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(wrong, [])


@test
def a_forked_child_is_told():
    warnings.simplefilter("ignore", DeprecationWarning)  # that forks and threads do not go together is what this is about
    child = os.fork()
    if child == 0:
        try:
            C.classify(LINES)
        except logclass.Error:
            os._exit(0)
        os._exit(1)
    equal(os.waitpid(child, 0)[1], 0)


@test
def the_example_of_the_page_runs():
    block = re.search(r"^```python\n(.*?)^```$", (ROOT / "docs/embedding.md").read_text(), flags=re.M | re.S).group(1)
    r = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True)
    equal(r.stderr, "")
    equal(r.stdout.splitlines()[0], "USER_ACTION regex 0.95 User bob logged in")
    equal(len(r.stdout.splitlines()), 3)


@test
def hints_are_there():
    at = pathlib.Path(logclass.__file__).parent
    assert (at / "py.typed").exists() and (at / "_native.pyi").exists()
    stub = set(re.findall(r"    def (\w+)\(self", (at / "_native.pyi").read_text())) - {"__init__"}
    equal(stub, {x for x in dir(logclass._native.Native) if not x.startswith("_")})


def columns():
    import pandas as pd
    import pyarrow as pa
    yield from (pd.Series(LINES), pd.Series(LINES, dtype="object"), pd.Series(LINES, dtype="category"), pd.Series(LINES, dtype="string[pyarrow]"),
                pd.Series(LINES, dtype=pd.ArrowDtype(pa.large_string())), pd.Series(LINES, index=range(5, 10)))
    for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int8(), pa.string())):
        texts = [x.encode() for x in LINES] if "binary" in str(kind) else LINES
        yield pa.array(texts, kind)
        yield pa.chunked_array([pa.array(texts[:2], kind), pa.array(texts[:1], kind)[1:], pa.array(texts[2:], kind)])
        yield pa.array([texts[3], *texts, texts[3]], kind)[1:6]


def in_columns():
    for column in columns():
        equal(list(C.classify(column)), WANT)


def nothing_is_an_empty_line():
    import pandas as pd
    import pyarrow as pa
    for kind in (pa.string(), pa.string_view(), pa.dictionary(pa.uint16(), pa.string())):
        equal(C.classify(pa.array([None, LINES[0]], kind)).label_ids, ["UNCLASSIFIED", "USER_ACTION"])
    equal(C.classify(pd.Series([None, LINES[0], float("nan")])).label_ids, ["UNCLASSIFIED", "USER_ACTION", "UNCLASSIFIED"])


def sources_are_columns_too():
    import pandas as pd
    import pyarrow as pa
    with logclass.Classifier(workers=1) as c:
        want = [x["label_id"] for x in (c.explain(x, y) for x, y in zip(LINES, "abcde"))]
        for sources in (list("abcde"), pd.Series(list("abcde")), pa.array(list("abcde"))):
            for lines in (LINES, pd.Series(LINES), pa.array(LINES)):
                equal(c.classify(lines, sources).label_ids, want)
    raises(ValueError, "1 sources for 5 lines", C.classify, pa.array(LINES), pa.array(["a"]))
    raises(TypeError, "format 'l'", C.classify, pa.array([1, 2]))


def answers_become_tables():
    import pandas as pd
    a = C.classify(LINES)
    equal(a.to_arrow().to_pylist(), [x._asdict() for x in WANT])
    frame = a.to_pandas(pd.Index(list("vwxyz")))
    equal((list(frame.index), list(frame.itertuples(index=False, name=None))), (list("vwxyz"), [tuple(x) for x in WANT]))


if "pandas" in sys.argv[2:]:
    for fn in (in_columns, nothing_is_an_empty_line, sources_are_columns_too, answers_become_tables):
        test(fn)

main()
