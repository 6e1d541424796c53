#!/usr/bin/env python3
"""Turns what a cluster's API says of itself into schemas for kubeconform: tests/peers/k8s_schemas.py SWAGGER CRD OUT

SWAGGER is api/openapi-spec/swagger.json of Kubernetes, CRD the ServiceMonitor's definition of the Prometheus operator, as
JSON. Each kind becomes OUT/KIND-GROUP-VERSION.json, strict: a key that the API does not know is an error.
"""
import json
import pathlib
import sys

PREFIX = "#/definitions/"


def strict(node):
    """The same schema with unknown keys forbidden, and with what JSON schema lacks: a number or a text, and quantities."""
    if isinstance(node, list):
        return [strict(n) for n in node]
    if not isinstance(node, dict):
        return node
    node = {k: strict(v) for k, v in node.items()}
    if node.get("format") == "int-or-string" or node.get("x-kubernetes-int-or-string") is True:
        return {"oneOf": [{"type": "string"}, {"type": "integer"}]}
    if isinstance(node.get("properties"), dict) and node.get("x-kubernetes-preserve-unknown-fields") is not True:
        node.setdefault("additionalProperties", False)
    node.pop("format", None) # int32, byte, date-time: kubeconform's own notions of these are narrower
    return node


def reached(definitions, name, into):
    if name not in into:
        into[name] = definitions[name]
        for ref in refs(definitions[name]):
            reached(definitions, ref, into)
    return into


def refs(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(PREFIX)
        for v in node.values():
            yield from refs(v)
    elif isinstance(node, list):
        for v in node:
            yield from refs(v)


def write(out, kind, group, version, schema):
    group = group.split(".")[0] + "-" if group else ""  # as kubeconform names them
    (out / f"{kind.lower()}-{group}{version}.json").write_text(json.dumps(schema))


def main():
    swagger, crd, out = (pathlib.Path(a) for a in sys.argv[1:])
    definitions = {name: strict(d) for name, d in json.loads(swagger.read_text())["definitions"].items()}
    for name, d in definitions.items():
        for kind in d.get("x-kubernetes-group-version-kind", ()):
            if len(d["x-kubernetes-group-version-kind"]) == 1:
                schema = {"$ref": PREFIX + name, "definitions": reached(definitions, name, {})}
                write(out, kind["kind"], kind["group"], kind["version"], schema)
    spec = json.loads(crd.read_text())["spec"]
    for v in spec["versions"]:
        schema = strict(v["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        write(out, spec["names"]["kind"], spec["group"], v["name"], schema)


if __name__ == "__main__":
    main()
