#include "text/severity.h"

#include <strings.h>

enum { FRONT_BYTES = 160 };

static const struct severity_word {
    const char *word;
    enum severity severity;
} WORDS[] = {
    {"EMERG", SEVERITY_EMERGENCY}, {"EMERGENCY", SEVERITY_EMERGENCY}, {"PANIC", SEVERITY_EMERGENCY},
    {"ALERT", SEVERITY_ALERT},     {"CRIT", SEVERITY_CRITICAL},       {"CRITICAL", SEVERITY_CRITICAL},
    {"FATAL", SEVERITY_CRITICAL},  {"SEVERE", SEVERITY_ERROR},        {"ERROR", SEVERITY_ERROR},
    {"ERR", SEVERITY_ERROR},       {"WARNING", SEVERITY_WARNING},     {"WARN", SEVERITY_WARNING},
    {"NOTICE", SEVERITY_NOTICE},   {"INFO", SEVERITY_INFO},           {"INFORMATION", SEVERITY_INFO},
    {"DEBUG", SEVERITY_DEBUG},     {"DBG", SEVERITY_DEBUG},           {"TRACE", SEVERITY_TRACE},
    {"VERBOSE", SEVERITY_TRACE},
};
enum { WORDS_N = sizeof WORDS / sizeof WORDS[0] };

const char *severity_name(enum severity s) {
    static const char *const NAME[SEVERITY_COUNT] = {"emergency", "alert", "critical", "error", "warning",
                                                     "notice",    "info",  "debug",    "trace", ""};
    return NAME[s];
}

static bool severity_is(const struct severity_word *w, struct span s) {
    return strlen(w->word) == s.n && strncasecmp(w->word, s.p, s.n) == 0;
}

static enum severity severity_of_number(struct span s) {
    unsigned v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || v > 60) return SEVERITY_NONE;
        v = v * 10 + (unsigned)(s.p[i] - '0');
    }
    if (s.n == 1 && v <= 7) return (enum severity)v;
    static const enum severity TENS[] = {SEVERITY_TRACE,   SEVERITY_DEBUG, SEVERITY_INFO,
                                         SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_CRITICAL};
    return v >= 10 && v <= 60 && v % 10 == 0 ? TENS[v / 10 - 1] : SEVERITY_NONE;
}

enum severity severity_of_word(struct span word) {
    for (unsigned i = 0; i < WORDS_N; i++)
        if (severity_is(&WORDS[i], word)) return WORDS[i].severity;
    return word.n > 0 ? severity_of_number(word) : SEVERITY_NONE;
}

static bool severity_is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool severity_word_byte(char c) {
    return severity_is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/* Of a letter that stands for a level: android's and glog's. */
static enum severity severity_of_letter(char c) {
    static const char LETTERS[] = "FEWIDV";
    static const enum severity OF[] = {SEVERITY_CRITICAL, SEVERITY_ERROR, SEVERITY_WARNING,
                                       SEVERITY_INFO,     SEVERITY_DEBUG, SEVERITY_TRACE};
    const char *at = c ? strchr(LETTERS, c) : NULL;
    return at ? OF[at - LETTERS] : SEVERITY_NONE;
}

static bool severity_digits(struct span s, size_t at, size_t n) {
    if (at + n > s.n) return false;
    for (size_t i = at; i < at + n; i++)
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    return true;
}

/* "<13>" and "E0102 03:04:05" at the begin. */
static enum severity severity_of_begin(struct span s) {
    if (s.n > 2 && s.p[0] == '<') {
        unsigned v = 0;
        size_t i = 1;
        for (; i < s.n && i < 4 && s.p[i] >= '0' && s.p[i] <= '9'; i++) v = v * 10 + (unsigned)(s.p[i] - '0');
        if (i > 1 && i < s.n && s.p[i] == '>' && v < 192) return (enum severity)(v % 8);
    }
    if (severity_digits(s, 1, 4) && s.n > 8 && s.p[5] == ' ' && severity_digits(s, 6, 2) && s.p[8] == ':')
        return severity_of_letter(s.p[0]);
    return SEVERITY_NONE;
}

/* Is the word at [from, to) written the way levels are: in capitals, in brackets, before a colon, behind "level="? */
static bool is_written_as_level(struct span s, size_t from, size_t to) {
    bool capitals = true;
    for (size_t i = from; i < to; i++) capitals = capitals && s.p[i] >= 'A' && s.p[i] <= 'Z';
    char before = from > 0 ? s.p[from - 1] : ' ', behind = to < s.n ? s.p[to] : ' ';
    if (before == '=' || (before == '"' && from > 1 && (s.p[from - 2] == '=' || s.p[from - 2] == ':'))) {
        size_t end = from - (before == '"' ? 2 : 1), key = end;
        if (end > 0 && s.p[end - 1] == '"') key = --end;
        while (key > 0 && severity_word_byte(s.p[key - 1])) key--;
        struct span k = span_sub(s, key, end);
        return span_eq(k, SPAN_LIT("level")) || span_eq(k, SPAN_LIT("lvl")) || span_eq(k, SPAN_LIT("severity")) ||
               span_eq(k, SPAN_LIT("loglevel"));
    }
    if (capitals && to - from > 2) return before != '/' && behind != '=' && behind != '/';
    if ((before == '[' && behind == ']') || (before == '<' && behind == '>') || (before == '(' && behind == ')'))
        return true;
    return behind == ':' && (from == 0 || before == ' ');
}

/* " E ActivityManager:" and "E/Tag": a letter alone, behind a number or at the begin. */
static enum severity severity_of_android(struct span s, size_t at) {
    char behind = at + 1 < s.n ? s.p[at + 1] : '\0';
    bool slash = behind == '/' && (at == 0 || s.p[at - 1] == ' ');
    bool alone = behind == ' ' && at > 1 && s.p[at - 1] == ' ' && s.p[at - 2] >= '0' && s.p[at - 2] <= '9' &&
                 at + 2 < s.n && severity_is_letter(s.p[at + 2]);
    return slash || alone ? severity_of_letter(s.p[at]) : SEVERITY_NONE;
}

enum severity severity_of_line(struct span line) {
    struct span s = span_sub(line, 0, FRONT_BYTES);
    enum severity found = severity_of_begin(s);
    for (size_t at = 0; found == SEVERITY_NONE && at < s.n;) {
        size_t end = at;
        while (end < s.n && severity_word_byte(s.p[end])) end++;
        if (end == at + 1)
            found = severity_of_android(s, at);
        else if (end > at && severity_is_letter(s.p[at]) && is_written_as_level(s, at, end))
            found = severity_of_word(span_sub(s, at, end));
        at = end > at ? end : at + 1;
    }
    return found;
}
