#include "text/program.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum trade {
#define TRADE(name, words) TRADE_##name,
#include "text/program_trade.def"
#undef TRADE
    TRADES
};

static const char *const WORDS[TRADES + 1] = {
#define TRADE(name, words) words,
#include "text/program_trade.def"
#undef TRADE
    "",
};

static const struct program {
    const char *name;
    enum trade trade;
} PROGRAMS[] = {
#define PROGRAM(name, trade) {name, TRADE_##trade},
#include "text/program.def"
#undef PROGRAM
};

/* Names that say what they are, the first that holds. */
static const struct hint {
    const char *part;
    bool at_end; /* of the name, with something before it */
    enum trade trade;
} HINTS[] = {
    {"backup", false, TRADE_BACKUP}, /* before the table: what backs a database up is no database */
    {"db", true, TRADE_DATABASE},         {"sql", true, TRADE_DATABASE},       {"database", false, TRADE_DATABASE},
    {"scheduler", false, TRADE_WORKFLOW}, {"workflow", false, TRADE_WORKFLOW}, {"pipeline", false, TRADE_WORKFLOW},
};
enum { HINTS_N = sizeof HINTS / sizeof HINTS[0] };

static int program_compare(const void *name, const void *row) {
    const struct span *a = name;
    const char *b = ((const struct program *)row)->name;
    int by_bytes = strncmp(a->p, b, a->n);
    return by_bytes ? by_bytes : b[a->n] ? -1 : 0;
}

static enum trade program_find(struct span name) {
    const struct program *p =
        name.n ? bsearch(&name, PROGRAMS, sizeof PROGRAMS / sizeof PROGRAMS[0], sizeof PROGRAMS[0], program_compare)
               : NULL;
    return p ? p->trade : TRADES;
}

static bool program_says(struct span name, const struct hint *h) {
    size_t n = strlen(h->part);
    if (h->at_end) return name.n > n && memcmp(name.p + name.n - n, h->part, n) == 0;
    return memmem(name.p, name.n, h->part, n) != NULL;
}

static bool program_joins(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+';
}

/* The part of name that begins at or after *at, which goes on behind it; empty at the end. */
static struct span program_part(struct span name, size_t *at) {
    while (*at < name.n && !program_joins(name.p[*at])) ++*at;
    size_t from = *at;
    while (*at < name.n && program_joins(name.p[*at])) ++*at;
    return span_sub(name, from, *at);
}

static enum trade program_hinted(struct span name, const struct hint *h) {
    struct span part;
    for (size_t at = 0; (part = program_part(name, &at)).n > 0;)
        if (program_says(part, h)) return h->trade;
    return TRADES;
}

static enum trade program_look(struct span name) {
    struct span foundation = SPAN_LIT("org.apache."); /* says nothing of the program */
    if (span_starts(name, foundation)) name = span_sub(name, foundation.n, name.n);
    enum trade k = program_find(name);
    if (k == TRADES) k = program_hinted(name, &HINTS[0]);
    struct span part;
    for (size_t at = 0; k == TRADES && (part = program_part(name, &at)).n > 0;) k = program_find(part);
    for (size_t h = 1; k == TRADES && h < HINTS_N; h++) k = program_hinted(name, &HINTS[h]);
    return k;
}

struct span program_trade(struct span text) {
    char lower[PROGRAM_NAME_MAX];
    size_t n = 0;
    for (; n < text.n && n < sizeof lower; n++) {
        char c = text.p[n];
        if (c == ' ') return (struct span){0};
        if (c == ':' && n + 1 < text.n && text.p[n + 1] == ' ')
            return span_of(WORDS[program_look((struct span){lower, n})]);
        lower[n] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return (struct span){0};
}

uint64_t program_hash(void) {
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof PROGRAMS / sizeof PROGRAMS[0]; i++) {
        hash = XXH3_64bits_withSeed(PROGRAMS[i].name, strlen(PROGRAMS[i].name) + 1, hash);
        hash = XXH3_64bits_withSeed(WORDS[PROGRAMS[i].trade], strlen(WORDS[PROGRAMS[i].trade]) + 1, hash);
    }
    for (size_t h = 0; h < HINTS_N; h++) {
        hash = XXH3_64bits_withSeed(HINTS[h].part, strlen(HINTS[h].part) + 1, hash + HINTS[h].at_end);
        hash = XXH3_64bits_withSeed(WORDS[HINTS[h].trade], strlen(WORDS[HINTS[h].trade]) + 1, hash);
    }
    return hash;
}
