/* intake: POST /v1/logs (OTLP) and /loki/api/v1/push: requests whose records go through the streams of `logclass run`,
 * and which are answered when the sink has them for good. */
#ifndef API_INTAKE_H
#define API_INTAKE_H

#include "base/buf.h"
#include "http/exchange.h"

bool intake_is_for(const struct exchange *x); /* is it a request for one of the two? */

/* Before the body is read: is there room for it? On false x is refused. */
bool intake_admit(struct exchange *x);

/* server_site.refusal: OTLP's clients read a google.rpc.Status, Loki's plain text. */
bool intake_refusal(const struct exchange *x, struct buf *out, const char **type);

#endif
