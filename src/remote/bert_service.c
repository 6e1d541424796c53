#include "remote/bert_service.h"

#include "base/must.h"
#include "remote/service_json.h"

struct bert_service {
    struct service service;
    struct http_endpoint *endpoint;
    const struct label_set *labels;
    double threshold;
    bool send_source;
};

static bool bert_service_write_request(void *self, const struct question *q, struct http_call *call, struct err *e) {
    (void)e;
    const struct bert_service *s = self;
    service_json_write_question(&call->request, q->message, s->send_source ? q->source : (struct span){0});
    return true;
}

static enum service_verdict read_reply(void *self, const struct question *q, const struct http_call *call,
                                       struct answer *out, struct err *e) {
    (void)q;
    const struct bert_service *s = self;
    struct service_json_answer a;
    enum err_code code = http_status_code(call->status);
    if (code != ERR_OK) {
        err_set(e, code, "status %ld", call->status);
        return SERVICE_FAILED;
    }
    if (!service_json_read_answer(buf_span(&call->reply), s->labels, &a, e)) return SERVICE_FAILED;
    if (a.label == s->labels->unclassified || a.confidence < s->threshold) return SERVICE_UNSURE;
    *out = (struct answer){.decider = DECIDER_BERT, .label = (uint8_t)a.label, .confidence = a.confidence};
    return SERVICE_ANSWERED;
}

struct bert_service *bert_service_open(const struct bert_service_opts *o, const struct label_set *labels,
                                       struct err *e) {
    struct http_endpoint_opts eo = {.url = o->url, .proxy = o->proxy};
    struct http_endpoint *endpoint = http_endpoint_open(&eo, e);
    if (!endpoint) return NULL;
    struct bert_service *s = must_calloc(1, sizeof *s);
    s->endpoint = endpoint;
    s->labels = labels;
    s->threshold = o->threshold;
    s->send_source = o->send_source;
    s->service = (struct service){
        .decider = DECIDER_BERT,
        .endpoint = endpoint,
        .breaker = o->breaker,
        .retry = o->retry,
        .timeout_ms = o->timeout_ms,
        .wait_ms = o->timeout_ms,
        .calls_max = o->calls_max,
        .by_template = o->by_template,
        .by_source = o->send_source,
        .self = s,
        .write = bert_service_write_request,
        .read = read_reply,
    };
    return s;
}

void bert_service_close(struct bert_service *s) {
    if (!s) return;
    http_endpoint_close(s->endpoint);
    free(s);
}

const struct service *bert_service_get(const struct bert_service *s) {
    return &s->service;
}
