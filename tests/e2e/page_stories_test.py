"""More journeys in a real browser: what is new, what it costs, what rises, several instances, a phone. Those that wait for the clock run with LONG set."""
import contextlib
import os
import re
import socket
import sqlite3
import tempfile
import time

from check import equal, main, test
from endpoint import Endpoint, chat
from live import wait_until
from page_checks import small_targets
from page_live import Page, a_line, open_view, template, words_of

LONG = bool(os.environ.get("LONG"))
QUICK = ("--bert", "off", "--workers", "1")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def names(n):
    """Different words that masking leaves alone."""
    return [f"{a}{b}{a}oo" for a in LETTERS for b in LETTERS][:n]


@test
def new_kinds_are_announced_with_their_source_when_the_rest_is_known():
    with Page("--workers", "1") as (p, b):  # without an encoder kinds have no source
        open_view(b, p, "now")
        for _ in range(11):
            p.send(*[f"User bob{i} logged in" for i in range(500)], *[f"flange {i} is loose" for i in range(500)])
        wait_until(lambda: p.api("overview")["warmup"] is None, 60)
        equal(p.api("pulse")["alerts"], [])
        p.send(*[f"the {x} gave up" for x in names(30)], source="newapp")
        wait_until(lambda: p.api("pulse")["alerts"], 60)
        b.wait_text("new kinds of line in an hour, where up to 20 are usual; most from newapp", seconds=60)
        b.wait("return [...document.querySelectorAll('.row a')].some(n => n.innerText.includes('newapp: the'))", seconds=30)
        b.run("[...document.querySelectorAll('.row a')].find(n => n.innerText.includes('newapp: the')).click()")  # one act
        b.wait("return location.hash.startsWith('#kind?id=')")
        open_view(b, p, "health")
        b.wait_text("newapp +30")


@test
def marks_and_lines_by_rule_are_shown():
    with Page(*QUICK) as (p, b):
        p.send(*["User bob logged in"] * 40)
        wait_until(lambda: any(r["lines"] == 40 for r in p.api("rules")["items"]))
        open_view(b, p, "rules")
        b.wait("return [...document.querySelectorAll('tbody tr')].some(n => n.cells[1].innerText === 'user logged in or out' && n.cells[3].innerText === '40')")
        b.press("New rule")
        b.write("#r-name", "teapot")
        b.write("#r-pattern", "teapot")
        b.wait("return ![...document.querySelectorAll('button')].find(n => n.innerText === 'Save').disabled")
        b.press("Save")
        b.wait_text("It is in force")
        p.send(*["I am a teapot"] * 3)
        wait_until(lambda: p.api("rules")["items"][0].get("lines") == 3)
        open_view(b, p, "rules")
        equal(b.run("return [...document.querySelector('tbody tr').cells].slice(0, 4).map(c => c.innerText.trim())")[3], "3")
        open_view(b, p, "now?span=1h")
        b.wait_text("rule added: teapot")
        b.wait_text("started")


@test
def all_that_match_are_left_alone_when_another_comes_in_between():
    with Page(*QUICK) as (p, b):
        p.send(*[f"the {x} gave up" for x in names(110)])
        wait_until(lambda: p.api("kinds?q=gave")["total"] == 110)
        open_view(b, p, "kinds?q=gave")
        b.wait_text("110 match")
        b.press("Select all shown")
        b.press("or choose a label for all 110 that match")
        b.wait("return document.querySelector('dialog[open]')")
        b.keys(*"WORKFLOW", "Enter")
        b.wait_text("110 kinds")
        p.send("the 111th zebra gave up")
        wait_until(lambda: p.api("kinds?q=gave")["total"] == 111)
        b.keys("Enter")
        b.wait_text("111")
        time.sleep(1)
        equal(p.api("corrections")["in_force"], 0)


@test
def what_speaks_against_a_rule_is_shown_before_it_can_be_saved():
    with Page(*QUICK) as (p, b):
        p.send(*[f"order {i} refused by gateway" for i in range(10, 19)])
        wait_until(lambda: p.api("kinds?q=refused")["total"] == 1)
        k = p.api("kinds?q=refused")["items"][0]
        p.post("corrections", {"changes": [{"id": k["id"], "rev": k["rev"], "label_id": "INFO"}]}, 201)
        open_view(b, p, "rules")
        b.press("New rule")
        b.write("#r-name", "refused")
        b.write("#r-pattern", "a{0,32767}")
        b.wait("return document.querySelector('#r-said .notice.bad')?.innerText.includes('1000')")
        equal(saves(b), True)
        b.run("document.querySelector('#r-pattern').value = ''")
        b.write("#r-pattern", "refused by gateway")
        b.wait_text("Contradicts 1 correction")
        equal(saves(b), True)
        b.click("#r-wins")
        wait_until(lambda: not saves(b))
        b.press("Save")
        b.wait_text("It is in force")
        equal(p.label("order 1 refused by gateway"), "INFO")  # a person's word is last


def saves(b):
    """Whether Save is disabled."""
    return b.run("return [...document.querySelectorAll('button')].find(n => n.innerText === 'Save').disabled")


