"""The weights of a BERT encoder out of an ONNX file, as the model directory that logclass and scripts/train-adapter read.

    python3 scripts/onnx_weights.py ARCHIVE.jar DIR LAYERS POOLING PROMPT

The archive holds one *.onnx and one *tokenizer.json. A dense layer's matrix has no name of its own there: it is the second input
of a MatMul that is named after the layer, and lies transposed. POOLING is mean_tokens or cls_token; PROMPT, where it is not
empty, goes before every line.
"""
import array
import json
import os
import struct
import sys
import zipfile

FLOAT = 1       # TensorProto.DataType


def varint(b, i):
    value = shift = 0
    while True:
        byte = b[i]
        i += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, i
        shift += 7


def fields(b):
    """(number, value) of each field of a protobuf message; a value is an int or a memoryview."""
    i = 0
    while i < len(b):
        key, i = varint(b, i)
        if key & 7 == 0:
            value, i = varint(b, i)
        else:
            n, i = {1: (8, i), 5: (4, i), 2: None}[key & 7] or varint(b, i)
            value, i = b[i:i + n], i + n
        yield key >> 3, value


def read_tensor(message):
    dims, name, raw, kind = [], '', b'', 0
    for number, value in fields(message):
        if number == 1:
            dims.append(value)
        elif number == 2:
            kind = value
        elif number == 8:
            name = bytes(value).decode()
        elif number == 9:
            raw = value
    return name, dims, raw if kind == FLOAT else None


def read_graph(model):
    """Tensors by name, and the MatMuls whose second input is one: (name of the layer, name of the tensor)."""
    graph = next(v for k, v in fields(model) if k == 7)
    tensors, dense = {}, []
    for number, message in fields(graph):
        if number == 5:
            name, dims, raw = read_tensor(message)
            tensors[name] = (dims, raw)
        elif number == 1:
            parts = list(fields(message))
            text = {k: bytes(v).decode() for k, v in parts if k in (3, 4)}
            inputs = [bytes(v).decode() for k, v in parts if k == 1]
            if text.get(4) == 'MatMul':
                dense.append((text[3].strip('/').removesuffix('/MatMul').replace('/', '.') + '.weight', inputs[1]))
    return tensors, dense


def transpose(dims, raw):
    rows, columns = dims
    values = array.array('f', bytes(raw))
    out = array.array('f')
    for c in range(columns):
        out.extend(values[c::columns])
    return [columns, rows], out.tobytes()


def weights(model):
    tensors, dense = read_graph(memoryview(model))
    out = {name: (dims, bytes(raw)) for name, (dims, raw) in tensors.items()
           if name.startswith(('embeddings.', 'encoder.')) and raw is not None}
    out.update({name: transpose(*tensors[of]) for name, of in dense if of in tensors})
    return out


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, (dims, raw) in sorted(tensors.items()):
        header[name] = {'dtype': 'F32', 'shape': dims, 'data_offsets': [at, at + len(raw)]}
        at += len(raw)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text)
        for _, (_, raw) in sorted(tensors.items()):
            f.write(raw)


def write_json(folder, name, value):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(value, f)


def main():
    archive, folder, layers, pooling, prompt = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    with zipfile.ZipFile(archive) as z:
        pick = {end: next(n for n in z.namelist() if n.endswith(end)) for end in ('.onnx', 'tokenizer.json')}
        tokenizer = z.read(pick['tokenizer.json'])
        tensors = weights(z.read(pick['.onnx']))
    words = json.loads(tokenizer)['model']['vocab']
    width = tensors['embeddings.LayerNorm.bias'][0][0]
    inner = tensors['encoder.layer.0.intermediate.dense.bias'][0][0]
    write_safetensors(os.path.join(folder, 'model.safetensors'), tensors)
    with open(os.path.join(folder, 'tokenizer.json'), 'wb') as f:
        f.write(tokenizer)
    with open(os.path.join(folder, 'vocab.txt'), 'w', encoding='utf-8') as f:
        f.writelines(w + '\n' for w in sorted(words, key=words.get))
    write_json(folder, 'config.json', {
        'model_type': 'bert', 'hidden_act': 'gelu', 'hidden_size': width, 'intermediate_size': inner, 'num_attention_heads': 12,
        'num_hidden_layers': int(layers), 'max_position_embeddings': tensors['embeddings.position_embeddings.weight'][0][0],
        'layer_norm_eps': 1e-12, 'type_vocab_size': 2, 'vocab_size': len(words)})
    write_json(folder, 'tokenizer_config.json', {'do_lower_case': True})
    write_json(folder, '1_Pooling/config.json', {'pooling_mode_' + mode: mode == pooling for mode in ('mean_tokens', 'cls_token')})
    if prompt:
        write_json(folder, 'config_sentence_transformers.json', {'prompts': {'line': prompt}, 'default_prompt_name': 'line'})


if __name__ == '__main__':
    main()
