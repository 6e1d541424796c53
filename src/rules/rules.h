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

/* Limits on what a rule file may cost. Regex engines can be made to eat time and memory by a short pattern; what passes
 * a limit is refused with its reason. Times are CPU time of the compiling thread. rules/cost.h limits repeats. */
enum {
    RULES_MAX = 10000,
    RULES_NAME_MAX = 128,            /* bytes */
    RULES_PATTERN_MAX = 4096,        /* bytes */
    RULES_FILE_BYTES_MAX = 16 << 20, /* bytes */
    RULES_COMPILED_MAX = 512 << 10,  /* bytes of one compiled pattern; usual ones have 2 to 20 KiB */
    RULES_DATABASE_MAX = 256 << 20,  /* bytes of all compiled patterns together */
    RULES_COMPILE_MAX_MS = 2000,     /* one pattern; the worst that cost.h lets pass took 600 here */
    RULES_COMPILE_TOTAL_MAX_MS =
        60000 /* a whole file; 1,000 ordinary rules take 3 s, 10,000 take 30 and as much to join */
};

struct rule {
    char *name;                         /* unique in its file */
    const char *path;                   /* of its file */
    char *pattern;                      /* case-insensitive, unanchored, '.' does not match a newline, \w is ASCII */
    char *source;                       /* pattern the record's source must match too; NULL: any source */
    double confidence;                  /* 0..1; 0.95 unless the file says otherwise */
    unsigned label;                     /* index in the label set */
    unsigned line;                      /* where it stands in the file: the line of its [rule NAME], … */
    unsigned pattern_line, source_line; /* … and of these */
};

/* Reads and compiles a rule file (format: docs/rules.md). Every problem names file, line and reason. A pattern the
 * engine can't take, that matches the empty string, or that would cost too much is refused. Runs the engine's self-test
 * before it compiles: an engine that gives wrong answers is refused, whoever supplies it. A file without rules is fine.
 */
struct rules *rules_open(const char *path, const struct label_set *labels, struct err *e);

/* The same for files that count as one, in this order: path[n]. What it compiles it keeps in the cache folder, and
 * takes from there what was compiled of the same patterns before (rules/compiled.h). */
struct rules *rules_open_files(const char *const *path, size_t n, const struct label_set *labels, struct err *e);

/* The same for a text that stands in no file yet; path is what messages call it. */
struct rules *rules_open_text(struct span text, const char *path, const struct label_set *labels, struct err *e);

void rules_close(struct rules *r); /* NULL is fine */

size_t rules_bytes(const struct rules *r); /* of all patterns, compiled */
size_t rules_count(const struct rules *r);
const struct rule *rules_get(const struct rules *r, size_t i);

/* A number of the rule by its name and file: the same over reloads, whatever its pattern is. */
uint64_t rules_id(const struct rule *r);

/* r must outlive it. NULL: out of memory. */
struct rules_scratch *rules_scratch_open(const struct rules *r, struct err *e);
void rules_scratch_close(struct rules_scratch *s); /* NULL is fine */

/* Bytes of the message, from the leftmost start of a match to the last end of a match that starts there. For a few big
 * patterns (more than RULES_SPAN_POSITIONS_MAX characters, repeats written out) the start costs too much to find:
 * `from` is then 0, and `to` the end of some match. */
enum { RULES_SPAN_POSITIONS_MAX = 256 };
struct rules_match {
    uint32_t from, to;
};

/* The index of the first rule that matches the record; -1: none. *where gets the span of its match, which costs a
 * second look at this one pattern, only when a rule matched; NULL: not wanted. Allocates nothing. Any bytes are safe;
 * of a message or source longer than 4 GiB the rest is not seen. One scratch serves one thread at a time. */
int rules_match(const struct rules *r, struct rules_scratch *s, const struct record *rec, struct rules_match *where);

#endif
