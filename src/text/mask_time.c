/* mask_time: dates and clocks. A date is one of a table of layouts; a clock may follow it, a zone or a year may follow
 * that. */
#include "text/mask_match.h"

/* Y year of four digits, y of two; m month, two digits; n month, one or two; d day, one or two; D day, two; b a month's
 * name; w a day's name; anything else: itself. A blank stands for one blank or two. */
static const struct layout {
    const char *text;
    bool alone; /* a date also without a clock behind it */
} LAYOUT[] = {
    {"Y-m-D", true},  {"Y/m/D", true},     {"Y.m.D", true}, {"D.m.Y", true}, {"D/b/Y", true},    {"d-b-Y", true},
    {"Y/n/d", true},  {"Y-n-d", true},     {"n/d/Y", true}, {"d/n/Y", true}, {"d.n.Y", true},    {"D/m/Y", true},
    {"m/D/Y", true},  {"D-m-Y", true},     {"m-D-Y", true}, {"d b Y", true}, {"YmD", false},     {"y/m/D", false},
    {"y-m-D", false}, {"m-D", false},      {"m/D", false},  {"m.D", false},  {"w, d b Y", true}, {"w b d Y", true},
    {"w b d", false}, {"w, b d, Y", true}, {"d b", false},
};
enum { LAYOUTS = sizeof LAYOUT / sizeof LAYOUT[0] };

static const char ZONE[][4] = {"UTC", "GMT", "CET", "CEST", "EST", "EDT", "CST", "CDT",  "PST", "PDT",
                               "MST", "MDT", "MSK", "IST",  "JST", "BST", "EET", "EEST", "AM",  "PM"};
enum { ZONES = sizeof ZONE / sizeof ZONE[0], ZONE_MOST = sizeof ZONE[0] };

/* Three letters as a number. */
#define THREE(a, b, c) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16)

/* In lower case, as far as letters have one. */
static uint32_t three_at(const char *p) {
    return THREE((unsigned char)p[0], (unsigned char)p[1], (unsigned char)p[2]) | 0x202020;
}

static bool is_month(uint32_t letters) {
    switch (letters) {
    case THREE('j', 'a', 'n'):
    case THREE('f', 'e', 'b'):
    case THREE('m', 'a', 'r'):
    case THREE('a', 'p', 'r'):
    case THREE('m', 'a', 'y'):
    case THREE('j', 'u', 'n'):
    case THREE('j', 'u', 'l'):
    case THREE('a', 'u', 'g'):
    case THREE('s', 'e', 'p'):
    case THREE('o', 'c', 't'):
    case THREE('n', 'o', 'v'):
    case THREE('d', 'e', 'c'): return true;
    default: return false;
    }
}

static bool is_weekday(uint32_t letters) {
    switch (letters) {
    case THREE('m', 'o', 'n'):
    case THREE('t', 'u', 'e'):
    case THREE('w', 'e', 'd'):
    case THREE('t', 'h', 'u'):
    case THREE('f', 'r', 'i'):
    case THREE('s', 'a', 't'):
    case THREE('s', 'u', 'n'): return true;
    default: return false;
    }
}

bool mask_is_time_name(const char letters[3]) {
    uint32_t wanted = three_at(letters);
    return is_month(wanted) || is_weekday(wanted);
}

static size_t name_at(struct span line, size_t at, bool (*is)(uint32_t)) {
    if (at + 3 > line.n || (mask_class_at(line, at + 3) & C_ALNUM)) return at;
    return is(three_at(line.p + at)) ? at + 3 : at;
}

/* Between least and most digits with a value in [low, high]. */
static inline size_t digits_at(struct span line, size_t at, size_t least, size_t most, unsigned low, unsigned high) {
    unsigned value = 0, digit;
    size_t n = 0;
    for (; n < most && at + n < line.n && (digit = (unsigned)(unsigned char)line.p[at + n] - '0') < 10; n++)
        value = value * 10 + digit;
    return n >= least && value >= low && value <= high ? at + n : at;
}

static size_t blank_at(struct span line, size_t at) {
    if (mask_char_at(line, at) != ' ') return at;
    return mask_char_at(line, at + 1) == ' ' ? at + 2 : at + 1;
}

static inline size_t field_at(struct span line, size_t at, char field) {
    switch (field) {
    case 'Y': return digits_at(line, at, 4, 4, 1970, 2199);
    case 'y': return digits_at(line, at, 2, 2, 0, 99);
    case 'm': return digits_at(line, at, 2, 2, 1, 12);
    case 'n': return digits_at(line, at, 1, 2, 1, 12);
    case 'D': return digits_at(line, at, 2, 2, 1, 31);
    case 'd': return digits_at(line, at, 1, 2, 1, 31);
    case 'b': return name_at(line, at, is_month);
    case 'w': return name_at(line, at, is_weekday);
    case ' ': return blank_at(line, at);
    default: return mask_char_at(line, at) == field ? at + 1 : at;
    }
}

