#include "text/mask.h"

#include "text/mask_match.h"
#include "text/utf8.h"

/* ---- byte classes ---- */

#define BETWEEN(c, lo, hi) ((c) >= (lo) && (c) <= (hi))
#define IF(test, bits)     ((test) ? (unsigned)(bits) : 0u)
#define IS_DELIM(c)                                                                                                  \
    ((c) == '(' || (c) == ')' || (c) == '[' || (c) == ']' || (c) == '{' || (c) == '}' || (c) == '<' || (c) == '>' || \
     (c) == '"' || (c) == '\'' || (c) == '`' || (c) == ',' || (c) == ';' || (c) == '|' || (c) == '=')
#define IS_WORD(c) (BETWEEN(c, '0', '9') || BETWEEN(c, 'a', 'z') || BETWEEN(c, 'A', 'Z') || (c) >= 0x80)

#define CLASS(c)                                                                                                       \
    (uint16_t)(IF(BETWEEN(c, '0', '9'), C_DIGIT) | IF(BETWEEN(c, 'a', 'f') || BETWEEN(c, 'A', 'F'), C_HEX) |           \
               IF(BETWEEN(c, 'a', 'z'), C_LOWER) | IF(BETWEEN(c, 'A', 'Z'), C_UPPER) | IF((c) >= 0x80, C_HIGH) |       \
               IF((c) <= ' ' || (c) == 0x7f, C_SPACE) | IF(IS_DELIM(c), C_DELIM) |                                     \
               IF((c) > ' ' && (c) < 0x7f && !IS_DELIM(c) && !IS_WORD(c), C_MARK) | IF((c) == '/', C_SLASH) |          \
               IF((c) == '\\', C_BACKSLASH) | IF((c) == '@', C_AT) | IF((c) == ':', C_COLON) | IF((c) == '.', C_DOT) | \
               IF((c) == '-', C_DASH))
#define CLASS4(c)  CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define CLASS16(c) CLASS4(c), CLASS4((c) + 4), CLASS4((c) + 8), CLASS4((c) + 12)
#define CLASS64(c) CLASS16(c), CLASS16((c) + 16), CLASS16((c) + 32), CLASS16((c) + 48)

const uint16_t mask_class[256] = {CLASS64(0), CLASS64(64), CLASS64(128), CLASS64(192)};

/* ---- placeholders and shapes ---- */

enum kind {
#define MASK(id, text, what) KIND_##id,
#include "text/mask.def"
#undef MASK
    KIND_NONE, /* nothing was masked yet, or text stands behind it */
};

static const struct span PLACEHOLDER[] = {
#define MASK(id, text, what) {text, sizeof(text) - 1},
#include "text/mask.def"
#undef MASK
};

/* The shapes, in the order they are tried where a word, a number or a mark begins. */
static const struct shape {
    unsigned first; /* classes the first byte may have */
    unsigned needs; /* classes that must all be in the chunk */
    size_t (*match)(struct span line, size_t at, size_t end);
    enum kind kind; /* KIND_NONE: stays as it is */
} SHAPE[] = {
    {C_LETTER, C_SLASH | C_COLON, mask_url, KIND_URL},
    {C_ALNUM, C_AT, mask_email, KIND_EMAIL},
    {C_LETTER | C_BACKSLASH, C_BACKSLASH, mask_win_path, KIND_PATH},
    {C_LETTER, C_SLASH | C_COLON, mask_win_path, KIND_PATH},
    {C_ALNUM | C_MARK, C_SLASH, mask_path, KIND_PATH},
    {C_XDIGIT, C_DIGIT | C_DASH, mask_uuid, KIND_ID},
    {C_XDIGIT, C_DIGIT | C_COLON, mask_mac, KIND_MAC},
    {C_XDIGIT, C_DIGIT | C_DASH, mask_mac, KIND_MAC},
    {C_XDIGIT, C_DIGIT | C_DOT, mask_mac_dotted, KIND_MAC},
    {C_XDIGIT, C_DIGIT | C_COLON, mask_fingerprint, KIND_ID},
    {C_XDIGIT, C_DIGIT | C_COLON | C_DOT, mask_pci, KIND_ID},
    {C_XDIGIT | C_COLON, C_DIGIT | C_COLON, mask_ip6, KIND_IP},
    {C_DIGIT, C_DIGIT | C_DOT, mask_ip4, KIND_IP},
    {C_DIGIT | C_UPPER, 0, mask_time, KIND_TIME},
    {C_ALNUM, C_DOT, mask_host, KIND_HOST},
    {C_ALNUM | C_MARK, C_DIGIT, mask_code, KIND_NONE},
    {C_UPPER, C_DIGIT | C_DASH, mask_place, KIND_ID},
    {C_DIGIT | C_LETTER, C_DIGIT | C_DOT, mask_version, KIND_VER},
    {C_DIGIT, C_DIGIT, mask_hex, KIND_NUM},
    {C_ALNUM, C_DIGIT, mask_token, KIND_ID},
};
enum { SHAPES = sizeof SHAPE / sizeof SHAPE[0] };

