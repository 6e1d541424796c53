/* learner: `logclass learn` as a child process, one at a time, and what became of the last one. The process that serves
 * keeps its memory and its workers to itself that way, and the child can be stopped at any moment. */
#ifndef API_LEARNER_H
#define API_LEARNER_H

#include "base/buf.h"
#include "base/err.h"

enum { LEARNER_ARGS_MAX = 24, LEARNER_BY_MAX = 64, LEARNER_RESULT_MAX = 64 * 1024, LEARNER_SAID_MAX = 2000 };

/* program: its path ("/proc/self/exe"); args: what follows `learn`, NULL at the end. Both must stay. */
struct learner_opts {
    const char *program;
    const char *const *args;
};

struct learner;

struct learner *learner_open(const struct learner_opts *o);
void learner_close(struct learner *l); /* stops the child. NULL is fine */

/* Begins to learn, for `by`. ERR_BUSY: it learns already. Any thread, as for the next ones. */
bool learner_start(struct learner *l, const char *by, struct err *e);

/* Has the child ended; returns at once. False: none runs. */
bool learner_stop(struct learner *l, struct err *e);

/* Nothing was learnt: the last result is shown no more. ERR_BUSY: it learns just now. */
bool learner_forget(struct learner *l, struct err *e);

/* {"state":"idle"|"running"|"done"|"failed"|"stopped","by","doing","done","total","started","eta_s","result","error"};
 * what does not apply is null. result is what `learn --json` printed. */
void learner_json(struct learner *l, struct buf *out);

/* Changes with each start, end and step of progress. */
unsigned learner_seq(struct learner *l);

/* What there is to learn from, by `learn --count`, as its JSON: takes some 30 ms. */
bool learner_count(struct learner *l, struct buf *out, struct err *e);

#endif
