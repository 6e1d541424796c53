"""Sends random OTLP requests, or compares what came out of logclass with them, by Python's protobuf:
otlp_equal.py send URL FOLDER COUNT · otlp_equal.py compare SENT GOT"""
import gzip
import os
import random
import sys
import urllib.request

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

OURS = {"logclass.label", "logclass.confidence", "logclass.stage"}
dice = random.Random(20260131)


def text():
    return "".join(dice.choice("abc é\n\"\\{}漢") for _ in range(dice.randrange(12)))


def value(v, depth=0):
    kind = dice.randrange(8 if depth < 3 else 5)
    if kind == 0:
        v.string_value = text()
    elif kind == 1:
        v.bool_value = dice.random() < 0.5
    elif kind == 2:
        v.int_value = dice.randrange(-2**63, 2**63)
    elif kind == 3:
        v.double_value = dice.choice([0.0, -0.5, 1e300, float("inf"), dice.random()])
    elif kind == 4:
        v.bytes_value = dice.randbytes(dice.randrange(9))
    elif kind == 5:
        v.array_value.SetInParent()
        for _ in range(dice.randrange(4)):
            value(v.array_value.values.add(), depth + 1)
    elif kind == 6:
        v.kvlist_value.SetInParent()
        attributes(v.kvlist_value.values, depth + 1)


def attributes(to, depth=0):
    for n in range(dice.randrange(5)):
        kv = to.add()
        kv.key = f"{text()}{n}"
        value(kv.value, depth)


def unknown():
    """Fields that no version knows yet: a number, bytes, and 4 and 8 bytes."""
    return dice.choice([b"", b"\xf8\x3f\x07", b"\xfa\x3f\x03new", b"\xfd\x3f1234", b"\xf9\x3f12345678"])


def request(first, n):
    r = ExportLogsServiceRequest()
    for i in range(n):
        if not r.resource_logs or dice.random() < 0.02:
            logs = r.resource_logs.add()
            attributes(logs.resource.attributes)
            logs.schema_url = text()
            logs.MergeFromString(unknown())
        if not logs.scope_logs or dice.random() < 0.05:
            scope = logs.scope_logs.add()
            scope.scope.name = text()
            attributes(scope.scope.attributes)
            scope.MergeFromString(unknown())
        record = scope.log_records.add()
        record.observed_time_unix_nano = first + i + 1  # tells which it is
        record.time_unix_nano = dice.choice([0, dice.randrange(2**63)])
        record.severity_number = dice.randrange(25)
        record.severity_text = text()
        record.flags = dice.randrange(2**32)
        record.trace_id, record.span_id = dice.choice([b"", dice.randbytes(16)]), dice.choice([b"", dice.randbytes(8)])
        record.event_name = text()
        record.dropped_attributes_count = dice.randrange(3)
        value(record.body)
        attributes(record.attributes)
        if dice.random() < 0.1:
            kv = record.attributes.add()
            kv.key, kv.value.string_value = "logclass.label", "OLD"
        record.MergeFromString(unknown())
    return r


def send(url, folder, count):
    os.mkdir(folder)
    for n in range(int(count)):
        r = request(n * 500, 500)
        body = r.SerializeToString()
        with open(os.path.join(folder, str(n)), "wb") as f:
            f.write(body)
        packed = urllib.request.Request(url, gzip.compress(body, 1), {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"})
        assert urllib.request.urlopen(packed, timeout=60).status == 200


def records(folder):
    """Which → (what stands around it, the record without our attributes, our attributes)."""
    out = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as f:
            r = ExportLogsServiceRequest.FromString(f.read())
        for logs in r.resource_logs:
            for scope in logs.scope_logs:
                around = type(logs)()
                around.CopyFrom(logs)
                del around.scope_logs[:]
                own = type(scope)()
                own.CopyFrom(scope)
                del own.log_records[:]
                frame = around.SerializeToString(deterministic=True), own.SerializeToString(deterministic=True)
                for record in scope.log_records:
                    ours = {a.key: a.value for a in record.attributes if a.key in OURS}
                    assert len(ours) == sum(a.key in OURS for a in record.attributes), "twice the same key"
                    rest = [a for a in record.attributes if a.key not in OURS]
                    del record.attributes[:]
                    record.attributes.extend(rest)
                    assert record.observed_time_unix_nano not in out, "twice the same record"
                    out[record.observed_time_unix_nano] = frame, record.SerializeToString(deterministic=True), ours
    return out


def compare(sent, got):
    a, b = records(sent), records(got)
    assert set(a) == set(b), f"{len(set(a) - set(b))} are missing, {len(set(b) - set(a))} were never sent"
    for key, (frame, record, _) in a.items():
        assert b[key][0] == frame, f"what stands around record {key} is another"
        assert b[key][1] == record, f"record {key} is another"
        ours = b[key][2]
        assert set(ours) == OURS and ours["logclass.label"].string_value not in ("", "OLD"), ours
        assert ours["logclass.confidence"].WhichOneof("value") == "double_value", ours
    print(f"{len(a)} records are equal")


globals()[sys.argv[1]](*sys.argv[2:])
