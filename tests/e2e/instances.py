"""What tests of several instances share."""
import json
import os
import shutil
import signal
import socket
import tempfile

from check import equal
from live import Server, wait_until

ASK = {"Content-Type": "application/json", "X-Logclass": "1"}
QUICK = ("--bert", "off", "--workers", "1")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Node:
    """An instance with a state folder that stays over restarts."""

    def __init__(self, name, *options, port=None):
        self.name, self.options, self.folder, self.port = name, options, tempfile.mkdtemp(), port
        self.log = os.path.join(self.folder, "logclass", "corrections.jsonl")
        self.start()

    def start(self):
        more = ("--port", str(self.port)) if self.port else ()
        self.s = Server(*QUICK, "--instance", self.name, *more, *self.options, env={"XDG_STATE_HOME": self.folder})

    def kill(self):
        self.s.process.send_signal(signal.SIGKILL)
        self.s.process.wait()
        self.s.reader.join(timeout=10)
        self.s.process.stderr.close()

    def get(self, path):
        r, text = self.s.ask("GET", path)
        equal((r.status, text[:300] if r.status != 200 else b""), (200, b""))
        return json.loads(text)

    def post(self, path, body, status):
        r, text = self.s.ask("POST", path, json.dumps(body), ASK)
        equal((r.status, text[:300] if r.status != status else b""), (status, b""))
        return json.loads(text)

    def label_of(self, line):
        return self.s.lines(line)[0]["label_id"]

    def kinds(self):
        return {k["template"]: k for k in self.get("/api/kinds?limit=500")["items"]}

    def say(self, line, label):
        """Labels the kind of a line; the batch."""
        self.s.lines(line)
        wait_until(lambda: line in self.kinds())
        k = self.kinds()[line]
        return self.post("/api/corrections", {"changes": [{"id": k["id"], "rev": k["rev"], "label_id": label}]}, 201)["batch"]

    def history(self):
        return self.get("/api/corrections?limit=500")["items"]

    def close(self):
        if self.s.process.poll() is None:
            equal(self.s.stop(), 0)
        shutil.rmtree(self.folder)


def becomes(node, line, label, seconds=30):
    wait_until(lambda: node.label_of(line) == label, seconds)


def said(node):
    return [(w["template"], w["label_id"], w["undone"]) for w in node.history()]
