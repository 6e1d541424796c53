"""Other engines and ours on the same lines, in turn, one thread: rates, the time of a line alone, cosines to fp32.

Every engine is a process of its own (peers_engine.py, logclass bench encoder), measured by its CPU time, ROUNDS times in
turn; the medians are printed. Peers get ids: tokenising is not counted for them, for ours it is."""
import json
import os
import re
import statistics
import subprocess
import sys

import numpy as np
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

import peers_graph

LINES, SAMPLES = 256, 300  # as many as `logclass bench encoder` takes; others to calibrate on
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "CT2_FORCE_CPU_ISA": "AVX2"}
AVX2_VNNI = {"ONEDNN_MAX_CPU_ISA": "AVX2_VNNI"}
# onnxruntime has no setting that holds it to an instruction set.
PEERS = [("onnxruntime-fp32", {}), ("onnxruntime-int8", {}), ("openvino-bf16", {}), ("openvino-int8", {}),
         ("ctranslate2-int8", {}), ("openvino-int8", AVX2_VNNI), ("openvino-int8", AVX2), ("ctranslate2-int8", AVX2)]
OURS = ["avx512-int8", "avxvnni-int8", "avx2-int8"]


def prepare(model_dir, work, samples):
    os.makedirs(work, exist_ok=True)
    at = lambda name: os.path.join(work, name)
    if os.path.exists(at("complete")):
        return
    peers_graph.write_onnx(model_dir, at("minilm.onnx"))
    quantize_dynamic(at("minilm.onnx"), at("minilm-int8.onnx"), per_channel=True, weight_type=QuantType.QInt8)
    peers_graph.write_ctranslate2(model_dir, at("ctranslate2"))
    peers_graph.write_openvino_int8(at("minilm.onnx"), at("openvino-int8.xml"), samples)
    check(at("minilm.onnx"))
    open(at("complete"), "w").close()


def check(path):
    """The graph is the model: the golden vectors of tests/golden come out."""
    import onnxruntime
    session = onnxruntime.InferenceSession(path)
    golden = np.fromfile("tests/golden/embeddings.f32", dtype=np.float32).reshape(-1, 384)
    with open("tests/golden/embeddings.jsonl", encoding="utf-8") as f:
        for line, want in zip(f, golden):
            ids = np.array([json.loads(line)["ids"]], dtype=np.int64)
            got = session.run(None, {"ids": ids, "mask": np.ones_like(ids)})[0][0]
            if got @ want < 0.9999:
                sys.exit(f"the peers' graph differs from the model: cosine {got @ want:.6f}")


def peer(engine, settings, model_dir, work, path):
    r = subprocess.run([sys.executable, "bench/peers_engine.py", engine, work, model_dir, path], capture_output=True,
                       text=True, env={**os.environ, **settings})
    if r.returncode != 0:
        print(f"{engine}: {r.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(r.stdout.splitlines()[-1])


def ours(kernel, path):
    r = subprocess.run(["build/release/logclass", "bench", "encoder", "--adapter", "none", "--kernel", kernel, path],
                       capture_output=True, text=True)
    rate = re.search(r" 1 thread .* (\d+) lines/s, .*\(batches of (\d+)\)", r.stdout)
    alone = re.search(r"alone\s+p50 (\d+) us, p99 (\d+) us", r.stdout)
    if not rate or not alone:
        print(f"logclass {kernel}: {r.stderr.strip()}", file=sys.stderr)
        return None
    return {"lines_per_s": float(rate[1]), "batch": int(rate[2]), "p50_us": float(alone[1]), "p99_us": float(alone[2])}


def cosines(work, engine):
    want, got = (np.load(os.path.join(work, f"{e}.npy")) for e in ("onnxruntime-fp32", engine))
    c = np.sort((want * got).sum(axis=1))
    return f"{c.mean():.4f} / {c[len(c) // 100]:.4f}"


def main():
    model_dir, work, path = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    with open(path, encoding="utf-8", errors="replace", newline="\n") as f:
        lines = [line for line in dict.fromkeys(f.read().split("\n")) if line.strip()]
    if len(lines) < LINES + SAMPLES:
        sys.exit(f"{path}: {len(lines)} different lines, expected {LINES + SAMPLES}")
    tokenizer = Tokenizer.from_file(f"{model_dir}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    ids = lambda some: [tokenizer.encode(line).ids for line in some]
    prepare(model_dir, work, ids(lines[LINES:LINES + SAMPLES]))
    taken = os.path.join(work, "lines.txt")
    with open(taken, "w", encoding="utf-8", newline="\n") as f:
        f.writelines(line + "\n" for line in lines[:LINES])
    tokens = sum(map(len, ids(lines[:LINES]))) / LINES
    print(f"{LINES} lines, {tokens:.1f} tokens each; one thread, CPU time, medians of {rounds} rounds")
    seen = {}
    for _ in range(rounds):
        for engine, settings in PEERS:
            seen.setdefault((engine, settings.get("ONEDNN_MAX_CPU_ISA", "")), []).append(
                peer(engine, settings, model_dir, work, taken))
        for kernel in OURS:
            seen.setdefault((f"logclass {kernel}", ""), []).append(ours(kernel, taken))
    print("| engine | held to | lines/s | tokens/s | batch | alone, p50 | p99 | cosine mean / p1 |\n" + "|---" * 8 + "|")
    for (name, isa), got in seen.items():
        got = [g for g in got if g]
        if not got:
            print(f"| {name} | {isa} | failed |||||")
            continue
        mid = lambda key: statistics.median(g[key] for g in got)
        near = "see bench precision" if name.startswith("logclass") else cosines(work, name)
        print(f"| {name} | {isa} | {mid('lines_per_s'):.0f} | {mid('lines_per_s') * tokens:.0f} | {got[0]['batch']} | "
              f"{mid('p50_us') / 1e3:.2f} ms | {mid('p99_us') / 1e3:.1f} ms | {near} |", flush=True)


main()
