"""The page's files over HTTP: every one of web/, compressed or not, kept by browsers, with the header fields that hold it in."""
import gzip
import pathlib

from check import equal, main, test
from live import serving

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FIELDS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                               "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                               "require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
}


@test
def every_file_is_there_compressed_or_not():
    with serving() as s:
        for f in sorted(WEB.iterdir()):
            path = "/ui/" + ("" if f.name == "index.html" else f.name)
            r, text = s.ask("GET", path)
            equal((f.name, r.status, text), (f.name, 200, f.read_bytes()))
            equal(r.getheader("Content-Type").split(";")[0], TYPES[f.suffix])
            z, packed = s.ask("GET", path, headers={"Accept-Encoding": "br, gzip;q=0.5"})
            equal((z.getheader("Content-Encoding"), gzip.decompress(packed)), ("gzip", text))
            equal(s.ask("GET", path, headers={"Accept-Encoding": "gzip;q=0, br"})[1], text)
            equal(len({r.getheader("ETag"), z.getheader("ETag")}), 2)


@test
def a_browser_that_has_a_file_gets_no_second_copy():
    with serving() as s:
        tag = s.ask("GET", "/ui/")[0].getheader("ETag")
        r, text = s.ask("GET", "/ui/", headers={"If-None-Match": tag})
        equal((r.status, text, r.getheader("ETag"), r.getheader("Cache-Control")), (304, b"", tag, "no-cache"))
        equal(s.ask("GET", "/ui/", headers={"If-None-Match": '"other"'})[0].status, 200)
        equal(s.ask("GET", "/ui/", headers={"If-None-Match": tag, "Accept-Encoding": "gzip"})[0].status, 200)


@test
def a_person_is_led_to_the_page_and_a_program_is_not():
    with serving() as s:
        html = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
        equal([(r.status, r.getheader("Location")) for r, _ in (s.ask("GET", "/", headers=html), s.ask("GET", "/ui"))],
              [(302, "/ui/")] * 2)
        for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}, {"Accept": "text/html;q=0"}):
            r, text = s.ask("GET", "/", headers=accept)
            equal((r.status, text[:19]), (200, b'{"name":"logclass",'))


@test
def a_page_that_is_off_is_not_there():
    with serving("--ui", "off") as s:
        equal([s.ask("GET", path, headers={"Accept": "text/html"})[0].status for path in ("/", "/ui", "/ui/", "/ui/main.js", "/api/session")],
              [200, 404, 404, 404, 404])


@test
def every_answer_of_the_page_says_what_may_run_in_it():
    with serving() as s:
        for method, path, status in (("GET", "/ui/", 200), ("GET", "/ui/index.html", 200), ("GET", "/ui/../rules", 404),
                                     ("GET", "/ui/no", 404), ("POST", "/ui/", 415), ("GET", "/ui", 302), ("GET", "/api/no", 404)):
            r, _ = s.ask(method, path)
            equal((path, r.status, {k: r.getheader(k) for k in FIELDS}), (path, status, FIELDS))
            equal(r.getheader("Permissions-Policy").count("=()"), r.getheader("Permissions-Policy").count("=("))
        r, _ = s.ask("GET", "/health")
        equal(r.getheader("Content-Security-Policy"), None)


main()