/* A chunk without any of these holds no value, but for a domain name. */
enum { C_VALUE = C_DIGIT | C_SLASH | C_BACKSLASH | C_AT };

/* ---- output ---- */

struct mask {
    struct span line;
    char *out;
    size_t n;
    size_t masked;                       /* where the last placeholder ends in out */
    struct span value[MASK_LIST_PERIOD]; /* the last chunks with a placeholder, as written */
    bool repeats;                        /* one equals another: there may be a list */
    enum kind last;                      /* and its kind */
    bool space;                          /* white space was read; it is written before the next thing */
    bool full;                           /* no room: the template ends here */
};

/* Makes room for n bytes, behind the space that is due. */
static bool mask_make_room(struct mask *m, size_t n) {
    bool space = m->space && m->n > 0;
    if (n + space > MASK_OUTPUT_MAX - m->n) {
        m->full = true;
        return false;
    }
    if (space) m->out[m->n++] = ' ';
    m->space = false;
    return true;
}

static void mask_put(struct mask *m, const char *p, size_t n) {
    if (!mask_make_room(m, n)) return;
    memcpy(m->out + m->n, p, n);
    m->n += n;
}

/* Most words are short: where both sides have the room, a copy of fixed size costs less than one of the right size. */
static void mask_put_line(struct mask *m, size_t from, size_t to) {
    enum { COPY = 16 };
    size_t n = to - from;
    if (!mask_make_room(m, n)) return;
    if (n <= COPY && from + COPY <= m->line.n && m->n + COPY <= MASK_OUTPUT_MAX)
        memcpy(m->out + m->n, m->line.p + from, COPY);
    else
        memcpy(m->out + m->n, m->line.p + from, n);
    m->n += n;
}

/* Nothing, or a mark or two of one kind, or a comma and a blank: what may stand between values of a list. */
static bool only_separator(const struct mask *m) {
    size_t gap = m->n - m->masked;
    const char *mark = m->out + m->masked;
    if (gap == 0) return true;
    if (gap > 2 || mark[gap - 1] != mark[0]) return false;
    switch (mark[0]) {
    case ',':
    case ';': return true;
    case ':':
    case '/':
    case '-':
    case '.':
    case '|':
    case '#':
    case '*':
    case 'x':
    case '+':
    case '_':
    case '~': return !m->space;
    default: return false;
    }
}

static void put_masked(struct mask *m, enum kind kind) {
    if (m->last == kind && only_separator(m)) { /* 1, 2, 3 is as much as 1 */
        m->n = m->masked;
        m->space = false;
        return;
    }
    mask_put(m, PLACEHOLDER[kind].p, PLACEHOLDER[kind].n);
    m->last = kind;
    m->masked = m->n;
}

/* ---- tokens ---- */

/* The number [at, end), whose sign begins at `from`; a plain one has no unit. */
static void mask_put_number(struct mask *m, size_t from, size_t at, size_t end, bool plain) {
    if (plain && mask_number_is_kept(m->line, at, end))
        mask_put_line(m, from, end);
    else if (mask_number_is_no(m->line, from, end))
        mask_put(m, "0", 1);
    else
        put_masked(m, KIND_NUM);
}

/* A number with its unit, of which 1h30m leaves the last part's. */
static size_t number_and_unit(struct mask *m, size_t from, size_t at) {
    size_t end = mask_number(m->line, at), unit = mask_unit(m->line, end);
    mask_put_number(m, from, at, end, unit == end);
    if (unit > end) {
        size_t last = unit;
        while (mask_class_at(m->line, last - 1) & C_LETTER) last--;
        mask_put_line(m, last, unit);
    }
    return unit;
}

