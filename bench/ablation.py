"""Tries encoder inputs, poolings and heads on data/corpus (five folds of whole systems) and on a labelled file that is never
trained on. Vectors are those of `logclass train --vectors`, with the published encoder and with the shipped adapter on top;
poolings come from the published encoder in NumPy, on each twelfth template, since that is slow; the heads are scikit-learn's.
The adapter has seen the whole corpus, so with it only the other file says something."""
import csv
import hashlib
import os
import subprocess
import sys
import time

import numpy as np
import xxhash
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.neural_network import MLPClassifier
from tokenizers import Tokenizer

LOGCLASS, MODEL, CACHE = "build/release/logclass", "models/all-MiniLM-L6-v2", "build/ablation/cache"
LABELS = ["USER_ACTION", "SYSTEM_NOTIFICATION", "AUTH_ERROR", "DB_ERROR", "BACKUP", "INFO", "WORKFLOW_ERROR",
          "DEPRECATION_WARNING", "UNCLASSIFIED"]
LAYERS, HEADS, WIDTH, TOKENS_MAX, BATCH_TOKENS, FOLDS, PART = 6, 12, 384, 128, 4096, 5, 12


# ---- rows ------------------------------------------------------------------------------------------------------------

class Rows:
    """Labelled rows of a CSV, and their texts as the encoder may see them."""

    def __init__(self, path, step=1):
        rows = list(csv.DictReader(open(path, encoding="utf-8", newline="")))[::step]
        self.path = path
        self.label = np.array([LABELS.index(r["label"]) for r in rows])
        self.system = np.array([r.get("system", "") for r in rows])
        self.high = np.array([r.get("confidence", "high") == "high" for r in rows])
        message, source = [r["log_message"] for r in rows], [r["source"] for r in rows]
        masked, masked_source = mask(message), mask([s[:128] for s in source])
        self.text = {"raw": message, "raw, source": join(source, message), "masked": masked,
                     "masked, source": join(masked_source, masked)}


def join(source, message):
    return [f"{s}: {m}" if s else m for s, m in zip(source, message)]


def mask(lines):
    lines = "".join(" ".join(line.split("\n")) + "\n" for line in lines)
    return subprocess.run([LOGCLASS, "template"], input=lines, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]


def write_corpus():
    os.makedirs(CACHE, exist_ok=True)
    path = f"{CACHE}/corpus.csv"
    with open(path, "w") as out:
        subprocess.run([LOGCLASS, "corpus", "generate", "data/corpus", "--rows-per-template", "1"], stdout=out, check=True)
    return path


def product_vectors(rows, adapted, text):
    """[n][384] of the product's encoder. The file: magic, owner, width, number; keys; vectors (src/train/vectors.c)."""
    path = f"{CACHE}/{os.path.basename(rows.path)}-{'adapted' if adapted else 'published'}-{text.replace(', ', '-')}.vec"
    options = ["--vectors", path, "--labels", "builtin", "--folds", "0"]
    options += [] if adapted else ["--adapter", "none"]
    options += (["--raw"] if "raw" in text else []) + ([] if "source" in text else ["--no-source"])
    subprocess.run([LOGCLASS, "train", rows.path, *options], stdout=subprocess.DEVNULL, check=True)
    data = open(path, "rb").read()
    dim, n = np.frombuffer(data, np.uint64, 2, 16).astype(int)
    key = np.frombuffer(data, np.uint64, 2 * n, 32).reshape(n, 2)
    vector = np.frombuffer(data, np.float32, n * dim, 32 + 16 * n).reshape(n, dim)
    place = {(int(low), int(high)): i for i, (low, high) in enumerate(key)}
    hashes = [xxhash.xxh3_128_intdigest(t.encode("utf-8", "replace")) for t in rows.text[text]]
    return vector[[place[h & (2 ** 64 - 1), h >> 64] for h in hashes]]


# ---- encoder: mean, max and first token of the last layer, and the means of the layers before it -----------------------

