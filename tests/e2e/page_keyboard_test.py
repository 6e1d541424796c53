"""The page by keys alone, in a real browser against the real program: every view is reached, everything is done, and the focus is never lost. Learning runs with LONG set."""
import os
import subprocess
import tempfile

from check import BINARY, equal, main, test
from live import wait_until
from page_live import Page, a_line, choose_three_refusals, open_view, template, words_of

LONG = bool(os.environ.get("LONG"))
KEYS_OF_VIEWS = (("r", "Review"), ("k", "Kinds of lines"), ("u", "Rules"), ("l", "Learn"), ("h", "Health"), ("n", "Now"))
NAME = ("const n = document.activeElement; return n.id || n.getAttribute('aria-label') || n.dataset?.id ||"
        " [...n.childNodes].filter(c => c.nodeName !== 'KBD').map(c => c.textContent).join('').trim()")


def held(b, what):
    """Something that is seen has the focus, and it can be seen that it has."""
    b.wait("return !document.querySelector('[aria-busy=true]')")
    at = b.run("""const n = document.activeElement, r = n.getBoundingClientRect();
        const ring = [n, n.closest('.row')].some(x => x && getComputedStyle(x).outlineStyle !== 'none') || n.tabIndex < 0;
        return [n.tagName, n.isConnected && r.width > 0 && r.height > 0, ring, n.outerHTML.slice(0, 120)]""")
    assert at[0] not in ("BODY", "HTML") and at[1] and at[2], (what, at)


def tab_to(b, name, back=False, most=120):
    """Tab after Tab until the control of this name has the focus, as somebody without a mouse goes there."""
    for _ in range(most):
        b.keys("BackTab" if back else "Tab")
        if b.run(NAME) == name:
            return
    raise AssertionError(f"no Tab leads to {name!r}: {b.texts('button')}")


def press(b, name, back=False):
    tab_to(b, name, back)
    b.keys("Enter")


def choose(b, letters):
    """In the list that has the focus."""
    b.keys(*letters)


@test
def every_view_is_reached():
    with Page("--bert", "off", "--workers", "1") as (p, b):
        p.nonsense(6)
        open_view(b, p, "now")
        for key, title in KEYS_OF_VIEWS:
            b.keys("g", key)
            b.wait("return document.querySelector('main h1')?.textContent === arguments[0] && document.activeElement !== document.body", title)
            held(b, title)
        open_view(b, p, "now")
        for name in ("Kinds", "Rules", "Learn", "Health", "Now"):  # and without the letters
            press(b, name, back=True)
            b.wait("return location.hash === '#' + arguments[0] && document.activeElement.tagName !== 'A'", name.lower())
            held(b, name)
        b.keys("j", "j")
        held(b, "a row of Now")
        b.keys("Enter")
        b.wait("return location.hash.startsWith('#kind?id=') && document.querySelector('main h1 .log') && document.activeElement.tagName === 'H1'")
        b.keys("?")
        b.wait("return document.querySelector('dialog[open]')")
        held(b, "the keys")
        b.keys("Escape")
        b.wait("return !document.querySelector('dialog')")
        held(b, "after the keys")
        b.keys("t")
        b.keys(*"User bob logged in", "Enter")
        b.wait_text("decided by rule")
        held(b, "Try")


@test
def cards_are_answered_and_taken_back():
    with Page("--bert", "off", "--workers", "1") as (p, b):
        n = len(p.nonsense())
        open_view(b, p, "review")
        for i, key in enumerate(("7", "5", "s", "m", "b", "6")):
            before = template(b)
            b.keys(key)
            b.wait("return document.querySelector('.card .template')?.innerText !== arguments[0]", before)
            held(b, f"stroke {i}")
            equal(b.run("return document.activeElement.className"), "card")
        wait_until(lambda: p.api("corrections")["in_force"] == 3)
        for name in ("skip", "back"):  # the same by buttons
            before = template(b)
            press(b, name)
            b.wait("return document.querySelector('.card .template')?.innerText !== arguments[0]", before)
            held(b, name)
        b.keys("5")
        wait_until(lambda: p.api("corrections")["in_force"] in (3, 4))
        tab_to(b, "undo")
        b.keys("Enter")
        b.wait_text("Undone")
        held(b, "undo")
        tab_to(b, "order", back=True)
        choose(b, "least")
        b.wait("return location.hash.includes('order=unsure')")
        held(b, "another order")
        equal(b.run("return document.activeElement.id"), "order")
        press(b, "details")
        b.wait("return location.hash.startsWith('#kind?id=') && document.activeElement.tagName === 'H1'")
        for key in ("8", "m", "k", "u"):
            b.keys(key)
            b.wait("return document.querySelector('#toast').innerText.trim() !== ''")
            held(b, f"{key} on a kind")
        press(b, "copy link", back=True)
        held(b, "copy link")
        assert n > 5


