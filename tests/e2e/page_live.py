"""What the tests of people's journeys share: a server with a state of its own, a browser that looks at it, kinds that nobody can decide."""
import json
import tempfile

from browser import Browser
from check import equal
from live import Server, wait_until
from page_checks import READY

MARK = {"X-Logclass": "1"}
NONSENSE = ("grue lamp", "sword egg", "brass xyzzy", "cave bird", "troll axe", "jewel moat", "quartz fog", "silver mirth", "ember loom", "velvet pylon", "copper wisp", "cedar quill")


def a_line(words, k=999):
    return f"the {words} of {k} was {words}"


def words_of(template):
    """Of a kind of such a line."""
    return template.rsplit(" was ", 1)[1]


class Page:
    """A server of its own with a state of its own, and a browser that looks at it."""

    def __init__(self, *options, state=None, data=None, **look):
        self.state = state or tempfile.mkdtemp()
        self.options = options
        self.env = {"XDG_STATE_HOME": self.state, "XDG_CACHE_HOME": self.state, **({"LOGCLASS_DATA_DIR": data} if data else {})}
        self.server = Server(*options, env=self.env)
        self.browser = Browser(**look)

    def __enter__(self):
        return self, self.browser

    def __exit__(self, *_):
        self.browser.__exit__()
        equal(self.server.stop(), 0)

    def restart(self, stopped=False):
        """Anew on the same state; stopped: it has ended already, and was not killed."""
        if not stopped:
            self.server.process.kill()
            self.server.process.wait()
        self.server = Server(*self.options, env=self.env)

    def url(self, view=""):
        return f"http://localhost:{self.server.port}/ui/#{view}"

    def api(self, path):
        r, text = self.server.ask("GET", "/api/" + path, headers=MARK)
        equal((path, r.status), (path, 200))
        return json.loads(text)

    def post(self, path, body, status=200):
        r, text = self.server.ask("POST", "/api/" + path, json.dumps(body), {**MARK, "Content-Type": "application/json"})
        equal((path, r.status), (path, status))
        return json.loads(text)

    def send(self, *lines, source="app"):
        return self.server.classify([{"source": source, "log_message": x} for x in lines])

    def nonsense(self, n=12, each=20):
        """Kinds that nobody can decide; returns what waits, most lines first."""
        for i, words in enumerate(NONSENSE[:n]):
            self.send(*[a_line(words, k) for k in range(1, each + n - i)])
        wait_until(lambda: self.api("pulse")["waiting"] >= 5)
        return self.api("review?limit=50")["items"]

    def label(self, message, source="app"):
        return self.send(message, source=source)[0]["label_id"]


def open_view(b, page, view):
    b.go("about:blank")
    b.go(page.url(view))
    b.wait(READY)


def choose_three_refusals(b, page):
    """Three kinds of one shape, chosen in the list by keys."""
    for who in ("bank", "gateway", "broker"):
        page.send(*[f"payment {i} refused by {who} for a{i}@example.com" for i in range(1, 20)])
    wait_until(lambda: page.api("kinds?q=refused")["total"] == 3)
    open_view(b, page, "kinds?q=refused")
    b.wait("return document.querySelectorAll('.row[data-id]').length === 3")
    b.keys("j", "x", "j", "x", "j", "x")
    b.wait_text("3 selected")


def template(b):
    return b.text(".card .template")
