"""The page in a real browser, before a stand-in that can be made to fail: keys, states, hostile text, accessibility."""
import sys

import page_mock
from browser import Browser
from check import equal, main, test
from page_checks import HOSTILE, READY, VIEWS, axe, moving, small_targets, unharmed, unseen, violations

AXE = axe()


def at(b, m, view):
    b.go("about:blank")
    b.go(m.url("#" + view))
    b.wait(READY)


def views(m):
    return (*VIEWS, f"kind?id={m.state.kinds[0]['id']}", f"rules?from={m.state.kinds[0]['id']}")


def cards(b):
    return b.text(".card .template")


@test
def one_key_labels_and_shows_the_next_card():
    m = page_mock.Mock()
    with Browser() as b:
        at(b, m, "review")
        seen = []
        for _ in range(10):
            seen.append(cards(b))
            b.keys("7")
            b.wait("return document.querySelector('.card .template').innerText !== arguments[0]", seen[-1])
        equal(len(set(seen)), 10)
        b.wait("return /\\b10 of \\d+ done/.test(document.body.innerText)")
        equal([h["label_id"] for h in m.state.history], ["WORKFLOW_ERROR"] * 10)
        b.keys("u")
        b.wait("return /\\b9 of \\d+ done/.test(document.body.innerText)")
        equal(cards(b), seen[-1])
        equal([bool(h["undone"]) for h in m.state.history], [False] * 9 + [True])
        b.keys("s")
        b.wait("return document.querySelector('.card .template').innerText !== arguments[0]", seen[-1])
        b.keys("b")
        b.wait("return document.querySelector('.card .template').innerText === arguments[0]", seen[-1])
        first = b.run("return document.querySelector('.keys .likely').innerText.replace(/^\\d\\s*/, '')")
        b.keys("Enter")
        b.wait("return /\\b10 of \\d+ done/.test(document.body.innerText)")
        b.wait_for(lambda: len(m.state.history) == 11)
        equal(dict(page_mock.LABELS)[m.state.history[-1]["label_id"]], first.strip())


@test
def look_alikes_are_labelled_in_one_stroke_and_never_unseen():
    m = page_mock.Mock()
    with Browser() as b:
        at(b, m, "review")
        b.keys("5")
        b.wait_text("look alike")
        b.keys("a")
        b.wait("return document.querySelectorAll('dialog input:checked').length === 6")
        equal(len(m.state.history), 1)
        b.click("dialog li input")
        b.press("Apply", "dialog")
        b.wait_text("5 kinds more")
        equal([h["label_id"] for h in m.state.history], ["BACKUP"] * 6)
        equal(len(m.state.batches), 2)


@test
def a_card_that_could_not_be_saved_comes_back_with_the_reason():
    m = page_mock.Mock()
    with Browser() as b:
        at(b, m, "review")
        before = cards(b)
        m.state.fail["corrections"] = (500, {"error": "the disk is full"})
        b.keys("1")
        b.wait_text("the disk is full")
        equal((cards(b), "0 of 75 done" in b.text()), (before, True))
        m.state.fail["corrections"] = (409, {"error": "changed", "conflicts": [{"id": "x", "rev": 2, "label_id": "BACKUP", "by": "alice", "at": m.state.now - 12}]})
        b.keys("1")
        b.wait("return /alice set.*BACKUP.*ago; yours was not saved/s.test(document.body.innerText)")
        del m.state.fail["corrections"]
        b.keys("1")
        b.wait("return /\\b1 of \\d+ done/.test(document.body.innerText)")


@test
def one_card_in_twenty_shows_no_suggestion():
    m = page_mock.Mock()
    with Browser() as b:
        at(b, m, "review")
        blind = []
        for i in range(1, 41):
            if "A blind check" in b.text(".card"):
                blind.append(i)
                equal((b.texts(".card .amounts"), b.texts(".keys .likely")), ([], []))
            before = cards(b)
            b.keys("1")
            b.wait("return document.querySelector('.card .template').innerText !== arguments[0]", before)
            b.wait("return new RegExp('\\\\b' + arguments[0] + ' of \\\\d+ done').test(document.body.innerText)", i)  # saved, too
        equal(blind, [20, 40])
        sent = [r for r in m.state.requests if r[1] == "corrections" and r[0] == "POST"]
        b.wait("return /\\b40 of \\d+ done/.test(document.body.innerText)")
        notes = [(i, r[3]["changes"][0].get("note", "")) for i, r in enumerate(sent, 1)]
        equal([i for i, note in notes if note.startswith("blind check, likeliest ")], [20, 40])  # Learn tells how often people agree


