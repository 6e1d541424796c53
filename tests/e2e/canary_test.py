"""Secrets of lines, the LLM's key and clients' tokens, looked for in every place that they could leak to: what the LLM is
sent, files of the state folder, logs, metrics, the page's API, what others see of the process, and its core."""
import glob
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile

from check import BINARY, equal, main, test
from live import Server, chat, fake, wait_until

KEY, TOKEN, SHIPPER = "gsk-canaryofthekey5b1e77", "canaryofatoken77d1a2", "canaryofashipper4c11"
NAME = "mallory"  # stands in templates, but not in what is sent
LINES = ["login of kim with password=hunter2canary failed", "token gsk_canarycanarycanary1234 was refused",
         "connect to postgres://kim:canarypass@db/x", '{"user":"kim","api_key":"canaryKEY99"}',
         "mail to jo.canary@mail.example.org bounced", f"user {NAME} renamed the report",
         "Authorization: Bearer canarycanary12345678 was sent to billing"]


def holds(data):
    """The first canary in the bytes, with what stands around it."""
    at = (data if isinstance(data, bytes) else data.encode()).lower().find(b"canar")
    return None if at < 0 else data[max(0, at - 60):at + 60]


def files_of(folder):
    return [f for f in glob.glob(folder + "/**", recursive=True, include_hidden=True) if os.path.isfile(f)]


def private(folder, name, text):
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(text)
    return path


class Guarded:
    """A server with a key, tokens and an LLM, which has classified the lines and was corrected."""

    def __init__(self, llm):
        self.dir, self.state = tempfile.mkdtemp(), tempfile.mkdtemp()
        tokens = private(self.dir, "tokens", f"admin:ann:{TOKEN}\n{SHIPPER}\n")
        options = ["--bert", "off", "--access-log", "--token-file", tokens, "--llm-key-file", private(self.dir, "key", KEY + "\n"),
                   "--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-pseudonyms", "--log-level", "debug"]
        env = {"XDG_STATE_HOME": self.state, "STATE_DIRECTORY": self.state}
        unlimited = lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.server = Server(*options, env=env, cwd=self.dir, preexec_fn=unlimited)
        for line in LINES * 2:
            equal(self.ask("POST", "/classify", json.dumps([{"log_message": line}]))[0].status, 200)
        wait_until(lambda: len(self.kinds()) == len(LINES))
        kind = self.kinds()[0]
        body = json.dumps({"changes": [{"id": kind["id"], "rev": kind["rev"], "label_id": "BACKUP"}]})
        equal(self.ask("POST", "/api/corrections", body)[0].status, 201)

    def ask(self, method, path, body=None):
        head = {"Authorization": f"Bearer {SHIPPER if path == '/classify' else TOKEN}", "X-Logclass": "1", "Content-Type": "application/json"}
        return self.server.ask(method, path, body, head)

    def kinds(self):
        return json.loads(self.ask("GET", "/api/kinds?limit=50")[1])["items"]

    def close(self):
        shutil.rmtree(self.dir)
        shutil.rmtree(self.state)


@test
def nothing_leaks_anywhere():
    with fake(chat("INFO")) as llm:
        g = Guarded(llm)
        s, pid = g.server, g.server.process.pid
        sent = json.dumps(llm.requests)
        equal((len(llm.requests), holds(sent)), (len(LINES), None))
        assert "user user-" in sent and NAME not in sent, sent
        assert all(KEY in h for h in llm.heads)  # it goes to the endpoint, in its header and nowhere else
        for path in ("/metrics", "/api/pulse", "/api/kinds?limit=50", "/api/overview", "/api/corrections", "/openapi.json",
                     *(f"/api/kind?id={k['id']}" for k in g.kinds())):
            r, text = g.ask("GET", path)
            equal((path, holds(text)), (path, None))
        for name in ("cmdline", "environ", "status", "comm", "maps", "limits", "cgroup", "mountinfo"):
            equal((name, holds(open(f"/proc/{pid}/{name}", "rb").read())), (name, None))
        s.process.send_signal(signal.SIGABRT)
        equal(s.process.wait(60), -signal.SIGABRT)
        s.reader.join(10)
        equal([f for f in os.listdir(g.dir) if "core" in f], [])
        equal(holds("".join(s.log)), None)
        found = files_of(g.state)
        assert any(f.endswith("answers.db") for f in found) and any(f.endswith("kinds.db") for f in found), found
        for f in found:
            equal((f, holds(open(f, "rb").read())), (f, None))
        g.close()


@test
def a_program_without_a_key_leaves_a_core():
    """Or the test above would prove nothing; where the system keeps none, it says so."""
    if open("/proc/sys/kernel/core_pattern").read().strip() != "core":
        print("    cores go elsewhere here: not looked at")
        return
    where = tempfile.mkdtemp()
    unlimited = lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    s = Server("--bert", "off", cwd=where, preexec_fn=unlimited)
    s.process.send_signal(signal.SIGABRT)
    s.process.wait(60)
    assert [f for f in os.listdir(where) if "core" in f], "no core"
    shutil.rmtree(where)


@test
def the_command_line_leaks_nothing_either():
    with fake(chat("INFO")) as llm:
        folder, state = tempfile.mkdtemp(), tempfile.mkdtemp()
        log = private(folder, "app.log", "\n".join(LINES * 3) + "\n")
        r = subprocess.run([BINARY, "classify", "--bert", "off", "--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-key-file",
                            private(folder, "key", KEY), "--llm-pseudonyms", "--no-message", "--log-level", "debug", log],
                           capture_output=True, timeout=120, cwd=folder,
                           env={"PATH": os.environ["PATH"], "HOME": state, "XDG_STATE_HOME": state})
        equal((r.returncode, r.stdout.count(b"\n")), (0, 3 * len(LINES)))
        for name, data in (("log", r.stderr), ("sent", json.dumps(llm.requests)),
                           *((f, open(f, "rb").read()) for f in files_of(state))):
            equal((name, holds(data)), (name, None))
        assert NAME not in json.dumps(llm.requests)
        shutil.rmtree(folder)
        shutil.rmtree(state)


main()
