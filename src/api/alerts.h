/* alerts: what is to be said about what comes, as members of JSON objects. */
#ifndef API_ALERTS_H
#define API_ALERTS_H

#include "base/buf.h"
#include "review/news.h"

/* ,"alerts":[{id,text}]: the alarms that are on. */
void alerts_put(struct buf *out, const struct news *n);

/* ,"warmup":null, or known_share and needed while new kinds are no news yet. */
void alerts_put_warmup(struct buf *out, const struct news *n);

#endif
