#include "stream/sink_http.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/must.h"
#include "conf/section.h"
#include "metrics/metrics.h"
#include "remote/http_client.h"
#include "stream/dead_letters.h"
#include "stream/outage.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BATCHES = FLOW_CHUNKS / 2,
    BATCH_BYTES_MAX = 64 << 20,
    KEY_RETRY_MS = 30000,
    FULL_RETRY_MS = 1000,
    KEY_BYTES_MAX = 8192,
    REASON_MAX = 300
};

/* In the order of metrics.def's REPLY. */
enum reply { REPLY_OK, REPLY_AGAIN, REPLY_KEY, REPLY_LESS, REPLY_POISON };

struct sink_http {
    const struct sink_http_form *form;
    struct flow *flow;
    struct sink_opts o;
    const struct section *conf;
    struct http_client *client;
    struct http_endpoint *endpoint;
    struct sink_http_batch *batch[BATCHES];
    unsigned under_way; /* requests */
    uint64_t put_n;     /* batches so far */
    struct buf plain;
    struct outage outage;
    uint64_t retry_ns; /* nothing is sent before */
    bool packs;
};

/* ---- outages ---- */

static void sink_http_rest(struct sink_http *s, enum reply why, int64_t asked_ms, const char *what) {
    outage_failed(&s->outage, what);
    int64_t wait = why == REPLY_KEY ? KEY_RETRY_MS : (int64_t)outage_wait_ms(&s->outage);
    if (asked_ms > wait) wait = asked_ms;
    s->retry_ns = clock_now_ns(NULL) + clock_ns_of_ms((uint64_t)wait);
}

static void sink_http_is_well(struct sink_http *s) {
    if (outage_is_on(&s->outage)) s->retry_ns = 0;
    outage_over(&s->outage);
}

/* ---- batches ---- */

static void batch_settle(struct sink_http *s, struct sink_http_batch *b, bool safe) {
    if (safe) metrics_add(METRIC_SINK_RECORDS, s->outage.metric, 0, 0, b->n);
    struct chunk *c = b->chunk;
    b->chunk = NULL;
    flow_settle(s->flow, c, safe);
}

/* The last range of the batch is done with. */
static void range_done(struct sink_http *s, struct sink_http_batch *b) {
    b->left_n--;
    if (b->left_n == 0) batch_settle(s, b, true);
}

static void range_halve(struct sink_http_batch *b) {
    MUST(b->left_n < SINK_HTTP_RANGES_MAX);
    uint32_t from = b->left[b->left_n - 1].from, to = b->left[b->left_n - 1].to, middle = from + (to - from) / 2;
    b->left[b->left_n - 1].from = middle;
    b->left[b->left_n].from = from; /* the first half goes first */
    b->left[b->left_n].to = middle;
    b->left_n++;
}

/* The one record of the last range will never be taken. */
static void range_is_dead(struct sink_http *s, struct sink_http_batch *b, const char *reason) {
    struct err e = {0};
    uint32_t i = b->record[b->left[b->left_n - 1].from];
    if (!dead_letters_put(s->o.dead_letters, s->conf->name, reason, b->chunk, i, &e)) {
        sink_http_rest(s, REPLY_AGAIN, FULL_RETRY_MS, e.msg);
        return;
    }
    metrics_add(METRIC_DEAD_LETTERS, s->outage.metric, 0, 0, 1);
    log_warn("sink.dead_letter", "[sink %s]: a record is not taken: %s", s->conf->name, reason);
    b->n--; /* it is not among those that the sink has */
    range_done(s, b);
}

/* ---- replies ---- */

static enum reply reply_of(const struct http_call *call) {
    long status = call->err.code == ERR_OK ? call->status : 0;
    if (status >= 200 && status < 300) return REPLY_OK;
    if (status == 0 || status == 408 || status == 429 || status >= 500) return REPLY_AGAIN;
    if (status == 413) return REPLY_LESS;
    if (status == 400 || status == 422) return REPLY_POISON;
    return REPLY_KEY;
}

static void reply_reason(const struct http_call *call, char reason[REASON_MAX]) {
    char text[REASON_MAX - 64];
    size_t n = 0;
    for (size_t i = 0; i < call->reply.n && n < sizeof text - 1; i++) {
        unsigned char c = (unsigned char)call->reply.p[i];
        text[n++] = c < ' ' || c > '~' ? ' ' : (char)c;
    }
    text[n] = '\0';
    if (call->err.code != ERR_OK)
        snprintf(reason, REASON_MAX, "%.280s", call->err.msg);
    else
        snprintf(reason, REASON_MAX, "status %ld%s%s", call->status, n ? ": " : "", text);
}

