"""What the browser tests ask of every view: nothing runs, nothing leaks, nothing is out of reach."""
import pathlib
import shutil
import subprocess

from check import equal

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY = "return document.querySelector('main').innerText.length > 5 && !document.querySelector('[aria-busy=true]') && !document.querySelector('main').innerText.includes('Loading …')"
VIEWS = ("now", "review", "kinds", "rules", "learn", "health", "try")

# What a stranger may put into a log line. The first word of each is asked for on the screen.
HOSTILE = (
    "<img src=x onerror=window.PWN=1>", "<script>window.PWN=2</script>", "\"><svg onload=window.PWN=3>", "';window.PWN=4;//", "javascript:window.PWN=5",
    "</title></main><iframe srcdoc='<script>parent.PWN=6</script>'>", "{{constructor.constructor('window.PWN=7')()}}", "${window.PWN=8}", "<a href=\"javascript:window.PWN=9\">x</a>",
    "\u202eevil\u202c reversed", "\u001b[31mansi\u001b[0m \u0007bell", "nul \u0000 inside", "<base href=//evil.example/>", "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<style>*{display:none}</style>", "<object data=//evil.example/x>", "<link rel=stylesheet href=//evil.example/x.css>", "__proto__ constructor toString", "line\u2028separator\u2029here",
    "<b onmouseover=window.PWN=10>bold</b>", "<math><mtext></mtext><mglyph><svg><mtext><textarea><path id='</textarea><img onerror=window.PWN=11 src=1>'>", "%3Cscript%3Ewindow.PWN=12%3C/script%3E",
    "<!--<img src=--><img src=x onerror=window.PWN=13//>", "\\u003cscript\\u003ewindow.PWN=14", "<form action=//evil.example><input name=a></form>", "\u200b\u2060\ufeff", "\u2028", "a" * 60000,
)


def axe():
    """The text of axe-core; None where npm is missing, which alone can fetch it."""
    at = ROOT / "build/axe/axe.min.js"
    if not at.exists() and not shutil.which("npm"):
        return None
    subprocess.run([ROOT / "scripts/fetch", "axe", at.parent], check=True)
    return at.read_text()


def violations(b, source):
    """What axe-core finds in the page as it is: WCAG 2.0 to 2.2, A and AA, and best practices."""
    b.run(source)
    found = b.run("return axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r => r.violations.map(v => "
                  "v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | ')))")
    return found


def unharmed(b, origin):
    """No script of a line ran, nothing of it became an element, nothing was asked elsewhere, nothing was reported."""
    equal(b.run("return window.PWN"), None)
    equal(b.run("return [...document.querySelectorAll('iframe, object, embed, base, form, img, math, b, style, body script, body link, body meta')].map(n => n.outerHTML.slice(0, 80))"), [])
    equal([e["message"] for e in b.log() if "Failed to load resource" not in e["message"]], [])
    equal([u for u in b.requests() if not u.startswith((origin, "data:", "blob:", "chrome"))], [])


def small_targets(b, least):
    """Controls that are seen and smaller than this, but for links within a sentence (WCAG 2.5.8)."""
    return b.run("""const out = [];
        for (const n of document.querySelectorAll('button, select, input, textarea, a, summary')) {
            if (n.type === 'checkbox' && n.closest('label, .row')) continue;
            const r = (n.matches('.row > a') ? n.parentElement : n).getBoundingClientRect(), s = getComputedStyle(n);
            if (!r.width || s.visibility === 'hidden' || n.closest('[hidden]') || n.className === 'skip' || r.right < 0) continue;
            if (s.display === 'inline' && n.tagName === 'A') continue;
            if (r.height < arguments[0] - .5 || r.width < arguments[0] - .5) out.push(`${n.tagName} ${n.innerText || n.ariaLabel} ${Math.round(r.width)}x${Math.round(r.height)}`);
        }
        return out""", least)


def moving(b):
    """What has a duration that it moves for."""
    return b.run("""return [...document.querySelectorAll('*')].filter(n => { const s = getComputedStyle(n);
        return s.transitionDuration.split(',').concat(s.animationDuration.split(',')).some(t => parseFloat(t) > 0); }).map(n => n.outerHTML.slice(0, 80))""")


def unseen(b):
    """Where colours are the person's own: text, controls and shapes that have the colour of what is behind them."""
    return b.run("""const out = [], clear = c => c === 'transparent' || c.endsWith(', 0)');
        const behind = n => { for (; n; n = n.parentElement) if (!clear(getComputedStyle(n).backgroundColor)) return getComputedStyle(n).backgroundColor; return 'rgb(255, 255, 255)'; };
        if (!matchMedia('(forced-colors: active)').matches) out.push('colours are not forced');
        for (const n of document.querySelectorAll('body *')) {
            const r = n.getBoundingClientRect(), s = getComputedStyle(n), ground = behind(n), text = [...n.childNodes].some(c => c.nodeType === 3 && c.data.trim());
            if (!r.width || !r.height || s.visibility === 'hidden') continue;
            if (n.matches('svg rect, svg path')) {
                if (s.fill === behind(n.closest('svg').parentElement)) out.push(`${n.outerHTML.slice(0, 60)} fill ${s.fill}`);
            } else if (text && !n.closest('svg') && s.color === ground) out.push(`${n.outerHTML.slice(0, 60)} color ${s.color}`);
            if (n.matches('button, select, textarea, input:not([type=checkbox])') && !n.matches('.plain') && parseFloat(s.borderTopWidth) === 0) out.push(`${n.outerHTML.slice(0, 60)} has no border`);
        }
        return out.slice(0, 10)""")
