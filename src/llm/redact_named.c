/* Secrets behind a name: password=x, "password": "x", \"password\":\"x\", <password>x</password>, --password x,
 * Authorization: Bearer x, the password is x. */
#include "llm/redact_internal.h"

#include <string.h>

enum { NAME_MAX_BYTES = 64, QUOTED_MAX = 400, TAG_MAX = 200, SENTENCE_WORDS = 5, SESSION_MIN = 16, WORD_LEAST = 6 };

enum name_where { NAME_NONE, NAME_QUERY, NAME_EQUALS, NAME_FIELD, NAME_PROSE };
enum name_part { NAME_END, NAME_WORD };

static const struct {
    const char *word;
    enum name_where where;
    enum name_part part;
} NAMES[] = {
#define REDACT_KEY(word, where, part) {word, NAME_##where, NAME_##part},
#include "llm/redact_word.def"
#undef REDACT_KEY
};

static const char *const PLAIN[] = {
#define REDACT_PLAIN(word) word,
#include "llm/redact_word.def"
#undef REDACT_PLAIN
};

static const char *const FILLERS[] = {
#define REDACT_FILLER(word) word,
#include "llm/redact_word.def"
#undef REDACT_FILLER
};

static const char *const SCHEMES[] = {
#define REDACT_SCHEME(word) word,
#include "llm/redact_word.def"
#undef REDACT_SCHEME
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* ---- names ---- */

static bool is_in_name(char c) {
    return redact_is_word(c) || c == '-' || c == '.' || c == '#';
}

/* The name without '_', '-', '.', in small letters; *last: where its last word begins there. */
static size_t normalise(const struct redact_text *x, size_t from, size_t to, char out[NAME_MAX_BYTES], size_t *last) {
    size_t n = 0;
    *last = 0;
    if (to - from > NAME_MAX_BYTES) from = to - NAME_MAX_BYTES;
    for (size_t i = from; i < to; i++) {
        char c = x->t.p[i], before = i > from ? x->t.p[i - 1] : '_';
        bool capital = c >= 'A' && c <= 'Z', small_before = before >= 'a' && before <= 'z';
        if (c == '#') continue;
        if (c == '_' || c == '-' || c == '.')
            *last = n;
        else {
            if (capital && small_before) *last = n;
            out[n++] = capital ? (char)(c | 0x20) : c;
        }
    }
    return n;
}

static enum name_where name_of(const struct redact_text *x, size_t from, size_t to) {
    char name[NAME_MAX_BYTES];
    size_t last, n = normalise(x, from, to, name, &last);
    enum name_where where = NAME_NONE;
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        size_t m = strlen(NAMES[i].word);
        bool fits = m <= n && memcmp(name + n - m, NAMES[i].word, m) == 0 &&
                    (NAMES[i].part == NAME_END || n - m == last || m == n);
        if (fits && NAMES[i].where > where) where = NAMES[i].where;
    }
    return where;
}

/* ---- values ---- */

static size_t skip_blanks(const struct redact_text *x, size_t i) {
    while (redact_is_blank(redact_at(x, i))) i++;
    return i;
}

/* Backslashes and the quote behind them; i: none. */
static size_t quote_end(const struct redact_text *x, size_t i) {
    size_t end = i;
    while (redact_at(x, end) == '\\') end++;
    char c = redact_at(x, end);
    return c == '"' || c == '\'' || c == '`' ? end + 1 : i;
}

/* Where the same quote, [open, from), comes again; 0: it does not, within reason. */
static size_t quote_close(const struct redact_text *x, size_t open, size_t from) {
    size_t n = from - open, most = from + QUOTED_MAX < x->t.n ? from + QUOTED_MAX : x->t.n;
    for (size_t i = from; i + n <= most; i++)
        if (memcmp(x->t.p + i, x->t.p + open, n) == 0 && (n > 1 || x->t.p[i - 1] != '\\' || i == from)) return i;
    return 0;
}

