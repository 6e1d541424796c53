#include "rules/cost.h"

#include <string.h>

/* What a group holds so far. */
struct level {
    uint32_t positions, copies;
};

struct walk {
    const char *p;
    struct level level[COST_DEPTH_MAX];
    unsigned depth;
    struct level last; /* the piece that a repeat right here would repeat; it is counted in level[depth] already */
    bool last_is_wide; /* it is the last byte of a non-ASCII character */
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_wide(char c) {
    return ((unsigned char)c & 0x80) != 0;
}

static void cost_add(struct walk *w, struct level piece) {
    w->level[w->depth].positions += piece.positions;
    w->level[w->depth].copies += piece.copies;
    w->last = piece;
    w->last_is_wide = false;
}

static void add_one(struct walk *w) {
    cost_add(w, (struct level){1, 0});
}

/* Reads the digits of a bound; past the limit the value stays just above it. */
static const char *read_bound(const char *p, uint32_t *out) {
    for (*out = 0; is_digit(*p); p++)
        if (*out <= COST_REPEAT_MAX) *out = *out * 10 + (uint32_t)(*p - '0');
    return p;
}

/* {m}, {m,} or {m,n}: the end of it, and how many copies it asks for; anything else is plain text: NULL. */
static const char *read_repeat(const char *p, uint32_t *times) {
    uint32_t least, most;
    if (*p != '{' || !is_digit(p[1])) return NULL;
    p = read_bound(p + 1, &least);
    most = least;
    if (*p == ',') p = read_bound(p + 1, &most);
    if (*p != '}') return NULL;
    *times = most > least ? most : least;
    return p + 1;
}

static bool wide_error(struct err *e) {
    return err_set(e, ERR_RULE,
                   "patterns work on bytes: a repeat here takes only the last byte of a non-ASCII character; put the "
                   "character in a group, as in (\xc3\xa9)+");
}

static bool take_repeat(struct walk *w, const char *end, uint32_t times, struct err *e) {
    w->p = end;
    if (times > COST_REPEAT_MAX)
        return err_set(e, ERR_LIMIT, "a repeat asks for more than %d copies; use * or + for 'any number'",
                       COST_REPEAT_MAX);
    if (w->last_is_wide) return wide_error(e);
    if (times < 2) return true;
    struct level *l = &w->level[w->depth];
    uint64_t more = (uint64_t)w->last.positions * (times - 1);
    if (l->copies + more > COST_COPIES_MAX)
        return err_set(e, ERR_LIMIT, "its repeats come to more than %d characters when written out", COST_COPIES_MAX);
    struct level whole = {w->last.positions + (uint32_t)more, w->last.copies + (uint32_t)more};
    l->positions += (uint32_t)more;
    l->copies += (uint32_t)more;
    w->last = whole;
    return true;
}

/* \x{..}, \p{..} and their like: the braces belong to the escape. \Q...\E: plain text. */
static bool take_escape(struct walk *w, struct err *e) {
    char c = w->p[1];
    if (c == '\0') return err_set(e, ERR_RULE, "ends in a lone backslash");
    w->p += 2;
    if (c == 'Q') {
        const char *end = strstr(w->p, "\\E");
        for (; *w->p && w->p != end; w->p++) add_one(w);
        if (end) w->p = end + 2;
        return true;
    }
    const char *close = strchr("xpPogkN", c) && *w->p == '{' ? strchr(w->p, '}') : NULL;
    if (close) w->p = close + 1;
    if (c != 'E') add_one(w);
    return true;
}

/* [...]: one position. A ] that comes first is a member, as is what stands in [:name:]. */
static bool take_class(struct walk *w, struct err *e) {
    const char *p = w->p + 1;
    if (*p == '^') p++;
    for (bool first = true; *p != '\0' && (*p != ']' || first); first = false) {
        const char *named = p[0] == '[' && p[1] == ':' ? strstr(p, ":]") : NULL;
        if (is_wide(*p))
            return err_set(
                e, ERR_RULE,
                "patterns work on bytes: a class can't hold a non-ASCII character; write alternatives, as in "
                "(\xc3\xa9|\xc3\xa8)");
        if (named)
            p = named + 2;
        else
            p += *p == '\\' && p[1] != '\0' ? 2 : 1;
    }
    if (*p == '\0') return err_set(e, ERR_RULE, "a [ has no ]");
    w->p = p + 1;
    add_one(w);
    return true;
}

/* What may stand behind "(?": options and ':', or a name. It is no text, and that ? is no repeat. */
static const char *skip_head(const char *p) {
    p += strspn(p, "imsxP-^");
    const char *close = *p == '<' ? strchr(p, '>') : NULL;
    if (close) return close + 1;
    return *p == ':' ? p + 1 : p;
}

static bool take_open(struct walk *w, struct err *e) {
    if (w->p[1] == '*')
        return err_set(e, ERR_RULE,
                       "(*...) switches the engine's mode, which all rules share; write \\(\\* for the text");
    if (w->p[1] == '?' && w->p[2] == '#') {
        const char *close = strchr(w->p, ')');
        w->p = close ? close + 1 : w->p + strlen(w->p);
        return true;
    }
    if (w->depth + 1 == COST_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "more than %d groups within groups", COST_DEPTH_MAX - 1);
    w->level[++w->depth] = (struct level){0};
    w->last = (struct level){0};
    w->last_is_wide = false;
    w->p = w->p[1] == '?' ? skip_head(w->p + 2) : w->p + 1;
    return true;
}

static void take_close(struct walk *w) {
    w->p++;
    if (w->depth == 0) return; /* the engine says so */
    struct level group = w->level[w->depth--];
    cost_add(w, group);
}

static bool cost_take(struct walk *w, struct err *e) {
    uint32_t times;
    const char *end = read_repeat(w->p, &times);
    if (end) return take_repeat(w, end, times, e);
    switch (*w->p) {
    case '\\': return take_escape(w, e);
    case '[': return take_class(w, e);
    case '(': return take_open(w, e);
    case ')': take_close(w); return true;
    case '*':
    case '+':
    case '?':
        if (w->last_is_wide) return wide_error(e);
        w->p++;
        return true;
    case '|':
    case '^':
    case '$':
        w->p++;
        w->last = (struct level){0};
        w->last_is_wide = false;
        return true;
    default:
        add_one(w);
        w->last_is_wide = is_wide(*w->p++);
        return true;
    }
}

bool cost_of(const char *pattern, struct cost *out, struct err *e) {
    struct walk w = {.p = pattern};
    while (*w.p != '\0')
        if (!cost_take(&w, e)) return false;
    *out = (struct cost){0};
    for (unsigned i = 0; i <= w.depth; i++) { /* groups left open are the engine's to report */
        out->positions += w.level[i].positions;
        out->copies += w.level[i].copies;
    }
    return true;
}
