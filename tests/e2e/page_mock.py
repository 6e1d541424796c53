"""A stand-in for the server side of the page: the same paths and shapes with made-up kinds, and every failure on demand.
python3 tests/e2e/page_mock.py [PORT] serves web/ with it, for work on the page."""
import http.server
import json
import pathlib
import random
import sys
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
LABELS = [("USER_ACTION", "User Action"), ("SYSTEM_NOTIFICATION", "System Notification"), ("AUTH_ERROR", "Authentication Error"), ("DB_ERROR", "Database Error"), ("BACKUP", "Backup Event"),
          ("INFO", "Informational Log"), ("WORKFLOW_ERROR", "Workflow Error"), ("DEPRECATION_WARNING", "Deprecation Warning"), ("UNCLASSIFIED", "Unclassified")]
TEMPLATES = ["app: payment # refused by bank for <email>", "sshd: Connection closed by <ip> port # [preauth]", "rsnapshot: snapshot <id> saved", "hadoop: Slow ReadProcessor read fields took #ms (threshold=#ms)",
             "spark: Task # in stage # failed # times; aborting job", "kernel: usb #-#: new high-speed USB device number # using xhci_hcd", "nginx: <ip> - - GET <path> HTTP/1.1 200 #",
             "postgres: could not connect to the primary server: timeout expired", "cron: (root) CMD (<path> --quick)", "app: order # refused by gateway", "auth: password check failed for user (<user>)",
             "etcd: rejected connection from <ip> (error EOF, ServerName)", "billing: invoice <id> sent to <email>", "api: DeprecationWarning: use of <path> is deprecated, see <link>"]
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
       "require-trusted-types-for 'script'; trusted-types 'none'")