static bool is_scheme_word(const struct redact_text *x, size_t from, size_t to) {
    return REDACT_IS_ONE_OF(x, from, to, SCHEMES);
}

/* Behind a scheme of authorization: its token, and parameters NAME=VALUE as long as there are any. */
static void hide_credentials(struct redact_text *x, size_t i) {
    for (bool first = true;; first = false) {
        size_t from = skip_blanks(x, i), end = redact_token_end(x, from);
        bool pair = end > from && memchr(x->t.p + from, '=', end - from) != NULL;
        if (end == from || (!first && !pair)) return;
        size_t value = quote_end(x, end), close = value > end ? quote_close(x, end, value) : 0;
        redact_hide(x, from, close ? close + (value - end) : end, REDACT_SECRET);
        i = close ? close + (value - end) : end;
        if (!pair || redact_at(x, i) != ',') return;
        i++;
    }
}

/* name=value; name=value: a header of cookies. */
static void hide_cookies(struct redact_text *x, size_t i) {
    for (;;) {
        size_t from = skip_blanks(x, i), end = redact_token_end(x, from);
        const char *eq = end > from ? memchr(x->t.p + from, '=', end - from) : NULL;
        if (!eq) return;
        redact_hide(x, (size_t)(eq - x->t.p) + 1, end, REDACT_SECRET);
        if (redact_at(x, end) != ';') return;
        i = end + 1;
    }
}

/* Masked values alone hide what they stood for. */
static bool is_masked(const struct redact_text *x, size_t from, size_t to) {
    for (size_t n; from < to; from += n) {
        n = redact_placeholder(x, from);
        if (n == 0 && redact_is_word(x->t.p[from])) return false;
        if (n == 0) n = 1;
    }
    return true;
}

/* "Token{…}", "BinderProxy@<id>": a program's word for what it does not show. */
static bool is_object(const struct redact_text *x, size_t from, size_t end) {
    size_t i = from;
    while (i < end && (redact_is_letter(x->t.p[i]) || x->t.p[i] == '.' || x->t.p[i] == '$')) i++;
    return i > from && (redact_at(x, i) == '{' || redact_begins(x, i, "@<id>", false));
}

/* What stands behind '=' or ':'. sure: only an empty value is none; else words that are no secret stay. */
static void hide_value(struct redact_text *x, size_t i, bool sure) {
    size_t from = skip_blanks(x, i), value = quote_end(x, from), close = value > from ? quote_close(x, from, value) : 0;
    if (close) {
        size_t word = value;
        while (word < close && redact_is_word(x->t.p[word])) word++;
        if (is_scheme_word(x, value, word) && word < close)
            hide_credentials(x, word);
        else if (!is_masked(x, value, close))
            redact_hide(x, value, close, REDACT_SECRET);
        return;
    }
    from = value;
    size_t end = redact_token_end(x, from);
    if (is_object(x, from, end)) return;
    while (end > from && !sure && strchr(".:!?", x->t.p[end - 1])) end--;
    if (is_scheme_word(x, from, end) && redact_is_blank(redact_at(x, end))) {
        hide_credentials(x, end);
        return;
    }
    if (end > from && memchr(x->t.p + from, '=', end - from) && !sure && redact_at(x, end) == ';')
        hide_cookies(x, from);
    else if (end > from && !is_masked(x, from, end) && (sure || !REDACT_IS_ONE_OF(x, from, end, PLAIN)))
        redact_hide(x, from, end, REDACT_SECRET);
}

/* key=VALUE: many a key is none. */
static void hide_if_more_than_a_word(struct redact_text *x, size_t i) {
    size_t from = quote_end(x, i), close = from > i ? quote_close(x, i, from) : 0;
    size_t end = close ? close : redact_token_end(x, from);
    if (end - from >= WORD_LEAST && !is_masked(x, from, end) && redact_looks_secret(x, from, end))
        redact_hide(x, from, end, REDACT_SECRET);
}

