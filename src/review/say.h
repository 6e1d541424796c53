/* say: several words at once, by one person, all or none: a label or a state for each of some kinds. On disk when it
 * returns. */
#ifndef REVIEW_SAY_H
#define REVIEW_SAY_H

#include "review/words.h"

enum { SAY_CHANGES_MAX = 500, SAY_REQUEST_MAX = 64, SAY_BULK_MAX = 10000 };

/* About one kind, as the person saw it. */
struct say_change {
    uint64_t kind, family;
    uint32_t rev;             /* that it had when it was seen; 0: not told, anything goes */
    char label[LABEL_ID_MAX]; /* "" and no state: what the stages say counts again */
    char state[LABEL_ID_MAX];
    uint32_t until;
    bool redacted;
    struct span source;  /* "": for all of the family */
    struct span message; /* its template's message */
    struct span was, note;
    struct words_about found; /* out, in a conflict: label is said.log's; rev 0: no conflict */
};

struct say {
    struct say_change *change;
    size_t n;
    struct span by, from, request; /* request "": none */
    uint32_t batch;                /* out */
    struct words *conflict;        /* out: the log as it is, where revs differ; words_unref it */
};

enum say_end { SAY_DONE, SAY_REPEATED, SAY_CONFLICT, SAY_FAILED };

/* SAY_REPEATED: the request is in the log already, `batch` is that one's. SAY_FAILED: e says why. */
enum say_end say_words(const char *path, struct say *s, struct err *e);

/* Takes back what was said at once. by_all: also what others said; else it must be all of `by`. NULL *error text in e;
 * ERR_INPUT: there is no such batch or it was undone before; ERR_USAGE: it is somebody else's. */
bool say_undo(const char *path, uint32_t batch, struct span by, bool by_all, struct err *e);

#endif
