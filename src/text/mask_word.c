/* mask_word: numbers and words with digits in them: what is a value and goes, what carries meaning and stays. */
#include "text/mask_map.h"
#include "text/mask_match.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { WORD_BYTES = MASK_WORD_BYTES };

struct known {
    char word[WORD_BYTES]; /* in lower case; a longer word of the line is compared by its first 8 bytes */
    uint8_t digits;
};

/* A number of up to so many digits right behind one of these words carries meaning. */
static const struct known KEEP_AFTER[] = {
    {"code", 5},   {"status", 3},   {"exit", 3},    {"exited", 3},   {"error", 5}, {"err", 5},   {"errno", 5},
    {"rc", 4},     {"returned", 3}, {"return", 3},  {"ret", 3},      {"level", 2}, {"state", 5}, {"severity", 2},
    {"signal", 2}, {"sig", 2},      {"errorno", 5}, {"sqlstate", 5}, {"msg", 5},   {"http", 3},  {"response", 3},
    {"tls", 3},    {"ssl", 3},      {"eventid", 5}, {"sqlcode", 5},
};

/* These end with "code" and are values. */
static const struct known OTHER_CODE[] = {{"keycode", 0}, {"zipcode", 0}, {"postcode", 0}, {"barcode", 0},
                                          {"opcode", 0},  {"geocode", 0}, {"promocod", 0}};

/* A three-digit number right before one of these, capitalised, is an HTTP status. */
static const struct known STATUS_TEXT[] = {
    {"ok", 0},       {"created", 0},  {"accepted", 0}, {"no", 0},       {"moved", 0},    {"found", 0},
    {"not", 0},      {"bad", 0},      {"unauthor", 0}, {"forbidde", 0}, {"method", 0},   {"request", 0},
    {"conflict", 0}, {"gone", 0},     {"too", 0},      {"internal", 0}, {"service", 0},  {"gateway", 0},
    {"continue", 0}, {"switchin", 0}, {"partial", 0},  {"multiple", 0}, {"see", 0},      {"temporar", 0},
    {"permanen", 0}, {"payment", 0},  {"proxy", 0},    {"length", 0},   {"precondi", 0}, {"payload", 0},
    {"uri", 0},      {"unsuppor", 0}, {"range", 0},    {"expectat", 0}, {"misdirec", 0}, {"unproces", 0},
    {"locked", 0},   {"failed", 0},   {"upgrade", 0},  {"http", 0},     {"insuffic", 0}, {"loop", 0},
};

/* A three-digit number behind one of these and a path is an HTTP status. */
static const struct known METHOD[] = {
    {"get", 0}, {"post", 0}, {"put", 0}, {"delete", 0}, {"patch", 0}, {"head", 0}, {"options", 0},
};

/* Glued to a number these are its unit and stay. digits 1: another number may follow, as in 1h30m. */
static const struct known UNIT[] = {
    {"ns", 0},      {"us", 1},   {"ms", 1},   {"s", 1},    {"sec", 0},  {"secs", 0}, {"m", 1},     {"min", 1},
    {"mins", 0},    {"h", 1},    {"hr", 0},   {"hrs", 0},  {"d", 1},    {"day", 0},  {"days", 0},  {"w", 1},
    {"b", 0},       {"k", 0},    {"g", 0},    {"t", 0},    {"kb", 0},   {"mb", 0},   {"gb", 0},    {"tb", 0},
    {"pb", 0},      {"kib", 0},  {"mib", 0},  {"gib", 0},  {"tib", 0},  {"bit", 0},  {"bits", 0},  {"bytes", 0},
    {"kbps", 0},    {"mbps", 0}, {"gbps", 0}, {"hz", 0},   {"khz", 0},  {"mhz", 0},  {"ghz", 0},   {"px", 0},
    {"x", 0},       {"c", 0},    {"f", 0},    {"v", 0},    {"mv", 0},   {"rpm", 0},  {"pct", 0},   {"th", 0},
    {"w", 0},       {"kw", 0},   {"mw", 0},   {"kwh", 0},  {"wh", 0},   {"ma", 0},   {"mah", 0},   {"a", 0},
    {"db", 0},      {"dbm", 0},  {"mm", 0},   {"cm", 0},   {"km", 0},   {"nm", 0},   {"um", 0},    {"kg", 0},
    {"mg", 0},      {"ml", 0},   {"ppm", 0},  {"fps", 0},  {"rps", 0},  {"qps", 0},  {"tps", 0},   {"iops", 0},
    {"bps", 0},     {"kbit", 0}, {"mbit", 0}, {"gbit", 0}, {"bar", 0},  {"psi", 0},  {"hpa", 0},   {"kpa", 0},
    {"deg", 0},     {"lx", 0},   {"msec", 0}, {"usec", 0}, {"nsec", 0}, {"hour", 0}, {"hours", 0}, {"minutes", 0},
    {"seconds", 0},
};

