"""What people do with the page, in a real browser against the real program."""
import json
import os
import random
import tempfile

from check import equal, main, test
from live import wait_until
from page_checks import HOSTILE, unharmed
from page_live import MARK, Page, a_line, choose_three_refusals, open_view, template, words_of

@test
def a_fresh_server_says_what_to_do_and_shows_the_first_line():
    page = Page()
    with page as (p, b):
        b.go(f"http://localhost:{p.server.port}/")
        b.wait_text("Waiting for the first line.")
        equal(b.run("return location.pathname"), "/ui/")
        p.send("User bob logged in")
        b.wait_text("Worth a look", seconds=10)
        b.wait("return document.querySelectorAll('.row a').length === 1")


@test
def what_is_new_is_on_the_first_view():
    with Page() as (p, b):
        p.send(*[f"User bob{i} logged in" for i in range(50)])
        open_view(b, p, "now")
        p.send(*[f"grue-{i} ate the lamp of the player" for i in range(50)], source="cave")
        b.wait("return [...document.querySelectorAll('.row a')].some(n => n.innerText.includes('ate the lamp'))", seconds=10)
        b.run("[...document.querySelectorAll('.row a')].find(n => n.innerText.includes('ate the lamp')).focus()")
        b.keys("Enter")
        b.wait("return location.hash.startsWith('#kind?id=')")
        b.wait_text("cave")


@test
def ten_kinds_in_ten_strokes_and_back():
    with Page() as (p, b):
        waiting = p.nonsense()
        open_view(b, p, "review")
        seen, n = [], min(10, len(waiting))
        for _ in range(n):
            seen.append(template(b))
            b.keys("7")
            b.wait("return document.querySelector('.card .template')?.innerText !== arguments[0]", seen[-1])
        equal(len(set(seen)), n)
        wait_until(lambda: p.api("corrections")["in_force"] == n)
        for text in seen:
            equal(p.label(a_line(words_of(text))), "WORKFLOW_ERROR")
        wait_until(lambda: p.api("pulse")["waiting"] == len(waiting) - n)
        b.keys("u")
        wait_until(lambda: p.api("corrections")["in_force"] == n - 1)
        equal(p.label(a_line(words_of(seen[-1]))), "UNCLASSIFIED")
        open_view(b, p, "learn")
        b.wait("return document.querySelectorAll('.rows li').length >= arguments[0]", n)
        fifth = words_of(seen[4])
        b.run("[...document.querySelectorAll('.rows li')].find(n => n.innerText.includes(arguments[0])).querySelector('button').click()", fifth)
        wait_until(lambda: p.api("corrections")["in_force"] == n - 2)
        equal(p.label(a_line(fifth)), "UNCLASSIFIED")


@test
def a_word_survives_the_end_of_the_process():
    with Page() as (p, b):
        p.nonsense(8)
        open_view(b, p, "review")
        first = words_of(template(b))
        b.keys("5")
        wait_until(lambda: p.api("corrections")["in_force"] == 1)
        p.restart()
        equal(p.label(a_line(first)), "BACKUP")
        b.go("about:blank")
        open_view(b, p, "learn")
        b.wait_text("BACKUP")


@test
def why_this_line():
    with Page() as (p, b):
        open_view(b, p, "now")
        b.keys("t")
        b.keys(*"pam: User bob logged in from 10.0.0.7", "Enter")
        b.wait_text("decided by rule")
        equal((b.text("mark"), b.text("article strong")), ("User bob logged in", "user logged in or out"))
        b.keys("t")
        line = "could not connect to database: timeout"
        b.keys(*line, "Enter")
        b.wait_text("decided by the encoder")
        told = p.server.ask("POST", "/api/explain", json.dumps({"entries": [{"source": "", "log_message": line}]}), {**MARK, "Content-Type": "application/json"})[1]
        top = json.loads(told)["items"][0]["top"]
        equal(b.texts("article .amounts .chip"), [t["label_id"] for t in top])
        equal(b.run("return [...document.querySelectorAll('article .amounts .number')].map(n => n.title)"), [f"{t['p']:.4f}" for t in top])
        equal(p.api("pulse")["kinds"], 0)