class State:
    """What the stand-in knows. fail: path → (status, body) instead of an answer; dead: no answer at all."""

    def __init__(self, kinds=300, templates=None, seed=1):
        r = random.Random(seed)
        self.lock = threading.Lock()
        self.fail, self.dead, self.role, self.tokens = {}, False, "admin", None
        self.batches, self.history, self.rules, self.learn = {}, [], [], {"state": "idle"}
        self.now, self.kinds, self.requests = int(time.time()), [], []
        for i in range(kinds):
            t = templates[i] if templates and i < len(templates) else TEMPLATES[i % len(TEMPLATES)] + (f" v{'abcdefghij'[i // 14 % 10]}" if i >= 14 else "")
            self.kinds.append(self.kind(i, t, r))

    def kind(self, i, template, r):
        p = sorted((r.random() for _ in range(3)), reverse=True)
        s = sum(p) + r.random()
        ids = r.sample([x for x, _ in LABELS[:8]], 3)
        lines = int(20000 / (i + 1)) + r.randrange(30)
        undecided = i % 4 == 0
        hours = [int(lines / 24 * r.random() * 2) if r.random() < .8 else 0 for _ in range(24)]
        return {"id": f"{i + 0x3f2a91c0:016x}", "family": f"{i:016x}", "template": template, "cut": len(template) > 512, "label_id": "UNCLASSIFIED" if undecided else ids[0],
                "stage": "fallback" if undecided else ["bert", "regex", "llm"][i % 3], "confidence": 0 if undecided else round(p[0] / s + .3, 4) if i % 3 == 0 else .95,
                "best": {"label_id": ids[0], "p": round(p[0] / s, 4)}, "second": {"label_id": ids[1], "p": round(p[1] / s, 4)}, "top": [{"label_id": a, "p": round(b / s, 4)} for a, b in zip(ids, p)],
                "state": ["new", "known", "rising", "known", "returned"][i % 5] if i < 20 else "known", "rise": 14, "rise_lines": 1372, "busiest": 98,
                "in_family": 3 if i == 1 else 1, "silent": i == 23, "corrected_by": None, "rev": 1, "lines_24h": lines, "lines": lines * 3,
                "first": self.now - r.randrange(60, 500000), "last": self.now - r.randrange(3, 9000), "hours": hours, "days": [sum(hours)] * 8, "sources": [["app", lines // 2], ["app-worker", lines // 4], ["x", 3]],
                "by_rule": None, "examples": [template.replace("#", "5512").replace("<ip>", "203.0.113.7")]}

    def waiting(self):
        return [k for k in self.kinds if k["stage"] == "fallback" and not k["corrected_by"] and k["state"] != "muted"]

    def find(self, q):
        word, out = q.get("q", "").lower(), []
        for k in self.kinds:
            s = q.get("state", "")
            if word not in k["template"].lower() or q.get("label", k["label_id"]) != k["label_id"] or q.get("stage", k["stage"]) != k["stage"]:
                continue
            if s == "undecided" and k not in self.waiting() or s == "corrected" and not k["corrected_by"] or s in ("new", "known", "rising", "returned", "muted") and k["state"] != s:
                continue
            out.append(k)
        return out


STATE = State()


def session(s, q, body):
    return {"name": "local", "role": s.role, "needs_token": bool(s.tokens), "labels": [{"label_id": a, "label": b, "description": b} for a, b in LABELS], "features": {"llm": True, "learn": True, "rules": True, "share": False},
            "build": "e7872be2633e", "instance": "demo", "examples": "redacted"}


def pulse(s, q, body):
    return {"seq": len(s.history), "at": int(time.time()), "build": "e7872be2633e", "rate": 10234 if s.kinds else 0, "undecided": .117, "waiting": len(s.waiting()), "new_24h": 23, "alerts": [], "learn": s.learn if s.learn["state"] == "running" else None,
            "llm": {"cost": .42}, "changed": ["kinds"]}


def overview(s, q, body):
    r, n, step = random.Random(5), {"1h": 60, "24h": 24, "7d": 168}[q.get("span", "24h")], {"1h": 60, "24h": 3600, "7d": 3600}[q.get("span", "24h")]
    w = [60, 90, 250, 30, 20, 900, 40, 12, 130]
    look = [k for k in s.kinds if k["state"] in ("new", "rising", "returned") or k in s.waiting()][:12]
    return {"at": s.now, "kinds": len(s.kinds), "tiles": {"rate": {"now": 10234.0, "usual": 9870.0, "ever": bool(s.kinds)}, "lines": {"now": 744053 if s.kinds else 0, "before": 700000}, "undecided": {"share": .117, "before": .12, "waiting": len(s.waiting()), "lines": 10120},
            "new_kinds": {"n": 23, "last_hour": 4}, "rising": 2, "drift": {"alarm": False, "unseen_share": 1 / 2300}, "llm": {"cost": .42}},
            "series": {"from": s.now - n * step, "step": step, "labels": [{"label_id": a, "n": [int(x * 20 * (.7 + .6 * r.random())) for _ in range(n)]} for (a, _), x in zip(LABELS, w)]},
            "marks": [{"at": s.now - n * step // 3, "what": "head 20260102 installed"}], "look": look, "warmup": None}


def kinds(s, q, body):
    if "alike" in q:
        items = [dict(k, similarity=.93) for k in s.kinds[5:11]]
        return {"items": items, "total": len(items), "lines": 1, "share": .1, "next": None, "kept": len(s.kinds), "estimate": len(s.kinds), "at": s.now}
    if "family" in q:
        items = [dict(k, template=k["template"], sources=[[name, 7]]) for k, name in zip(s.kinds[1:4], ("app", "web", "db"))]
        return {"items": items, "total": 3, "lines": 21, "share": .1, "next": None, "kept": len(s.kinds), "estimate": len(s.kinds), "at": s.now}
    found, at, n = s.find(q), int(q.get("after") or 0), int(q.get("limit", 100))
    return {"items": found[at:at + n], "total": len(found), "lines": sum(k["lines_24h"] for k in found), "share": .117, "next": str(at + n) if at + n < len(found) else None, "kept": len(s.kinds), "estimate": len(s.kinds), "at": s.now}


def kind(s, q, body):
    k = next((k for k in s.kinds if k["id"] == q.get("id")), None)
    if not k:
        return 404, {"error": "no kind has this id"}
    near = [{"id": x["id"], "template": x["template"], "label_id": "WORKFLOW_ERROR", "similarity": .93 - i / 20, "corrected_by": "alice"} for i, x in enumerate(s.kinds[9:12])]
    return {**k, "why": {"correction": None, "now": {"memo": False, "threshold": .5}, "threshold": .5, "reason": "below_threshold"}, "nearest": near, "history": [h for h in s.history if h["kind"] == k["id"]]}


def review(s, q, body):
    w = s.waiting()
    return {"items": [dict(k, nearest1={"id": s.kinds[9]["id"], "template": s.kinds[9]["template"], "label_id": "WORKFLOW_ERROR", "corrected_by": "alice"}) for k in w[:int(q.get("limit", 50))]] if s.kinds else [], "waiting": len(w), "lines": sum(k["lines_24h"] for k in w), "share": .117 * len(w) / max(1, len(s.kinds) / 4)}


def explain(s, q, body):
    out = []
    for e in body["entries"]:
        m = e["log_message"]
        i = m.find("User bob logged in")
        out.append({"label_id": "USER_ACTION" if i >= 0 else "INFO", "confidence": .95 if i >= 0 else .6123, "stage": "regex" if i >= 0 else "bert", "rule": "user logged in or out" if i >= 0 else None,
                    "span": [len(m[:i].encode()), len(m[:i].encode()) + 18] if i >= 0 else None, "template": m, "memo": False, "reason": None, "correction": None, "top": [{"label_id": "INFO", "p": .6123}, {"label_id": "USER_ACTION", "p": .3}, {"label_id": "BACKUP", "p": .02}],
                    "thresholds": {"classifier": .5, "pipeline": .2}, "nearest": [{"id": k["id"], "template": k["template"], "label_id": k["label_id"], "similarity": .9} for k in s.kinds[:5]], "id": s.kinds[0]["id"] if s.kinds else None, "rev": 1})
    return {"items": out}


def corrections(s, q, body):
    if body is None:
        return {"items": list(reversed(s.history)), "next": None}
    if "filter" in body:
        found = s.find({k: str(v) for k, v in body["filter"].items()})
        if len(found) != body["expect"]:
            return 409, {"error": f"{len(found)} kinds match now, not {body['expect']}: nothing was changed", "conflicts": []}
        changes = [{"id": k["id"], "rev": k["rev"], "label_id": body["label_id"]} for k in found]
    else:
        changes = body["changes"]
    by_id = {k["id"]: k for k in s.kinds}
    late = [c for c in changes if c.get("rev") not in (None, by_id[c["id"]]["rev"])]
    if late:
        return 409, {"error": "1 kind was changed by somebody else", "conflicts": [{"id": late[0]["id"], "rev": 2, "label_id": "BACKUP", "by": "alice", "at": s.now}]}
    batch = f"20260102T140211-{len(s.batches)}"
    s.batches[batch] = [dict(by_id[c["id"]]) for c in changes]
    for c in changes:
        k = by_id[c["id"]]
        s.history.append({"id": f"{batch}.0", "batch": batch, "at": int(time.time()), "by": "local", "kind": k["id"], "template": k["template"], "was": k["label_id"], "label_id": c["label_id"], "note": c.get("note", ""), "state": None, "undone": False})
        k.update(label_id=c["label_id"], corrected_by="local", rev=k["rev"] + 1, stage="regex", confidence=1)
    return 201, {"batch": batch, "applied": len(changes), "lines_24h": sum(by_id[c["id"]]["lines_24h"] for c in changes), "alike": 6}


def undo(s, q, body):
    old, out = s.batches.pop(body["batch"]), []
    for h in s.history:
        if h["batch"] == body["batch"]:
            h.update(undone=True, undone_by="local")
    for o in old:
        k = next(k for k in s.kinds if k["id"] == o["id"])
        k.update(o, rev=k["rev"] + 1)
        out.append(k)
    return {"items": out}


def set_state(s, q, body):
    batch = f"s{len(s.batches)}"
    s.batches[batch] = [dict(k) for k in s.kinds if k["id"] in body["ids"]]
    for k in s.kinds:
        if k["id"] in body["ids"]:
            k["state"] = body["state"]
    return {"batch": batch}


def rules(s, q, body):
    file = [{"name": "user logged in or out", "label_id": "USER_ACTION", "pattern": r"User \w+ logged (in|out)", "source": "", "from": "file", "path": "data/rules.conf", "lines": 90210, "lines_24h": 1204, "last": s.now - 60, "hours": [50] * 23 + [54]},
            {"name": "reboot", "label_id": "SYSTEM_NOTIFICATION", "pattern": r"System reboot initiated by user .+", "source": "", "from": "file", "path": "data/rules.conf", "lines": 0, "lines_24h": 0, "last": None, "hours": [0] * 24}]
    return {"items": s.rules + file, "path": "data/rules.conf", "undo": bool(s.rules)}


def suggest(s, q, body):
    return {"name": "payment refused", "label_id": "WORKFLOW_ERROR", "pattern": r"payment \d+ refused by bank", "source": ""}


def preview(s, q, body):
    if "(" in body["pattern"] and ")" not in body["pattern"]:
        return 422, {"error": f"rule '{body['name']}': missing close parenthesis", "at": body["pattern"].index("(")}
    return {"hash": "9d1e", "compiled_bytes": 3072, "ms": 40, "tested": {"kinds": 1204, "lines": 20000}, "changes": [{"from": "UNCLASSIFIED", "to": body["label_id"], "kinds": 2, "lines_24h": 503}, {"from": "INFO", "to": body["label_id"], "kinds": 1, "lines_24h": 12}],
            "items": [{"id": k["id"], "example": k["examples"][0], "span": [5, 17], "from": k["label_id"]} for k in s.kinds[:3]], "against": [{"id": s.kinds[9]["id"], "label_id": "INFO", "by": "bob", "template": s.kinds[9]["template"]}] if "order" in body["pattern"] else [], "shadowed_by": [["ssh login", 12]], "missed": []}


def save(s, q, body):
    if "remove" in body:
        s.rules = [r for r in s.rules if r["name"] != body["remove"]]
    else:
        s.rules.insert(0, {**body, "from": "page", "lines": 0, "lines_24h": 0, "last": None, "hours": [0] * 24})
    return {}


def learn(s, q, body):
    if s.learn["state"] == "running":
        s.learn["done"] = min(54000, s.learn["done"] + 9000)
        if s.learn["done"] >= 54000:
            s.learn = {"state": "done", "result": {"rows": [{"name": "41 fresh answers", "was": .61, "is": .78}, {"name": "corpus", "was": .991, "is": .99}]}, "differs": [
                {"id": k["id"], "rev": k["rev"], "template": k["template"], "lines_24h": k["lines_24h"], "was": k["label_id"], "is": "INFO", "was_p": .41, "is_p": .77} for k in s.kinds[:8]]}
    return {"head": "20260102-030405", "made_of": "55,042 corpus rows, 310 answers, 41 corrections", "answers": 17, "corrections": 12, "needed": 20, "fresh": 29, "blind": {"checks": 20, "agree": 19}, **s.learn}


def learn_start(s, q, body):
    s.learn = {"state": "running", "doing": "embedding", "done": 0, "total": 54000, "started": s.now, "eta_s": 30, "by": "alice"}
    return s.learn


def learn_stop(s, q, body):
    s.learn = {"state": "idle" if body.get("discard") else "stopped"}
    return s.learn


def heads(s, q, body):
    return {"in_use": "20260102-030405", "items": [{"name": "20260102-030405", "at": s.now - 90000}, {"name": "20251219-101500", "at": s.now - 900000}, {"name": "shipped"}]}


def compare(s, q, body):
    return {"differs": [{"id": k["id"], "rev": 1, "template": k["template"], "lines_24h": k["lines_24h"], "was": k["label_id"], "is": "INFO"} for k in s.kinds[:4]]}


def health(s, q, body):
    return {"serving": {"ready": True, "workers": 2, "queue": 0, "queue_max": 4096, "wait_p95_ms": .1, "refused_1h": 0}, "build": "e7872be2633e", "kernel": "avx2-int8", "head": "20260102-030405", "alerts": [],
            "decided": [{"by": "memory", "n": 90800}, {"by": "regex", "n": 3000}, {"by": "bert", "n": 4000}, {"by": "llm", "n": 200}, {"by": "fallback", "n": 2000}], "confidence": [12, 18, 25, 33, 60, 80, 130, 280, 600, 2100],
            "llm": {"model": "llama", "breaker": "closed", "calls_24h": 118, "tokens_24h": 61000, "cost_24h": .42, "budget": 2.0, "recalled": 41000, "failures": {"timeout": 3}}, "kinds": {"n": len(s.kinds), "max": 100000, "file_bytes": 300000, "written": s.now - 4}, "corrections": len(s.history), "instances": []}


def cost(s, q, body):
    days = [{"at": s.now - 86400 * (39 - i), "calls": 100, "tokens": 61000, "cost": random.Random(i).random()} for i in range(40)]
    return {"configured": True, "limits": {"tokens_day": 0, "calls_day": 0}, "today": days[-1], "days": days, "recalled": 41000, "saved": 146.2, "refused": 3, "breaker_open": False}


def drift(s, q, body):
    return {"alarm": False, "new_kinds": {"n": 23, "limit": 31}, "labels": {"jsd": .004, "limit": .021, "psi": .01}, "undecided": {"share": .117, "median": .112}, "unseen_share": 1 / 2300, "sources": [["app", 14]], "hours": [{"at": s.now - 3600 * (23 - i), "n": random.Random(i).randrange(9)} for i in range(24)]}


GET = {"session": session, "pulse": pulse, "overview": overview, "kinds": kinds, "kind": kind, "review": review, "corrections": corrections, "rules": rules, "learn": learn, "heads": heads, "heads/compare": compare, "health": health, "cost": cost, "drift": drift}
POST = {"explain": explain, "corrections": corrections, "corrections/undo": undo, "kinds/state": set_state, "rules/suggest": suggest, "rules/preview": preview, "rules/save": save, "learn/start": learn_start, "learn/stop": learn_stop, "rules/undo": save, "heads/use": lambda s, q, b: {"head": "x"}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, data, kind="application/json"):
        self.send_response(status)
        for k, v in (("Content-Type", kind), ("Content-Length", len(data)), ("Content-Security-Policy", CSP), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")):
            self.send_header(k, str(v))
        self.end_headers()
        self.wfile.write(data)

    def answer(self, table):
        s, url = self.server.state, urllib.parse.urlsplit(self.path)
        if s.dead:
            self.close_connection = True
            return
        if url.path.startswith("/ui/"):
            f = ROOT / "web" / (url.path[4:] or "index.html")
            return self.send(200, f.read_bytes(), TYPES[f.suffix]) if f.is_file() else self.send(404, b"{}")
        path, q = url.path.removeprefix("/api/"), dict(urllib.parse.parse_qsl(url.query))
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0))) if self.command == "POST" else None
        s.lock.acquire()
        s.requests.append((self.command, path, q, body))
        if s.tokens and self.headers.get("Authorization", "").removeprefix("Bearer ") not in s.tokens and path != "session":
            out = 401, {"error": "a valid bearer token is required"}
        elif path in s.fail:
            out = s.fail[path]
        elif path not in table:
            out = 404, {"error": "there is nothing at this path"}
        else:
            if path == "session" and s.tokens:
                s.role = s.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "), "none")
            out = table[path](s, q, body)
        status, data = out if isinstance(out, tuple) else (200, out)
        text = json.dumps(data).encode()
        s.lock.release()
        self.send(status, text)

    def do_GET(self):
        self.answer(GET)

    def do_POST(self):
        self.answer(POST)


class Mock(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, state=None, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.state = state or State()
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, hash_=""):
        return f"http://127.0.0.1:{self.port}/ui/{hash_}"


if __name__ == "__main__":
    m = Mock(port=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(m.url())
    threading.Event().wait()
