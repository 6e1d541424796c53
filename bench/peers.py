"""Other engines and ours on the same lines, in turn, one thread: rates, the time of a line alone, cosines to fp32.

Every engine is a process of its own (peers_engine.py, logclass bench encoder), measured by its CPU time, ROUNDS times in
turn; the medians are printed, and the ratios of ours to the best int8 peer held to as much of the CPU, as medians over
the rounds. What this CPU lacks is left out. Peers get ids: tokenising is not counted for them, for ours it is."""
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
PEERS = ["onnxruntime-fp32", "onnxruntime-int8", "openvino-bf16", "openvino-int8", "ctranslate2-int8"]
# Our kernels, fastest first: what the CPU must have, and what holds which peers to the same.
OURS = [("amx-int8", "amx_int8", {}, []),
        ("avx512-int8", "avx512_vnni", {}, []),
        ("avxvnni-int8", "avx_vnni", AVX2_VNNI, ["openvino-int8"]),
        ("avx2-int8", "avx2", AVX2, ["openvino-int8", "ctranslate2-int8"])]


def cpu_has(flag):
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return any(flag in line.split() for line in f if line.startswith("flags"))


def plan():
    """Groups of (held to, our kernel, peers with their settings): the first is this CPU's best, with every peer free."""
    mine = [row for row in OURS if cpu_has(row[1])]
    if not mine:
        sys.exit("this CPU has no AVX2: there is no int8 kernel to compare")
    free = [("", mine[0][0], [(name, {}) for name in PEERS])]
    return free + [(settings["ONEDNN_MAX_CPU_ISA"], kernel, [(name, settings) for name in names])
                   for kernel, _, settings, names in mine[1:] if names]


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
        print(f"{engine} could not run here: {(r.stderr.strip() or 'no message').splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(r.stdout.splitlines()[-1])


def ours(kernel, path):
    r = subprocess.run(["build/release/logclass", "bench", "encoder", "--adapter", "none", "--kernel", kernel, path],
                       capture_output=True, text=True)
    rate = re.search(r" 1 thread .* (\d+) lines/s, .*\(batches of (\d+)\)", r.stdout)
    alone = re.search(r"alone\s+p50 (\d+) us, p99 (\d+) us", r.stdout)
    if not rate or not alone:
        sys.exit(f"logclass {kernel}: {r.stderr.strip()}")
    return {"lines_per_s": float(rate[1]), "batch": int(rate[2]), "p50_us": float(alone[1]), "p99_us": float(alone[2])}


def cosines(work, engine):
    want, got = (np.load(os.path.join(work, f"{e}.npy")) for e in ("onnxruntime-fp32", engine))
    c = np.sort((want * got).sum(axis=1))
    return f"{c.mean():.4f} / {c[len(c) // 100]:.4f}"


def write_rows(groups, seen, tokens, work):
    print("| engine | held to | lines/s | tokens/s | batch | alone, p50 | p99 | cosine mean / p1 |\n" + "|---" * 8 + "|")
    for isa, kernel, peers in groups:
        for name in [name for name, _ in peers] + [f"logclass {kernel}"]:
            got = seen[isa, name]
            if None in got:
                continue
            mid = lambda key: statistics.median(g[key] for g in got)
            near = "see bench precision" if name.startswith("logclass") else cosines(work, name)
            print(f"| {name} | {isa or 'nothing'} | {mid('lines_per_s'):.0f} | {mid('lines_per_s') * tokens:.0f} | "
                  f"{got[0]['batch']} | {mid('p50_us') / 1e3:.2f} ms | {mid('p99_us') / 1e3:.1f} ms | {near} |")


def write_ratios(groups, seen):
    print("\n| ours | held to | lines/s to the best int8 peer's | a line alone, p50, to the shortest int8 peer's |\n" + "|---" * 4 + "|")
    for isa, kernel, peers in groups:
        rivals = [seen[isa, name] for name, _ in peers if name.endswith("int8") and None not in seen[isa, name]]
        if not rivals:
            continue
        rounds = list(zip(seen[isa, f"logclass {kernel}"], *rivals))
        rate = statistics.median(us["lines_per_s"] / max(g["lines_per_s"] for g in them) for us, *them in rounds)
        alone = statistics.median(us["p50_us"] / min(g["p50_us"] for g in them) for us, *them in rounds)
        print(f"| {kernel} | {isa or 'nothing'} | {rate:.2f} | {alone:.2f} |")


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
    groups, seen = plan(), {}
    print(f"{LINES} lines, {tokens:.1f} tokens each; one thread, CPU time, medians of {rounds} rounds; "
          f"load {os.getloadavg()[0]:.1f}", flush=True)
    for _ in range(rounds):
        for isa, kernel, peers in groups:
            for name, settings in peers:
                seen.setdefault((isa, name), []).append(peer(name, settings, model_dir, work, taken))
            seen.setdefault((isa, f"logclass {kernel}"), []).append(ours(kernel, taken))
    write_rows(groups, seen, tokens, work)
    write_ratios(groups, seen)


main()
