"""`llm local` with a stand-in for llama.cpp's server: what it prints works, and the server goes when we go."""
import json
import os
import signal
import subprocess
import time

from check import BINARY, equal, main, test
from endpoint import folder

SAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "data", "sample.log")
FAKE = """#!/usr/bin/env python3
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def send(self, answer):
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_GET(self):
        self.send({"status": "ok"})
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send({"choices": [{"message": {"content": '{"label_id":"INFO"}'}, "finish_reason": "stop"}]})
    def log_message(self, *args):
        pass
args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
open(args["--model"] + ".pid", "w").write(str(os.getpid()))
http.server.ThreadingHTTPServer((args["--host"], int(args["--port"])), Handler).serve_forever()
"""


def start():
    """The command, when its server is ready; and the server's process number and the options it told."""
    place = folder()
    server, model = os.path.join(place, "server"), os.path.join(place, "model.gguf")
    with open(os.open(server, os.O_CREAT | os.O_WRONLY, 0o700), "w") as f:
        f.write(FAKE)
    with open(model, "w") as f:
        f.write("GGUF")
    p = subprocess.Popen([BINARY, "llm", "local", "--server", server, "--port", "0", model], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True)
    equal(p.stdout.readline(), "ready; use it with\n")
    options = p.stdout.readline().split()
    return p, int(open(model + ".pid").read()), options


def wait_until_gone(pid):
    for _ in range(600):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("the server is still there")


@test
def what_it_prints_works():
    p, pid, options = start()
    env = {"PATH": os.environ["PATH"], "HOME": folder()}
    r = subprocess.run([BINARY, "classify", SAMPLE, *options], capture_output=True, env=env, timeout=120)
    sources = [json.loads(line)["source"] for line in r.stdout.splitlines()]
    assert "llm" in sources and "fallback" not in sources, r.stderr
    p.send_signal(signal.SIGTERM)
    equal(p.wait(60), 0)
    wait_until_gone(pid)


@test
def it_goes_when_we_are_killed():
    p, pid, _ = start()
    p.kill()
    p.wait()
    wait_until_gone(pid)


@test
def what_is_missing_is_said():
    def fails(*args):
        env = {"PATH": os.environ["PATH"], "HOME": folder()}
        r = subprocess.run([BINARY, "llm", "local", *args], capture_output=True, env=env, timeout=60, text=True)
        assert r.returncode in (1, 2), r
        return r.stderr
    assert "one GGUF file" in fails()
    assert "/nowhere" in fails("--server", "/nowhere", "model.gguf")
    assert "no GGUF file" in fails("--server", "/bin/true", SAMPLE)


main()
