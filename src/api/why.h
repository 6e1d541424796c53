/* why: what decides a kind of line now, for the page. */
#ifndef API_WHY_H
#define API_WHY_H

#include "base/buf.h"
#include "pipeline/trial.h"
#include "review/kinds_query.h"

/* ,"why":{…},"top":[{label_id,p}…]: rule, correction, threshold, reason; the three likeliest labels. t NULL: what is
 * known without asking the encoder. */
void why_put(struct buf *out, const struct kind_view *v, const struct words *w, struct trial *t);

#endif
