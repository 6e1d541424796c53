#include "api/kinds_search.h"

#include "base/must.h"
#include "rules/cost.h"
#include "rules/regex.h"

#include <stdlib.h>
#include <string.h>

enum { SEARCH_PATTERN_MAX = 1000 };

struct kinds_search {
    hs_database_t *db;
    hs_scratch_t *scratch;
};

void kinds_search_close(struct kinds_search *s) {
    if (!s) return;
    hs_free_scratch(s->scratch);
    hs_free_database(s->db);
    free(s);
}

struct kinds_search *kinds_search_open(struct span pattern, struct err *e) {
    char text[SEARCH_PATTERN_MAX + 1];
    const char *at = text;
    struct cost cost;
    if (pattern.n > SEARCH_PATTERN_MAX || memchr(pattern.p, '\0', pattern.n)) {
        err_set(e, ERR_LIMIT, "a pattern of %zu bytes: expected at most %d, and no NUL", pattern.n, SEARCH_PATTERN_MAX);
        return NULL;
    }
    memcpy(text, pattern.p, pattern.n);
    text[pattern.n] = '\0';
    if (!cost_of(text, &cost, e) || !regex_consumes(text, e)) return NULL;
    struct kinds_search *s = must_calloc(1, sizeof *s);
    s->db = regex_compile(&(struct regex_patterns){&at, &(unsigned){0}, 1}, REGEX_WHICH, e);
    if (s->db && regex_scratch(s->db, &s->scratch, e)) return s;
    kinds_search_close(s);
    return NULL;
}

static int search_found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *found) {
    (void)id, (void)from, (void)to, (void)flags;
    *(bool *)found = true;
    return 1;
}

bool kinds_search_matches(void *self, struct span text) {
    const struct kinds_search *s = self;
    bool found = false;
    regex_scan(s->db, text.p, text.n, s->scratch, search_found, &found);
    return found;
}
