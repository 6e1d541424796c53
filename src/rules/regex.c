#include "rules/regex.h"

#include "base/must.h"

#include <string.h>

/* Vectorscan, a fork with the same interface, can stand in for Hyperscan at run time. 5.4.9, which distributions ship,
 * answers wrongly on machines with AVX-512: against PCRE2 it missed matches of 78 in 2,400 random patterns. */
static const struct {
    const char *prefix, *trouble;
} BAD_VERSION[] = {
    {"5.4.9", "Vectorscan 5.4.9 misses matches on CPUs with AVX-512"},
};

static const unsigned FLAGS[] = {
    [REGEX_WHICH] = HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH,
    [REGEX_SPAN] = HS_FLAG_CASELESS | HS_FLAG_SOM_LEFTMOST,
};

bool regex_version_check(const char *version, struct err *e) {
    for (size_t i = 0; i < sizeof BAD_VERSION / sizeof BAD_VERSION[0]; i++) {
        size_t n = strlen(BAD_VERSION[i].prefix);
        char next = strncmp(version, BAD_VERSION[i].prefix, n) == 0 ? version[n] : '0';
        if (next < '0' || next > '9')
            return err_set(e, ERR_RULE, "the regex library is version '%s': %s; install Hyperscan (libhyperscan5)",
                           version, BAD_VERSION[i].trouble);
    }
    return true;
}

bool regex_check(struct err *e) {
    if (hs_valid_platform() != HS_SUCCESS)
        return err_set(e, ERR_RULE, "the regex library %s can't run on this CPU: it needs SSSE3", hs_version());
    return regex_version_check(hs_version(), e);
}

hs_database_t *regex_compile(const struct regex_patterns *p, enum regex_use use, struct err *e) {
    unsigned *flags = must_calloc(p->n, sizeof *flags);
    for (unsigned i = 0; i < p->n; i++) flags[i] = FLAGS[use];
    hs_database_t *db = NULL;
    hs_compile_error_t *why = NULL;
    hs_error_t rc = hs_compile_multi(p->pattern, flags, p->id, p->n, HS_MODE_BLOCK, NULL, &db, &why);
    free(flags);
    if (rc == HS_SUCCESS) return db;
    err_set(e, ERR_RULE, "%s", why && why->message ? why->message : "the regex library gives no reason");
    hs_free_compile_error(why);
    return NULL;
}

size_t regex_bytes(const hs_database_t *db) {
    size_t bytes = 0;
    MUST(hs_database_size(db, &bytes) == HS_SUCCESS);
    return bytes;
}

bool regex_consumes(const char *pattern, struct err *e) {
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *why = NULL;
    if (hs_expression_info(pattern, HS_FLAG_CASELESS, &info, &why) != HS_SUCCESS) {
        err_set(e, ERR_RULE, "%s", why && why->message ? why->message : "the regex library gives no reason");
        hs_free_compile_error(why);
        return false;
    }
    bool ok = info->min_width > 0;
    free(info);
    return ok || err_set(e, ERR_RULE,
                         "it matches the empty string, so it would match every line; make it ask for at least one "
                         "character, for example with + in place of *");
}

bool regex_scratch(const hs_database_t *db, hs_scratch_t **scratch, struct err *e) {
    hs_error_t rc = hs_alloc_scratch(db, scratch);
    if (rc == HS_SUCCESS) return true;
    return err_set(e, rc == HS_NOMEM ? ERR_MEMORY : ERR_RULE, "the regex library gives no scratch memory (code %d)",
                   rc);
}

bool regex_scan(const hs_database_t *db, const char *p, size_t n, hs_scratch_t *s, match_event_handler on, void *ctx) {
    if (n == 0) return true; /* no pattern matches the empty string; p may be NULL */
    if (n > UINT32_MAX) n = UINT32_MAX;
    hs_error_t rc = hs_scan(db, p, (unsigned)n, 0, s, on, ctx);
    return rc == HS_SUCCESS || rc == HS_SCAN_TERMINATED;
}
