/* explained: why the entries of a batch got their answers, found out on the helper thread: the probabilities cost the
 * encoder milliseconds each, which a loop does not have. */
#ifndef API_EXPLAINED_H
#define API_EXPLAINED_H

#include "base/buf.h"
#include "data/batch.h"

struct exchange;

enum { EXPLAINED_ENTRIES_MAX = 1000 };

struct explained {
    struct buf text;                       /* the objects, one behind the other */
    size_t end[EXPLAINED_ENTRIES_MAX + 1]; /* where each ends; of those behind explained_n there is none */
    uint32_t n;
};

/* Whether the query asks for explanations: explain=1 or =true. False and x is refused: it has an unknown word, or a
 * value that is neither. */
bool explained_query(struct exchange *x, bool *wanted);

/* Of a batch that is decided and pinned. Any thread. NULL: no memory. */
struct explained *explained_open(const struct batch *b);
void explained_close(struct explained *x); /* NULL is fine */

/* The object of entry i; "null" where there is none. */
struct span explained_of(const struct explained *x, uint32_t i);

#endif