@test
def keys_go_everywhere_and_can_be_switched_off():
    m = page_mock.Mock()
    with Browser() as b:
        at(b, m, "now")
        for key, title in (("r", "Review"), ("k", "Kinds of lines"), ("u", "Rules"), ("l", "Learn"), ("h", "Health"), ("n", "Now")):
            b.keys("g", key)
            b.wait("return document.querySelector('main h1')?.textContent === arguments[0]", title)
        b.wait("return document.activeElement.tagName === 'H1'")  # the view has opened and taken the focus
        b.keys("t")
        equal(b.run("return document.activeElement.id"), "paste")
        b.keys("g", "k")
        equal(b.run("return document.activeElement.value"), "gk")
        b.keys("Escape")
        equal(b.run("return document.activeElement.tagName"), "BODY")
        b.keys("?")
        b.wait("return document.querySelector('dialog[open]') && document.activeElement.id === 'keys-off'")
        b.keys("Space")
        b.wait_text("Single keys are off.")
        b.keys("Escape")
        b.wait("return !document.querySelector('dialog')")
        b.keys("g", "k")
        b.keys("?")
        equal(b.run("return [location.hash, !!document.querySelector('dialog')]"), ["#now", False])
        b.press("?")
        b.wait("return document.querySelector('dialog[open]')")
        b.keys("Space")
        b.keys("Escape")
        b.keys("g", "k")
        b.wait("return location.hash === '#kinds'")


@test
def a_selection_is_made_and_labelled_by_keys():
    m = page_mock.Mock()
    with Browser() as b:
        at(b, m, "kinds")
        b.keys("j", "x", "j", "j", "X")
        b.wait_text("3 selected")
        b.keys("6")
        b.wait_text("INFO: 3 kinds")
        equal([h["label_id"] for h in m.state.history], ["INFO"] * 3)
        equal("selected" in b.text(), False)
        b.keys("j", "j")
        equal(b.run("return document.activeElement.closest('.row').dataset.id"), m.state.kinds[4]["id"])  # the cursor stayed where it was
        b.keys("Enter")
        b.wait("return location.hash.startsWith('#kind?id=')")


@test
def a_family_opens_in_place_and_what_is_odd_is_said():
    m = page_mock.Mock()
    with Browser() as b:
        at(b, m, "kinds")
        b.press("+ 2 other sources", ".rows")
        b.wait("return document.querySelectorAll('.family li').length === 2")
        equal(b.run("return [document.activeElement.innerText, document.activeElement.ariaExpanded]"), ["hide 2 other sources", "true"])
        b.keys("Enter")
        b.wait("return !document.querySelector('.family li')")
        rising, silent = m.state.kinds[2], m.state.kinds[23]
        equal((rising["state"], silent["silent"]), ("rising", True))
        at(b, m, "kind?id=" + rising["id"])
        b.wait_text("1,372 lines in an hour; the busiest hour of the week before had 98.")
        at(b, m, "kind?id=" + silent["id"])
        b.wait_text("It came every hour for a week; the last line was")
        at(b, m, "rules")
        equal(b.run("return [...document.querySelectorAll('tbody tr')].map(n => [...n.cells].map(c => c.innerText.trim())).map(c => [c[1], c[3], c[5]])[1]"), ["reboot", "0", "never"])
        equal(b.run("return document.querySelector('tbody tr').cells[3].title"), "90,210 in all")


@test
def many_are_labelled_only_by_the_number_that_was_seen():
    m = page_mock.Mock()
    with Browser() as b:
        at(b, m, "kinds?sort=lines")
        b.keys("/")
        b.keys(*"refused")
        n = len(m.state.find({"q": "refused"}))
        b.wait_text(f"{n} match")
        b.press("Select all shown")
        b.wait_text(f"{n} selected")
        b.keys("Tab")
        b.run("document.activeElement.blur()")
        b.keys("7")
        b.wait("return document.querySelector('dialog[open]')")
        equal(f"{n} kinds" in b.text("dialog"), True)
        b.keys("Enter")
        b.wait_text(f"WORKFLOW_ERROR: {n} kinds")
        equal(len(m.state.history), n)
        at(b, m, "kinds")
        b.press("Select all shown")
        b.press("or choose a label for all 300 that match")
        b.write("dialog input", "BACKUP")
        b.keys("Enter")
        b.wait("return document.querySelector('dialog')?.innerText.includes('Label 300 kinds')")
        m.state.kinds.append(m.state.kind(300, "a new one", __import__("random").Random(1)))
        b.press("Label 300 kinds", "dialog")
        b.wait_text("301 kinds match now, not 300")
        equal(len(m.state.history), n)