static size_t layout_at(struct span line, size_t at, const char *layout) {
    size_t from = at;
    for (; *layout; layout++) {
        size_t next = field_at(line, at, *layout);
        if (next == at) return from;
        at = next;
    }
    return mask_class_at(line, at) & C_DIGIT ? from : at;
}

static size_t fraction_at(struct span line, size_t at) {
    char c = mask_char_at(line, at);
    if (c != '.' && c != ',' && c != ':') return at;
    size_t end = mask_run(line, at + 1, C_DIGIT), n = end - at - 1;
    return n >= (c == '.' ? 1 : 3) && n <= 9 ? end : at;
}

/* +01:00 or -0700; behind a blank the minutes must be there, or it could be anything. */
static size_t offset_at(struct span line, size_t at, bool needs_minutes) {
    size_t hour = digits_at(line, at + 1, 2, 2, 0, 14);
    if (hour == at + 1) return at;
    size_t from = mask_char_at(line, hour) == ':' ? hour + 1 : hour;
    size_t minute = digits_at(line, from, 2, 2, 0, 59);
    size_t end = minute > from ? minute : hour;
    if (end == hour && needs_minutes) return at;
    return mask_class_at(line, end) & C_ALNUM ? at : end;
}

static size_t zone_at(struct span line, size_t at) {
    bool blank = mask_char_at(line, at) == ' ';
    size_t from = at + blank;
    char first = mask_char_at(line, from);
    if (first == '+' || first == '-') {
        size_t end = offset_at(line, from, blank);
        return end == from ? at : end;
    }
    if (!(mask_class_at(line, from) & C_UPPER)) return at;
    size_t end = mask_run(line, from, C_ALNUM);
    if (first == 'Z' && end == from + 1 && !blank) return end;
    if (end < from + 2 || end > from + ZONE_MOST) return at;
    char name[ZONE_MOST] = {0};
    memcpy(name, line.p + from, end - from);
    for (size_t i = 0; i < ZONES; i++)
        if (memcmp(name, ZONE[i], ZONE_MOST) == 0) return end;
    return at;
}

/* hh:mm, hh:mm:ss, with fraction and zone. */
static size_t clock_at(struct span line, size_t at) {
    size_t hour = digits_at(line, at, 1, 2, 0, 24);
    if (hour == at || mask_char_at(line, hour) != ':') return at;
    size_t minute = digits_at(line, hour + 1, 2, 2, 0, 59);
    if (minute == hour + 1) return at;
    size_t end = minute;
    if (mask_char_at(line, end) == ':') {
        size_t second = digits_at(line, end + 1, 2, 2, 0, 60);
        if (second == end + 1) return at;
        end = fraction_at(line, second);
    }
    if (mask_class_at(line, end) & C_DIGIT) return at;
    return zone_at(line, end);
}

/* hhmmss or hh.mm.ss, which are clocks only behind a date. */
static size_t dense_clock_at(struct span line, size_t at) {
    static const char *const DENSE[] = {"HMS", "H.M.S"};
    for (size_t i = 0; i < 2; i++) {
        size_t end = at;
        for (const char *f = DENSE[i]; *f; f++) {
            size_t next = *f == '.' ? field_at(line, end, '.') : digits_at(line, end, 2, 2, 0, *f == 'H' ? 24 : 60);
            if (next == end) {
                end = at;
                break;
            }
            end = next;
        }
        if (end > at) end = fraction_at(line, end);
        if (end > at && !(mask_class_at(line, end) & C_DIGIT)) return zone_at(line, end);
    }
    return at;
}

/* The clock behind a date, and the year some put behind the clock; `date`: there is none. */
static size_t clock_behind(struct span line, size_t date) {
    char c = mask_char_at(line, date);
    if (c != ' ' && c != 'T' && c != '_' && c != '-' && c != ':') return date;
    size_t from = c == ' ' ? blank_at(line, date) : date + 1;
    size_t end = clock_at(line, from);
    if (end == from && c != ' ') end = dense_clock_at(line, from);
    if (end == from) return date;
    size_t year = layout_at(line, end, " Y");
    return year > end && !(mask_class_at(line, year) & C_ALNUM) && mask_char_at(line, year) != '-' ? year : end;
}

/* Cheap refusal of most numbers and words: a date or clock goes on with one of a few marks behind its first part, which
 * ends at `word`. */
static bool may_be_time(struct span line, size_t at, size_t word, char mark) {
    size_t n = word - at;
    if (mask_class_at(line, at) & C_LETTER)
        return n == 3 && (mark == ' ' || mark == ',') && mask_is_time_name(line.p + at);
    if (n == 15 || n == 16) return true; /* 20230115T101530Z */
    switch (mark) {
    case '-':
    case '/':
    case '.':
    case ':': return n <= 4 || n == 8;
    case ' ': return n <= 2 || n == 8;
    case '_': return n == 8;
    default: return false;
    }
}

/* Whether a layout may begin with so many digits; none: with a name. */
static bool may_begin_with(const char *layout, size_t digits) {
    switch (layout[0]) {
    case 'Y': return digits == (layout[1] == 'm' ? 8 : 4);
    case 'w': return digits == 0;
    default: return digits == 2 || (digits == 1 && (layout[0] == 'd' || layout[0] == 'n'));
    }
}

