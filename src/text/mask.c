#include "text/mask.h"

#include "text/mask_map.h"
#include "text/mask_match.h"
#include "text/utf8.h"

/* The texts, with room behind them for a copy of fixed size. */
enum { COPY = 16 };
static const struct placeholder {
    char text[COPY];
    size_t n;
} PLACEHOLDER[] = {
#define MASK(id, text, what) {text, sizeof(text) - 1},
#include "text/mask.def"
#undef MASK
};

/* A chunk without any of these holds no value, but for a domain name. */
enum { MARK_VALUE = MARK_DIGIT | MARK_SLASH | MARK_BACKSLASH | MARK_AT };

/* ---- output ---- */

struct mask {
    struct span line; /* of the map */
    char *out;
    size_t n;
    size_t masked;                       /* where the last placeholder ends in out */
    struct span value[MASK_LIST_PERIOD]; /* the last chunks with a placeholder, as written */
    bool repeats;                        /* one equals another: there may be a list */
    enum mask_kind last;                 /* and its kind */
    bool space;                          /* white space was read; it is written before the next thing */
    bool full;                           /* no room: the template ends here */
    size_t look;                         /* the last stop of the map; at it there is nothing to copy */
    const struct mask_map *map;
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

static void put_masked(struct mask *m, enum mask_kind kind) {
    if (m->last == kind && only_separator(m)) { /* 1, 2, 3 is as much as 1 */
        m->n = m->masked;
        m->space = false;
        return;
    }
    const struct placeholder *text = &PLACEHOLDER[kind];
    if (m->n + COPY < MASK_OUTPUT_MAX) { /* with its blank */
        mask_make_room(m, text->n);
        memcpy(m->out + m->n, text->text, COPY);
        m->n += text->n;
    } else {
        mask_put(m, text->text, text->n);
    }
    m->last = kind;
    m->masked = m->n;
}

/* ---- tokens ---- */

/* The end of the number that begins with the digit at `at`. Most are digits alone. */
static size_t number_end(const struct mask *m, size_t at) {
    size_t n = mask_map_run(mask_map_from(m->map, MAP_DIGIT, at));
    char behind = mask_char_at(m->line, at + n);
    bool more = n >= MASK_RUN_MAX || behind == '.' || behind == ',' || (behind | 32) == 'e';
    return more ? mask_number(m->line, at) : at + n;
}

/* The number [at, end), whose sign begins at `from`; a plain one has no unit. */
static void mask_put_number(struct mask *m, size_t from, size_t at, size_t end, bool plain) {
    if (plain && mask_number_is_kept(m->line, at, end))
        mask_put_line(m, from, end);
    else if (m->line.p[from] == '0' && mask_number_is_no(m->line, from, end))
        mask_put(m, "0", 1);
    else
        put_masked(m, KIND_NUM);
}

/* A number and its unit [end, unit), of which 1h30m leaves the last part's. */
static size_t number_and_unit(struct mask *m, size_t from, size_t at, size_t end, size_t unit) {
    mask_put_number(m, from, at, end, unit == end);
    if (unit > end) {
        size_t last = unit;
        while (mask_class_at(m->line, last - 1) & C_LETTER) last--;
        mask_put_line(m, last, unit);
    }
    return unit;
}

/* The letters of a word stay, its digits are numbers. */
static size_t put_parts(struct mask *m, size_t at, size_t end) {
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

/* Where the word at `at` ends. */
static size_t word_end(const struct mask_map *map, size_t at) {
    size_t n = mask_map_run(mask_map_from(map, MAP_ALNUM, at));
    return n < MASK_RUN_MAX ? at + n : mask_run(map->line, at + n, C_ALNUM);
}

/* A run of letters and digits. */
static size_t mask_one_word(struct mask *m, size_t at) {
    size_t end = word_end(m->map, at);
    if (end - at < MASK_RUN_MAX && !mask_map_first(mask_map_from(m->map, MAP_DIGIT, at), end - at)) {
        mask_put_line(m, at, end);
        return end;
    }
    size_t glog = end - at == 5 ? mask_glog(m->line, at, end) : at;
    if (glog > at) {
        mask_put_line(m, at, at + 1);
        put_masked(m, KIND_TIME);
        return glog;
    }
    switch (mask_word(m->map, at, end)) {
    case WORD_ID: put_masked(m, KIND_ID); return end;
    case WORD_STAYS:
        end = mask_word_minor(m->line, end);
        mask_put_line(m, at, end);
        return end;
    case WORD_DIGITS_GO: break;
    }
    return put_parts(m, at, end);
}

/* Decimals all through, and still a word of hex digits: 00105000. */
static bool is_hex_of_zeros(const struct mask *m, size_t at, size_t end) {
    enum { WORD_OF_HEX = 8 };
    return end - at == WORD_OF_HEX && m->line.p[at] == '0' && mask_run(m->line, at, C_DIGIT) == end;
}

/* A digit that begins no known shape: a number, a number with a unit, or a word. */
static size_t digits(struct mask *m, size_t at) {
    size_t end = number_end(m, at), unit = mask_unit(m->line, end);
    bool number = unit > end || !(mask_class_at(m->line, end) & C_ALNUM);
    if (number && is_hex_of_zeros(m, at, end)) {
        put_masked(m, KIND_ID);
        return end;
    }
    return number ? number_and_unit(m, at, at, end, unit) : mask_one_word(m, at);
}

/* A mark; a sign goes with its number, where the mark can't be a hyphen. */
static size_t mark(struct mask *m, size_t at) {
    char c = m->line.p[at];
    bool before = at == 0 || (mask_class_at(m->line, at - 1) & (C_BREAK | C_COLON)) || m->line.p[at - 1] == '_';
    if ((c == '-' || c == '+') && before && (mask_class_at(m->line, at + 1) & C_DIGIT)) {
        size_t end = number_end(m, at + 1), unit = mask_unit(m->line, end);
        if (!(mask_class_at(m->line, unit) & (C_ALNUM | C_MARK))) return number_and_unit(m, at, at + 1, end, unit);
    }
    mask_put_line(m, at, at + 1);
    return at + 1;
}

static size_t token(struct mask *m, size_t at, size_t end, uint32_t shapes) {
    uint32_t here = mask_shapes_at(m->map, at, end, shapes);
    if (here) {
        enum mask_kind kind = KIND_NONE;
        size_t to = mask_shape(m->map, at, end, here, &kind);
        if (to > at && kind == KIND_NONE)
            mask_put_line(m, at, to);
        else if (to > at)
            put_masked(m, kind);
        if (to > at) return to;
    }
    unsigned c = mask_class_at(m->line, at);
    if (c & C_DIGIT) return digits(m, at);
    if (c & C_LETTER) return mask_one_word(m, at);
    return mark(m, at);
}

/* Nothing was written but a time, and a blank came behind it. */
static bool is_behind_time(const struct mask *m) {
    return m->n == PLACEHOLDER[KIND_TIME].n && m->n == m->masked && m->last == KIND_TIME && m->space;
}

/* A name that its place in the line tells: where it ends, or at. */
static size_t name_by_place(struct mask *m, size_t at) {
    static const enum mask_kind KIND[] = {[NAME_USER] = KIND_USER, [NAME_HOST] = KIND_HOST, [NAME_ID] = KIND_ID};
    enum mask_name what = NAME_USER;
    size_t to = at;
    if (at == 0) return at;
    char before = m->line.p[at - 1], more = at > 1 ? m->line.p[at - 2] : ' ';
    bool apart = before == ' ' && more == '=' && at > 2 && m->line.p[at - 3] == ' '; /* key = value */
    if (before == '=' || before == '"' || before == '\'' || apart)
        to = mask_keyed(m->line, at, &what);
    else if (before == ' ' && more == 'r')
        to = mask_user(m->line, at);
    else if (is_behind_time(m)) {
        to = mask_syslog_host(m->line, at, (mask_class_at(m->line, 0) & C_LETTER) != 0);
        what = NAME_HOST;
    }
    if (to > at) put_masked(m, KIND[what]);
    return to;
}

/* A chunk without digits: most are words and go through as they are. Months, domain names and disks are values. */
static size_t plain_chunk(struct mask *m, size_t at, size_t end) {
    bool dot = end - at >= MASK_RUN_MAX || mask_map_first(mask_map_from(m->map, MAP_DOMAIN, at), end - at);
    size_t letters = end - at <= 5 ? mask_run(m->line, at, C_LETTER) : at;
    size_t time = letters == at + 3 ? mask_time(m->line, at, end) : at; /* Jun 14 15:16:01 */
    size_t host = dot && time == at ? mask_host(m->line, at, end) : at;
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
    if (now.n > 1)
        for (size_t i = 0; i < MASK_LIST_PERIOD; i++) m->repeats |= span_eq(now, m->value[i]);
    m->value[2] = m->value[1], m->value[1] = m->value[0], m->value[0] = now;
}

/* Digits alone, whose chunk began in the output at `from`: a number, or the day that a date begins with. */
static size_t number_chunk(struct mask *m, size_t at, size_t end, size_t from) {
    bool day = mask_char_at(m->line, end) == ' ' && (end - at <= 2 || end - at == 8);
    size_t time = day ? mask_time(m->line, at, end) : at;
    if (time > at)
        put_masked(m, KIND_TIME);
    else if (is_hex_of_zeros(m, at, end))
        put_masked(m, KIND_ID);
    else
        mask_put_number(m, at, at, end, true);
    if (m->masked > from) note_value(m, (struct span){m->out + from, m->n - from});
    return time > at ? time : end;
}

/* A run without white space and delimiters. Returns where to go on. */
static size_t chunk(struct mask *m, size_t at) {
    size_t from = m->n + (m->space && m->n > 0), name = name_by_place(m, at);
    if (name > at) return name;
    size_t end = mask_map_break(m->map, at), digits = mask_map_run(mask_map_from(m->map, MAP_DIGIT, at));
    if (digits == end - at && digits < MASK_RUN_MAX && mask_char_at(m->line, end) != ',') /* 1,234 goes on */
        return number_chunk(m, at, end, from);
    unsigned marks = mask_map_marks_of(m->map, at, end);
    if (!(marks & MARK_VALUE)) return plain_chunk(m, at, end);
    uint32_t shapes = mask_shapes_of(marks);
    while (at < end && !m->full) at = token(m, at, end, shapes);
    if (m->masked > from) note_value(m, (struct span){m->out + from, m->n - from});
    return at;
}

/* Copies what comes before the next chunk that needs a look: words and delimiters with single blanks between them.
 * Returns where that is, or at. */
static size_t plain_words(struct mask *m, size_t at) {
    if (at == m->look) return at;
    if (at > 0 && !mask_map_breaks(m->map, at - 1) && !mask_map_breaks(m->map, at)) return at; /* inside a chunk */
    if (is_behind_time(m)) return at;                                                          /* there may be a host */
    size_t stop = mask_map_stop(m->map, at), n = stop - at;
    m->look = stop;
    if (n == 0 || m->n + n + 1 + COPY > MASK_OUTPUT_MAX) return at;
    bool blank = m->line.p[stop - 1] == ' ';
    mask_put_line(m, at, stop - blank);
    m->space = blank;
    return stop;
}

/* Terminal colours and the like: the end of ESC [ … letter. */
static size_t escape_end(struct span line, size_t at) {
    if (mask_char_at(line, at + 1) != '[') return at + 1;
    size_t end = at + 2;
    while (end < line.n && ((mask_class_at(line, end) & C_DIGIT) || line.p[end] == ';')) end++;
    return mask_class_at(line, end) & C_LETTER ? end + 1 : end;
}

size_t mask_mapped(const struct mask_map *map, char *out) {
    struct mask m = {.line = map->line, .map = map, .out = out, .last = KIND_NONE, .look = SIZE_MAX};
    for (size_t at = 0; at < m.line.n && !m.full;) {
        unsigned c = mask_class[(unsigned char)m.line.p[at]];
        if (c & C_SPACE) {
            m.space = true;
            at = m.line.p[at] == '\033' ? escape_end(m.line, at) : at + 1;
            continue;
        }
        size_t to = plain_words(&m, at);
        if (to > at) {
            at = to;
        } else if (c & C_DELIM) {
            mask_put_line(&m, at, at + 1);
            at++;
        } else {
            at = chunk(&m, at);
        }
    }
    return m.repeats ? mask_drop_repeats(out, m.n) : m.n;
}

size_t mask_line(struct span message, char *out) {
    struct mask_map map;
    mask_map_make(utf8_cut(message, MASK_INPUT_MAX), &map);
    return mask_mapped(&map, out);
}