/* Names whose digits would go by the rules of mask_word, but mean something; sorted, for is_term. */
static const char TERM[][WORD_BYTES] = {
#define TERM(word) #word,
#include "text/mask_term.def"
#undef TERM
};

/* Digits behind these, glued or with a '-', are a vendor's message number. */
static const struct known CODE_PREFIX[] = {
    {"ora", 0}, {"tns", 0}, {"rman", 0}, {"pls", 0}, {"my", 0},  {"sql", 0}, {"dep", 0}, {"ah", 0},
    {"asa", 0}, {"cve", 0}, {"cwe", 0},  {"dfh", 0}, {"ief", 0}, {"iec", 0}, {"ts", 0},  {"cs", 0},
    {"nu", 0},  {"rfc", 0}, {"e", 0},    {"w", 0},   {"c", 0},   {"f", 0},
};

/* The bits of a table's words: a constant to the compiler, which unrolls the loop. */
static inline __attribute__((always_inline)) uint64_t word_bits(const struct known *table, size_t n) {
    uint64_t bits = 0;
    _Pragma("GCC unroll 128") for (size_t i = 0; i < n; i++) bits |= mask_word_bit(mask_table_word(table[i].word));
    return bits;
}

static const struct known *word_search(const struct known *table, size_t n, uint64_t word) {
    for (size_t i = 0; i < n; i++)
        if (mask_table_word(table[i].word) == word) return &table[i];
    return NULL;
}

/* The row of table with this word, or NULL. */
static inline __attribute__((always_inline)) const struct known *word_row(const struct known *table, size_t n,
                                                                          uint64_t word) {
    return word && word_bits(table, n) & mask_word_bit(word) ? word_search(table, n, word) : NULL;
}

/* The same of the letters [from, to) of line. */
#define WORD_FIND(table, line, from, to) word_row(table, COUNT(table), mask_word_key(line, from, to))

