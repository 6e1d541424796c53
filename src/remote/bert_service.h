/* bert_service: the encoder stage as a described service, such as `logclass service bert`: POST with {"message"},
 * answered by {"label_id","label","confidence"}. It gets the message as it came. */
#ifndef REMOTE_BERT_SERVICE_H
#define REMOTE_BERT_SERVICE_H

#include "data/label.h"
#include "remote/service.h"

struct bert_service_opts {
    const char *url;     /* http://127.0.0.1:5000/classify */
    const char *proxy;   /* "" or NULL: none */
    uint64_t timeout_ms; /* 4000 */
    unsigned calls_max;  /* 64 */
    bool send_source;    /* a member "source", too, where there is one: `logclass service bert` uses it */
    double threshold;    /* answers below it are not accepted: 0.20 */
    bool by_template; /* the service masks values as we do (`logclass service bert`): equal templates are asked once */
    struct breaker_opts breaker;
    struct retry_opts retry;
};

/* The contract's values, but for the URL. */
#define BERT_SERVICE_DEFAULT                                                 \
    ((struct bert_service_opts){                                             \
        .timeout_ms = 4000,                                                  \
        .calls_max = 64,                                                     \
        .threshold = 0.20,                                                   \
        .breaker = {.failures_max = 5, .reset_ms = 10000, .probe_ms = 4000}, \
        .retry = {.retries_max = 2, .wait_ms = 100},                         \
    })

struct bert_service;

/* labels must outlive it. */
struct bert_service *bert_service_open(const struct bert_service_opts *o, const struct label_set *labels,
                                       struct err *e);
void bert_service_close(struct bert_service *s); /* NULL is fine */

const struct service *bert_service_get(const struct bert_service *s);

#endif
