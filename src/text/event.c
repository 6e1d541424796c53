#include "text/event.h"

#include <ctype.h>
#include <strings.h>

static bool event_starts(struct span line, const char *with) {
    return span_starts(line, span_of(with));
}

static bool is_blank(struct span line) {
    return span_trim(line).n == 0;
}

static bool is_indented(struct span line) {
    return line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t') && !is_blank(line);
}

static enum event_kind kind_of(struct span line) {
    if (line.n < 6) return EVENT_PLAIN;
    switch (line.p[0]) {
    case 'T': return event_starts(line, "Traceback (most recent call last):") ? EVENT_PYTHON : EVENT_PLAIN;
    case 'p': return event_starts(line, "panic: ") ? EVENT_GO : EVENT_PLAIN;
    case 'f': return event_starts(line, "fatal error: ") ? EVENT_GO : EVENT_PLAIN;
    case 'g': return event_starts(line, "goroutine ") && line.p[line.n - 1] == ':' ? EVENT_GO : EVENT_PLAIN;
    case 't':
        if (!event_starts(line, "thread '") || !memmem(line.p, line.n, "' panicked at ", 14)) return EVENT_PLAIN;
        return line.p[line.n - 1] == ':' ? EVENT_RUST_HEAD : EVENT_RUST;
    default: return EVENT_PLAIN;
    }
}

struct event event_begin(struct span line) {
    return (struct event){.kind = kind_of(line), .lines = 1, .indented = is_indented(line) || is_blank(line)};
}

static enum event_next goes_on(struct event *ev, struct span line, bool frame) {
    ev->lines++;
    ev->inside = is_indented(line);
    ev->frame = frame;
    return EVENT_GOES_ON;
}

/* "ValueError: text", "pkg.mod.Error", "KeyboardInterrupt": a dotted name, and what follows a colon. */
static bool is_python_error(struct span line) {
    size_t i = 0;
    while (i < line.n && (isalnum((unsigned char)line.p[i]) || line.p[i] == '_' || line.p[i] == '.')) i++;
    return i > 0 && (i == line.n || line.p[i] == ':');
}

static bool is_python_link(struct span line) {
    return event_starts(line, "During handling of the above exception") ||
           event_starts(line, "The above exception was the direct cause");
}

static enum event_next take_python(struct event *ev, struct span line, struct span after) {
    if (is_indented(line)) return goes_on(ev, line, true);
    if (ev->kind == EVENT_PYTHON) {
        if (event_starts(line, "Traceback (most")) return goes_on(ev, line, true);
        if (is_blank(line)) return goes_on(ev, line, true);
        if (!is_python_error(line)) return EVENT_ENDS;
        ev->kind = EVENT_PYTHON_SAID;
        return goes_on(ev, line, false);
    }
    if (is_python_link(line)) {
        ev->kind = EVENT_PYTHON;
        return goes_on(ev, line, true);
    }
    if (!is_blank(line)) return EVENT_ENDS;
    if (!after.p) return EVENT_ASKS;
    return is_python_link(after) ? goes_on(ev, line, true) : EVENT_ENDS;
}

/* "main.(*T).run(0xc000012345, {0x1, 0x2})": how a goroutine's stack names a function. */
static bool is_go_call(struct span line) {
    const char *open = line.n ? memchr(line.p, '(', line.n) : NULL,
               *space = line.n ? memchr(line.p, ' ', line.n) : NULL;
    return open && open > line.p && line.p[line.n - 1] == ')' && (!space || space > open) &&
           memchr(line.p, '.', line.n) != NULL;
}

static enum event_next take_go(struct event *ev, struct span line, struct span after) {
    static const char *const SAME[] = {"goroutine ", "created by ", "[signal ", "exit status ", "runtime stack:"};
    if (is_indented(line) || is_go_call(line)) return goes_on(ev, line, true);
    for (size_t i = 0; i < sizeof SAME / sizeof SAME[0]; i++)
        if (event_starts(line, SAME[i])) return goes_on(ev, line, true);
    if (!is_blank(line)) return EVENT_ENDS;
    if (!after.p) return EVENT_ASKS;
    struct event then = *ev;
    return !is_blank(after) && take_go(&then, after, (struct span){0}) == EVENT_GOES_ON ? goes_on(ev, line, true)
                                                                                        : EVENT_ENDS;
}

static enum event_next take_rust(struct event *ev, struct span line) {
    if (ev->kind == EVENT_RUST_HEAD) { /* the message stands in a line of its own */
        ev->kind = EVENT_RUST;
        return goes_on(ev, line, false);
    }
    if (is_indented(line) || event_starts(line, "stack backtrace:") || event_starts(line, "note: "))
        return goes_on(ev, line, true);
    return EVENT_ENDS;
}

static bool is_php_frame(struct span line) {
    return line.n > 2 && line.p[0] == '#' && isdigit((unsigned char)line.p[1]);
}

static enum event_next event_take_plain(struct event *ev, struct span line) {
    if (line.n == 0 || ev->indented) return EVENT_ENDS;
    switch (line.p[0]) {
    case ' ':
    case '\t': return is_blank(line) ? EVENT_ENDS : goes_on(ev, line, true);
    case 'C': return event_starts(line, "Caused by: ") ? goes_on(ev, line, false) : EVENT_ENDS;
    case 'S':
        if (event_starts(line, "Suppressed: ")) return goes_on(ev, line, false);
        if (!event_starts(line, "Stack trace:")) return EVENT_ENDS;
        ev->kind = EVENT_PHP;
        return goes_on(ev, line, true);
    case '-': return event_starts(line, "--- End of ") ? goes_on(ev, line, true) : EVENT_ENDS;
    case '}':
    case ']': return ev->inside && line.n <= 2 ? goes_on(ev, line, true) : EVENT_ENDS;
    default: return EVENT_ENDS;
    }
}

static enum event_next take_php(struct event *ev, struct span line) {
    if (is_php_frame(line) || is_indented(line) || event_starts(line, "Stack trace:")) return goes_on(ev, line, true);
    return event_starts(line, "Next ") ? goes_on(ev, line, false) : EVENT_ENDS;
}

enum event_next event_take(struct event *ev, struct span line, struct span after) {
    if (ev->lines >= EVENT_LINES_MAX) return EVENT_ENDS;
    switch (ev->kind) {
    case EVENT_PYTHON:
    case EVENT_PYTHON_SAID: return take_python(ev, line, after);
    case EVENT_GO: return take_go(ev, line, after);
    case EVENT_RUST:
    case EVENT_RUST_HEAD: return take_rust(ev, line);
    case EVENT_PHP: return take_php(ev, line);
    case EVENT_PLAIN: break;
    }
    return event_take_plain(ev, line);
}

/* The word, in whatever case, anywhere in the line. */
static bool has_word(struct span line, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= line.n; i++)
        if ((line.p[i] | 0x20) == word[0] && strncasecmp(line.p + i, word, n) == 0) return true;
    return false;
}

bool event_may_go_on(const struct event *ev, struct span first_line) {
    if (ev->kind != EVENT_PLAIN || ev->lines > 1) return true;
    if (ev->indented) return false;
    if (first_line.p[first_line.n - 1] == ':' || first_line.p[first_line.n - 1] == '{') return true;
    struct span looked = span_sub(first_line, 0, 512);
    return has_word(looked, "error") || has_word(looked, "exception") || has_word(looked, "fatal") ||
           has_word(looked, "panic");
}