class Encoder:
    def __init__(self):
        self.w = {k: v.astype(np.float32) for k, v in load_file(f"{MODEL}/model.safetensors").items() if v.ndim}
        self.tokenizer = Tokenizer.from_file(f"{MODEL}/tokenizer.json")
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(TOKENS_MAX)

    def linear(self, x, name):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12) * self.w[name + ".weight"] + self.w[name + ".bias"]

    def layers(self, ids):
        """Hidden states after each layer for rows of equal length: no padding, no mask."""
        n, t, e = len(ids), len(ids[0]), "embeddings."
        h = self.w[e + "word_embeddings.weight"][np.array(ids)] + self.w[e + "position_embeddings.weight"][:t]
        h = self.norm(h + self.w[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
        for i in range(LAYERS):
            p = f"encoder.layer.{i}."
            q, k, v = (self.linear(h, f"{p}attention.self.{c}").reshape(n, t, HEADS, -1).transpose(0, 2, 1, 3)
                       for c in ("query", "key", "value"))
            s = q @ k.transpose(0, 1, 3, 2) / np.sqrt(np.float32(WIDTH // HEADS))
            s = np.exp(s - s.max(-1, keepdims=True))
            a = (s / s.sum(-1, keepdims=True) @ v).transpose(0, 2, 1, 3).reshape(n, t, WIDTH)
            h = self.norm(h + self.linear(a, p + "attention.output.dense"), p + "attention.output.LayerNorm")
            f = self.linear(h, p + "intermediate.dense")
            f = f * 0.5 * (1 + erf(f * np.float32(0.5 ** 0.5)))
            h = self.norm(h + self.linear(f, p + "output.dense"), p + "output.LayerNorm")
            yield h

    def embed(self, texts):
        """{"mean": [n][384], "max": …, "first": …, "layer5": …, "layer4": …}, unit length each; cached."""
        path = f"{CACHE}/{hashlib.sha256(chr(10).join(texts).encode()).hexdigest()[:16]}.npz"
        if os.path.exists(path):
            return {k: v.astype(np.float32) for k, v in np.load(path).items()}
        unique = sorted(set(texts))
        ids = [e.ids for e in self.tokenizer.encode_batch(unique)]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        out = {k: np.zeros((len(ids), WIDTH), np.float32) for k in ("mean", "max", "first", "layer5", "layer4")}
        at = 0
        while at < len(order):
            length, batch = len(ids[order[at]]), []
            while at < len(order) and len(ids[order[at]]) == length and (len(batch) + 1) * length <= BATCH_TOKENS:
                batch.append(order[at])
                at += 1
            h = list(self.layers([ids[i] for i in batch]))
            for name, v in (("mean", h[5].mean(1)), ("max", h[5].max(1)), ("first", h[5][:, 0]), ("layer5", h[4].mean(1)),
                            ("layer4", h[3].mean(1))):
                out[name][batch] = v / np.linalg.norm(v, axis=1, keepdims=True)
        place = {t: i for i, t in enumerate(unique)}
        rows = np.array([place[t] for t in texts])
        out = {k: v[rows] for k, v in out.items()}
        np.savez(path, **{k: v.astype(np.float16) for k, v in out.items()})
        return out


def erf(x):
    """Abramowitz and Stegun 7.1.26, to 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    y = 1 - t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * np.exp(-x * x)
    return np.sign(x) * y


# ---- heads: fit(x, y) gives a function from vectors to probabilities --------------------------------------------------

def logistic(c=1.0, balanced=True):
    def fit(x, y):
        m = LogisticRegression(C=c, max_iter=1000, class_weight="balanced" if balanced else None).fit(x, y)
        return m.predict_proba
    return fit


def mlp(hidden=128, alpha=1e-3, seeds=1):
    def fit(x, y):
        scale = np.float32(8)  # unit vectors are small for the usual learning rates
        models = [MLPClassifier((hidden,), alpha=alpha, max_iter=30, batch_size=256, random_state=s, early_stopping=False)
                  .fit(x * scale, y) for s in range(seeds)]
        return lambda q: np.mean([m.predict_proba(q * scale) for m in models], 0)
    return fit


def nearest(k=10, sharpness=20.0):
    def fit(x, y):
        x, hot = x / np.linalg.norm(x, axis=1, keepdims=True), np.eye(len(LABELS))[y]

        def predict(q):
            out = np.zeros((len(q), len(LABELS)))
            for at in range(0, len(q), 512):
                s = q[at:at + 512] @ x.T
                near = np.argpartition(-s, k, 1)[:, :k]
                w = np.exp(sharpness * (np.take_along_axis(s, near, 1) - 1))
                out[at:at + 512] = np.einsum("nk,nkl->nl", w, hot[near]) + 1e-3 * w.max()
            return out / out.sum(1, keepdims=True)
        return predict
    return fit


def mix(*parts):
    """Weighted mean of (weight, head)."""
    def fit(x, y):
        fitted = [(w, f(x, y)) for w, f in parts]
        return lambda q: sum(w * p(q) for w, p in fitted)
    return fit


# ---- the table ---------------------------------------------------------------------------------------------------------

def scores(p, y):
    best = p.argmax(1)
    sure = np.argsort(-p.max(1), kind="stable")[:len(y) // 2]
    return (f1_score(y, best, average="macro"), accuracy_score(y, best), accuracy_score(y[sure], best[sure]))


def folds(system, seed=1):
    names = sorted(set(system))
    np.random.default_rng(seed).shuffle(names)
    fold = {s: i % FOLDS for i, s in enumerate(names)}
    return np.array([fold[s] for s in system])


class Table:
    def __init__(self, path):
        corpus = write_corpus()
        self.train, self.part, self.other = Rows(corpus), Rows(corpus, PART), Rows(path)
        self.encoder = Encoder()
        self.cache = {}

    def vectors(self, rows, adapted, text, pooling):
        if pooling in (None, "labels"):
            key = (rows.path, adapted, text)
            if key not in self.cache:
                self.cache = {k: v for k, v in self.cache.items() if k[1:] == key[1:]}  # one input at a time
                self.cache[key] = product_vectors(rows, adapted, text)
            v = self.cache[key]
            return v if not pooling else np.concatenate([v, v @ self.encoder.embed(DESCRIPTIONS)["mean"].T], 1)
        v = self.encoder.embed(rows.text[text])
        v = v["mean"] + v["layer5"] + v["layer4"] if pooling == "layers" else np.concatenate(
            [v[p] for p in pooling.split("+")], 1)
        return v / np.linalg.norm(v, axis=1, keepdims=True)

    def held_out(self, rows, x, head):
        p, fold = np.zeros((len(x), len(LABELS))), folds(rows.system)
        for f in range(FOLDS):
            p[fold == f] = head(x[fold != f], rows.label[fold != f])(x[fold == f])
        return scores(p, rows.label)

    def row(self, name, adapted, text="masked, source", pooling=None, head=logistic()):
        start = time.monotonic()
        rows = self.part if pooling and pooling != "labels" else self.train
        x, q = (self.vectors(r, adapted, text, pooling) for r in (rows, self.other))
        cv = (np.nan,) * 3 if adapted else self.held_out(rows, x, head)
        p, y, high = head(x, rows.label)(q), self.other.label, self.other.high
        figures = [*cv[:1], *cv[2:], *scores(p, y), scores(p[high], y[high])[0]]
        cells = " | ".join("" if np.isnan(v) else f"{v:.3f}" for v in figures)
        print(f"| {name} | {'adapted' if adapted else 'published'} | {cells} |", flush=True)
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


DESCRIPTIONS = [line.rsplit('"', 2)[1] for line in open("src/data/label.def") if line.startswith("LABEL(")]
ROWS = {
    "raw message: MiniLM + scikit-learn": dict(text="raw", head=logistic(balanced=False)),
    "raw message with source": dict(text="raw, source", head=logistic(balanced=False)),
    "masked message": dict(text="masked", head=logistic(balanced=False)),
    "masked message with source": dict(head=logistic(balanced=False)),
    "+ balanced labels": dict(),
    "C = 0.1": dict(head=logistic(0.1)),
    "C = 10": dict(head=logistic(10)),
    "closeness to label descriptions": dict(pooling="labels"),
    "hidden layer of 128": dict(head=mlp()),
    "5 hidden layers of 128, mean": dict(head=mlp(seeds=5)),
    "10 nearest templates": dict(head=nearest()),
    "logistic 0.7, nearest 0.3": dict(head=mix((0.7, logistic()), (0.3, nearest()))),
    "logistic 0.5, hidden 0.5": dict(head=mix((0.5, logistic()), (0.5, mlp()))),
    "each twelfth template: mean of tokens": dict(pooling="mean"),
    "max of tokens": dict(pooling="max"),
    "first token": dict(pooling="first"),
    "mean and max": dict(pooling="mean+max"),
    "mean of the last three layers": dict(pooling="layers"),
}
POOLINGS = [name for name, o in ROWS.items() if o.get("pooling", "labels") != "labels"]


def main():
    table, wanted = Table(sys.argv[1]), sys.argv[2:]
    print("| head, input | encoder | held out F1 | half | other F1 | accuracy | half | high F1 |\n|---|---|---|---|---|---|---|---|")
    rows = [(name, adapted) for adapted in (False, True) for name in ROWS if name not in POOLINGS]
    for name, adapted in rows + [(name, False) for name in POOLINGS]:
        if not wanted or name in wanted:
            table.row(name, adapted, **ROWS[name])


main()
