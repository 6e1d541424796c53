"""Pages of strangers, in a real browser on the same machine: nothing of theirs gets in, reads, frames, or takes the server for its own."""
import contextlib
import http.server
import json
import os
import tempfile
import threading

from browser import Browser
from check import equal, main, test
from live import Server, wait_until

MARK = {"X-Logclass": "1"}
NAMES = "--host-resolver-rules=MAP evil.example 127.0.0.1,MAP rebind.example 127.0.0.1,MAP localhost.evil.example 127.0.0.1"

ATTACK = """
const [at, kind, done] = arguments;
const body = JSON.stringify({request: 'x', changes: [{id: kind, rev: 1, label_id: 'BACKUP'}]}), out = {};
const tried = async (name, f) => { try { out[name] = String(await f()); } catch (e) { out[name] = 'refused'; } };
const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'];
(async () => {
  for (const t of types) await tried('no-cors ' + t, () => fetch(at + '/api/corrections', {method: 'POST', mode: 'no-cors', headers: {'Content-Type': t}, body}).then(r => r.type));
  await tried('cors', () => fetch(at + '/api/corrections', {method: 'POST', headers: {'Content-Type': 'application/json', 'X-Logclass': '1'}, body}).then(r => r.status));
  await tried('cors simple', () => fetch(at + '/api/corrections', {method: 'POST', headers: {'Content-Type': 'text/plain'}, body}).then(r => r.status));
  await tried('read', () => fetch(at + '/api/kinds').then(r => r.text()));
  await tried('read page', () => fetch(at + '/ui/main.js').then(r => r.text()));
  await tried('credentials', () => fetch(at + '/api/session', {credentials: 'include'}).then(r => r.text()));
  navigator.sendBeacon(at + '/api/corrections', new Blob([body], {type: 'text/plain'}));
  await tried('image', () => new Promise((yes, no) => { const i = new Image(); i.onload = () => yes('loaded'); i.onerror = no; i.src = at + '/ui/icon.svg'; }));
  await tried('script', () => new Promise((yes, no) => { const s = document.createElement('script'); s.onload = () => yes('loaded'); s.onerror = no; s.src = at + '/api/kinds'; document.head.append(s); }));
  for (const enc of types) {
    const f = document.createElement('form'), i = document.createElement('input'), frame = document.createElement('iframe');
    frame.name = 'f' + enc; f.target = frame.name; f.method = 'POST'; f.enctype = enc; f.action = at + '/api/corrections';
    i.name = body.slice(0, -1) + ',"x":"'; i.value = '"}';
    f.append(i); document.body.append(frame, f); f.submit();
  }
  const frame = document.createElement('iframe');
  frame.src = at + '/ui/';
  document.body.append(frame);
  await new Promise(r => setTimeout(r, 1500));
  await tried('frame', () => { frame.contentDocument.body; return frame.contentDocument ? 'readable' : Promise.reject(0); });
  done(out);
})();
"""


class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = b"<!doctype html><title>stranger</title><p>stranger</p>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def stranger():
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    yield s.server_address[1]
    s.shutdown()


@contextlib.contextmanager
def program(*options):
    state = tempfile.mkdtemp()
    s = Server(*options, env={"XDG_STATE_HOME": state, "XDG_CACHE_HOME": state})
    s.state = state
    try:
        s.lines(*[f"the grue lamp of {k} was grue lamp" for k in range(1, 20)])
        wait_until(lambda: kinds(s))
        yield s
    finally:
        equal(s.stop(), 0)


def kinds(s):
    return json.loads(s.ask("GET", "/api/kinds", headers=MARK)[1])["items"]


def words(s):
    return json.loads(s.ask("GET", "/api/corrections", headers=MARK)[1])["items"]


@test
def no_page_of_another_site_changes_or_reads_anything():
    for cors in ((), ("--cors-origin", "*"), ("--cors-origin", "http://evil.example")):
        with stranger() as port, program(*cors) as s, Browser(arguments=(NAMES,)) as b:
            b.command("POST", "/timeouts", {"script": 30000})
            for where in (f"http://127.0.0.1:{port}/", f"http://localhost:{port}/", f"http://evil.example:{port}/"):
                b.go(where)
                out = b.command("POST", "/execute/async", {"script": ATTACK, "args": [f"http://127.0.0.1:{s.port}", kinds(s)[0]["id"]]})
                got = {k: v for k, v in out.items() if v not in ("refused", "opaque")}
                equal((cors, where, got), (cors, where, {}))
            equal((cors, words(s)), (cors, []))
            equal(os.path.exists(os.path.join(s.state, "logclass", "corrections.jsonl")) and os.path.getsize(os.path.join(s.state, "logclass", "corrections.jsonl")) > 0, False)


@test
def a_name_that_was_pointed_here_is_not_this_server():
    with program() as s, Browser(arguments=(NAMES,)) as b:
        for name in ("rebind.example", "localhost.evil.example"):
            b.go(f"http://{name}:{s.port}/ui/")
            equal((name, "Kinds" in b.text(), "does not serve" in b.text() or "host" in b.text()), (name, False, True))
            equal(b.run("return fetch('/api/session', {headers: {'X-Logclass': '1'}}).then(r => r.status)"), 421)


@test
def nobody_frames_the_page():
    with stranger() as port, program() as s, Browser() as b:
        b.go(f"http://127.0.0.1:{port}/")
        b.run("const f = document.createElement('iframe'); f.src = arguments[0]; document.body.append(f)", f"http://127.0.0.1:{s.port}/ui/")
        b.wait_for(lambda: any("frame-ancestors" in e["message"] or "X-Frame-Options" in e["message"] for e in b.log()))
        b.run("window.opened = window.open(arguments[0])", f"http://127.0.0.1:{s.port}/ui/")
        b.wait("return window.opened.closed === true")  # Cross-Origin-Opener-Policy: the two do not see each other


@test
def the_page_itself_may_not_make_markup_of_text():
    with program() as s, Browser() as b:
        b.go(f"http://127.0.0.1:{s.port}/ui/")
        b.wait_text("Worth a look")
        equal(b.run("try { document.createElement('p').innerHTML = '<b>x</b>'; return 'took it' } catch (e) { return e.name }"), "TypeError")
        equal(b.run("try { trustedTypes.createPolicy('x', {createHTML: x => x}); return 'made' } catch (e) { return e.name }"), "TypeError")
        equal(b.run("return fetch('http://evil.example/').then(() => 'sent', () => 'refused')"), "refused")


main()
