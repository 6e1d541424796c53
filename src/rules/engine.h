/* engine: how this program uses Hyperscan. Patterns are byte patterns, case-insensitive in ASCII; '.' does not match a
 * newline; \w, \d, \s and \b are ASCII. Databases are immutable and shared by all threads. */
#ifndef RULES_ENGINE_H
#define RULES_ENGINE_H

#include "base/err.h"

#include <hs.h>
#include <stddef.h>
#include <stdint.h>

enum engine_use {
    ENGINE_WHICH, /* each pattern reports once that it matches */
    ENGINE_SPAN,  /* each end of a match is reported, with the leftmost start for that end */
};

/* Patterns to compile into one database. A match reports id[i]. */
struct engine_patterns {
    const char *const *pattern; /* NUL-terminated */
    const unsigned *id;
    unsigned n;
};

/* Is this CPU, and this version of the library, fit for use? Versions known to miss matches are in a table. */
bool engine_check(struct err *e);

/* engine_check's second half: is a library that calls itself this ("5.4.0 2021-01-26") fit for use? */
bool engine_version_check(const char *version, struct err *e);

/* NULL: the message holds the engine's reason. */
hs_database_t *engine_compile(const struct engine_patterns *p, enum engine_use use, struct err *e);

size_t engine_bytes(const hs_database_t *db); /* the size of its compiled form */

/* False, with an explanation, when the pattern can match the empty string (or is no pattern). */
bool engine_consumes(const char *pattern, struct err *e);

/* Grows *scratch, which may be NULL, to serve db as well. */
bool engine_scratch(const hs_database_t *db, hs_scratch_t **scratch, struct err *e);

/* Scans n bytes (the first 4 GiB of more). Allocates nothing. True unless the engine itself failed. */
bool engine_scan(const hs_database_t *db, const char *p, size_t n, hs_scratch_t *s, match_event_handler on, void *ctx);

#endif
