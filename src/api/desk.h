/* desk: what the page asks and a loop has no time for, such as a search through all kinds or a write that waits for the
 * disk. It is done by the server's helper thread, one job after the other. */
#ifndef API_DESK_H
#define API_DESK_H

#include "http/exchange.h"

enum { DESK_JOBS_MAX = 64 };

/* One job: writes JSON into x->out and returns the status; 0: x is refused. x is away: neither settings nor the
 * client's address can be asked for, the site can. */
typedef unsigned desk_work(struct exchange *x);

/* For the work: the answer is of this Content-Type, not JSON. */
void desk_set_type(struct exchange *x, const char *type);

/* A handler's whole body: has the work done, then sends what it wrote. Refused with 503 while DESK_JOBS_MAX jobs wait.
 */
enum step desk_run(struct exchange *x, desk_work *work);

/* The same, with something of the handler's for the work: desk_user, NULL where it was none. */
enum step desk_run_for(struct exchange *x, desk_work *work, const void *user);
const void *desk_user(const struct exchange *x);

/* The client's address, as it was when the job came in. For the work. */
const char *desk_from(const struct exchange *x);

#endif