@test
def all_that_match_are_labelled_by_the_number_that_was_seen():
    with Page() as (p, b):
        p.nonsense()
        open_view(b, p, "kinds")
        b.keys("/")
        b.keys(*" was ")
        b.wait("return / match/.test(document.querySelector('.title').innerText)")
        n = p.api("kinds?q=+was+")["total"]
        b.wait_text(f"{n} match")
        b.press("Select all shown")
        b.wait_text(f"{n} selected")
        b.run("document.activeElement.blur()")
        b.keys("7")
        b.wait("return document.querySelector('dialog[open]')")
        equal(f"{n} kinds" in b.text("dialog"), True)
        b.keys("Enter")
        wait_until(lambda: p.api("corrections")["in_force"] == n)
        b.keys("u")
        wait_until(lambda: p.api("corrections")["in_force"] == 0)


@test
def a_rule_from_three_examples():
    with Page() as (p, b):
        choose_three_refusals(b, p)
        b.keys("r")
        b.wait("return document.querySelector('#r-pattern')?.value.includes('refused')")
        b.run("const s = document.querySelector('#r-label'); s.value = 'WORKFLOW_ERROR'; s.dispatchEvent(new Event('change'))")
        b.wait("return ![...document.querySelectorAll('button')].find(n => n.innerText === 'Save').disabled")
        b.press("Save")
        b.wait_text("It is in force")
        equal(p.send("payment 77 refused by gateway for x@example.com")[0], {"label_id": "WORKFLOW_ERROR", "label": "Workflow Error", "source": "regex", "confidence": 0.95})
        b.press("undo", "#toast")
        wait_until(lambda: p.send("payment 78 refused by gateway for x@example.com")[0]["source"] != "regex")
        b.press("New rule")
        b.write("#r-name", "empty")
        b.write("#r-pattern", "x*")
        b.wait_text("empty")
        b.wait("return document.querySelector('#r-said .notice.bad')")
        equal(b.run("return [...document.querySelectorAll('button')].find(n => n.innerText === 'Save').disabled"), True)


@test
def what_is_muted_does_not_wait():
    with Page() as (p, b):
        before = len(p.nonsense(8))
        open_view(b, p, "review")
        first = template(b)
        b.keys("m")
        wait_until(lambda: p.api("pulse")["waiting"] == before - 1)
        open_view(b, p, "kinds?state=muted")
        b.wait_text(first.split(": ", 1)[1][:20])


@test
def on_a_phone_by_touch():
    with Page(wide=360, high=640, touch=True) as (p, b):
        p.nonsense(8)
        for view in ("now", "review", "kinds", "rules", "learn", "health", "try"):
            open_view(b, p, view)
            equal((view, b.run("return document.documentElement.scrollWidth")), (view, 360))
        open_view(b, p, "review")
        for i in range(1, 4):
            before = template(b)
            b.tap(".keys button")
            b.wait("return document.querySelector('.card .template').innerText !== arguments[0]", before)
        wait_until(lambda: p.api("corrections")["in_force"] == 3)
        b.tap(".after button")
        wait_until(lambda: p.api("corrections")["in_force"] == 2)


@test
def hostile_lines_are_text_from_the_real_program():
    with Page() as (p, b):
        for h in HOSTILE:
            p.send(*[f"{h} {i}" for i in range(3)], source=h[:200])
        wait_until(lambda: p.api("pulse")["kinds"] >= 20)
        ids = [k["id"] for k in p.api("kinds?limit=100")["items"]]
        origin = f"http://localhost:{p.server.port}/"
        b.requests()
        for view in ("now", "review", "kinds", "rules", "learn", "try", *(f"kind?id={i}" for i in ids[:12])):
            open_view(b, p, view)
        open_view(b, p, "review")
        for _ in range(5):
            b.keys("1")
        open_view(b, p, "learn")
        unharmed(b, origin)


@test
def a_token_opens_the_page_and_stays_in_its_tab():
    token = "label:alice:" + "".join(random.Random(3).choice("abcdefgh") for _ in range(24))
    with tempfile.NamedTemporaryFile("w", suffix=".tokens") as f:
        f.write(token + "\nshipper-token-0000000001\n")
        f.flush()
        os.chmod(f.name, 0o600)
        with Page("--token-file", f.name) as (p, b):
            b.go(p.url("review"))
            b.wait_text("Sign in")
            b.write("#token", "shipper-token-0000000001")
            b.keys("Enter")
            b.wait("return document.querySelector('.bad').innerText.length > 0")
            b.run("document.querySelector('#token').value = ''")
            b.write("#token", token.split(":")[2])
            b.keys("Enter")
            b.wait_text("Nothing waits")
            equal(b.run("return [document.cookie, localStorage.length]"), ["", 0])
            equal([u for u in b.requests() if token.split(":")[2] in u], [])
            equal(any(token.split(":")[2] in line for line in p.server.log), False)


main()
