#include "text/event.h"

#include "base/check.h"

#include <stdlib.h>

/* Events of a text, each '|' in `want` standing for the first line of the next. */
static unsigned count_events(const char *text, bool *whole) {
    struct span all = span_of(text);
    struct event ev = {0};
    unsigned events = 0;
    *whole = true;
    while (all.n > 0) {
        struct span line = span_take_line(&all), rest = all, after = all.n ? span_take_line(&rest) : (struct span){0};
        enum event_next next = events ? event_take(&ev, line, after) : EVENT_ENDS;
        if (next == EVENT_ASKS) *whole = false;
        if (next == EVENT_GOES_ON) continue;
        ev = event_begin(line);
        events++;
    }
    return events;
}

static const char *const TRACES[] = {
    "java.lang.IllegalStateException: no session\n\tat a.B.c(B.java:12)\n\tat a.B.main(B.java:3)\nCaused by: "
    "java.io.IOException: gone\n"
    "\tat a.C.d(C.java:9)\n\t... 2 more\n",
    "2026-01-31 ERROR [main] a.B - request failed\njava.lang.RuntimeException: x\n\tat a.B.c(B.java:1)\n\tSuppressed: "
    "a.E: y\n\t\tat q.W.e(W.java:2)\n",
    "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\n  File \"a.py\", line 1, in "
    "f\n    1/0\n"
    "ZeroDivisionError: division by zero\n",
    "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    g()\nKeyError: 'x'\n\nDuring handling of "
    "the above exception, another "
    "exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 5, in <module>\n    "
    "f()\nmy.pkg.Error: y\n",
    "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\nmain.(*T).run(0xc000012345, "
    "{0x1, 0x2})\n\t/src/main.go:8 "
    "+0x1d\nmain.main()\n\t/src/main.go:12 +0x25\ncreated by main.start in goroutine 7\n\t/src/main.go:20 +0x1\nexit "
    "status 2\n",
    "TypeError: Cannot read properties of undefined (reading 'x')\n    at f (/app/a.js:1:2)\n    at Object.<anonymous> "
    "(/app/a.js:3:4) {\n  code: "
    "'E'\n}\n",
    "Unhandled exception. System.InvalidOperationException: no\n ---> System.Exception: inner\n   at A.B() in "
    "/s/a.cs:line 3\n   --- End of inner "
    "exception stack trace ---\n   at A.C() in /s/a.cs:line 4\n--- End of stack trace from previous location ---\n   "
    "at A.D()\n",
    "a.rb:1:in `foo': bad (RuntimeError)\n\tfrom a.rb:4:in `bar'\n\tfrom a.rb:7:in `<main>'\n",
    "thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds\nstack backtrace:\n   0: rust_begin_unwind\n      "
    "       at "
    "/rustc/x/std.rs:5:5\n   1: main\nnote: Some details are omitted\n",
    "PHP Fatal error:  Uncaught Exception: no in /a.php:3\nStack trace:\n#0 /a.php(7): f()\n#1 {main}\n  thrown in "
    "/a.php on line 3\n",
};
enum { TRACES_N = sizeof TRACES / sizeof TRACES[0] };

/* Each between two ordinary lines: three events; the second has two lines of its own before its frames. */
static void a_trace_is_one_event(void) {
    for (size_t i = 0; i < TRACES_N; i++) {
        char text[4096];
        bool whole;
        snprintf(text, sizeof text, "2026-01-31 INFO up\n%s2026-01-31 INFO and on\n", TRACES[i]);
        unsigned want = i == 1 ? 4 : 3, got = count_events(text, &whole);
        if (got != want || !whole) fprintf(stderr, "%u events of\n%s\n", got, text);
        CHECK(got == want && whole);
        snprintf(text, sizeof text, "%s%s", TRACES[i], TRACES[i]);
        CHECK_INT(count_events(text, &whole), 2 * (want - 2));
    }
}

static void ordinary_lines_are_events_of_their_own(void) {
    static const char *const TEXT[] = {
        "a\nb\nc\n",
        "\n\n\n",
        " a\n b\n c\n",
        "- a\n- b\n } x\n",
        "x\nSuppressed\nCaused by\n",
        "#1 a\n#2 b\n",
        "a.b(c)\ngoroutine 1\nnote: x\n",
    };
    static const unsigned WANT[] = {3, 3, 3, 2, 3, 2, 3}; /* the indented " } x" joins */
    for (size_t i = 0; i < sizeof TEXT / sizeof TEXT[0]; i++) {
        bool whole;
        CHECK_INT(count_events(TEXT[i], &whole), WANT[i]);
    }
}

static void what_is_not_decided_yet_is_said(void) {
    struct event ev = event_begin(SPAN_LIT("Traceback (most recent call last):"));
    CHECK(event_take(&ev, SPAN_LIT("  File"), (struct span){0}) == EVENT_GOES_ON && ev.frame);
    CHECK(event_take(&ev, SPAN_LIT("KeyError: 'x'"), (struct span){0}) == EVENT_GOES_ON && !ev.frame);
    CHECK(event_take(&ev, SPAN_LIT(""), (struct span){0}) == EVENT_ASKS);
    CHECK(event_take(&ev, SPAN_LIT(""), SPAN_LIT("next")) == EVENT_ENDS);
}

static void only_what_may_go_on_waits(void) {
    static const char *const WAITS[] = {"Traceback (most recent call last):", "a.B: java.lang.Exception", "panic: x",
                                        "Error: x", "it was {"};
    static const char *const GOES[] = {"User bob logged in", "", " at x Error", "x"};
    for (size_t i = 0; i < sizeof WAITS / sizeof WAITS[0]; i++) {
        struct event ev = event_begin(span_of(WAITS[i]));
        CHECK(event_may_go_on(&ev, span_of(WAITS[i])));
    }
    for (size_t i = 0; i < sizeof GOES / sizeof GOES[0]; i++) {
        struct event ev = event_begin(span_of(GOES[i]));
        CHECK(!event_may_go_on(&ev, span_of(GOES[i])));
    }
}

static void an_event_has_a_longest(void) {
    struct event ev = event_begin(SPAN_LIT("head"));
    unsigned n = 1;
    while (event_take(&ev, SPAN_LIT("\tat x"), (struct span){0}) == EVENT_GOES_ON) n++;
    CHECK_INT(n, EVENT_LINES_MAX);
}

CHECK_MAIN(CHECK_TEST(a_trace_is_one_event), CHECK_TEST(ordinary_lines_are_events_of_their_own),
           CHECK_TEST(what_is_not_decided_yet_is_said), CHECK_TEST(only_what_may_go_on_waits),
           CHECK_TEST(an_event_has_a_longest))
