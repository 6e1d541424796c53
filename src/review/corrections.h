/* corrections: the log of what people said about kinds of line: append-only JSON lines, each a word or the undoing of
 * one. It holds templates, never lines as they came. Processes may append at the same time; whoever reads sees whole
 * words only: a line that was cut off by a kill or a full disk is passed over, and the next begins a line of its own.
 */
#ifndef REVIEW_CORRECTIONS_H
#define REVIEW_CORRECTIONS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "data/label.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CORRECTIONS_FILE_BYTES_MAX = 64 << 20,
    CORRECTIONS_MAX = 100000,
    CORRECTIONS_NOTE_MAX = 512,
    CORRECTIONS_ORIGINS_MAX = 4096, /* logs of instances, over the life of the desk's */
};

/* One word: a label for a kind of line, or its state. Spans lie in the log that it was read into. */
struct correction {
    uint32_t id;
    uint32_t batch; /* id of the first of those that were said together */
    uint64_t kind;  /* id in the inventory (review/kinds.h) that it was said about; 0: it was said about a line */
    uint64_t family;
    char label[LABEL_ID_MAX]; /* "": what the stages say counts again, or a word about the state */
    char state[LABEL_ID_MAX]; /* "": a word about the label */
    uint32_t until;           /* of the state, in seconds; 0: none was said */
    bool redacted;            /* message is not the template, but what may be shown of it: family tells the kind */
    struct span source;       /* it counts for lines of this source only; empty: of all */
    struct span message;      /* the template; of words by earlier versions the line itself */
    struct span by, at, note, from, was, request;
    struct span on;      /* the instance where it was said; empty: here */
    uint64_t origin_log; /* and the log there, and its number in it; 0: here */
    uint32_t origin_id;
    uint32_t lost; /* id of the later word about the same that was here before it came: it counts as undone; 0: none */
    bool undone;
    struct span undone_by, undone_at;
};

/* Up to which number the records of an instance's log are here. */
struct corrections_origin {
    uint64_t log;
    uint32_t last;
};

/* A kind that is to be forgotten by everybody who keeps it. What was first seen later is another. */
struct corrections_forgotten {
    uint64_t kind;
    uint32_t at; /* seconds since the epoch */
};

struct corrections {
    struct correction *row; /* [n], in the order in which they were said */
    size_t n, cap;
    uint32_t last_id;
    uint64_t log;             /* what it is called where it follows a desk's (review/shared_log.h); 0: it does not */
    uint32_t desk_id, own_id; /* the last number of the desk's; of what was said here, where it follows one */
    struct corrections_origin *origin; /* [origins] */
    unsigned origins;
    unsigned broken;                         /* lines that could not be read */
    struct corrections_forgotten *forgotten; /* [forgotten_n] in the order in which it was said */
    size_t forgotten_n;
    struct arena text;
};

/* A file that is not there is an empty log. False: it can't be read, or is too large. Release in any case. */
bool corrections_read(struct corrections *c, const char *path, struct err *e);
void corrections_release(struct corrections *c); /* zero-filled is fine */

/* The time that a record tells, in seconds since the epoch; 0: none. */
uint32_t corrections_time(struct span at);

/* An empty log, and what becomes of it with one more line. */
void corrections_init(struct corrections *c);
void corrections_take(struct corrections *c, struct span line);

/* What was said here may have another number since the desk has it: the one that it has now. */
uint32_t corrections_number(const struct corrections *c, uint32_t id);

/* The last number of an instance's log whose record is here, or was; and notes one. */
uint32_t corrections_known(const struct corrections *c, uint64_t log);
void corrections_note_origin(struct corrections *c, uint64_t log, uint32_t id);

/* Adds a word: label, source, message (masked here), note. The file is made where it is missing, and the word is on
 * disk when this returns. *id: its number. */
bool corrections_append(const char *path, const struct correction *word, uint32_t *id, struct err *e);

/* Under the log's lock: reads it, has `word` write what comes behind it (lines, each from corrections_begin to "}\n"),
 * and appends that; on disk when it returns. `word` returns false to write nothing. */
typedef bool corrections_word(const struct corrections *c, const void *what, struct buf *b, struct err *e);
bool corrections_add(const char *path, corrections_word *word, const void *what, struct err *e);

/* Under the log's lock: reads it, has `edit` write all of what it is to be, and puts that in its place in one step; on
 * disk when it returns. `edit` writes nothing to leave it as it is. */
typedef bool corrections_edit(const struct corrections *c, struct span text, const void *what, struct buf *out,
                              struct err *e);
bool corrections_rewrite(const char *path, corrections_edit *edit, const void *what, struct err *e);

/* For an edit: the lines of text but those about a kind and its family, and what says which numbers were used, so that
 * they are not used again. */
void corrections_without(struct span text, uint64_t kind, uint64_t family, struct buf *out);
void corrections_put_kept(const struct corrections *c, struct buf *out);

/* Begins a line: "{"id":ID,"at":NOW,"by":BY", and adds a member to it. An empty `by`: whoever runs this process. */
void corrections_begin(struct buf *b, uint32_t id, struct span by);
void corrections_member(struct buf *b, const char *name, struct span text);

/* A word in force as a row that `train` reads; what names no label, a state or an undone word, adds nothing. */
#define CORRECTIONS_CSV_HEAD "label,source,log_message,by,at,note\n"
void corrections_put_csv(struct buf *out, const struct correction *c);

/* Removes all words about a kind and its family, and tells everybody to forget it. family 0: not known. */
bool corrections_forget(const char *path, uint64_t kind, uint64_t family, struct err *e);

/* Takes word number `id` back. False also where there is none, or it was taken back before. */
bool corrections_undo(const char *path, uint32_t id, struct err *e);

#endif