/* A run of letters and digits. */
static size_t mask_one_word(struct mask *m, size_t at) {
    size_t end = mask_run(m->line, at, C_ALNUM), glog = mask_glog(m->line, at, end);
    if (glog > at) {
        mask_put_line(m, at, at + 1);
        put_masked(m, KIND_TIME);
        return glog;
    }
    switch (mask_word(m->line, at, end)) {
    case WORD_ID: put_masked(m, KIND_ID); return end;
    case WORD_STAYS:
        end = mask_word_minor(m->line, end);
        mask_put_line(m, at, end);
        return end;
    case WORD_DIGITS_GO: break;
    }
    size_t disk = mask_disk(m->line, at, end);
    if (disk > at) {
        mask_put_line(m, at, disk);
        put_masked(m, KIND_NUM);
        return end;
    }
    while (at < end) {
        size_t letters = mask_run(m->line, at, C_LETTER), digits = mask_run(m->line, letters, C_DIGIT);
        if (letters > at) mask_put_line(m, at, letters);
        if (digits > letters) put_masked(m, KIND_NUM);
        at = digits;
    }
    return end;
}

/* Decimals all through, and still a word of hex digits: 00105000. */
static bool is_hex_of_zeros(const struct mask *m, size_t at, size_t end) {
    enum { WORD_OF_HEX = 8 };
    return end - at == WORD_OF_HEX && m->line.p[at] == '0' && mask_run(m->line, at, C_DIGIT) == end;
}

/* A digit that begins no known shape: a number, a number with a unit, or a word. */
static size_t digits(struct mask *m, size_t at) {
    size_t end = mask_number(m->line, at);
    bool number = !(mask_class_at(m->line, end) & C_ALNUM) || mask_unit(m->line, end) > end;
    if (number && is_hex_of_zeros(m, at, end)) {
        put_masked(m, KIND_ID);
        return end;
    }
    return number ? number_and_unit(m, at, at) : mask_one_word(m, at);
}

/* A mark; a sign goes with its number, where the mark can't be a hyphen. */
static size_t mark(struct mask *m, size_t at) {
    char c = m->line.p[at];
    bool before = at == 0 || (mask_class_at(m->line, at - 1) & (C_BREAK | C_COLON)) || m->line.p[at - 1] == '_';
    if ((c == '-' || c == '+') && before && (mask_class_at(m->line, at + 1) & C_DIGIT)) {
        size_t end = mask_number(m->line, at + 1), unit = mask_unit(m->line, end);
        if (!(mask_class_at(m->line, unit) & (C_ALNUM | C_MARK))) return number_and_unit(m, at, at + 1);
    }
    mask_put_line(m, at, at + 1);
    return at + 1;
}

/* The shapes that need a byte of this class, one bit each: a constant to the compiler, which unrolls the loop. */
static inline __attribute__((always_inline)) uint32_t shapes_that_need(unsigned class) {
    uint32_t bits = 0;
    _Static_assert(SHAPES <= 32, "a bit for each shape");
    _Pragma("GCC unroll 32") for (size_t i = 0; i < SHAPES; i++) bits |= (uint32_t)((SHAPE[i].needs & class) != 0) << i;
    return bits;
}

/* The shapes that a chunk with bytes of these classes may hold. */
static uint32_t shapes_of(unsigned classes) {
    uint32_t bits = (uint32_t)((1ull << SHAPES) - 1);
    if (!(classes & C_DIGIT)) bits &= ~shapes_that_need(C_DIGIT);
    if (!(classes & C_SLASH)) bits &= ~shapes_that_need(C_SLASH);
    if (!(classes & C_BACKSLASH)) bits &= ~shapes_that_need(C_BACKSLASH);
    if (!(classes & C_AT)) bits &= ~shapes_that_need(C_AT);
    if (!(classes & C_COLON)) bits &= ~shapes_that_need(C_COLON);
    if (!(classes & C_DOT)) bits &= ~shapes_that_need(C_DOT);
    if (!(classes & C_DASH)) bits &= ~shapes_that_need(C_DASH);
    return bits;
}

static size_t token(struct mask *m, size_t at, size_t end, uint32_t shapes) {
    unsigned c = mask_class_at(m->line, at);
    for (uint32_t bits = shapes; bits; bits &= bits - 1) {
        const struct shape *s = &SHAPE[__builtin_ctz(bits)];
        size_t to = c & s->first ? s->match(m->line, at, end) : at;
        if (to == at) continue;
        if (s->kind == KIND_NONE)
            mask_put_line(m, at, to);
        else
            put_masked(m, s->kind);
        return to;
    }
    if (c & C_DIGIT) return digits(m, at);
    if (c & C_LETTER) return mask_one_word(m, at);
    return mark(m, at);
}

