"""A browser for tests: Debian's Chromium, driven over WebDriver with nothing but the standard library.

    with Browser() as b:
        b.go("http://localhost:8080/ui/")
        b.keys("g", "k")
        b.wait("return document.querySelectorAll('.row').length > 1")
"""
import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--hide-scrollbars", "--disable-dev-shm-usage", "--force-color-profile=srgb")
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "Space": " ", "Backspace": "\ue003", "Down": "\ue015", "Up": "\ue013"}
SHIFT = "\ue008"
PATIENCE = 60  # seconds until a test gives up; no test asserts a time by it
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """wide, high: of the window; dark: the colour scheme; touch: a phone; arguments: more for Chromium."""

    def __init__(self, wide=1280, high=800, dark=False, touch=False, arguments=()):
        for tries in range(2, -1, -1):  # on a busy machine Chromium now and then does not come up in its minute
            try:
                self.start(wide, high, arguments)
                break
            except Exception:
                self.end()
                if not tries:
                    raise
        self.look(wide, high, dark, touch)

    def start(self, wide, high, arguments):
        self.profile, self.session, self.driver = tempfile.mkdtemp(prefix="browser_"), None, None
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       start_new_session=True)
        self.wait_for(lambda: self.ask("GET", "/status")["ready"])
        options = {"args": [*ARGUMENTS, *arguments, f"--user-data-dir={self.profile}", f"--window-size={wide},{high}"]}
        self.session = "/session/" + self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})["sessionId"]

    def end(self):
        if self.session:
            with contextlib.suppress(Exception):
                self.ask("DELETE", self.session)
        if self.driver:
            with contextlib.suppress(OSError):
                os.killpg(self.driver.pid, signal.SIGTERM if self.session else signal.SIGKILL)
            self.driver.wait(timeout=20)
        shutil.rmtree(self.profile, ignore_errors=True)

    def ask(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        value = json.loads(c.getresponse().read())["value"]
        c.close()
        if isinstance(value, dict) and "error" in value and "stacktrace" in value:
            raise RuntimeError(f"{value['error']}: {value['message']}")
        return value

    @staticmethod
    def wait_for(condition, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if condition():
                    return
            assert time.monotonic() < end, "it did not come to pass"
            time.sleep(0.02)

    def command(self, method, path, body=None):
        return self.ask(method, self.session + path, body)

    def cdp(self, name, **parameters):
        return self.command("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def look(self, wide, high, dark=False, touch=False, features=()):
        self.cdp("Emulation.setDeviceMetricsOverride", width=wide, height=high, deviceScaleFactor=1, mobile=touch)
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                                                         *({"name": k, "value": v} for k, v in features)])

    def go(self, url):
        self.command("POST", "/url", {"url": url})

    def run(self, script, *args):
        return self.command("POST", "/execute/sync", {"script": script, "args": list(args)})

    def run_between_pages(self, script, *args):
        """Nothing where the page is changed under the script."""
        try:
            return self.run(script, *args)
        except RuntimeError as e:
            if not any(says in str(e) for says in ("unloaded", "navigation", "execution context", "Cannot find context", "stale element")):
                raise
            return None

    def wait(self, script, *args, seconds=PATIENCE):
        """Until the script returns something true; returns that."""
        end = time.monotonic() + seconds
        while not (value := self.run_between_pages(script, *args)):
            assert time.monotonic() < end, f"it did not come to pass: {script} {args}\n{self.text()[:2000]}"
            time.sleep(0.02)
        return value

    def wait_text(self, text, seconds=PATIENCE):
        self.wait("return document.body.innerText.includes(arguments[0])", text, seconds=seconds)

    def text(self, selector="body"):
        return self.run("const n = document.querySelector(arguments[0]); return n ? n.innerText : ''", selector)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(n => n.innerText)", selector)

    def find(self, selector):
        return self.command("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def button(self, text, within="body"):
        """The element of the button or link that reads so."""
        found = self.run("const root = document.querySelector(arguments[1]); return [...root.querySelectorAll('button, a')].find(n => n.innerText.trim() === arguments[0]"
                         " || [...n.childNodes].filter(c => c.nodeName !== 'KBD').map(c => c.textContent).join('').trim() === arguments[0]) || null", text, within)
        assert found, f"no button {text!r} in {self.texts('button')}"
        return found[ELEMENT]

    def click(self, target):
        """A selector, or an element."""
        self.touching(lambda: target if not isinstance(target, str) or "." in target and target.startswith("f.") else self.find(target), "click", {})

    def press(self, text, within="body"):
        """The button or link that reads so."""
        self.touching(lambda: self.button(text, within), "click", {})

    def write(self, selector, text):
        self.touching(lambda: self.find(selector), "value", {"text": text})

    def touching(self, find, what, body):
        """Does something to an element; one that is drawn anew in that moment is looked for again."""
        for tries in range(5, -1, -1):
            try:
                return self.command("POST", f"/element/{find()}/{what}", body)
            except RuntimeError as e:
                if "stale element" not in str(e) or not tries:
                    raise

    def keys(self, *names):
        """Real key events for whatever has the focus."""
        actions = []
        for n in names:
            if n == "BackTab":
                actions += [{"type": "keyDown", "value": SHIFT}, *({"type": t, "value": KEYS["Tab"]} for t in ("keyDown", "keyUp")), {"type": "keyUp", "value": SHIFT}]
                continue
            for k in ([KEYS[n]] if n in KEYS else n):
                actions += [{"type": "keyDown", "value": k}, {"type": "keyUp", "value": k}]
        self.command("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def tap(self, selector):
        """A touch in the middle of it."""
        at = self.run("const n = document.querySelector(arguments[0]); n.scrollIntoView({block: 'center'}); const r = n.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]", selector)
        point = {"x": at[0], "y": at[1]}
        self.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=[point])
        self.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def shot(self, path, whole=False):
        clip = {}
        if whole:
            w, h = self.run("return [document.documentElement.clientWidth, document.documentElement.scrollHeight]")
            clip = {"clip": {"x": 0, "y": 0, "width": w, "height": h, "scale": 1}, "captureBeyondViewport": True}
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.cdp("Page.captureScreenshot", format="png", **clip)["data"]))

    def log(self):
        """What the console said since the last call."""
        return [e for e in self.command("POST", "/se/log", {"type": "browser"})]

    def requests(self):
        """The addresses asked for since the last call."""
        out = []
        for e in self.command("POST", "/se/log", {"type": "performance"}):
            m = json.loads(e["message"])["message"]
            if m["method"] == "Network.requestWillBeSent":
                out.append(m["params"]["request"]["url"])
        return out

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
