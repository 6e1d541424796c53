"""Many lines of templates that the encoder is not sure of, from 16 connections: the LLM is asked once for each template,
never again after a restart, and no line is lost when the process is killed in between.

    python3 tests/e2e/llm_once_test.py BINARY [LINES [TEMPLATES]]      1000000 500 is the full run
"""
import http.client
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from check import BINARY, equal, main, test
from endpoint import Endpoint, environment, run, says, store

LINES, TEMPLATES = (int(x) for x in (*sys.argv[2:4], *("20000", "60")[len(sys.argv[2:4]):]))
CONNECTIONS, CALLS_MAX, EACH = 16, 8, 250
SYLLABLES = "bra cto dul fen gri hok jas lum mer nop qui rel sto tav vex wiz".split()


def unknown_templates():
    """TEMPLATES texts of nonsense that rules and encoder leave open, each with a place for a number."""
    rng, found = random.Random(1), []
    while len(found) < TEMPLATES:
        words = [["".join(rng.choices(SYLLABLES, k=2)) for _ in range(rng.randint(2, 5))] for _ in range(1000)]
        texts = [f"{' '.join(w)} {{}} {rng.choice(SYLLABLES)}" for w in words]
        out = run("classify", "--offline", stdin="".join(t.format(7) + "\n" for t in texts).encode()).stdout.splitlines()
        found += [t for t, a in zip(texts, out) if json.loads(a)["source"] == "fallback"]
    return list(dict.fromkeys(found))[:TEMPLATES]


class Server:
    def __init__(self, endpoint, db):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.command = [BINARY, "serve", "--port", str(self.port), "--llm-url", endpoint.url(), "--llm-model", "m",
                        "--llm-store", db, "--llm-calls-max", str(CALLS_MAX), "--log-level", "error"]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=environment())

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(120)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(signal.SIGKILL)


class Client(threading.Thread):
    """Sends its requests one after the other over one connection, each until it is answered whole."""

    def __init__(self, server, requests):
        super().__init__(daemon=True)
        self.server, self.requests, self.connection = server, requests, None
        self.lines, self.sources = 0, dict.fromkeys(("llm", "fallback"), 0)

    def run(self):
        for lines in self.requests:
            answers = self.send(json.dumps([{"log_message": line} for line in lines]))
            assert len(answers) == len(lines)
            self.lines += len(lines)
            for a in answers:
                self.sources[a["source"]] += 1

    def send(self, body):
        while True:
            try:
                self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
                self.connection.request("POST", "/classify", body)
                reply = self.connection.getresponse()
                text = reply.read()
                if reply.status == 200:
                    return json.loads(text)
            except (OSError, http.client.HTTPException):
                self.connection.close()
                self.connection = None
            time.sleep(0.05)


def send_all(server, lines, between=lambda: None):
    """(lines answered, by the LLM). between is called while the clients are at work."""
    def requests(k):
        numbers = itertools.count(k + 1, 3)
        for _ in range(lines // CONNECTIONS // EACH):
            yield [rng[k].choice(TEXTS).format(next(numbers)) for _ in range(EACH)]
    rng = [random.Random(k) for k in range(CONNECTIONS)]
    clients = [Client(server, requests(k)) for k in range(CONNECTIONS)]
    for c in clients:
        c.start()
    between()
    for c in clients:
        c.join()
    return sum(c.lines for c in clients), sum(c.sources["llm"] for c in clients)


def slow(path, body):
    time.sleep(0.02)
    return 200, says("WORKFLOW_ERROR")


def questions(endpoint):
    """What was asked, without the marks."""
    return [re.sub("[0-9a-f]{16}", "", b["messages"][1]["content"]) for b in endpoint.asked]


TEXTS = unknown_templates()
SENT = LINES // CONNECTIONS // EACH * EACH * CONNECTIONS


@test
def a_template_is_asked_about_once_and_not_again_after_a_restart():
    endpoint = Endpoint(slow)
    with Server(endpoint, store()) as server:
        begun = time.monotonic()
        lines, by_llm = send_all(server, LINES)
        print(f"  {lines} lines in {time.monotonic() - begun:.1f} s, {len(endpoint.asked)} calls, {lines - by_llm} lines "
              "fell back while their answer was on its way", file=sys.stderr)
        equal((lines, len(endpoint.asked), len(set(questions(endpoint)))), (SENT, TEMPLATES, TEMPLATES))
        server.end()
        server.start()
        equal(send_all(server, LINES), (SENT, SENT))
        equal(len(endpoint.asked), TEMPLATES)


@test
def a_kill_loses_no_line_and_repeats_only_what_was_on_its_way():
    endpoint = Endpoint(slow)

    def kill_halfway():
        while len(endpoint.asked) < TEMPLATES // 2:
            time.sleep(0.01)
        server.end(signal.SIGKILL)
        server.start()

    with Server(endpoint, store()) as server:
        lines, _ = send_all(server, LINES, kill_halfway)
        asked = len(endpoint.asked)
        print(f"  killed halfway: {lines} lines answered, {asked} calls", file=sys.stderr)
        equal((lines, len(set(questions(endpoint)))), (SENT, TEMPLATES))
        assert asked <= TEMPLATES + 2 * CALLS_MAX, asked  # in flight, or answered and not yet written down
        equal(send_all(server, LINES), (SENT, SENT))
        equal(len(endpoint.asked), asked)


main()
