"""What tests of live processes share: `logclass serve` and `service` on a free port, and scripted fake services."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

from check import BINARY, equal

LABELS = {
    "USER_ACTION": "User Action", "SYSTEM_NOTIFICATION": "System Notification", "AUTH_ERROR": "Authentication Error",
    "DB_ERROR": "Database Error", "BACKUP": "Backup Event", "INFO": "Informational Log",
    "WORKFLOW_ERROR": "Workflow Error", "DEPRECATION_WARNING": "Deprecation Warning", "UNCLASSIFIED": "Unclassified",
}
UNCLASSIFIED = {"label_id": "UNCLASSIFIED", "label": "Unclassified", "source": "fallback", "confidence": 0}
ERROR_TYPES = ("timeout", "connection", "http_status", "decode", "circuit_open", "cancelled")


def wait_until(condition, seconds=30):
    """Polls; a machine under load only makes it slower."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def crowd(n, fn):
    """Runs fn(0) … fn(n - 1) at the same time; what one of them raises is raised here."""
    failed = []

    def run(k):
        try:
            fn(k)
        except Exception as e:  # told below
            failed.append(e)
    threads = [threading.Thread(target=run, args=(k,)) for k in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        raise failed[0]


def ask(port, method, path, body=None, headers=None, timeout=60):
    """One request over a connection of its own; the response, and its body."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    c.request(method, path, body, headers or {})
    r = c.getresponse()
    text = r.read()
    c.close()
    return r, text


class Server:
    """A serving process; returns once it is ready. The options come after --port 0; wrap: a command that runs it; popen:
    more for subprocess.Popen."""

    def __init__(self, *options, command=("serve",), env=None, ready=True, wrap=(), **popen):
        self.log = []
        self.process = subprocess.Popen([*wrap, BINARY, *command, "--port", "0", *options], stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **(env or {})}, **popen)
        mark = r"listening on \S+ port (\d+)" if ready else r"port (\d+) is bound"
        for line in self.process.stderr:
            self.log.append(line)
            m = re.search(mark, line)
            if m:
                break
        else:
            raise RuntimeError("the server did not start:\n" + "".join(self.log))
        self.port = int(m.group(1))
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def url(self, path="/classify"):
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, *request, **more):
        return ask(self.port, *request, **more)

    def classify(self, entries, headers=None, path="/classify"):
        r, text = self.ask("POST", path, json.dumps(entries), headers)
        equal((r.status, text[:200] if r.status != 200 else b""), (200, b""))
        return json.loads(text)

    def lines(self, *messages):
        return self.classify([{"log_message": m} for m in messages])

    def raw(self, data):
        """Sends bytes; returns all the server says until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as s:
            s.sendall(data)
            out = b""
            while True:
                with contextlib.suppress(ConnectionResetError):
                    more = s.recv(65536)
                    out += more
                    if more:
                        continue
                return out

    def metrics(self):
        r, text = self.ask("GET", "/metrics")
        equal(r.status, 200)
        return text.decode()

    def value(self, series):
        m = re.search(r"^" + re.escape(series) + r" (\S+)$", self.metrics(), flags=re.M)
        return float(m.group(1)) if m else 0.0

    def errors(self, classifier):
        """The counts by type that are not 0."""
        found = re.findall(rf'^log_classification_errors_total{{classifier="{classifier}",error_type="(\w+)"}} (\S+)$',
                           self.metrics(), flags=re.M)
        equal({name for name, _ in found}, set(ERROR_TYPES))
        return {name: int(float(n)) for name, n in found if float(n)}

    def says(self, part):
        return any(part in line for line in list(self.log))

    def hup(self, outcome="reload.done"):
        """Reloads, and waits for the outcome."""
        before = sum(outcome in line for line in list(self.log))
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: sum(outcome in line for line in list(self.log)) > before)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.reader.join(timeout=10)
        self.process.stderr.close()
        return code


@contextlib.contextmanager
def serving(*options, **how):
    s = Server(*options, **how)
    try:
        yield s
    finally:
        equal(s.stop(), 0)


# ---- fake services, down to the byte ----

def http_answer(body, status="200 OK", *fields):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + data


def label(label_id, confidence=0.9):
    return http_answer({"label_id": label_id, "label": LABELS.get(label_id, "?"), "confidence": confidence})


class Fake:
    """Speaks TCP. For each request `script(fake, connection, request)` returns the bytes to send, None to say nothing
    and keep the connection, or "close", "reset", or ("drip", bytes) for a byte a second. Each connection is a thread;
    closing the fake ends all."""

    def __init__(self, script):
        self.script, self.requests, self.heads, self.connections = script, [], [], 0
        self.open, self.lock, self.ended = [], threading.Lock(), threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, path="/classify"):
        return f"http://127.0.0.1:{self.port}{path}"

    def accept(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open.append(c)
            threading.Thread(target=self.talk, args=(c,), daemon=True).start()

    def read(self, c):
        data = b""
        while b"\r\n\r\n" not in data:
            more = c.recv(65536)
            if not more:
                return None
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        with self.lock:
            self.heads.append(head.decode())
        length = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
        while len(body) < length:
            body += c.recv(65536)
        return json.loads(body)

    def talk(self, c):
        with contextlib.suppress(OSError):
            while (request := self.read(c)) is not None:
                with self.lock:
                    self.requests.append(request)
                answer = self.script(self, c, request)
                if answer == "reset":
                    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if answer in ("reset", "close"):
                    break
                if isinstance(answer, tuple):
                    for i in range(len(answer[1])):
                        c.sendall(answer[1][i:i + 1])
                        if self.ended.wait(1):
                            break
                elif answer is not None:
                    c.sendall(answer)
        with contextlib.suppress(OSError):
            c.close()

    def close(self):
        self.ended.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for c in self.open:
            with contextlib.suppress(OSError):
                c.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def fake(script):
    f = Fake(script if callable(script) else lambda *_: script)
    try:
        yield f
    finally:
        f.close()


def chat(label_id):
    """A chat completion that names the label."""
    return http_answer({
        "choices": [{"message": {"content": json.dumps({"label_id": label_id})}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 5}})


def nowhere():
    """A URL where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        return f"http://127.0.0.1:{s.getsockname()[1]}/classify"
