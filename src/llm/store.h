/* store: what the LLM answered about templates, and what asking has cost, in one SQLite file that outlives the process.
 * Several processes may share it; a crash loses at most what was not flushed and breaks nothing. One thread at a time
 * uses a store. Without a path it lives in memory only.
 *
 * Answers are kept by (version, template): the version stands for labels, prompt and model, so that a change of any of
 * them never brings up old answers. What the endpoint thought of each label is kept with it, so that an answer can be
 * combined with a head that was trained later. An answer that is not a label, or UNCLASSIFIED, is kept for a shorter
 * time.
 */
#ifndef LLM_STORE_H
#define LLM_STORE_H

#include "base/err.h"
#include "base/span.h"
#include "data/label.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

enum {
    STORE_ROWS_MAX = 1000000,
    STORE_LOST_ROWS_MAX = 100000,
    STORE_QUEUE_MAX = 256,
    STORE_TEMPLATE_MAX = 8192,
    STORE_WINDOWS_MAX = 2,
    STORE_OWED_MAX = 8
};

struct store_opts {
    const char *path;        /* "" or NULL: in memory */
    int64_t negative_life_s; /* 0: a day */
    uint64_t rows_max;       /* beyond it, those not seen for longest go; 0: STORE_ROWS_MAX */
    int64_t (*now_s)(void);  /* seconds since the epoch; NULL: the real time; tests */
};

/* Fails when the file is not a store, of a newer form, or damaged; the message names it. */
struct store *store_open(const struct store_opts *o, struct err *e);

/* The same for those who can do without: answers are a cache. A file that is damaged or no database is renamed to
 * PATH.damaged-<seconds> and a new one made; what is somebody else's database, or can't be written or made, is left
 * alone, and answers are kept in memory (at most STORE_LOST_ROWS_MAX). Both are counted and said in the log. Fails only
 * when there is no memory, or the path is too long. */
struct store *store_open_cache(const struct store_opts *o, struct err *e);

/* Was it to be a file, and is in memory? Then nothing that is spent outlives the process, nor do others see it. Also
 * true from the moment on when a file that was open takes no more answers. */
bool store_is_lost(const struct store *s);

/* For users of store_flush and store_spend: counts a failure of theirs, and says it once until the file works again. */
void store_tell(struct store *s, const struct err *e);

void store_close(struct store *s); /* flushes; NULL is fine */

/* Who answers, and what the answer depends on beside the template. */
struct store_origin {
    uint64_t version; /* of everything: part of the key */
    uint64_t prompt;  /* for people who look into the file, like the model */
    const char *model;
};

struct store_answer {
    char label[LABEL_ID_MAX]; /* "": the answer named none */
    double confidence;
    bool negative;                /* kept for the shorter time */
    unsigned labels;              /* in likelihood; 0: the endpoint did not tell */
    double likelihood[LABEL_MAX]; /* of each label of the set, 0..1, with 6 decimals */
};

/* False: not there, or past its time. Changes nothing. */
bool store_knows(struct store *s, uint64_t version, struct span template, struct store_answer *out);

/* The same, and a hit counts as a sight of the template. */
bool store_find(struct store *s, const struct store_origin *o, struct span template, struct store_answer *out);

/* Keeps or replaces an answer. It is found from now on, and is in the file after the next flush; a full queue flushes
 * by itself. */
void store_put(struct store *s, const struct store_origin *o, struct span template, const struct store_answer *a);

/* Writes what is queued, answers and costs, in one transaction; nothing queued: none. False: the file could not be
 * written; what was queued waits for the next time, while there is room. */
bool store_flush(struct store *s, struct err *e);

/* An answer as it is in the file. Valid during the call that hands it over. */
struct store_row {
    struct span template, model;
    uint64_t version;
    struct store_answer answer;
    int64_t answered_s; /* when, since the epoch */
};

/* Hands over every answer that names a label, those about one template one after the other, oldest first. False: the
 * file could not be read, or `take` said so. */
typedef bool store_take(void *self, const struct store_row *row, struct err *e);
bool store_each(struct store *s, store_take *take, void *self, struct err *e);

/* What asking has cost in a stretch of time: all calls of all processes since `start`. */
struct store_window {
    int kind;                       /* the caller's name for the sort of window (minute, day, …) */
    int64_t start;                  /* of the window, seconds since the epoch */
    uint64_t calls_max, tokens_max; /* 0: no limit */
    uint64_t calls, tokens;         /* out: spent, before the call when it was refused, with it otherwise */
};

struct store_cost {
    uint64_t calls, tokens;
};

/* Adds the cost to all windows, unless that would pass a limit of any: then nothing is added. It is in the file when
 * this returns, and so is all that was queued before: one transaction. False with ERR_LIMIT when a limit is reached
 * (the message says how much is spent; what was queued is written all the same), with ERR_IO when the file can't be
 * written. */
bool store_spend(struct store *s, struct store_window *w, unsigned n, const struct store_cost *cost, struct err *e);

/* Adds a debt (parts may be negative: the correction of an estimate) to the windows, whatever their limits.
 * They are queued like an answer: in the file after the next flush or store_spend, counted once. */
struct store_debt {
    int64_t calls, tokens;
    int64_t tokens_out; /* of the tokens, those that were answered: they have a price of their own */
};
void store_owe(struct store *s, const struct store_window *w, unsigned n, const struct store_debt *debt);

#endif
