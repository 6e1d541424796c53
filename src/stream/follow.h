/* follow: a source of followed files, as its parts see it: source_follow.c takes turns and commits, follow_find.c knows
 * which files there are, follow_rest.c finds what was rotated away, follow_lines.c makes records. */
#ifndef STREAM_FOLLOW_H
#define STREAM_FOLLOW_H

#include "conf/section.h"
#include "stream/follow_set.h"
#include "stream/follow_watch.h"
#include "stream/source.h"

enum { FOLLOW_PATTERNS_MAX = 256, FOLLOW_MOVES_MAX = 128, FOLLOW_TICK_MS = 250 };

/* How far one chunk brings its files. */
struct follow_moves {
    uint64_t seq;
    unsigned n;
    struct follow_move {
        struct follow_file *file;
        struct follow_place place;
    } v[FOLLOW_MOVES_MAX];
};

struct follow {
    struct source_opts o;
    const struct section *conf;
    char *pattern[FOLLOW_PATTERNS_MAX]; /* absolute */
    unsigned patterns_n;
    unsigned metric; /* the source's */
    struct follow_set set;
    struct follow_watch *watch;
    struct follow_moves sent[SOURCE_POSITIONS];
    uint64_t committed;
    uint64_t tick_ns, scan_ns;
    bool begun;     /* the first scan is over */
    bool timers;    /* some file waits for a time */
    bool scan_soon; /* a folder has come */
    bool chained;   /* some file waits for another */
    bool moved;     /* the checkpoint is behind */
    uint64_t failure_said_ns;
    char left[PATH_MAX]; /* the last FOLLOW_LEFT, until its FOLLOW_CAME */
    uint32_t left_cookie;
};

/* ---- follow_find.c ---- */

bool follow_find_open(struct follow *s, struct err *e); /* patterns, watches, the checkpoint's files, the first scan */
void follow_find_news(struct follow *s);                /* takes all events that are there, and scans when it is time */
void follow_find_close(struct follow *s);

/* Is the path one that is to be followed? */
bool follow_find_wants(const struct follow *s, const char *path);

/* The file has no path of ours any more: it is read to its end and let go. */
void follow_find_retire(struct follow *s, struct follow_file *f, unsigned rotation);

enum { FOLLOW_RENAMED, FOLLOW_TRUNCATED, FOLLOW_DELETED }; /* METRIC_SET ROTATION */

/* ---- follow_rest.c ---- */

/* The file was cut, or written anew: what was not read of it is looked for in the copies beside it, and read before the
 * file goes on from its beginning. */
void follow_rest_of_cut(struct follow *s, struct follow_file *f);

/* The file is not at its path any more: it is looked for by its identity, then as a copy, in the folder; and what was
 * written after it, and before `live` (NULL: none is there), is read too. False: it is not found; what was not read of
 * it is counted as lost, and f is gone. */
bool follow_rest_of_gone(struct follow *s, struct follow_file *f, struct follow_file *live);

/* Does the name look like what logrotate makes of `name`: name.1, name-20240131.gz, stem-20240131.log? */
bool follow_rest_is_rotated(const char *name, const char *path);

/* ---- follow_lines.c ---- */

/* Makes records of what text, read at f->at, holds from its front; returns how many bytes they took. all: there will
 * never be more, so the last line counts without its newline. */
size_t follow_lines_take(struct follow *s, struct follow_file *f, struct chunk *c, struct span text, bool all);

#endif