@test
def what_the_llm_costs_is_the_same_everywhere():
    llm = Endpoint(chat("BACKUP"))
    with Page("--bert", "off", "--llm-url", llm.url("/v1"), "--llm-model", "m", "--llm-price-in", "500", "--llm-price-out", "2000", "--llm-calls-day", "3") as (p, b):
        for x in names(6):
            p.send(f"quux: {x} corrupt unreadable")
        wait_until(lambda: p.api("cost")["today"]["calls"] == 3 and p.api("cost")["refused"] >= 1)
        spent = p.server.value("logclass_llm_cost_total")
        equal((p.api("cost")["today"]["cost"], p.api("overview")["tiles"]["llm"]["cost"]), (spent, spent))
        open_view(b, p, "now")
        now = b.run("return [...document.querySelectorAll('.figure')].find(n => n.innerText.startsWith('LLM')).innerText")
        open_view(b, p, "health")
        b.wait_text("3 calls" if "3 calls" in now else "3")
        equal({f"{spent:.2f}"} & set(re.findall(r"\d+\.\d\d", now)), {f"{spent:.2f}"})
        assert f"{spent:.2f}" in b.text(), b.text()
        assert re.search(r"budget|limit", b.text()), b.text()


def shift_kinds(state, hours):
    """As if the kinds had been seen so much earlier."""
    with contextlib.closing(sqlite3.connect(os.path.join(state, "logclass", "kinds.db"))) as db, db:
        db.execute("UPDATE kinds SET first = first - ?1 * 3600, last = last - ?1 * 3600, hour = hour - ?1, state = 0, state_at = 0", (hours,))


@test
def what_is_muted_comes_back_when_it_rises():
    if not LONG:
        return
    state = tempfile.mkdtemp()
    with Page(*QUICK, state=state) as (p, b):
        p.send(*["flange 7 is loose"] * 30)
        wait_until(lambda: p.api("kinds")["total"] == 1)
    shift_kinds(state, 2)
    with Page(*QUICK, state=state) as (p, b):
        open_view(b, p, "review")
        b.wait("return document.querySelector('.card')")
        b.keys("m")
        wait_until(lambda: p.api("kinds")["items"][0]["state"] == "muted")
        p.send(*["flange 7 is loose"] * 40)  # a steady rate
        time.sleep(65)
        equal(p.api("kinds")["items"][0]["state"], "muted")
        p.send(*["flange 7 is loose"] * 400)  # ten times what it had, as young as it is
        wait_until(lambda: p.api("kinds")["items"][0]["state"] == "rising", 90)
        open_view(b, p, "now")
        b.wait_text("440 lines in an hour, where the busiest of the week before had")
        b.wait_text("rising")
        b.run("document.querySelector('.row a').click()")
        b.wait_text("440 lines in an hour; the busiest hour of the week before had")


@test
def on_a_phone_held_either_way():
    with Page(wide=640, high=360, touch=True) as (p, b):
        before = p.nonsense(8)
        open_view(b, p, "now")
        b.wait("return document.querySelectorAll('.row a').length > 3")
        equal((b.run("return document.documentElement.scrollWidth"), small_targets(b, 44)), (640, []))
        b.tap(".row a")
        b.wait("return location.hash.startsWith('#kind?id=')")
        for wide, high in ((640, 360), (360, 640)):
            b.look(wide, high, touch=True)
            open_view(b, p, "review")
            first = template(b)
            equal((b.run("return document.documentElement.scrollWidth"), small_targets(b, 44)), (wide, []))
            b.tap(".keys button")
            b.wait("return document.querySelector('.card .template').innerText !== arguments[0]", first)
        wait_until(lambda: p.api("corrections")["in_force"] == 2)
        assert len(before) > 3
        open_view(b, p, "try")
        b.tap("#lines")
        b.keys(*"User bob logged in from 10.0.0.7")
        b.run("[...document.querySelectorAll('button')].find(n => n.innerText === 'Explain').id = 'go'")
        b.tap("#go")
        b.wait_text("decided by rule")
        equal((b.text("mark"), b.run("return document.documentElement.scrollWidth")), ("User bob logged in", 360))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


@test
def two_instances_and_the_desk():
    port = free_port()
    desk = Page(*QUICK, "--port", str(port), "--instance", "desk")
    with desk as (p, b), Page(*QUICK, "--desk", f"http://127.0.0.1:{port}", "--instance", "shop") as (other, c):
        p.nonsense(6)
        open_view(b, p, "review")
        first = words_of(template(b))
        b.keys("5")
        begun = time.monotonic()
        wait_until(lambda: other.label(a_line(first)) == "BACKUP")
        print(f"in force elsewhere after {time.monotonic() - begun:.2f} s")
        second = next(words_of(k["template"]) for k in p.api("review")["items"] if words_of(k["template"]) != first)
        other.send(*[a_line(second, i) for i in range(1, 30)])
        p.server.stop()
        open_view(c, other, f"kinds?q={second.replace(' ', '+')}")
        c.wait("return document.querySelectorAll('.row[data-id]').length === 1")
        c.keys("j", "x", "6")
        wait_until(lambda: other.label(a_line(second)) == "INFO")  # it goes on by itself
        time.sleep(1.1)  # times are whole seconds
        other.server.stop()
        p.restart(stopped=True)
        open_view(b, p, f"kinds?q={second.replace(' ', '+')}")
        b.wait("return document.querySelectorAll('.row[data-id]').length === 1")
        b.keys("j", "x", "7")  # somebody else says something else, later
        wait_until(lambda: p.label(a_line(second)) == "WORKFLOW_ERROR")
        other.restart(stopped=True)
        wait_until(lambda: other.label(a_line(second)) == "WORKFLOW_ERROR")
        wait_until(lambda: len(p.api("corrections")["items"]) == 3)
        open_view(b, p, "learn")
        b.wait_text("came late: a later word of")
        open_view(b, p, "health")
        b.wait_text("shop")


main()