static void take_reply(struct sink_http *s, struct sink_http_batch *b, const struct http_call *call) {
    char reason[REASON_MAX];
    enum reply r = reply_of(call);
    bool single = b->left[b->left_n - 1].to - b->left[b->left_n - 1].from == 1;
    uint64_t rejected = r == REPLY_OK && s->form->rejected ? s->form->rejected(buf_span(&call->reply)) : 0;
    metrics_add(METRIC_SINK_REQUESTS, s->outage.metric, r, 0, 1);
    reply_reason(call, reason);
    if (rejected) {
        metrics_add(METRIC_SINK_REJECTED, s->outage.metric, 0, 0, rejected);
        log_warn("sink.rejected", "[sink %s]: the server did not take %llu records of a request that it took",
                 s->conf->name, (unsigned long long)rejected);
    }
    if (r == REPLY_AGAIN || r == REPLY_KEY) {
        sink_http_rest(s, r, call->retry_after_ms, reason);
        return;
    }
    sink_http_is_well(s);
    if (r == REPLY_OK)
        range_done(s, b);
    else if (single)
        range_is_dead(s, b, reason);
    else
        range_halve(b);
}

static void take_replies(struct sink_http *s) {
    struct http_call *call;
    while ((call = http_client_step(s->client))) {
        struct sink_http_batch *b = call->user;
        s->under_way--;
        b->call = NULL;
        take_reply(s, b, call);
        http_client_give_back(s->client, call);
    }
}

/* ---- requests ---- */

/* False: it could not be sent now. */
static bool send_range(struct sink_http *s, struct sink_http_batch *b) {
    struct err e = {0};
    struct http_call *call = http_client_take(s->client);
    if (!call) return false;
    struct buf *plain = s->packs ? &s->plain : &call->request;
    call->request.max = BATCH_BYTES_MAX;
    buf_reset(plain);
    s->form->compose(b, b->left[b->left_n - 1].from, b->left[b->left_n - 1].to, plain);
    bool ok = !plain->failed && (!s->packs || s->form->pack(buf_span(plain), &call->request));
    if (!ok) err_set(&e, ERR_MEMORY, "no memory for the request");
    ok = ok && http_client_start(s->client, call, s->endpoint, (uint64_t)s->conf->timeout, &e);
    if (!ok) {
        http_client_give_back(s->client, call);
        sink_http_rest(s, REPLY_AGAIN, 0, e.msg);
        return false;
    }
    call->user = b;
    b->call = call;
    s->under_way++;
    return true;
}

static struct sink_http_batch *oldest_waiting(const struct sink_http *s) {
    struct sink_http_batch *oldest = NULL;
    for (unsigned i = 0; i < BATCHES; i++) {
        struct sink_http_batch *b = s->batch[i];
        if (b->chunk && !b->call && (!oldest || b->number < oldest->number)) oldest = b;
    }
    return oldest;
}

/* As many as may be under way; one while the server does not answer well. */
static void send_ranges(struct sink_http *s) {
    struct sink_http_batch *b;
    while ((b = oldest_waiting(s))) {
        unsigned most = outage_is_on(&s->outage) ? 1 : (unsigned)s->conf->requests_max;
        if (s->under_way >= most || clock_now_ns(NULL) < s->retry_ns || !send_range(s, b)) return;
    }
}

/* ---- what the flow calls ---- */

static struct sink_http_batch *free_batch(struct sink_http *s) {
    for (unsigned i = 0; i < BATCHES; i++)
        if (!s->batch[i]->chunk) return s->batch[i];
    return NULL;
}

static void encode_chunk(struct sink_http *s, struct sink_http_batch *b, struct chunk *c) {
    b->chunk = c;
    b->n = 0;
    buf_reset(&b->text);
    if (s->form->begin) s->form->begin(b);
    form_start(s->o.form, c);
    for (uint32_t i = 0; i < c->batch.n && !b->text.failed; i++) {
        if (form_drops(s->o.form, c, i)) continue;
        s->form->put(b, i, s->conf);
        b->record[b->n] = i;
        b->end[b->n++] = b->text.n;
    }
}

