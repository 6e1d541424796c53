"""One engine on some lines, one thread: peers_engine.py ENGINE WORK MODEL_DIR LINES. Prints what it measured as JSON and
leaves the lines' vectors in WORK/ENGINE.npy. A process of its own, because instruction sets are chosen once a process."""
import json
import os
import statistics
import sys
import time

import numpy as np
from tokenizers import Tokenizer

BATCHES, RUNS = (1, 8, 32), 2
TOKENS_MAX = 256


def onnxruntime_engine(work, precision):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{work}/minilm{'-int8' if precision == 'int8' else ''}.onnx", options)
    return lambda ids, mask: session.run(None, {"ids": ids, "mask": mask})[0]


def openvino_engine(work, precision):
    import openvino
    path = f"{work}/{'openvino-int8.xml' if precision == 'int8' else 'minilm.onnx'}"
    kind = {"INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
    model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, **kind})
    request = model.create_infer_request()
    return lambda ids, mask: request.infer({"ids": ids, "mask": mask}, share_inputs=True, share_outputs=True)[0]


def ctranslate2_engine(work, precision):
    """Gives the tokens' states: their mean is taken outside the clock."""
    import ctranslate2
    encoder = ctranslate2.Encoder(f"{work}/ctranslate2", device="cpu", intra_threads=1, inter_threads=1,
                                  compute_type="int8_float32" if precision == "int8" else "float32")

    def run(ids, mask):
        lengths = ctranslate2.StorageView.from_array(mask.sum(axis=1, dtype=np.int32))
        view = ctranslate2.StorageView.from_array(ids.astype(np.int32))
        return np.array(encoder.forward_batch(view, lengths).last_hidden_state)
    return run


def batches(ids, size):
    """As users do it: sorted by length, padded to the longest of the batch."""
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for i in range(0, len(ids), size):
        part = order[i:i + size]
        longest = max(len(ids[j]) for j in part)
        yield part, np.array([ids[j] + [0] * (longest - len(ids[j])) for j in part], dtype=np.int64), \
            np.array([[1] * len(ids[j]) + [0] * (longest - len(ids[j])) for j in part], dtype=np.int64)


def pooled(out, mask):
    if out.ndim == 3:
        out = (out * mask[:, :, None]).sum(axis=1)
        out /= np.linalg.norm(out, axis=1, keepdims=True)
    return out


def measure(run, ids):
    """Clocks count this process's CPU time: what else runs on the machine counts less."""
    rates, alone, vectors = {}, [], np.zeros((len(ids), 384), dtype=np.float32)
    for size in BATCHES:
        feeds = list(batches(ids, size))
        seconds = []
        for turn in range(RUNS + 1):  # the first is for warming up
            begun = time.process_time()
            for part, i, m in feeds:
                start = time.process_time()
                out = run(i, m)
                if size == 1 and turn > 0:
                    alone.append(time.process_time() - start)
                if turn == 0:
                    vectors[part] = pooled(out, m)
            seconds.append(time.process_time() - begun)
        rates[size] = len(ids) / statistics.median(seconds[1:])
    best = max(rates, key=rates.get)
    alone.sort()
    return {"batch": best, "lines_per_s": rates[best], "p50_us": alone[len(alone) // 2] * 1e6,
            "p99_us": alone[len(alone) * 99 // 100] * 1e6}, vectors


def main():
    engine, work, model_dir, path = sys.argv[1:]
    name, precision = engine.split("-")
    tokenizer = Tokenizer.from_file(f"{model_dir}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS_MAX)
    with open(path, encoding="utf-8", newline="\n") as f:
        ids = [tokenizer.encode(line.rstrip("\n")).ids for line in f]
    run = {"onnxruntime": onnxruntime_engine, "openvino": openvino_engine,
           "ctranslate2": ctranslate2_engine}[name](work, precision)
    result, vectors = measure(run, ids)
    np.save(os.path.join(work, f"{engine}.npy"), vectors)
    print(json.dumps({**result, "tokens": sum(map(len, ids)) / len(ids)}))


main()
