#include "text/ini.h"

enum { INI_SHOWN_MAX = 40 }; /* bytes of the user's text repeated in a message */

struct ini ini_open(struct span text) {
    if (span_starts(text, SPAN_LIT("\xef\xbb\xbf"))) text = span_sub(text, 3, text.n);
    return (struct ini){.rest = text};
}

static int ini_shown(struct span s) {
    return (int)(s.n < INI_SHOWN_MAX ? s.n : INI_SHOWN_MAX);
}

static enum ini_item ini_section(struct ini *i, struct span line, struct err *e) {
    if (line.p[line.n - 1] != ']') {
        err_set(e, ERR_INPUT, "'%.*s' is not a section: expected a ']' at the end", ini_shown(line), line.p);
        return INI_BROKEN;
    }
    struct span inside = span_trim(span_sub(line, 1, line.n - 1));
    size_t n = 0;
    while (n < inside.n && inside.p[n] != ' ' && inside.p[n] != '\t') n++;
    i->kind = span_sub(inside, 0, n);
    i->name = span_trim(span_sub(inside, n, inside.n));
    return INI_SECTION;
}

static enum ini_item ini_pair(struct ini *i, struct span line, struct err *e) {
    const char *eq = memchr(line.p, '=', line.n);
    size_t n = eq ? (size_t)(eq - line.p) : 0;
    i->key = span_trim(span_sub(line, 0, n));
    i->value = span_trim(span_sub(line, n + 1, line.n));
    if (i->key.n > 0) return INI_PAIR;
    err_set(e, ERR_INPUT, "expected [section], 'key = value' or a comment");
    return INI_BROKEN;
}

enum ini_item ini_next(struct ini *i, struct err *e) {
    while (i->rest.n > 0) {
        struct span line = span_trim(span_take_line(&i->rest));
        i->line++;
        if (line.n > 0 && memchr(line.p, '\0', line.n)) {
            err_set(e, ERR_INPUT, "contains a NUL byte; expected a text file");
            return INI_BROKEN;
        }
        if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';') continue;
        return line.p[0] == '[' ? ini_section(i, line, e) : ini_pair(i, line, e);
    }
    return INI_END;
}
