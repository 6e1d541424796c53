"""Lines a second of the wheel, the command line, and sentence-transformers with scikit-learn, in turn; the best of ROUNDS. See bench/wheel."""
import subprocess
import sys
import tempfile
import time

import logclass
import pandas as pd
import pyarrow as pa

ROUNDS, PEER_LINES = 3, 512
BINARY, MODEL, FILE = sys.argv[1:]
LINES = [x for x in open(FILE, errors="surrogateescape", newline="\n").read().split("\n") if x]


def seconds(call):
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begun)
    return best


def tell(name, n, took, note=""):
    print(f"{name:34} {n:9} lines {took:8.3f} s {n / took:10.0f} lines/s  {note}", flush=True)


def command_line():
    with tempfile.NamedTemporaryFile("w", errors="surrogateescape") as whole, tempfile.NamedTemporaryFile("w") as one:
        whole.write("\n".join(LINES) + "\n")
        whole.flush()
        one.write(LINES[0] + "\n")
        one.flush()

        def run(path):
            return seconds(lambda: subprocess.run([BINARY, "classify", "-q", "--format", "lines", "--no-message", "--memo-store", "off", path],
                                                  stdout=subprocess.DEVNULL, check=True))
        start, took = run(one.name), run(whole.name)
    tell("command line, its start included", len(LINES), took)
    tell("command line, less a run of 1 line", len(LINES), took - start)


def wheel():
    """Fresh each round, as a process of the command line is: the memory of templates is empty, and what it costs to fill it is counted."""
    for name, column in (("wheel, list", LINES), ("wheel, pandas Series", pd.Series(LINES)), ("wheel, Arrow column", pa.array(LINES))):
        took = float("inf")
        for _ in range(ROUNDS):
            with logclass.Classifier() as c:
                c.classify(LINES[:1])
                begun = time.perf_counter()
                c.classify(column)
                took = min(took, time.perf_counter() - begun)
        tell(name, len(LINES), took)
    with logclass.Classifier() as c:
        c.classify(LINES)
        tell("wheel, list, templates known", len(LINES), seconds(lambda: c.classify(LINES)))


def peers():
    try:
        from sentence_transformers import SentenceTransformer
        from sklearn.linear_model import LogisticRegression
    except ImportError as e:
        print(f"sentence-transformers with scikit-learn: skipped, {e}")
        return
    few = LINES[:: max(1, len(LINES) // PEER_LINES)][:PEER_LINES]
    model = SentenceTransformer(MODEL, device="cpu")
    with logclass.Classifier() as c:
        labels = c.classify(few).label_ids
    head = LogisticRegression(max_iter=1000).fit(model.encode(few), labels)
    tell("sentence-transformers, scikit-learn", len(few), seconds(lambda: head.predict(model.encode(few, batch_size=64))), "(no memory of templates)")
    with logclass.Classifier(memo=False) as c:
        tell("wheel without its memory", len(few), seconds(lambda: c.classify(few)))


command_line()
wheel()
peers()
