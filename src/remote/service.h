/* service: something over the network that the dispatcher can ask for a label: where it is, how patient we are with it,
 * and how questions and answers look on its wire. Immutable once a dispatcher has it; the functions run on the
 * dispatcher's thread. */
#ifndef REMOTE_SERVICE_H
#define REMOTE_SERVICE_H

#include "remote/breaker.h"
#include "remote/http_client.h"
#include "data/question.h"
#include "remote/retry.h"

enum service_verdict {
    SERVICE_ANSWERED, /* *out is the answer */
    SERVICE_UNSURE,   /* it works, but has no (good) answer; err is set when what it said is a failure all the same */
    SERVICE_FAILED,   /* err says how; counts for the breaker, and is retried where transient */
    SERVICE_AGAIN,    /* it works, but wants the question in another form: `write` gives that now */
};

enum { SERVICE_CHANGES_MAX = 8 }; /* times a call may end with SERVICE_AGAIN */

struct service {
    enum decider decider; /* whose answers these are */
    const struct http_endpoint *endpoint;
    struct breaker_opts breaker;
    struct retry_opts retry;
    uint64_t timeout_ms; /* of a call, its retries included */
    uint64_t wait_ms;    /* how long a record waits for the answer; usually timeout_ms */
    unsigned calls_max;  /* in flight at once */
    bool by_template;    /* the answer depends on the template only; else on the message */
    bool by_source;      /* … and on the source */
    bool keeps;          /* it keeps answers, so that one which comes too late for its record is still of use */
    void *self;

    /* What is known without asking: ANSWERED, UNSURE (asking would not help), or FAILED (ask). NULL: never anything. */
    enum service_verdict (*recall)(void *self, const struct question *q, struct answer *out);

    /* Writes call->request, and into call->note what `read` will need. False: it must not be sent (ERR_BUSY when a
     * budget is used up). */
    bool (*write)(void *self, const struct question *q, struct http_call *call, struct err *e);

    /* Reads a whole answer, whatever its status. */
    enum service_verdict (*read)(void *self, const struct question *q, const struct http_call *call, struct answer *out,
                                 struct err *e);

    /* Called when answers have come, once for several: the moment to make them durable. NULL: nothing to do. */
    void (*flush)(void *self);
};

#endif
