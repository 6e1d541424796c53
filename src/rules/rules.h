/* rules: the first stage. Ordered patterns, compiled to one database, scanned in one pass; the first rule that matches
 * wins. */
#ifndef RULES_RULES_H
#define RULES_RULES_H

#include "base/err.h"
#include "base/span.h"
#include "data/batch.h"
#include "data/label.h"

#include <stddef.h>
#include <stdint.h>

struct rules;         /* immutable after open */
struct rules_scratch; /* one per worker */

enum { RULES_MAX = 10000, RULES_PATTERN_MAX = 4096 };

struct rule {
    char *name;        /* unique in its file */
    char *pattern;     /* case-insensitive, unanchored, '.' does not match a newline, \w is ASCII */
    char *source;      /* pattern the record's source must match too; NULL: any source */
    unsigned label;    /* index in the label set */
    double confidence; /* 0.95 unless the file says otherwise */
    unsigned line;     /* where it stands in the file */
};

/* Reads and compiles a rule file (format: data/rules.conf). Every problem names file, line and reason. A pattern the
 * engine can't take, or whose compiled form would be too costly, is refused. Runs the engine's self-test first: a regex
 * engine that gives wrong answers is refused, whoever supplies it. */
struct rules *rules_open(const char *path, const struct label_set *labels, struct err *e);
void rules_close(struct rules *r); /* NULL is fine */

size_t rules_count(const struct rules *r);
const struct rule *rules_get(const struct rules *r, size_t i);

struct rules_scratch *rules_scratch_open(const struct rules *r, struct err *e);
void rules_scratch_close(struct rules_scratch *s);

/* The first rule that matches, with the span of its match; -1: none. Allocates nothing. */
struct rules_match {
    uint32_t from, to;
};
int rules_match(const struct rules *r, struct rules_scratch *s, const struct record *rec, struct rules_match *where);

#endif