@test
def many_are_labelled_at_once():
    with Page("--bert", "off", "--workers", "1") as (p, b):
        p.nonsense()
        open_view(b, p, "kinds")
        b.keys("/")
        b.keys(*" was ")
        n = p.api("kinds?q=+was+")["total"]
        b.wait_text(f"{n} match")
        press(b, "Select all shown")
        b.wait_text(f"{n} selected")
        held(b, "all selected")
        press(b, "clear")
        held(b, "clear")
        press(b, "Select all shown", back=True)
        tab_to(b, "Workflow Error")
        b.keys("Enter")
        b.wait("return document.querySelector('dialog[open]')")
        held(b, "the question")
        b.keys("Escape")
        b.wait("return !document.querySelector('dialog')")
        held(b, "no")
        equal(b.run(NAME), "Workflow Error")
        b.keys("Enter")
        b.wait("return document.querySelector('dialog[open]')")
        b.keys("Enter")
        wait_until(lambda: p.api("corrections")["in_force"] == n)
        b.wait("return !document.querySelector('dialog') && !document.body.innerText.includes('selected')")
        held(b, "labelled")
        tab_to(b, "undo")
        b.keys("Enter")
        wait_until(lambda: p.api("corrections")["in_force"] == 0)
        b.wait_text("Undone")
        held(b, "undone in the toast")
        tab_to(b, "f-state", back=True)
        choose(b, "mut")
        b.wait_text("No kind matches.")
        held(b, "a filter")
        press(b, "Clear filters")
        b.wait("return document.querySelectorAll('.row[data-id]').length > 5")
        held(b, "no filter")
        b.keys("j", "x", "m")
        b.wait_text("muted until it rises")
        held(b, "muted")


@test
def a_rule_is_written_changed_and_removed():
    with Page("--bert", "off", "--workers", "1") as (p, b):
        choose_three_refusals(b, p)
        held(b, "three rows")
        b.keys("r")
        b.wait("return document.querySelector('#r-pattern')?.value.includes('refused') && document.activeElement.id === 'r-pattern'")
        tab_to(b, "r-label", back=True)
        choose(b, "work")
        b.wait("return document.querySelector('#r-label').value === 'WORKFLOW_ERROR' && ![...document.querySelectorAll('button')].find(n => n.innerText === 'Save').disabled")
        press(b, "Save")
        b.wait_text("It is in force")
        held(b, "saved")
        equal(p.send("payment 77 refused by gateway for x@example.com")[0]["label_id"], "WORKFLOW_ERROR")
        tab_to(b, "change")
        b.keys("Enter")
        b.wait("return document.querySelector('#r-pattern')")
        held(b, "change")
        press(b, "Cancel")
        held(b, "cancel")
        tab_to(b, "remove")
        b.keys("Enter")
        b.wait_text("Removed:")
        b.wait("return !document.querySelector('tbody').innerText.includes('WORKFLOW_ERROR')")
        held(b, "removed")
        press(b, "Undo the last change")
        b.wait("return document.querySelector('tbody').innerText.includes('WORKFLOW_ERROR')")
        held(b, "brought back")
        press(b, "New rule", back=True)
        b.wait("return document.activeElement.id === 'r-name'")
        b.keys(*"empty", "Tab")
        tab_to(b, "r-pattern")
        b.keys(*"x*")
        b.wait("return document.querySelector('#r-said .notice.bad')")
        held(b, "what is wrong")


