/* api_classify: POST /classify. */
#ifndef API_CLASSIFY_H
#define API_CLASSIFY_H

#include "api/entry.h"

struct exchange;

/* Decodes the body where it is compressed and fills the batch from it by `read` (entry.h). On false x is refused. */
bool classify_read(struct exchange *x,
                   enum refusal (*read)(struct entry_reader *r, const struct entry_limits *lim, struct buf *text,
                                        struct arena *a, struct batch *b, struct err *e));

/* Writes the answer to entry i of the exchange's batch into x->out, with its explanation where ?explain=1 asks for one.
 */
void classify_result(struct exchange *x, uint32_t i);

/* Whether the query asks for explanations. */
bool classify_explains(const struct exchange *x);

#endif
