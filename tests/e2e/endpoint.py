"""A scripted endpoint for the tests of everything that is asked over the network, and the ways to run logclass with it."""
import http.server
import json
import os
import subprocess
import tempfile
import threading
import time

from check import BINARY

LABELS = ["USER_ACTION", "SYSTEM_NOTIFICATION", "AUTH_ERROR", "DB_ERROR", "BACKUP", "INFO", "WORKFLOW_ERROR",
          "DEPRECATION_WARNING", "UNCLASSIFIED"]
HANG = object()


class Endpoint(http.server.ThreadingHTTPServer):
    """Answers with what reply(path, body) gives: (status, object or bytes), perhaps headers as a third; or HANG. Keeps
    what it was asked, with which headers and when."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, reply):
        self.reply, self.lock = reply, threading.Lock()
        self.asked, self.headers, self.paths, self.times = [], [], [], []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """Clients that leave are part of the tests."""

    def url(self, path="/v1"):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def do_POST(self):
        server, body = self.server, json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.asked.append(body)
            server.headers.append(dict(self.headers))
            server.paths.append(self.path)
            server.times.append(time.monotonic())
        said = server.reply(self.path, body)
        if said is HANG:
            time.sleep(60)
            return
        status, answer, headers = said if len(said) == 3 else (*said, {})
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def completion(content, finish="stop", logprobs=None, usage=(100, 5)):
    """A chat completion as an object."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    if logprobs:
        choice["logprobs"] = {"content": logprobs}
    return {"id": "c", "object": "chat.completion", "choices": [choice],
            "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1]}}


def says(label):
    return completion(json.dumps({"label_id": label}))


def chat(label):
    """An endpoint that always answers with the label."""
    return lambda path, body: (200, says(label))


_folders = []  # gone at exit


def folder():
    _folders.append(tempfile.TemporaryDirectory(prefix="logclass-e2e-", ignore_cleanup_errors=True))
    return _folders[-1].name


def store():
    return os.path.join(folder(), "answers.db")


def environment(**more):
    return {"PATH": os.environ["PATH"], "HOME": folder(), **more}


def run(*args, env=None, stdin=None, timeout=120):
    return subprocess.run([BINARY, *args], capture_output=True, timeout=timeout, input=stdin,
                          env=environment(**(env or {})))


def ask(endpoint, line, *args, env=None, keep="none", model="m"):
    """`llm ask` about a line, with neither rules nor encoder to load: (finished process, answer or None)."""
    r = run("llm", "ask", "--bert", "off", "--llm-url", endpoint.url(), "--llm-model", model, "--llm-store", keep,
            *args, line, env=env)
    return r, json.loads(r.stdout) if r.stdout else None


def classify(endpoint, lines, *args, env=None, keep="none"):
    """`classify` of the lines, without encoder, so that the LLM gets all that no rule takes: (process, answers)."""
    r = run("classify", "--summary", "--bert", "off", "--llm-url", endpoint.url(), "--llm-model", "m", "--llm-store", keep, *args,
            env=env, stdin="".join(line + "\n" for line in lines).encode())
    return r, [json.loads(line) for line in r.stdout.splitlines()]
