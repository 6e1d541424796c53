"""The page's requests against the real binary: who may, and what web sites of others try."""
import http.client
import json
import os
import tempfile

from check import equal, main, test
from live import serving

HERE = {"Host": "localhost"}
ASK = {**HERE, "Content-Type": "application/json", "X-Logclass": "1"}
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
       "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")


def tokens(*lines):
    fd, path = tempfile.mkstemp()
    with os.fdopen(fd, "w") as f:
        f.write("\n".join(lines) + "\n")
    return path


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def ask(server, method, path, headers, body=None):
    """Headers as given and no others: http.client would set Host."""
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        c.putheader(name, value)
    if body is not None:
        c.putheader("Content-Length", str(len(body)))
    c.endheaders(body)
    r = c.getresponse()
    text = r.read()
    c.close()
    return r, text


@test
def a_session_says_who_asks():
    path = tokens("label:lena:labellabellabellabel", "oldtokenoldtoken")
    with serving("--token-file", path) as s:
        for headers, name, role, needs in (({}, None, None, True), (bearer("wrongwrongwrongwrong"), None, None, True),
                                           (bearer("labellabellabellabel"), "lena", "label", False),
                                           (bearer("oldtokenoldtoken"), "", "ingest", False)):
            r, text = ask(s, "GET", "/api/session", {**HERE, **headers})
            equal(r.status, 200)
            session = json.loads(text)
            equal((session["name"], session["role"], session["needs_token"]), (name, role, needs))
            equal(r.headers["Content-Security-Policy"], CSP)
        equal(set(session["features"]), {"llm", "learn", "rules", "share"})
        equal(session["labels"][0]["label_id"], "USER_ACTION")
        r, text = ask(s, "GET", "/health", HERE)
        equal((r.status, r.headers["Content-Security-Policy"]), (200, None))
    os.unlink(path)


@test
def the_docker_default_is_for_looking():
    with serving("--host", "0.0.0.0", "--allow-open") as s:
        equal(json.loads(ask(s, "GET", "/api/session", HERE)[1])["role"], "view")
    with serving("--host", "0.0.0.0", "--allow-open", "--ui-open-write") as s:
        equal(json.loads(ask(s, "GET", "/api/session", HERE)[1])["role"], "admin")
    with serving("--ui", "off") as s:
        equal(ask(s, "GET", "/api/session", HERE)[0].status, 404)


@test
def names_that_point_here_are_not_served():
    with serving() as s:
        for host in ("rebind.example", "127.evil.example", "localhost.evil.example", "[::1].evil.example", "10.0.0.1"):
            equal(ask(s, "GET", "/api/session", {"Host": host})[0].status, 421)
        for host in ("localhost", f"127.0.0.1:{s.port}", "[::1]:80"):
            equal(ask(s, "GET", "/api/session", {"Host": host})[0].status, 200)
        equal(ask(s, "GET", "/api/session", {})[0].status, 400)
        assert s.raw(b"GET /api/session HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    with serving("--ui-hosts", "logs.example") as s:
        equal(ask(s, "GET", "/api/session", {"Host": "logs.example"})[0].status, 200)


@test
def other_sites_are_refused():
    """What a browser sends for a form, an image, a script, fetch and sendBeacon of a page from elsewhere."""
    elsewhere = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    port = {"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-site"}
    for cors in ((), ("--cors-origin", "*"), ("--cors-origin", "http://evil.example")):
        with serving(*cors) as s:
            for site in (elsewhere, port):
                for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "application/json"):
                    r, _ = ask(s, "POST", "/api/session", {**HERE, **site, "Content-Type": kind}, b"[]")
                    equal(r.status, 403)
                r, _ = ask(s, "GET", "/api/session", {**HERE, **site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"})
                equal(r.status, 403)
                r, _ = ask(s, "OPTIONS", "/api/session", {**HERE, **site, "Access-Control-Request-Method": "POST",
                                                          "Access-Control-Request-Headers": "x-logclass, content-type"})
                equal((r.status, r.headers["Access-Control-Allow-Origin"]), (403, None))
            if not cors:
                r, _ = ask(s, "POST", "/classify", {**HERE, **elsewhere, "Content-Type": "application/json"}, b'[{"log_message":"a"}]')
                equal(r.status, 403)


main()
