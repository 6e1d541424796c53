/* regex: how this program uses Hyperscan. Patterns are byte patterns, case-insensitive in ASCII; '.' does not match a
 * newline; \w, \d, \s and \b are ASCII. Databases are immutable and shared by all threads. */
#ifndef RULES_REGEX_H
#define RULES_REGEX_H

#include "base/err.h"

#include <hs.h>
#include <stddef.h>
#include <stdint.h>

enum regex_use {
    REGEX_WHICH, /* each pattern reports once that it matches */
    REGEX_SPAN,  /* each end of a match is reported, with the leftmost start for that end */
};

/* Patterns to compile into one database. A match reports id[i]. */
struct regex_patterns {
    const char *const *pattern; /* NUL-terminated */
    const unsigned *id;
    unsigned n;
};

/* Is this CPU, and this version of the library, fit for use? Versions known to miss matches are in a table. */
bool regex_check(struct err *e);

/* regex_check's second half: is a library that calls itself this ("5.4.0 2021-01-26") fit for use? */
bool regex_version_check(const char *version, struct err *e);

/* NULL: the message holds the engine's reason. */
hs_database_t *regex_compile(const struct regex_patterns *p, enum regex_use use, struct err *e);

size_t regex_bytes(const hs_database_t *db); /* the size of its compiled form */

/* False, with an explanation, when the pattern can match the empty string (or is not a pattern). */
bool regex_consumes(const char *pattern, struct err *e);

/* Grows *scratch, which may be NULL, to serve db as well. */
bool regex_scratch(const hs_database_t *db, hs_scratch_t **scratch, struct err *e);

/* Scans n bytes (the first 4 GiB of more). Allocates nothing. True unless the engine itself failed. */
bool regex_scan(const hs_database_t *db, const char *p, size_t n, hs_scratch_t *s, match_event_handler on, void *ctx);

#endif
