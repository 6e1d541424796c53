"""onnxruntime on all-MiniLM-L6-v2: a graph built from the published weights, fp32 and dynamically quantised int8."""
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file
from tokenizers import Tokenizer

BATCHES, RUNS = (1, 8, 32, 64), 3
LINES = 256  # as many as `logclass bench encoder` takes


class Graph:
    """Appends nodes; each call returns the name of its output."""

    def __init__(self, weights):
        self.nodes, self.initializers, self.weights = [], [], weights

    def constant(self, value):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name, transpose=False):
        w = self.weights[name].astype(np.float32)
        return self.constant(np.ascontiguousarray(w.T) if transpose else w)

    def add(self, op, *inputs, **attributes):
        out = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], **attributes))
        return out

    def linear(self, x, name):
        product = self.add("MatMul", x, self.weight(name + ".weight", transpose=True))
        return self.add("Add", product, self.weight(name + ".bias"))

    def norm(self, x, name):
        return self.add("LayerNormalization", x, self.weight(name + ".weight"), self.weight(name + ".bias"),
                        axis=-1, epsilon=1e-12)


def attention(g, x, at, mask, heads, dim):
    shape = g.constant(np.array([0, 0, heads, dim // heads], dtype=np.int64))
    q, k, v = (g.add("Reshape", g.linear(x, f"{at}.self.{n}"), shape) for n in ("query", "key", "value"))
    q, v = (g.add("Transpose", t, perm=[0, 2, 1, 3]) for t in (q, v))
    k = g.add("Transpose", k, perm=[0, 2, 3, 1])
    scores = g.add("Mul", g.add("MatMul", q, k), g.constant(np.float32((dim // heads) ** -0.5)))
    mixed = g.add("MatMul", g.add("Softmax", g.add("Add", scores, mask), axis=-1), v)
    mixed = g.add("Reshape", g.add("Transpose", mixed, perm=[0, 2, 1, 3]),
                  g.constant(np.array([0, 0, dim], dtype=np.int64)))
    return g.norm(g.add("Add", x, g.linear(mixed, f"{at}.output.dense")), f"{at}.output.LayerNorm")


def feed_forward(g, x, at):
    h = g.linear(x, f"{at}.intermediate.dense")
    erf = g.add("Erf", g.add("Mul", h, g.constant(np.float32(0.5 ** 0.5))))
    h = g.add("Mul", g.add("Mul", h, g.constant(np.float32(0.5))), g.add("Add", erf, g.constant(np.float32(1))))
    return g.norm(g.add("Add", x, g.linear(h, f"{at}.output.dense")), f"{at}.output.LayerNorm")


def build(model_dir, path):
    conf = json.load(open(f"{model_dir}/config.json"))
    weights = load_file(f"{model_dir}/model.safetensors")
    weights = {k.removeprefix("bert."): v for k, v in weights.items()}
    g, dim = Graph(weights), conf["hidden_size"]
    e = "embeddings"
    words = g.add("Gather", g.weight(f"{e}.word_embeddings.weight"), "ids")
    length = g.add("Squeeze", g.add("Slice", g.add("Shape", "ids"), g.constant(np.array([1])), g.constant(np.array([2]))))
    positions = g.add("Gather", g.weight(f"{e}.position_embeddings.weight"),
                      g.add("Range", g.constant(np.int64(0)), length, g.constant(np.int64(1))))
    kind = g.constant(weights[f"{e}.token_type_embeddings.weight"][0].astype(np.float32))
    x = g.norm(g.add("Add", g.add("Add", words, positions), kind), f"{e}.LayerNorm")
    used = g.add("Cast", "mask", to=TensorProto.FLOAT)
    away = g.add("Mul", g.add("Sub", used, g.constant(np.float32(1))), g.constant(np.float32(1e9)))
    away = g.add("Unsqueeze", away, g.constant(np.array([1, 2])))
    for i in range(conf["num_hidden_layers"]):
        x = attention(g, x, f"encoder.layer.{i}.attention", away, conf["num_attention_heads"], dim)
        x = feed_forward(g, x, f"encoder.layer.{i}")
    wide = g.add("Unsqueeze", used, g.constant(np.array([2])))
    total = g.add("ReduceSum", g.add("Mul", x, wide), g.constant(np.array([1])), keepdims=0)
    out = g.add("LpNormalization", total, axis=1, p=2)
    ints = [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "t"]) for n in ("ids", "mask")]
    outs = [helper.make_tensor_value_info(out, TensorProto.FLOAT, ["b", dim])]
    model = helper.make_model(helper.make_graph(g.nodes, "minilm", ints, outs, g.initializers),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def batches(tokenizer, lines, size):
    """As users do it: sorted by length, padded to the longest of the batch."""
    ids = sorted((tokenizer.encode(line).ids for line in lines), key=len)
    for i in range(0, len(ids), size):
        part = ids[i:i + size]
        longest = max(map(len, part))
        yield {"ids": np.array([p + [0] * (longest - len(p)) for p in part], dtype=np.int64),
               "mask": np.array([[1] * len(p) + [0] * (longest - len(p)) for p in part], dtype=np.int64)}


def measure(session, tokenizer, lines):
    best, alone = 0.0, 0.0
    for size in BATCHES:
        feeds = list(batches(tokenizer, lines, size))
        rates, times = [], []
        for _ in range(RUNS if size > 1 else 1):
            begun = time.perf_counter()
            for f in feeds:
                start = time.perf_counter()
                session.run(None, f)
                times.append(time.perf_counter() - start)
            rates.append(len(lines) / (time.perf_counter() - begun))
        best = max(best, statistics.median(rates))
        if size == 1:
            alone = statistics.median(times) * 1e6
    return best, alone


def check(session):
    """The graph is the model: the golden vectors of tests/golden come out."""
    golden = np.fromfile("tests/golden/embeddings.f32", dtype=np.float32).reshape(-1, 384)
    with open("tests/golden/embeddings.jsonl", encoding="utf-8") as f:
        for line, want in zip(f, golden):
            ids = np.array([json.loads(line)["ids"]], dtype=np.int64)
            got = session.run(None, {"ids": ids, "mask": np.ones_like(ids)})[0][0]
            if got @ want < 0.9999:
                sys.exit(f"the peers' graph differs from the model: cosine {got @ want:.6f}")


def ours(kernel, path):
    r = subprocess.run(["build/release/logclass", "bench", "encoder", "--adapter", "none", "--kernel", kernel, path],
                       capture_output=True, text=True)
    return r.stdout or r.stderr


def main():
    model_dir, path = sys.argv[1:3]
    lines = list(dict.fromkeys(open(path, errors="replace").read().split("\n")))[:LINES]
    with open("build/peers/lines.txt", "w") as f:
        f.writelines(line + "\n" for line in lines)
    tokenizer = Tokenizer.from_file(f"{model_dir}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    tokens = sum(len(tokenizer.encode(line).ids) for line in lines) / len(lines)
    fp32, int8 = "build/peers/minilm.onnx", "build/peers/minilm-int8.onnx"
    if not os.path.exists(int8):
        build(model_dir, fp32)
        quantize_dynamic(fp32, int8, per_channel=True, weight_type=QuantType.QInt8)
    print(f"{len(lines)} lines, {tokens:.1f} tokens each; one thread; tokenising not counted for the peers")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    check(onnxruntime.InferenceSession(fp32, options))
    for name, model in (("onnxruntime fp32", fp32), ("onnxruntime int8", int8)):
        best, alone = measure(onnxruntime.InferenceSession(model, options), tokenizer, lines)
        print(f"{name:20} {best:6.0f} lines/s {best * tokens:7.0f} tokens/s   alone: p50 {alone:.0f} us", flush=True)
    for kernel in sys.argv[3:] or ["auto", "avx2-int8"]:
        print("\nlogclass\n" + ours(kernel, "build/peers/lines.txt").rstrip(), flush=True)


main()
