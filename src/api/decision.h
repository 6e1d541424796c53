/* decision: the way of one batch of a request through the pipeline: the labels it is decided by, its client's quota,
 * and the thread it comes back to. And of a whole request: body → records → pipeline → answer. */
#ifndef API_DECISION_H
#define API_DECISION_H

#include "api/explained.h"
#include "data/record_json.h"
#include "data/batch.h"
#include "data/label.h"
#include "http/route.h"

struct exchange;

struct decision {
    struct exchange *x;
    struct batch batch;
    const struct label_set *labels; /* of the results, from pin to unpin; NULL: not pinned */
    unsigned counted;               /* entries that count against the client's quota */
    struct explained *explained;    /* NULL: not yet, or nobody asks */
    bool explained_once;
};

/* For the next batch of x: an empty one. The first of what handler_state points to, where the batch is explained. */
void decision_begin(struct decision *d, struct exchange *x);

/* Has the batch decided here and now, where that is a matter of microseconds. False: decision_submit it. */
bool decision_try_here(struct decision *d);

/* Hands the batch to the pipeline, its entries counted against the client's quota; then STEP_WAIT. On false x is
 * refused. */
bool decision_submit(struct decision *d);

/* The batch is back (its handler runs again): gives the quota back. */
void decision_returned(struct decision *d);

/* The results have been read, or the client has gone: lets go of the labels and gives the quota back. Again is fine. */
void decision_end(struct decision *d);

/* Counts the entries that the reader found without a message, and says so in the log. */
void decision_note_empty(struct record_json_reader *r);

/* Explanations are wanted and not there yet: decision_explain is to come before the first decision_put. */
bool decision_must_explain(const struct decision *d);

/* Has them found out on the helper thread, and the handler run again. Without room for that they are null. */
enum step decision_explain(struct decision *d);

/* Writes the answer to entry i of the batch into the exchange's out, with its explanation where ?explain=1 asks. */
void decision_put(struct decision *d, uint32_t i);

/* ---- a request whose whole body is one batch ---- */

/* Fills the batch from the body (data/record_json.h). */
typedef enum record_json_trouble decision_read(struct record_json_reader *r, const struct record_json_limits *lim,
                                               struct buf *text, struct arena *a, struct batch *b, struct err *e);

/* The handler: reads the body, off the loop where it is large; has it decided; and calls `answer`, which writes the
 * answer into x->out and returns STEP_SEND. */
enum step decision_run(struct exchange *x, decision_read *read, enum step (*answer)(struct decision *d));

#endif