@test
def a_rule_is_saved_only_as_it_was_previewed():
    m = page_mock.Mock()
    k = m.state.kinds
    with Browser() as b:
        at(b, m, f"rules?from={k[0]['id']},{k[9]['id']}")
        b.wait_text("Would change 3 kinds, 515 lines a day")
        b.wait("return ![...document.querySelectorAll('button')].find(n => n.innerText === 'Save').disabled")
        b.write("#r-pattern", "(")
        equal(b.run("return [...document.querySelectorAll('button')].find(n => n.innerText === 'Save').disabled"), True)
        b.wait_text("missing close parenthesis")
        b.run("const p = document.querySelector('#r-pattern'); p.value = 'order refused'; p.dispatchEvent(new Event('input'))")
        b.wait_text("Contradicts 1 correction")
        equal(b.run("return [...document.querySelectorAll('button')].find(n => n.innerText === 'Save').disabled"), True)
        b.click("#r-wins")
        b.press("Save")
        b.wait_text("Saved: payment refused")
        equal([(r["name"], r["hash"], r["pattern"]) for r in m.state.rules], [("payment refused", "9d1e", "order refused")])
        b.wait("return document.querySelectorAll('tbody tr').length === 3")


@test
def learning_goes_on_without_the_page_and_is_compared():
    m = page_mock.Mock()
    with Browser() as b:
        at(b, m, "learn")
        b.press("Try what it would learn now")
        b.wait("return document.querySelector('progress')")
        b.go("about:blank")
        at(b, m, "learn")
        b.wait_text("Result", seconds=40)
        b.wait_text("Blind checks: people chose what was likeliest in 19 of 20.")
        b.wait_text("It would answer 8 kinds differently")
        b.press("Install")
        b.wait_text("Installed: x")


@test
def what_goes_wrong_is_said():
    m = page_mock.Mock()
    with Browser() as b:
        for view, path in (("now", "overview"), ("kinds", "kinds"), ("review", "review"), ("rules", "rules"), ("learn", "learn"), ("health", "health")):
            m.state.fail[path] = (500, {"error": "broken on purpose"})
            b.go("about:blank")
            b.go(m.url("#" + view))
            b.wait_text("broken on purpose")
            m.state.fail.clear()
            b.run("[...document.querySelectorAll('button')].find(n => n.innerText === 'Try again')?.click()")  # unless it has tried by itself
            b.wait("return !document.body.innerText.includes('broken on purpose')")
        at(b, m, "now")
        m.state.dead = True
        b.wait_text("no answer for", seconds=30)
        equal("Lines by label" in b.text(), True)
        m.state.dead = False
        b.wait("return document.querySelector('.state').innerText.includes('lines/s')", seconds=30)


@test
def the_first_line_is_waited_for():
    m = page_mock.Mock(page_mock.State(kinds=0))
    with Browser() as b:
        at(b, m, "now")
        b.wait_text("Waiting for the first line.")
        at(b, m, "review")
        b.wait_text("Nothing waits")
        at(b, m, "kinds")
        b.wait_text("No line has come yet.")
        at(b, m, "now")
        m.state.kinds.extend(page_mock.State().kinds)
        b.wait_text("Worth a look")


@test
def tokens_and_roles():
    m = page_mock.Mock()
    m.state.tokens = {"reader-token-0001": "view", "shipper-token-001": "ingest", "worker-token-0001": "label"}
    with Browser() as b:
        b.go(m.url("#review"))
        b.wait_text("Sign in")
        for text, says in (("wrong", "role “none”"), ("shipper-token-001", "Reading needs a token with role view")):
            b.run("document.querySelector('#token').value = ''")
            b.write("#token", text)
            b.keys("Enter")
            b.wait_text(says)
        b.run("document.querySelector('#token').value = ''")
        b.write("#token", "reader-token-0001")
        b.keys("Enter")
        b.wait("return document.querySelector('.keys')")
        equal(set(b.run("return [...document.querySelectorAll('.keys button')].map(n => n.disabled)")), {True})
        b.wait_text("this needs the role “label”")
        before = cards(b)
        b.keys("1")
        equal((cards(b), m.state.history), (before, []))
        equal(b.run("return [localStorage.length, Object.values(sessionStorage).includes('reader-token-0001'), location.href.includes('token-0001'), document.cookie]"), [0, True, False, ""])
        equal([u for u in b.requests() if "reader-token" in u], [])