/* A name that its place in the line tells: where it ends, or at. */
static size_t name_by_place(struct mask *m, size_t at) {
    static const enum kind KIND[] = {[NAME_USER] = KIND_USER, [NAME_HOST] = KIND_HOST, [NAME_ID] = KIND_ID};
    enum mask_name what = NAME_USER;
    size_t to = at;
    if (at == 0) return at;
    char before = m->line.p[at - 1], more = at > 1 ? m->line.p[at - 2] : ' ';
    bool apart = before == ' ' && more == '=' && at > 2 && m->line.p[at - 3] == ' '; /* key = value */
    if (before == '=' || before == '"' || before == '\'' || apart)
        to = mask_keyed(m->line, at, &what);
    else if (before == ' ' && more == 'r')
        to = mask_user(m->line, at);
    else if (m->last == KIND_TIME && m->n == m->masked && m->n == PLACEHOLDER[KIND_TIME].n && m->space) {
        to = mask_syslog_host(m->line, at, (mask_class_at(m->line, 0) & C_LETTER) != 0);
        what = NAME_HOST;
    }
    if (to > at) put_masked(m, KIND[what]);
    return to;
}

/* A chunk without digits: most are words and go through as they are. Months, domain names and disks are values. */
static size_t plain_chunk(struct mask *m, size_t at, size_t end, unsigned classes) {
    size_t letters = end - at <= 5 ? mask_run(m->line, at, C_LETTER) : at;
    size_t time = letters == at + 3 ? mask_time(m->line, at, end) : at; /* Jun 14 15:16:01 */
    size_t host = classes & C_DOT && time == at ? mask_host(m->line, at, end) : at;
    size_t disk = letters > at ? mask_disk(m->line, at, letters) : at;
    if (time > at) {
        put_masked(m, KIND_TIME);
        return time;
    }
    if (host > at) {
        put_masked(m, KIND_HOST);
        return host;
    }
    if (disk > at) {
        mask_put_line(m, at, disk);
        put_masked(m, KIND_NUM);
        return letters;
    }
    mask_put_line(m, at, end);
    return end;
}

/* The chunk that was just written has a placeholder. */
static void note_value(struct mask *m, struct span now) {
    for (size_t i = 0; i < MASK_LIST_PERIOD; i++) m->repeats |= now.n > 1 && span_eq(now, m->value[i]);
    m->value[2] = m->value[1], m->value[1] = m->value[0], m->value[0] = now;
}

/* A run without white space and delimiters. Returns where to go on. */
static size_t chunk(struct mask *m, size_t at) {
    unsigned classes = 0, c;
    size_t end = at, from = m->n + (m->space && m->n > 0), name = name_by_place(m, at);
    if (name > at) return name;
    for (; end < m->line.n && !((c = mask_class[(unsigned char)m->line.p[end]]) & C_BREAK); end++) classes |= c;
    if (!(classes & C_VALUE)) return plain_chunk(m, at, end, classes);
    uint32_t shapes = shapes_of(classes);
    while (at < end && !m->full) at = token(m, at, end, shapes);
    if (m->masked > from) note_value(m, (struct span){m->out + from, m->n - from});
    return at;
}

/* Terminal colours and the like: the end of ESC [ … letter. */
static size_t escape_end(struct span line, size_t at) {
    if (mask_char_at(line, at + 1) != '[') return at + 1;
    size_t end = at + 2;
    while (end < line.n && ((mask_class_at(line, end) & C_DIGIT) || line.p[end] == ';')) end++;
    return mask_class_at(line, end) & C_LETTER ? end + 1 : end;
}

size_t mask_line(struct span message, char *out) {
    struct mask m = {.line = utf8_cut(message, MASK_INPUT_MAX), .out = out, .last = KIND_NONE};
    for (size_t at = 0; at < m.line.n && !m.full;) {
        unsigned c = mask_class[(unsigned char)m.line.p[at]];
        if (c & C_SPACE) {
            m.space = true;
            at = m.line.p[at] == '\033' ? escape_end(m.line, at) : at + 1;
        } else if (c & C_DELIM) {
            mask_put_line(&m, at, at + 1);
            at++;
        } else {
            at = chunk(&m, at);
        }
    }
    return m.repeats ? mask_drop_repeats(out, m.n) : m.n;
}