/* <password attr="…">VALUE< : the name stands in a tag that opens at `open`. */
static bool hide_element(struct redact_text *x, size_t open, size_t name_end) {
    size_t i = name_end, most = name_end + TAG_MAX;
    if (redact_at(x, open) != '<') return false;
    while (i < x->t.n && i < most && x->t.p[i] != '>' && x->t.p[i] != '<') i++;
    if (redact_at(x, i) != '>') return false;
    size_t end = ++i;
    for (size_t n; end < x->t.n; end += n) {
        n = redact_placeholder(x, end);
        if (n == 0 && x->t.p[end] == '<') break;
        if (n == 0) n = 1;
    }
    if (end > i && end < x->t.n) redact_hide(x, i, end, REDACT_SECRET);
    return end < x->t.n;
}

/* Behind the name's end and its quotes: '=', ':', ':=', '=>', '->'. Where the value begins; 0: there is none of them.
 */
static size_t separator_end(const struct redact_text *x, size_t i, bool *equals) {
    static const char *const ALL[] = {":=", "=>", "->", "=", ":", "%3D", "%3d"};
    i = skip_blanks(x, i);
    for (size_t k = 0; k < COUNT(ALL); k++) {
        if (!redact_begins(x, i, ALL[k], false)) continue;
        *equals = strcmp(ALL[k], ":") != 0;
        return i + strlen(ALL[k]);
    }
    return 0;
}

/* ---- sentences ---- */

static size_t sentence_word_end(const struct redact_text *x, size_t i) {
    size_t end = redact_token_end(x, i);
    while (end > i && strchr(".,:;!?", x->t.p[end - 1])) end--;
    return end;
}

/* told: a quoted word is the secret, whatever it looks like. */
static bool hide_quoted_word(struct redact_text *x, size_t i, bool told) {
    size_t from = quote_end(x, i), close = from > i ? quote_close(x, i, from) : 0;
    if (!close) return from > i;
    if (told || redact_looks_secret(x, from, close)) redact_hide(x, from, close, REDACT_SECRET);
    return true;
}

/* The password [for NAME] is VALUE; wrong password VALUE. told: a verb leads to the value, so that a word is one.
 * token: the name is "token", which parsers have too. */
static void hide_in_sentence(struct redact_text *x, size_t i, bool token) {
    bool told = false, named = false, changed = false;
    for (int k = 0; k < SENTENCE_WORDS; k++) {
        size_t from = skip_blanks(x, i);
        if (hide_quoted_word(x, from, told || (k == 0 && !token))) return;
        size_t end = sentence_word_end(x, from);
        if (end == from) return;
        bool verb = redact_is(x, from, end, "is") || redact_is(x, from, end, "was") ||
                    (changed && redact_is(x, from, end, "to"));
        if (redact_at(x, end) != '\0' && memchr(x->t.p + from, '=', end - from))
            return; /* another name, and its value */
        if (REDACT_IS_ONE_OF(x, from, end, FILLERS)) {
            named = redact_is(x, from, end, "for") || redact_is(x, from, end, "of");
            told = told || verb;
            changed = redact_is(x, from, end, "changed") || redact_is(x, from, end, "set") ||
                      redact_is(x, from, end, "reset");
        } else if (named) {
            named = false; /* whose it is */
        } else {
            bool plain = REDACT_IS_ONE_OF(x, from, end, PLAIN) || is_masked(x, from, end);
            if (!plain && (told || redact_looks_secret(x, from, end)))
                redact_hide(x, from, redact_token_end(x, from), REDACT_SECRET);
            return;
        }
        i = end;
        while (redact_at(x, i) && strchr(".,:;!?", redact_at(x, i))) i++;
    }
}

/* ---- all names ---- */

