"""OTLP on the wire, as far as the tests write and read it by hand."""
from stream import line

WIRE, JSON = {"Content-Type": "application/x-protobuf"}, {"Content-Type": "application/json"}


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def otlp(numbers):
    """A request with a record a number, fields last to first, as Go writes them."""
    records = b"".join(field(2, field(5, field(1, line(i).strip().encode()))) for i in numbers)
    return field(1, field(2, records) + field(1, field(1, field(2, field(1, b"shop")) + field(1, b"service.name"))))


def fields(data):
    """(number, value) for each field; a value is bytes or a number."""
    at = 0

    def number():
        nonlocal at
        n, shift = 0, 0
        while True:
            c = data[at]
            at += 1
            n |= (c & 127) << shift
            shift += 7
            if c < 128:
                return n
    while at < len(data):
        tag = number()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, number()
        else:
            n = {1: 8, 5: 4}.get(kind) or number()
            yield tag >> 3, data[at:at + n]
            at += n


def values(data, number):
    return [v for n, v in fields(data) if n == number]


def pairs(data, number):
    return [(values(kv, 1)[0].decode(), (values(values(kv, 2)[0], 1) or [b""])[0].decode()) for kv in values(data, number)]


def otlp_records(request):
    return [{"body": values(values(record, 5)[0], 1)[0].decode(), "attributes": pairs(record, 6), "resource": pairs(values(logs, 1)[0], 1)}
            for logs in values(request, 1) for scope in values(logs, 2) for record in values(scope, 2)]
