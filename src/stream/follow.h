/* follow: a source of followed files, as its parts see it: source_follow.c takes turns and commits, follow_find.c knows
 * which files there are, follow_rest.c finds what was rotated away, follow_lines.c makes records. */
#ifndef STREAM_FOLLOW_H
#define STREAM_FOLLOW_H

#include "conf/section.h"
#include "stream/follow_set.h"
#include "stream/follow_watch.h"
#include "stream/reader_json.h"
#include "stream/source.h"
#include "text/event.h"

#include <regex.h>

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
    bool begun;       /* the first scan is over */
    bool timers;      /* some file waits for a time */
    bool scan_soon;   /* a folder has come */
    bool moved;       /* the checkpoint is behind */
    uint64_t scan_n;  /* so many scans */
    int64_t known_ns; /* since the epoch: what was made before is in the set */
    int64_t kept_ns;  /* the same, of the run before, when its checkpoint was written; 0: there was none */
    uint64_t failure_said_ns;
    enum { FOLLOW_JOIN_AUTO, FOLLOW_JOIN_NONE, FOLLOW_JOIN_START } join;
    regex_t starts;                  /* FOLLOW_JOIN_START: where an event begins */
    struct reader_json json, docker; /* two, for a line of docker's may hold another object */
    struct buf stream_text[2];       /* of containers: the open event of each stream, for one turn */
    char left[PATH_MAX];             /* the last FOLLOW_LEFT, until its FOLLOW_CAME */
    uint32_t left_cookie;
};

/* ---- follow_find.c ---- */

bool follow_find_open(struct follow *s, struct err *e); /* patterns, watches, the checkpoint's files, the first scan */
void follow_find_news(struct follow *s);                /* takes all events that are there, and scans when it is time */
void follow_find_close(struct follow *s);

/* Is the path one that is to be followed? */
bool follow_find_wants(const struct follow *s, const char *path);

/* A generation of the file `name`, which was made and renamed before we looked: it comes before what is there now. */
void follow_find_missed(struct follow *s, const char *name, const char *path, struct follow_id id, uint64_t size);

/* The file has no path of ours any more: it is read to its end and let go. */
void follow_find_retire(struct follow *s, struct follow_file *f, unsigned rotation);

enum { FOLLOW_RENAMED, FOLLOW_TRUNCATED, FOLLOW_DELETED }; /* METRIC_SET ROTATION */

/* ---- follow_rest.c ---- */

/* The file was cut, or written anew: what was not read of it is looked for in the copies beside it, and read before the
 * file goes on from its beginning. */
void follow_rest_of_cut(struct follow *s, struct follow_file *f);

/* A file that was cut is read again, and begins like this. Were there cuts in between, of which nothing was read? Then
 * their copies are read first, and it waits: true. */
bool follow_rest_between_cuts(struct follow *s, struct follow_file *f, struct span begin);

/* The file is not at its path any more: it is looked for by its identity, then as a copy, in the folder; and what was
 * written after it, and before `live` (NULL: none is there), is read too. False: it is not found; what was not read of
 * it is counted as lost, and f is gone. */
bool follow_rest_of_gone(struct follow *s, struct follow_file *f, struct follow_file *live);

/* f is read after `before` (NULL: nobody), unless that one waits for f itself. */
void follow_rest_chain(struct follow_file *f, struct follow_file *before);

/* Hands each name that the file at the path may have been rotated from to `each`, until that returns true. */
void follow_rest_originals(const char *path, bool (*each)(void *self, const char *name), void *self);

/* Generations of files that the checkpoint knows nothing of, for they were made after it was written, and were renamed
 * before we looked again. After the first scan. */
void follow_rest_unsaved(struct follow *s);

/* Does the name look like what logrotate makes of `name`: name.1, name-20240131.gz, stem-20240131.log? */
bool follow_rest_is_rotated(const char *name, const char *path);

/* ---- follow_lines.c, follow_container.c ---- */

/* What one turn has to take records from. */
struct follow_text {
    struct follow_file *f;
    struct chunk *c;
    struct span text; /* read at f->at, in the chunk's text */
    bool more;        /* there is more behind it: it fills the room */
    bool last_counts; /* there will never be more: the last line counts without its newline */
    bool open_ends;   /* nothing has come for so long that an open event is over */
    /* out */
    size_t used; /* bytes from the front that are taken */
    bool full;   /* the chunk has no room for the next record */
    bool held;   /* an event is open: it is waited for more of it, or for open_ends */
};

bool follow_lines_open(struct follow *s, struct err *e); /* compiles the section's pattern */
void follow_lines_close(struct follow *s);

/* Makes records of what there is. */
void follow_lines_take(struct follow *s, struct follow_text *t);
void follow_container_take(struct follow *s, struct follow_text *t);

/* The next line from *from on, without its newline; *from moves behind it. False: it is not whole, and does not count.
 */
bool follow_lines_next(const struct follow_text *t, size_t *from, struct span *line);

/* Does the line belong to the event before it? As event_take, or by the section's own pattern. */
enum event_next follow_lines_join(const struct follow *s, struct event *ev, struct span line, struct span after);

/* Could there be more of it? */
bool follow_lines_is_open(const struct follow *s, const struct event *ev, struct span first_line);

/* The next record of the chunk: an event with this text, which lies in the chunk; many: it has several lines. NULL:
 * there is no room. */
struct origin *follow_lines_add(struct follow *s, struct follow_text *t, struct span body, bool many, uint64_t place);

#endif