/* Where the tag begins that the name is the first word of: "<", or "<ns:" before it. */
static size_t tag_open(const struct redact_text *x, size_t from) {
    size_t i = from;
    if (i > 0 && x->t.p[i - 1] == ':')
        for (i--; i > 0 && redact_is_word(x->t.p[i - 1]);) i--;
    return i > 0 ? i - 1 : from;
}

static bool is_flag(const struct redact_text *x, size_t from) {
    size_t i = from;
    while (i > 0 && x->t.p[i - 1] == '-') i--;
    return i < from && (i == 0 || !redact_is_word(x->t.p[i - 1]));
}

/* key="Password" value="…" */
static size_t attribute_value(const struct redact_text *x, size_t i) {
    while (redact_is_blank(redact_at(x, i)) || redact_at(x, i) == ',') i++;
    i = quote_end(x, i);
    return redact_begins(x, i, "value", true) ? i + 5 : 0;
}

static void take_name(struct redact_text *x, size_t from, size_t to, enum name_where where) {
    bool equals = false;
    size_t quoted = quote_end(x, to), value;
    if (hide_element(x, tag_open(x, from), to)) return;
    if (quoted > to && (value = attribute_value(x, quoted)) != 0) quoted = quote_end(x, value);
    value = separator_end(x, quoted, &equals);
    if (value) {
        bool in_object = quoted > to;
        if (where <= NAME_EQUALS) {
            bool query = from > 0 && (x->t.p[from - 1] == '?' || x->t.p[from - 1] == '&');
            if (equals && !in_object && (where == NAME_EQUALS || query)) hide_if_more_than_a_word(x, value);
            return;
        }
        if (where == NAME_FIELD && !equals && skip_blanks(x, quoted) > quoted) return; /* "pass : …" is prose */
        hide_value(x, value, equals || in_object);
    } else if (is_flag(x, from) && where > NAME_EQUALS && (redact_at(x, to) == ' ' || redact_at(x, to) == ',')) {
        size_t i = to;
        while (redact_at(x, i) == ' ' || redact_at(x, i) == ',') i++;
        if (redact_at(x, i) != '-') hide_value(x, i, false);
    } else if (where == NAME_PROSE && redact_is_blank(redact_at(x, to))) {
        hide_in_sentence(x, to, to - from >= 5 && redact_is(x, to - 5, to, "token"));
    }
}

/* "Bearer X" without a header's name; a word "token" or "basic" in a sentence must be followed by more than a word. */
static void take_scheme(struct redact_text *x, size_t to) {
    size_t from = skip_blanks(x, to), end = redact_token_end(x, from);
    const char *equals = end > from ? memchr(x->t.p + from, '=', end - from) : NULL;
    if (equals && (size_t)(equals - x->t.p) + 2 < end) return; /* the next name, and its value */
    if (from > to && end - from >= 6 && !is_masked(x, from, end) && redact_looks_secret(x, from, end))
        redact_hide(x, from, end, REDACT_SECRET);
}

/* "session X closed": long and random, or it is not one. */
static void take_session(struct redact_text *x, size_t to) {
    size_t from = skip_blanks(x, to), end = redact_token_end(x, from);
    if (from > to && end - from >= SESSION_MIN && !is_masked(x, from, end) && redact_looks_secret(x, from, end))
        redact_hide(x, from, end, REDACT_SECRET);
}

void redact_named(struct redact_text *x) {
    for (size_t i = 0, end; i < x->t.n; i = end) {
        end = i + 1;
        if (x->mark[i] != REDACT_KEEP || !is_in_name(x->t.p[i]))
            continue; /* within a secret: known, and work is done once */
        while (end < x->t.n && is_in_name(x->t.p[end])) end++;
        size_t from = i;
        while (from < end && x->t.p[from] == '-') from++;
        enum name_where where = name_of(x, from, end);
        if (where != NAME_NONE) take_name(x, from, end, where);
        if (is_scheme_word(x, from, end)) take_scheme(x, end);
        if (redact_is(x, from, end, "session")) take_session(x, end);
    }
}
