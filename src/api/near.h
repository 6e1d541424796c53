/* near: which kinds of line look like another, by the vectors of the encoder: what is shown beside a card, and what may
 * be labelled in one stroke. Vectors of the kinds with most lines are kept in memory. The desk's thread only. */
#ifndef API_NEAR_H
#define API_NEAR_H

#include "api/context.h"
#include "pipeline/trial.h"
#include "review/kinds_query.h"

/* The n nearest to v, as objects id, template, label_id, by, similarity; nothing where there is no encoder. t NULL:
 * only where its vector is at hand. */
void near_put(struct buf *out, struct api *a, const struct words *w, const struct kind_view *v, struct trial *t,
              unsigned n);

#endif
