"""What one client's greed costs another: the time of a one-line request beside attackers, to that of an idle server.

Part of bench/torture. Attackers are processes of their own, which ask again as soon as they are answered or refused.
"""
import gzip
import multiprocessing
import socket
import statistics
import time
import zlib

ONE = b'[{"log_message":"User admin123 logged in."}]'
SECONDS = 6
TIMES = 5  # what a neighbour may cost: this many times the time of an idle server


def request(path, body=b"", *headers, method=b"POST"):
    lines = [method + b" " + path + b" HTTP/1.1", b"Host: 127.0.0.1", b"Content-Type: application/json",
             b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def connect(port, who="127.0.0.1"):
    """The neighbour has an address of its own: what one client may hold is limited by address."""
    return socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(who, 0))


def ask(s, data):
    """One request over a kept connection; the answer's length is in its head."""
    s.sendall(data)
    got = b""
    while b"\r\n\r\n" not in got:
        got += read_some(s)
    head, rest = got.split(b"\r\n\r\n", 1)
    length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:"))
    while len(rest) < length:
        rest += read_some(s)
    return int(head.split()[1])


def read_some(s):
    part = s.recv(1 << 16)
    if not part:
        raise ConnectionError("the server closed")
    return part


def insist(port, data):
    """For ever the same request, on a new connection when the server has closed the one before."""
    while True:
        try:
            with connect(port) as s:
                while True:
                    ask(s, data)
        except OSError:
            time.sleep(0.01)


def leave(port, data):
    """Sends the request and goes before it is answered."""
    while True:
        try:
            with connect(port) as s:
                s.sendall(data)
        except OSError:
            pass
        time.sleep(0.05)


def hold(port, data):
    """256 streams that never end."""
    kept = []
    for _ in range(256):
        s = connect(port)
        s.sendall(data)
        kept.append(s)
    time.sleep(3600)


def newlines(mib):
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(z.compress(b"\n" * (1 << 20)) for _ in range(mib)) + z.flush()


def attacks():
    """Name, how many attackers, what each does, with which bytes."""
    numbers = b"[" + b"1," * 2_000_000 + b"1]"
    entries = b"[" + b",".join([b"{}"] * 10_000) + b"]"
    stream = (b"Content-Type: application/x-ndjson", b"Transfer-Encoding: chunked")
    opened = b"POST /classify HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"\r\n".join(stream) + b"\r\n\r\n3\r\n{}\n\r\n"
    bomb = request(b"/classify", newlines(1024), b"Content-Encoding: gzip").replace(b"application/json", b"application/x-ndjson")
    return [
        ("8 clients, 4 MB of blanks as gzip", 8, insist, request(b"/classify", gzip.compress(b" " * 4_000_000), b"Content-Encoding: gzip")),
        ("4 clients, 4 MB of invalid UTF-8", 4, insist, request(b"/classify", b'[{"log_message":"' + b"\xff" * 4_000_000 + b'"}]')),
        ("4 clients, 4 MB of numbers", 4, insist, request(b"/classify", numbers)),
        ("4 clients, 10,000 entries", 4, insist, request(b"/classify", entries)),
        ("256 open streams", 1, hold, opened),
        ("20 bombs of 1 GiB, sent and left", 20, leave, bomb),
    ]


def times(port, data, seconds):
    """Milliseconds of one request after the other, a new connection for each, 20 ms apart."""
    out, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        with connect(port, "127.0.0.2") as s:
            status = ask(s, data)
        out.append(1000 * (time.monotonic() - begun))
        if status != 200:
            raise SystemExit(f"the neighbour got {status}")
        time.sleep(0.02)
    return out


def both(port):
    """p50 and p99 of /classify and of /health."""
    found = []
    for data in (request(b"/classify", ONE), request(b"/health", method=b"GET")):
        t = sorted(times(port, data, SECONDS / 2))
        found += [statistics.median(t), t[int(0.99 * (len(t) - 1))]]
    return found


def measure(port, say):
    idle = both(port)
    row = lambda v: "classify p50 {:6.2f}  p99 {:7.2f}   health p50 {:6.2f}  p99 {:7.2f} ms".format(*v)
    say("alone", row(idle))
    for name, n, what, data in attacks():
        crowd = [multiprocessing.Process(target=what, args=(port, data), daemon=True) for _ in range(n)]
        for p in crowd:
            p.start()
        time.sleep(1)
        found = both(port)
        for p in crowd:
            p.kill()
            p.join()
        say(name, row(found), found[0] <= TIMES * idle[0] and found[2] <= TIMES * idle[2])
        time.sleep(1)
    say("alone again", row(both(port)))