static bool is_term(struct span line, size_t at, size_t end) {
    if (end - at > WORD_BYTES) return false;
    uint64_t word = __builtin_bswap64(mask_word_key(line, at, end));
    size_t low = 0, high = COUNT(TERM);
    while (low < high) {
        size_t middle = (low + high) / 2;
        uint64_t term = __builtin_bswap64(mask_table_word(TERM[middle]));
        if (term == word) return true;
        if (word < term)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* ---- numbers ---- */

size_t mask_number(struct span line, size_t at) {
    size_t end = mask_run(line, at, C_DIGIT);
    bool fraction = false;
    if (end - at <= 3)
        while (mask_char_at(line, end) == ',' && mask_run(line, end + 1, C_ALNUM) == end + 4 &&
               mask_run(line, end + 1, C_DIGIT) == end + 4)
            end += 4;
    if (mask_char_at(line, end) == '.' && (mask_class_at(line, end + 1) & C_DIGIT)) {
        end = mask_run(line, end + 1, C_DIGIT);
        fraction = true;
    }
    if ((mask_char_at(line, end) | 32) == 'e') { /* 1.5e-10; 1e5 is more often a piece of an id */
        char sign = mask_char_at(line, end + 1);
        bool is_signed = sign == '-' || sign == '+';
        size_t exponent = mask_run(line, end + 1 + is_signed, C_DIGIT);
        if (exponent > end + 1 + is_signed && (fraction || is_signed)) end = exponent;
    }
    return end;
}

size_t mask_unit_of(struct span line, size_t at) {
    size_t end = mask_run(line, at, C_LETTER);
    const struct known *unit = end - at <= WORD_BYTES ? WORD_FIND(UNIT, line, at, end) : NULL;
    if (!unit) return at;
    if (!(mask_class_at(line, end) & C_DIGIT)) return end;
    if (!unit->digits) return at;
    size_t number = mask_number(line, end), rest = mask_unit(line, number); /* as deep as the line has units */
    return rest > number ? rest : at;
}

/* Keys whose zero is good news, which any other number is not. */
static const struct known FAULT_COUNT[] = {
    {"failed", 0},   {"failures", 0}, {"errors", 0},   {"error", 0},    {"unreacha", 0}, {"lost", 0},
    {"dropped", 0},  {"exit", 0},     {"rejected", 0}, {"warnings", 0}, {"faults", 0},   {"violatio", 0},
    {"conflict", 0}, {"skipped", 0},  {"mismatch", 0}, {"invalid", 0},  {"missing", 0},  {"timeouts", 0},
};

/* Words behind a number that does not count them: "task 0 in stage 0". */
static const struct known NOT_COUNTED[] = {
    {"in", 0}, {"of", 0}, {"to", 0},  {"on", 0},  {"at", 0},  {"for", 0},  {"from", 0}, {"by", 0},   {"and", 0},
    {"is", 0}, {"as", 0}, {"was", 0}, {"has", 0}, {"had", 0}, {"with", 0}, {"or", 0},   {"took", 0}, {"via", 0},
};

bool mask_number_is_no(struct span line, size_t at, size_t end) {
    if (mask_char_at(line, at) != '0') return false;
    char before = at > 0 ? line.p[at - 1] : ' ', after = mask_char_at(line, end);
    if ((mask_class[(unsigned char)before] & (C_ALNUM | C_SLASH | C_DOT | C_DASH)) || before == '_') return false;
    for (size_t i = at; i < end; i++)
        if (line.p[i] != '0' && line.p[i] != '.') return false;
    if (after == '%' ||
        (after == '/' && ((mask_class_at(line, end + 1) & C_DIGIT) || mask_char_at(line, end + 1) == '#')))
        return true; /* 0% loss, 0/3 ready */
    if (before == '=' || before == ':' || (before == ' ' && at > 1 && line.p[at - 2] == ':')) {
        size_t to = at;
        while (to > 0 && strchr("=: \"'", line.p[to - 1])) to--;
        size_t from = mask_letters_before(line, to);
        if (from < to && WORD_FIND(FAULT_COUNT, line, from, to)) return true;
    }
    size_t word = end + 1, word_end = mask_run(line, word, C_LOWER); /* 0 errors */
    return after == ' ' && word_end > word + 1 && !(mask_class_at(line, word_end) & (C_UPPER | C_DIGIT)) &&
           !WORD_FIND(NOT_COUNTED, line, word, word_end) && !WORD_FIND(UNIT, line, word, word_end);
}

/* How many digits may stay behind the word that stands before `at`, with at most a few separators between. */
static unsigned digits_to_keep(struct span line, size_t at) {
    enum { SEPARATORS_MAX = 4, CODE = 4 };
    size_t to = at;
    while (to > 0 && at - to < SEPARATORS_MAX && mask_class[(unsigned char)line.p[to - 1]] & C_JOINT) to--;
    if (to == at || to == 0 || !(mask_class[(unsigned char)line.p[to - 1]] & (C_LOWER | C_UPPER))) return 0;
    size_t from = to; /* exit_code, exitCode, EXIT_CODE: the last part decides */
    while (from > 0 && (mask_class[(unsigned char)line.p[from - 1]] & C_LOWER)) from--;
    if (from == to)
        while (from > 0 && (mask_class[(unsigned char)line.p[from - 1]] & C_UPPER)) from--;
    else if (from > 0 && (mask_class[(unsigned char)line.p[from - 1]] & C_UPPER))
        from--;
    const struct known *word = to - from <= WORD_BYTES ? WORD_FIND(KEEP_AFTER, line, from, to) : NULL;
    if (!word && to - from > CODE && mask_word_key(line, to - CODE, to) == mask_table_word(KEEP_AFTER[0].word) &&
        !WORD_FIND(OTHER_CODE, line, from, to))
        word = &KEEP_AFTER[0]; /* errorcode */
    return word ? word->digits : 0;
}

/* line[…, to) ends with "HTTP/1.1" or "HTTP/2". */
static bool ends_with_http(struct span line, size_t to) {
    size_t from = to;
    while (from > 0 && (mask_class[(unsigned char)line.p[from - 1]] & (C_DIGIT | C_DOT))) from--;
    return from < to && from >= 5 && memcmp(line.p + from - 5, "HTTP/", 5) == 0;
}

/* line[…, to) ends with a request's method and path. */
static bool ends_with_request(struct span line, size_t to) {
    size_t path = to, from;
    while (path > 0 && !(mask_class[(unsigned char)line.p[path - 1]] & C_SPACE)) path--;
    if (path < 2 || path == to || (line.p[path] != '/' && line.p[path] != '<' && line.p[path] != 'h')) return false;
    for (from = path - 1; from > 0 && (mask_class[(unsigned char)line.p[from - 1]] & C_UPPER);) from--;
    return path - 1 - from <= WORD_BYTES && WORD_FIND(METHOD, line, from, path - 1) != NULL;
}

static bool is_http_status(struct span line, size_t at, size_t end) {
    if (end - at != 3 || line.p[at] < '1' || line.p[at] > '5' || mask_run(line, at, C_DIGIT) != end) return false;
    size_t word = end + 1, word_end = mask_run(line, word, C_LETTER);
    if (mask_char_at(line, end) == ' ' && (mask_class_at(line, word) & C_UPPER) &&
        WORD_FIND(STATUS_TEXT, line, word, word_end))
        return true;
    size_t to = at;
    while (to > 0 && at - to < 2 && strchr("\" ", line.p[to - 1])) to--;
    return to < at && (ends_with_http(line, to) || ends_with_request(line, to));
}

bool mask_number_is_kept(struct span line, size_t at, size_t end) {
    enum { KEPT_BYTES_MAX = 5 };
    if (end - at > KEPT_BYTES_MAX) return false;
    return end - at <= digits_to_keep(line, at) || is_http_status(line, at, end);
}

/* ---- words with digits ---- */

size_t mask_hex(struct span line, size_t at, size_t end) {
    (void)end;
    if (mask_char_at(line, at) != '0' || (mask_char_at(line, at + 1) | 32) != 'x' || !mask_starts_word(line, at))
        return at;
    size_t to = mask_run(line, at + 2, C_XDIGIT);
    return to == at + 2 || (mask_class_at(line, to) & C_ALNUM) ? at : to;
}

size_t mask_version(struct span line, size_t at, size_t end) {
    if (!mask_starts_word(line, at)) return at;
    bool v = (line.p[at] | 32) == 'v';
    size_t to = mask_run(line, at + v, C_DIGIT), dots = 0;
    if (to == at + v) return at;
    for (; mask_char_at(line, to) == '.' && (mask_class_at(line, to + 1) & C_DIGIT); dots++)
        to = mask_run(line, to + 1, C_DIGIT);
    if (dots + v < 2) return at;
    to = mask_run(line, to, C_ALNUM); /* 1.2.3rc1 */
    while (to < end && strchr("-+~_.", line.p[to]) && mask_run(line, to + 1, C_ALNUM) > to + 1) {
        if (line.p[to] == '.' && !(mask_class_at(line, to + 1) & C_DIGIT)) break; /* app-1.2.3.tar.gz */
        to = mask_run(line, to + 1, C_ALNUM);
    }
    return to;
}

/* Between upper-case letters and digits of a code, or after them: "ORA-01017", "DEP0005", "SQL0911N". */
static size_t code_digits(struct span line, size_t at) {
    size_t from = mask_char_at(line, at) == '-' ? at + 1 : at;
    size_t to = mask_run(line, from, C_DIGIT);
    if (to - from < 3 || to - from > 7) return at;
    if (from == at && (mask_class_at(line, to) & C_UPPER)) to++;
    return to;
}

/* "%ASA-4-106023", "%SYS-5-CONFIG_I". */
static size_t cisco_code(struct span line, size_t at, size_t end) {
    size_t to = at + 1, dashes = 0;
    for (; to < end && ((mask_class_at(line, to) & (C_UPPER | C_DIGIT | C_DASH)) || line.p[to] == '_'); to++)
        dashes += line.p[to] == '-' && (mask_class_at(line, to + 1) & C_DIGIT);
    return dashes > 0 && (mask_class_at(line, at + 1) & C_UPPER) ? to : at;
}

/* Behind a word such as "code": an SQLSTATE ("42P01") or a Windows status ("0xC000006D"). */
static size_t stated_code(struct span line, size_t at) {
    size_t to = mask_run(line, at, C_ALNUM), n = to - at;
    bool hex = n <= 10 && mask_hex(line, at, to) == to;
    bool sqlstate = n == 5 && mask_run(line, at, C_UPPER | C_DIGIT) == to && (mask_class_at(line, at) & C_DIGIT) &&
                    mask_run(line, at, C_DIGIT) < to;
    if (!hex && !sqlstate) return at;
    return digits_to_keep(line, at) >= (hex ? 3 : 5) ? to : at;
}

size_t mask_code(struct span line, size_t at, size_t end) {
    if (mask_char_at(line, at) == '%') return cisco_code(line, at, end);
    if (!mask_starts_word(line, at)) return at;
    if (mask_class_at(line, at) & C_DIGIT) return stated_code(line, at);
    size_t letters = mask_run(line, at, C_UPPER), to = code_digits(line, letters);
    if (letters == at || letters - at > WORD_BYTES || to == letters) return at;
    const struct known *prefix = WORD_FIND(CODE_PREFIX, line, at, letters);
    if (prefix && prefix->word[1] == '\0' && to - letters != 4) prefix = NULL;          /* E0042, W1203 */
    size_t more = prefix && mask_char_at(line, to) == '-' ? code_digits(line, to) : to; /* CVE-2021-44228 */
    to = more;
    if ((mask_class_at(line, to) & (C_ALNUM | C_DASH)) || mask_char_at(line, to) == '_') return at;
    char before = at > 0 ? line.p[at - 1] : ' ', after = mask_char_at(line, to);
    bool set_apart = after == ':' || (before == '[' && after == ']') || (before == '(' && after == ')');
    return prefix || set_apart ? to : at;
}

/* Three parts or more of capitals and digits, each short, two of them of both. */
size_t mask_place(struct span line, size_t at, size_t end) {
    enum { PART_MAX = 4 };
    size_t to = at, parts = 0, mixed = 0;
    if (!mask_starts_word(line, at)) return at;
    for (;;) {
        size_t part = mask_run(line, to, C_UPPER | C_DIGIT), letters = mask_run(line, to, C_UPPER);
        if (part == to || part - to > PART_MAX || (mask_class_at(line, part) & C_ALNUM)) return at;
        mixed += letters > to && letters < part;
        parts++;
        to = part;
        if (to + 1 >= end || !strchr("-:/", line.p[to]) || !(mask_class_at(line, to + 1) & (C_UPPER | C_DIGIT))) break;
        to++;
    }
    return parts >= 3 && mixed >= 2 ? to : at;
}

struct word_facts {
    size_t digits, changes; /* changes: from letters to digits or back */
    bool hex, upper, lower;
};

static struct word_facts facts_of(struct span line, size_t at, size_t end) {
    struct word_facts f = {.hex = true};
    unsigned before = mask_class_at(line, at) & C_DIGIT;
    for (size_t i = at; i < end; i++) {
        unsigned c = mask_class_at(line, i);
        f.digits += c & C_DIGIT;
        f.changes += (c & C_DIGIT) != before;
        f.hex &= (c & C_XDIGIT) != 0;
        f.upper |= (c & C_UPPER) != 0;
        f.lower |= (c & C_LOWER) != 0;
        before = c & C_DIGIT;
    }
    return f;
}

/* The same, from the map. */
static struct word_facts facts_in(const struct mask_map *map, size_t at, size_t end) {
    size_t n = end - at;
    if (n >= MASK_RUN_MAX) return facts_of(map->line, at, end);
    uint64_t digit = mask_map_first(mask_map_from(map, MAP_DIGIT, at), n);
    if (!digit) return (struct word_facts){0};
    return (struct word_facts){
        .digits = (size_t)__builtin_popcountll(digit),
        .changes = (size_t)__builtin_popcountll(mask_map_first(digit ^ digit >> 1, n - 1)),
        .hex = mask_map_run(mask_map_from(map, MAP_XDIGIT, at)) >= n,
        .upper = mask_map_first(mask_map_from(map, MAP_UPPER, at), n),
        .lower = mask_map_first(mask_map_from(map, MAP_LOWER, at), n),
    };
}

/* A hash, or a short one: 7f3a9c2; a shorter one yet where its place says so: {3fa0, node-3fa9, 0c1f. */
static bool is_hash(struct span line, size_t at, size_t n, const struct word_facts *f) {
    enum { HASH_MIN = 8, LATE_HASH_MIN = 7, SHORT_HASH_MIN = 6, PLACED_HASH_MIN = 4 };
    if (!f->hex || n < PLACED_HASH_MIN) return false;
    if (n >= HASH_MIN || (n >= LATE_HASH_MIN && f->changes >= 1 && f->digits >= 3)) return true;
    if (n >= SHORT_HASH_MIN && f->changes >= 2 && f->digits >= 2 && !f->upper) return true;
    char before = at > 0 ? line.p[at - 1] : ' ';
    bool digit_first = mask_class_at(line, at) & C_DIGIT;
    if (strchr("@{-_", before)) return f->digits >= 2 && (f->changes >= 2 || (digit_first && f->changes == 1));
    return digit_first && f->changes >= 1 && before != '.';
}

/* What stands in a name of several parts: R02-M1-N0, rack_A2, C12:S3. */
static bool is_part(struct span line, size_t at, size_t end) {
    static const char JOIN[] = "-_:/.";
    bool left = at > 1 && strchr(JOIN, line.p[at - 1]) && (mask_class_at(line, at - 2) & C_ALNUM);
    bool right = end < line.n && strchr(JOIN, line.p[end]) && (mask_class_at(line, end + 1) & C_ALNUM);
    return left || right;
}

/* One or two digits that number a thing: eth0, worker12, rack-A2; 3retries. */
static bool numbers_a_thing(struct span line, size_t at, size_t end, const struct word_facts *f) {
    size_t letters = end - at - f->digits;
    if (f->changes != 1) return false;
    if (mask_class_at(line, at) & C_DIGIT) return letters >= 3 && !f->upper;
    return letters >= 2 || f->digits == 2 || is_part(line, at, end);
}

enum mask_word mask_word(const struct mask_map *map, size_t at, size_t end) {
    enum { CHANGES_OF_AN_ID = 3 };
    struct span line = map->line;
    struct word_facts f = facts_in(map, at, end);
    if (f.digits == 0) return WORD_STAYS;
    bool one_letter = !(mask_class_at(line, at + 1) & C_LETTER); /* S3 of C12-S3-L07 is no store */
    if (is_term(line, at, end) && !(one_letter && is_part(line, at, end))) return WORD_STAYS;
    if (is_hash(line, at, end - at, &f) || (f.changes >= CHANGES_OF_AN_ID && f.digits >= 2)) return WORD_ID;
    return f.digits > 2 || numbers_a_thing(line, at, end, &f) ? WORD_DIGITS_GO : WORD_STAYS;
}

size_t mask_word_minor(struct span line, size_t end) {
    if (!(mask_class_at(line, end - 1) & C_DIGIT) || mask_char_at(line, end) != '.') return end;
    size_t to = mask_run(line, end + 1, C_DIGIT);
    bool goes_on = (mask_class_at(line, to) & C_ALNUM) ||
                   (mask_char_at(line, to) == '.' && (mask_class_at(line, to + 1) & C_ALNUM));
    return to == end + 1 || to > end + 3 || goes_on ? end : to;
}

size_t mask_token(struct span line, size_t at, size_t end) {
    enum { FIRST_MIN = 10 };
    size_t to = mask_run(line, at, C_ALNUM);
    if (to - at < FIRST_MIN || !mask_starts_word(line, at)) return at;
    struct word_facts f = facts_of(line, at, to);
    if (!f.upper || !f.lower || f.digits == 0 || f.changes < 3) return at;
    while (to < end && ((mask_class_at(line, to) & C_ALNUM) || strchr("+/_-.", line.p[to]))) to++;
    while (strchr("-._", line.p[to - 1])) to--;
    return to;
}
