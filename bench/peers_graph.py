"""all-MiniLM-L6-v2 from its published weights in the peers' forms: an ONNX graph, a CTranslate2 model directory."""
import json
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file


def read_model(model_dir):
    weights = load_file(f"{model_dir}/model.safetensors")
    with open(f"{model_dir}/config.json", encoding="utf-8") as f:
        return json.load(f), {k.removeprefix("bert."): v.astype(np.float32) for k, v in weights.items()
                              if v.dtype != np.int64}


class Graph:
    """Appends nodes; each call returns the name of its output."""

    def __init__(self, weights):
        self.nodes, self.initializers, self.weights = [], [], weights

    def constant(self, value):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name, transpose=False):
        w = self.weights[name]
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


def write_onnx(model_dir, path):
    conf, weights = read_model(model_dir)
    g, dim = Graph(weights), conf["hidden_size"]
    e = "embeddings"
    words = g.add("Gather", g.weight(f"{e}.word_embeddings.weight"), "ids")
    length = g.add("Squeeze", g.add("Slice", g.add("Shape", "ids"), g.constant(np.array([1])), g.constant(np.array([2]))))
    positions = g.add("Gather", g.weight(f"{e}.position_embeddings.weight"),
                      g.add("Range", g.constant(np.int64(0)), length, g.constant(np.int64(1))))
    kind = g.constant(weights[f"{e}.token_type_embeddings.weight"][0])
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


def write_ctranslate2(model_dir, path):
    """The same weights as CTranslate2's own converter lays them out, without the gigabyte of PyTorch it wants."""
    import ctranslate2.converters.utils as utils
    from ctranslate2.specs import common_spec, transformer_spec
    conf, weights = read_model(model_dir)

    def linear(spec, name):
        spec.weight, spec.bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return spec

    def norm(spec, name):
        spec.gamma, spec.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]

    encoder = transformer_spec.TransformerEncoderSpec(
        conf["num_hidden_layers"], conf["num_attention_heads"], pre_norm=False, activation=common_spec.Activation.GELU,
        layernorm_embedding=True, num_source_embeddings=2, embeddings_merge=common_spec.EmbeddingsMerge.ADD)
    spec = transformer_spec.TransformerEncoderModelSpec(encoder)
    encoder.scale_embeddings = False
    encoder.embeddings[0].weight = weights["embeddings.word_embeddings.weight"]
    encoder.embeddings[1].weight = weights["embeddings.token_type_embeddings.weight"]
    encoder.position_encodings.encodings = weights["embeddings.position_embeddings.weight"]
    norm(encoder.layernorm_embedding, "embeddings.LayerNorm")
    for i, layer in enumerate(encoder.layer):
        at = f"encoder.layer.{i}"
        parts = [linear(common_spec.LinearSpec(), f"{at}.attention.self.{n}") for n in ("query", "key", "value")]
        utils.fuse_linear(layer.self_attention.linear[0], parts)
        linear(layer.self_attention.linear[1], f"{at}.attention.output.dense")
        norm(layer.self_attention.layer_norm, f"{at}.attention.output.LayerNorm")
        linear(layer.ffn.linear_0, f"{at}.intermediate.dense")
        linear(layer.ffn.linear_1, f"{at}.output.dense")
        norm(layer.ffn.layer_norm, f"{at}.output.LayerNorm")
    with open(f"{model_dir}/vocab.txt", encoding="utf-8") as f:
        spec.register_vocabulary(f.read().splitlines())
    spec.config.unk_token, spec.config.layer_norm_epsilon = "[UNK]", conf["layer_norm_eps"]
    spec.validate()
    os.makedirs(path, exist_ok=True)
    spec.save(path)


def write_openvino_int8(onnx_path, path, samples):
    """NNCF's post-training quantisation for transformers, calibrated on samples of token ids."""
    import nncf
    import openvino

    def feed(ids):
        ids = np.array([ids], dtype=np.int64)
        return {"ids": ids, "mask": np.ones_like(ids)}

    model = openvino.convert_model(onnx_path)
    model = nncf.quantize(model, nncf.Dataset(samples, feed), model_type=nncf.ModelType.TRANSFORMER,
                          subset_size=len(samples))
    openvino.save_model(model, path, compress_to_fp16=False)