@test
def hostile_lines_are_text_in_every_view():
    m = page_mock.Mock(page_mock.State(kinds=40, templates=HOSTILE))
    for k in m.state.kinds:
        k.update(stage="fallback", label_id="UNCLASSIFIED", sources=[[k["template"][:200], 1]], examples=[k["template"][:5000]])
        m.state.history.append({"id": "h", "batch": "h", "at": m.state.now, "by": k["template"][:60], "kind": k["id"], "template": k["template"][:5000], "was": "INFO", "label_id": "BACKUP", "note": k["template"][:300], "state": None, "undone": False})
        m.state.rules.append({"name": k["template"][:100], "label_id": "INFO", "pattern": k["template"][:300], "source": k["template"][:50], "from": "page", "lines_24h": 1, "last": m.state.now})
    with Browser() as b:
        for view in views(m):
            at(b, m, view)
            unharmed(b, f"http://127.0.0.1:{m.port}/")
        at(b, m, "kinds")
        shown = b.text("main")
        for text in ("<img src=x onerror=window.PWN=1>", "<script>window.PWN=2</script>", "\\u202eevil\\u202c reversed", "\\u001b[31mansi", "nul \\u0000 inside", "line\\u2028separator", "(blank)", "\\u200b\\u2060\\ufeff"):
            assert text in shown, text
        b.press("Select all shown")
        for k in m.state.kinds[:26]:
            at(b, m, f"kind?id={k['id']}")
            b.run("document.querySelectorAll('main *').forEach(n => n.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})))")
        unharmed(b, f"http://127.0.0.1:{m.port}/")
        at(b, m, "now")
        b.run("const t = document.querySelector('#paste'); t.value = arguments[0]; t.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true}))", "\n".join(HOSTILE[:26]))
        b.wait_text("explained")
        unharmed(b, f"http://127.0.0.1:{m.port}/")
        assert b.run("try { document.body.innerHTML = '<b>x</b>'; return false } catch (e) { return e instanceof TypeError }"), "Trusted Types are not in force"


@test
def everybody_can_use_it():
    if not AXE:
        print("axe-core was not run: it comes by npm, which is not here", file=sys.stderr)
        return
    m = page_mock.Mock()
    m.state.history.extend([{"id": "h", "batch": "h", "at": m.state.now, "by": "alice", "kind": m.state.kinds[1]["id"], "template": m.state.kinds[1]["template"], "was": "INFO", "label_id": "BACKUP", "note": "x", "state": None, "undone": False}])
    with Browser() as b:
        for wide, high in ((1280, 800), (360, 640)):
            for dark in (False, True):
                b.look(wide, high, dark, touch=wide < 400)
                for view in views(m):
                    at(b, m, view)
                    if view.startswith("rules?"):
                        b.wait_text("Would change")
                    equal((view, wide, dark, violations(b, AXE)), (view, wide, dark, []))
        b.look(1280, 800)
        at(b, m, "review")
        b.keys("?")
        b.wait("return document.querySelector('dialog[open]')")
        equal(violations(b, AXE), [])


@test
def everybody_can_see_it():
    """Colours of the person's own, twice as large, and nothing that moves."""
    m = page_mock.Mock()
    with Browser() as b:
        b.look(1280, 800, features=(("forced-colors", "active"), ("prefers-reduced-motion", "reduce")))
        for view in views(m):
            at(b, m, view)
            equal((view, unseen(b), moving(b)), (view, [], []))
            if AXE:
                equal((view, violations(b, AXE)), (view, []))
        b.look(640, 400)  # 1280 x 800 at 200 %
        for view in views(m):
            at(b, m, view)
            equal((view, b.run("return document.documentElement.scrollWidth")), (view, 640))
        at(b, m, "review")
        b.keys("7")  # the sticky parts leave room for the work
        b.wait("return document.querySelector('.card .template').getBoundingClientRect().top < innerHeight")


@test
def a_phone_is_wide_enough():
    m = page_mock.Mock()
    with Browser(wide=360, high=640, touch=True) as b:
        for wide, high in ((360, 640), (640, 360), (320, 640)):
            b.look(wide, high, touch=True)
            for view in views(m):
                at(b, m, view)
                if view.startswith("rules?"):
                    b.wait_text("Would change")
                equal((view, b.run("return document.documentElement.scrollWidth")), (view, wide))
                equal((view, small_targets(b, 44)), (view, []))
        b.look(1280, 800)
        for view in views(m):
            at(b, m, view)
            equal((view, small_targets(b, 24)), (view, []))


@test
def the_page_is_small_and_asks_nobody_else():
    m = page_mock.Mock()
    with Browser() as b:
        b.requests()
        at(b, m, "now")
        files = [u for u in b.requests() if "/ui/" in u]
        assert len(files) <= 15, files
        at(b, m, "kinds")
        asked = [u for u in b.requests() if u.startswith("http")]
        equal([u for u in asked if not u.startswith(f"http://127.0.0.1:{m.port}/")], [])
        files = [u for u in asked if "/ui/" in u]
        assert len(files) <= 20, files


main()
