/* Records to an OTLP/HTTP server: those that came as OTLP are spliced, others encoded (data/otlp.h). */
#include "base/deflate.h"
#include "data/otlp.h"
#include "stream/sink_http.h"
#include "text/proto.h"

enum { RESPONSE_PARTIAL = 1, PARTIAL_REJECTED = 1 };

static void otlp_put(struct sink_http_batch *b, uint32_t i, const struct section *conf) {
    const struct chunk *c = b->chunk;
    const struct result *r = &c->res[i];
    struct otlp_answer a = {.label = span_of(c->batch.engine->labels.label[r->label].id),
                            .stage = span_of(decider_name(r->decider)),
                            .confidence = r->confidence};
    (void)conf;
    otlp_put_record(&b->text, c, i, &a);
}

static void otlp_compose(const struct sink_http_batch *b, uint32_t from, uint32_t to, struct buf *out) {
    for (uint32_t next; from < to; from = next) {
        next = from + 1;
        while (next < to && otlp_is_same_group(b->chunk, b->record[from], b->record[next])) next++;
        otlp_put_group(out, b->chunk, b->record[from], sink_http_record(b, from, next));
    }
}

static uint64_t otlp_rejected(struct span reply) {
    struct proto_field f, of;
    uint64_t n = 0;
    while (proto_take(&reply, &f)) {
        if (f.number != RESPONSE_PARTIAL || f.type != PROTO_BYTES) continue;
        while (proto_take(&f.bytes, &of))
            if (of.number == PARTIAL_REJECTED && of.type == PROTO_VARINT) n = of.value;
    }
    return reply.n == 0 && n <= CHUNK_RECORDS ? n : 0;
}

static void *sink_otlp_open(const struct sink_opts *o, struct flow *f, struct err *e) {
    static const struct sink_http_form FORM = {.path = "/v1/logs",
                                               .type = "application/x-protobuf",
                                               .put = otlp_put,
                                               .compose = otlp_compose,
                                               .pack = deflate_gzip,
                                               .encoding = "gzip",
                                               .rejected = otlp_rejected};
    return sink_http_open(&FORM, o, f, e);
}

extern const struct sink_kind sink_otlp;
const struct sink_kind sink_otlp = {sink_otlp_open,    sink_http_put,   sink_http_step,
                                    sink_http_abandon, sink_http_close, sink_http_wake};
