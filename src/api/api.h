/* api: the handlers of route.def. A handler is run when the request is complete (api_classify with NDJSON: whenever
 * more of it is there), when its batch is back, and when what it handed over to send has been sent but was not the
 * last. */
#ifndef API_API_H
#define API_API_H

#include "http/route.h"

enum step api_classify(struct exchange *x);
enum step api_question(struct exchange *x); /* the described services' wire (contract, section 3) */
enum step api_health(struct exchange *x);
enum step api_metrics(struct exchange *x);
enum step api_livez(struct exchange *x);
enum step api_readyz(struct exchange *x);
enum step api_openapi(struct exchange *x);

enum step api_preflight(struct exchange *x); /* of no row: OPTIONS of any path, where cors-origin allows it */

#endif