/* The layouts that may begin with so many digits and this mark behind them, a bit each: constants to the compiler,
 * which unrolls the loops. */
static inline __attribute__((always_inline)) uint32_t layouts_beginning(size_t digits) {
    uint32_t bits = 0;
    _Pragma("GCC unroll 32") for (size_t i = 0; i < LAYOUTS; i++) bits |=
        (uint32_t)may_begin_with(LAYOUT[i].text, digits) << i;
    return bits;
}
static inline __attribute__((always_inline)) uint32_t layouts_marked(char mark) {
    uint32_t bits = 0;
    _Pragma("GCC unroll 32") for (size_t i = 0; i < LAYOUTS; i++) bits |=
        (uint32_t)(LAYOUT[i].text[1] == mark || LAYOUT[i].text[1] == 'm') << i;
    return bits;
}

static uint32_t layouts_that_may_be(size_t digits, char mark) {
    uint32_t bits = 0;
    _Static_assert(LAYOUTS <= 32, "a bit for each layout");
    switch (digits) {
    case 0: bits = layouts_beginning(0); break;
    case 1: bits = layouts_beginning(1); break;
    case 2: bits = layouts_beginning(2); break;
    case 4: bits = layouts_beginning(4); break;
    case 8: bits = layouts_beginning(8); break;
    default: return 0;
    }
    switch (mark) {
    case '-': return bits & layouts_marked('-');
    case '/': return bits & layouts_marked('/');
    case '.': return bits & layouts_marked('.');
    case ',': return bits & layouts_marked(',');
    case ' ': return bits & layouts_marked(' ');
    default: return bits & layouts_marked('m');
    }
}

/* Whether a date may go on behind its first field of `digits`, at most four, and the mark: with a number of a digit or
 * two and the mark again, with a clock behind two fields of two digits, with a month's name. */
static bool date_goes_on(struct span line, size_t digits, size_t mark) {
    char c = mask_char_at(line, mark);
    if (c == ' ') {
        size_t blank = blank_at(line, mark);
        return name_at(line, blank, is_month) > blank;
    }
    if (c != '-' && c != '/' && c != '.') return false;
    size_t n = mask_run(line, mark + 1, C_DIGIT) - (mark + 1);
    if (n == 0) return c != '.' && (mask_class_at(line, mark + 1) & C_LETTER);
    if (n > 2) return false;
    char behind = mask_char_at(line, mark + 1 + n);
    return behind == c || (digits == 2 && n == 2 &&
                           (behind == ' ' || behind == 'T' || behind == '_' || behind == '-' || behind == ':'));
}

/* A date that begins with the month: "b d, Y" and "b d Y", also alone, and "b d" with a clock. Most lines of syslog do.
 */
static size_t month_first(struct span line, size_t at) {
    size_t blank = blank_at(line, at + 3), day = digits_at(line, blank, 1, 2, 1, 31);
    if (blank == at + 3 || day == blank) return at;
    size_t year = layout_at(line, day, mask_char_at(line, day) == ',' ? ", Y" : " Y");
    if (year > day) {
        size_t whole = clock_behind(line, year);
        if (whole > year) return whole;
        if (!(mask_class_at(line, year) & C_ALNUM)) return year;
    }
    if (mask_class_at(line, day) & C_DIGIT) return at;
    size_t whole = clock_behind(line, day);
    return whole > day ? whole : at;
}

size_t mask_time(struct span line, size_t at, size_t end) {
    (void)end;
    if (!mask_starts_word(line, at)) return at;
    size_t digits = mask_run(line, at, C_DIGIT), word = mask_run(line, digits, C_ALNUM);
    char mark = mask_char_at(line, word); /* behind the first field */
    if (!may_be_time(line, at, word, mark)) return at;
    if (digits == at && mark == ' ' && is_month(three_at(line.p + at))) return month_first(line, at);
    size_t clock = digits > at ? clock_at(line, at) : at;
    if (clock > at) return clock;
    if (digits > at && digits == word && word - at <= 4 && !date_goes_on(line, digits - at, word)) return at;
    for (uint32_t bits = layouts_that_may_be(digits - at, mark); bits; bits &= bits - 1) {
        const struct layout *layout = &LAYOUT[__builtin_ctz(bits)];
        size_t date = layout_at(line, at, layout->text);
        if (date == at) continue;
        size_t whole = clock_behind(line, date);
        if (whole > date) return whole;
        if (layout->alone && !(mask_class_at(line, date) & C_ALNUM)) return date;
    }
    return at;
}

size_t mask_glog(struct span line, size_t at, size_t end) {
    if (end - at != 5 || !strchr("IWEFD", line.p[at])) return at;
    size_t date = layout_at(line, at + 1, "mD");
    if (date != at + 5) return at;
    size_t clock = clock_behind(line, date);
    return clock > date ? clock : at;
}