bool sink_http_put(void *self, struct chunk *c) {
    struct sink_http *s = self;
    struct sink_http_batch *b = free_batch(s);
    if (!b) return false;
    encode_chunk(s, b, c);
    if (b->text.failed || b->streams.failed) { /* no memory now */
        b->chunk = NULL;
        sink_http_rest(s, REPLY_AGAIN, 0, "no memory for the records");
        return false;
    }
    form_count(s->o.form);
    b->number = ++s->put_n;
    b->left_n = 1;
    b->left[0].from = 0;
    b->left[0].to = b->n;
    if (b->n == 0) batch_settle(s, b, true);
    return true;
}

void sink_http_step(void *self, int wait_ms) {
    struct sink_http *s = self;
    take_replies(s);
    send_ranges(s);
    if (wait_ms <= 0) return;
    uint64_t now = clock_now_ns(NULL);
    if (s->retry_ns > now && s->retry_ns - now < clock_ns_of_ms((uint64_t)wait_ms))
        wait_ms = (int)((s->retry_ns - now) / 1000000) + 1;
    http_client_wait(s->client, wait_ms);
    take_replies(s);
    send_ranges(s);
}

void sink_http_wake(void *self) {
    struct sink_http *s = self;
    http_client_wake(s->client);
}

void sink_http_abandon(void *self) {
    struct sink_http *s = self;
    for (unsigned i = 0; i < BATCHES; i++) {
        struct sink_http_batch *b = s->batch[i];
        if (b->call) http_client_give_back(s->client, b->call), s->under_way--;
        b->call = NULL;
        if (b->chunk) batch_settle(s, b, false);
    }
}

void sink_http_close(void *self) {
    struct sink_http *s = self;
    for (unsigned i = 0; i < BATCHES; i++) {
        buf_release(&s->batch[i]->text);
        buf_release(&s->batch[i]->streams);
        free(s->batch[i]);
    }
    buf_release(&s->plain);
    http_client_close(s->client);
    http_endpoint_close(s->endpoint);
    free(s);
}

/* The path of the form is added where the URL has none of its own. */
static bool sink_http_endpoint(struct sink_http *s, struct err *e) {
    char url[2048], key[KEY_BYTES_MAX + 1] = "";
    struct span text = {0};
    const char *given = s->conf->url, *host = strstr(given, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    bool bare = !path || !path[1];
    snprintf(url, sizeof url, "%.*s%s", bare && path ? (int)(path - given) : (int)strlen(given), given,
             bare ? s->form->path : "");
    if (s->conf->key_file[0]) {
        if (!file_read(s->conf->key_file, KEY_BYTES_MAX, &text, e)) return false;
        struct span trimmed = span_trim(text);
        snprintf(key, sizeof key, "%.*s", (int)trimmed.n, trimmed.n ? trimmed.p : "");
        file_free(&text);
    }
    struct http_endpoint_opts o = {.url = url,
                                   .key = key,
                                   .type = s->form->type,
                                   .encoding = s->packs ? s->form->encoding : NULL,
                                   .headers = s->conf->headers};
    s->endpoint = http_endpoint_open(&o, e);
    explicit_bzero(key, sizeof key);
    return s->endpoint != NULL;
}

void *sink_http_open(const struct sink_http_form *form, const struct sink_opts *o, struct flow *f, struct err *e) {
    struct sink_http *s = must_calloc(1, sizeof *s);
    *s = (struct sink_http){.form = form, .flow = f, .o = *o, .conf = o->section};
    MUST(o->dead_letters != NULL);
    s->packs = form->encoding == NULL || strcmp(s->conf->compression, "gzip") == 0;
    outage_init(&s->outage, s->conf, s->conf->url);
    buf_init(&s->plain, BATCH_BYTES_MAX);
    for (unsigned i = 0; i < BATCHES; i++) {
        s->batch[i] = must_calloc(1, sizeof *s->batch[i]);
        buf_init(&s->batch[i]->text, BATCH_BYTES_MAX);
        buf_init(&s->batch[i]->streams, BATCH_BYTES_MAX);
    }
    s->client = http_client_open((unsigned)s->conf->requests_max, e);
    if (s->client && sink_http_endpoint(s, e)) return s;
    err_prefix(e, "[sink %s]", s->conf->name);
    sink_http_close(s);
    return NULL;
}
