/* book: all that is known about kinds of line in this process, for those who show it and change it: the inventory, the
 * totals, examples, what people said. Opened and kept up to date by the app. */
#ifndef REVIEW_BOOK_H
#define REVIEW_BOOK_H

#include "review/examples.h"
#include "review/kinds.h"
#include "review/marks.h"
#include "review/ruled.h"
#include "review/told.h"
#include "review/totals.h"
#include "review/words.h"

#include <pthread.h>
#include <stdatomic.h>

struct news;

struct book {
    struct kinds *kinds;       /* NULL: kinds-max is 0 */
    struct totals *totals;     /* NULL exactly when kinds is */
    struct ruled *ruled;       /* likewise */
    struct marks *marks;       /* likewise */
    struct told told;          /* of a desk */
    struct examples *examples; /* NULL: none are kept */
    const char *corrections;   /* path of the log; "": there is no place for it */

    /* Brings what was just written to the log in force, in this process, before it returns. NULL: nobody can. */
    void (*refresh)(void *self);
    void *refresh_self;

    /* Takes what nobody should see out of an example before it is shown; NULL: they are shown as they came. */
    void (*redact)(void *self, struct span text, struct buf *out);
    void *redact_self;

    pthread_mutex_t lock;
    struct words *words;              /* under the lock; NULL: nothing was said */
    struct news *news;                /* the last findings, under the lock */
    atomic_uint words_seq, kinds_seq; /* go up with every change */
    atomic_uint written_s;            /* when the file was last written; 0: not yet */
    atomic_uint write_failures;
    atomic_bool loaded; /* what the file holds is here */
};

void book_init(struct book *b);
void book_release(struct book *b); /* and closes what book_open has opened */

/* Opens kinds, totals, counts of rules and marks. */
void book_open(struct book *b, const struct kinds_opts *o);

/* A reference to what people said; NULL: nothing. */
struct words *book_words(struct book *b);

/* Takes a kind that was first seen up to then (seconds) out of memory: the table, and examples of it. */
void book_forget(struct book *b, uint64_t id, uint32_t until_s);

/* The last findings (review/news.h); at is 0 before the first. */
void book_news(struct book *b, struct news *to);
void book_set_news(struct book *b, const struct news *n);

/* The file is read: what was entered while it was not may have been in it. */
void book_note_loaded(struct book *b);

/* From now on this was said; takes the reference over. Kinds with a word are kept from now on. */
void book_set_words(struct book *b, struct words *w);

#endif
