/* Records to Grafana Loki, or whatever takes its push requests: protobuf packed by snappy. */
#include "conf/section.h"
#include "data/loki.h"
#include "data/result_json.h"
#include "stream/sink_http.h"
#include "text/proto.h"

#include <snappy-c.h>
#include <stdlib.h>
#include <time.h>

enum { PUSH_STREAMS = 1, STREAM_LABELS = 1 };

/* b->streams holds the label texts one after the other, each with a NUL behind it; b->stream[i] is where its one
 * begins. A chunk has few streams: they are looked for from the one before on. */
static uint32_t find_stream(struct sink_http_batch *b, size_t fresh) {
    struct span text = span_sub(buf_span(&b->streams), fresh, b->streams.n);
    for (size_t at = 0; at < fresh;) {
        size_t n = strlen(b->streams.p + at) + 1;
        if (n == text.n && memcmp(b->streams.p + at, text.p, n) == 0) {
            b->streams.n = fresh;
            return (uint32_t)at;
        }
        at += n;
    }
    return (uint32_t)fresh;
}

static uint32_t stream_of(struct sink_http_batch *b, uint32_t i, const char *names, struct span label) {
    size_t fresh = b->streams.n;
    loki_put_stream(&b->streams, b->chunk, i, names, label);
    for (size_t k = fresh; k < b->streams.n; k++)
        if (!b->streams.p[k]) b->streams.p[k] = ' ';
    buf_putc(&b->streams, '\0');
    if (b->streams.failed) return 0;
    if (b->n > 0) { /* mostly it is that of the record before */
        const char *before = b->streams.p + b->stream[b->n - 1];
        if (strcmp(before, b->streams.p + fresh) == 0) {
            b->streams.n = fresh;
            return b->stream[b->n - 1];
        }
    }
    return find_stream(b, fresh);
}

static void loki_begin(struct sink_http_batch *b) {
    buf_reset(&b->streams);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void loki_put(struct sink_http_batch *b, uint32_t i, const struct section *conf) {
    const struct chunk *c = b->chunk;
    const struct result *r = &c->res[i];
    char number[32];
    struct buf confidence = {.p = number, .cap = sizeof number, .max = sizeof number};
    result_json_number(&confidence, r->confidence);
    struct loki_answer a = {.label = span_of(c->batch.engine->labels.label[r->label].id),
                            .confidence = buf_span(&confidence),
                            .stage = span_of(decider_name(r->decider))};
    b->stream[b->n] = stream_of(b, i, conf->labels, a.label);
    loki_put_entry(&b->text, c, i, loki_time(c, i, now_ns()), &a);
}

/* Stream by stream, each with its entries in the order they came. */
static void loki_compose(const struct sink_http_batch *b, uint32_t from, uint32_t to, struct buf *out) {
    for (uint32_t first = from; first < to; first++) {
        uint32_t stream = b->stream[first];
        bool known = false;
        for (uint32_t k = from; k < first && !known; k++) known = b->stream[k] == stream;
        if (known) continue;
        struct span labels = span_of(b->streams.p + stream);
        size_t entries = 0;
        for (uint32_t k = first; k < to; k++)
            if (b->stream[k] == stream) entries += sink_http_record(b, k, k + 1).n;
        proto_put_head(out, PUSH_STREAMS, proto_bytes_size(STREAM_LABELS, labels.n) + entries);
        proto_put_bytes(out, STREAM_LABELS, labels);
        for (uint32_t k = first; k < to; k++) {
            struct span entry = sink_http_record(b, k, k + 1);
            if (b->stream[k] == stream) buf_put(out, entry.p, entry.n);
        }
    }
}

static bool loki_pack(struct span plain, struct buf *out) {
    size_t n = snappy_max_compressed_length(plain.n);
    char *to = buf_reserve(out, n);
    bool ok = to && snappy_compress(plain.p ? plain.p : "", plain.n, to, &n) == SNAPPY_OK;
    if (ok) out->n += n;
    return ok;
}

static void *sink_loki_open(const struct sink_opts *o, struct flow *f, struct err *e) {
    static const struct sink_http_form FORM = {.path = "/loki/api/v1/push",
                                               .type = "application/x-protobuf",
                                               .begin = loki_begin,
                                               .put = loki_put,
                                               .compose = loki_compose,
                                               .pack = loki_pack};
    return sink_http_open(&FORM, o, f, e);
}

extern const struct sink_kind sink_loki;
const struct sink_kind sink_loki = {sink_loki_open,    sink_http_put,   sink_http_step,
                                    sink_http_abandon, sink_http_close, sink_http_wake};