@test
def what_was_said_is_taken_back_and_learning_is_asked_for():
    with Page("--bert", "off", "--workers", "1") as (p, b):
        p.nonsense(6)
        open_view(b, p, "review")
        for key in ("5", "6"):
            before = template(b)
            b.keys(key)
            b.wait("return document.querySelector('.card .template')?.innerText !== arguments[0]", before)
        wait_until(lambda: p.api("corrections")["in_force"] == 2)
        b.keys("g", "l")
        b.wait("return document.querySelectorAll('.rows li').length === 2 && document.activeElement.tagName === 'H1'")
        press(b, "undo")
        wait_until(lambda: p.api("corrections")["in_force"] == 1)
        b.wait_text("undone by")
        held(b, "History")
        press(b, "Export CSV", back=True)
        held(b, "an export")
        tab_to(b, "Try what it would learn now", back=True)
        b.keys("Enter")
        b.wait_text("nothing to learn yet")
        held(b, "Try what it would learn")
        b.keys("t")
        b.keys(*a_line("sword egg"), "Enter")
        b.wait_text("Correct this kind")
        held(b, "Try")
        tab_to(b, "Backup Event")
        b.keys("Enter")
        b.wait_text("a day from now on")
        held(b, "corrected on Try")
        b.keys("g", "n")
        b.wait("return document.querySelector('main h1')?.textContent === 'Now'")
        press(b, "1 hour")
        b.wait("return location.hash.includes('span=1h')")
        held(b, "another span")
        equal(b.run(NAME), "1 hour")


ROOT = os.path.join(os.path.dirname(__file__), "..", "..")


def small_data(folder):
    """What is shipped, with a part of the corpus, so that learning takes seconds."""
    for name in ("rules.conf", "head.json", "adapter.safetensors"):
        os.symlink(os.path.abspath(os.path.join(ROOT, "data", name)), os.path.join(folder, name))
    os.symlink(os.path.abspath(os.path.join(ROOT, "models/all-MiniLM-L6-v2")), os.path.join(folder, "model"))
    rows = subprocess.run([BINARY, "corpus", "generate", "--rows-per-template", "1", os.path.join(ROOT, "data/corpus")], capture_output=True, check=True).stdout.decode().splitlines()
    with open(os.path.join(folder, "corpus"), "w") as f:
        f.write("\n".join(rows[:1] + rows[1::50]) + "\n")
    return folder


def quux(n):
    """Lines of a fault that the shipped head leaves open, each a kind of its own."""
    words = "amber birch cedar dune ember fjord gale heath inlet jetty knoll ledge mesa north ocean plain quarry ridge".split()
    pairs = [(a, b) for a in words for b in words if a != b]
    return [f"quux: {a} {b} corrupt {b} unreadable" for a, b in pairs[::len(pairs) // n]][:n]


@test
def a_head_is_learnt_compared_installed_and_taken_back():
    if not LONG:
        return
    with tempfile.TemporaryDirectory() as folder, Page("--workers", "2", data=small_data(folder)) as (p, b):
        lines = quux(48)
        said, others = lines[::2], lines[1::2]
        answers = lambda: {x: p.label(x, source="") for x in others}
        before = answers()
        p.send(*said, source="")
        wait_until(lambda: p.api("kinds?q=quux")["total"] == 48)
        open_view(b, p, "learn")
        press(b, "Try what it would learn now")
        b.wait_text("nothing to learn yet")
        held(b, "nothing to learn")
        kinds = {k["template"]: k for k in p.api("kinds?q=quux&limit=500")["items"]}
        p.post("corrections", {"changes": [{"id": kinds[x]["id"], "rev": 1, "label_id": "BACKUP", "scope": "family"} for x in said]}, 201)
        open_view(b, p, "learn")
        press(b, "Try what it would learn now")
        b.wait("return document.querySelector('progress[aria-label=learning]')")
        held(b, "it learns")
        b.go("about:blank")  # the tab is closed
        wait_until(lambda: p.api("learn")["state"] != "running", 300)
        equal((p.api("learn")["state"], p.api("learn")["error"]), ("done", None))
        open_view(b, p, "learn")
        b.wait_text("It would answer", seconds=60)
        differs = {k["template"]: (k["was"], k["is"]) for k in p.api(f"heads/compare?a={p.api('learn')['head']}&b=candidate")["differs"]}
        press(b, "Install")
        b.wait_text("Installed:")
        held(b, "installed")
        head = p.api("heads")["in_use"]
        after = answers()
        equal({x: w for x, w in differs.items() if x in before}, {x: (before[x], after[x]) for x in others if before[x] != after[x]})
        assert sum(x == "BACKUP" for x in after.values()) > 10, after
        b.keys("g", "h")
        b.wait_text(head)
        b.keys("g", "l")  # and back
        b.wait("return document.querySelectorAll('main .block li').length > 1 && document.activeElement.tagName === 'H1'")
        press(b, "use")
        b.wait_text("In use: shipped")
        held(b, "as it was")
        equal(answers(), before)


main()
