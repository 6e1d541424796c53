/* Records into a topic, by an idempotent producer: each is there once, however often it had to be sent. What came from
 * Kafka goes on as it came, with its key, and the answer beside it in headers. With exactly-once, records and the
 * offsets that they were read at are one transaction: a chunk whose partitions have gone to somebody else meanwhile is
 * let go, since that one brings it again. */
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/unconst.h"
#include "conf/section.h"
#include "metrics/metrics.h"
#include "stream/dead_letters.h"
#include "stream/flow.h"
#include "stream/form.h"
#include "stream/kafka.h"
#include "stream/kafka_heads.h"
#include "stream/outage.h"
#include "text/rfc3339.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    KAFKA_OUT_MAX = FLOW_CHUNKS / 2,
    KAFKA_TEXT_MAX = 64 << 20,
    TXN_RECORDS = 10000,
    TXN_CALL_MS = 1000,
    TXN_TURN_MS = 20,
    PURGE_TURN_MS = 20,
    PURGE_TURNS = 500,
    RETRY_REST_MS = 1000,
    TOPIC_MAX = 300,
    TXN_DONE = 0,
    TXN_GIVEN_UP = 1
};

struct kafka_out;

/* What a message's delivery report brings back. */
struct kafka_item {
    struct kafka_out *out;
    uint32_t mark; /* of its headers: kafka_heads; 0: they are its own */
    bool again;    /* it was not delivered, but may be later */
    bool alone;    /* in a batch of its own: it may be another's fault that its batch was too large */
    bool dropped;
};

/* A chunk on its way. */
struct kafka_out {
    struct chunk *chunk; /* NULL: free */
    uint64_t number;     /* in the order they were put */
    uint32_t n, open;    /* records that are not dropped; without a report */
    uint32_t again;      /* to be sent once more */
    char label[LABEL_MAX][LABEL_ID_MAX];
    rd_kafka_topic_t *topic[LABEL_MAX]; /* where records with the label go; NULL: none was sent so far */
    struct buf text;                    /* values that are made here; end[i]: where i's ends */
    size_t end[CHUNK_RECORDS];
    struct kafka_item item[CHUNK_RECORDS];
};

struct sink_kafka {
    struct flow *flow;
    struct sink_opts o;
    const struct section *conf;
    struct kafka_link *link; /* NULL: no transactions */
    struct outage outage;
    rd_kafka_t *rk, *alone; /* alone: sends batches of one; NULL: not needed so far */
    struct kafka_out *out[KAFKA_OUT_MAX];
    struct form form; /* of values that are made here */
    bool makes_values, heads;
    uint64_t rest_ns;                                                     /* nothing is sent again before */
    enum { TXN_NONE, TXN_READY, TXN_OPEN, TXN_ENDING, TXN_ABORTING } txn; /* NONE: not begun with */
    bool offsets_sent;
    uint64_t txn_ns;
    uint32_t txn_records;
    uint64_t put_n;
    struct kafka_heads *kept_heads;
    rd_kafka_queue_t *main; /* what rd_kafka_poll waits at */
    bool failed;
};

static void kafka_end(struct sink_kafka *s, const char *what) {
    struct err e = {0};
    if (s->failed) return;
    s->failed = true;
    err_set(&e, ERR_CONNECTION, "[sink %s]: %s", s->conf->name, what);
    outage_failed(&s->outage, what);
    flow_fail(s->flow, &e);
}

/* ---- chunks that are out ---- */

static void out_settle(struct sink_kafka *s, struct kafka_out *o, bool safe) {
    struct chunk *c = o->chunk;
    for (unsigned i = 0; i < LABEL_MAX; i++) {
        if (o->topic[i]) rd_kafka_topic_destroy(o->topic[i]);
        o->topic[i] = NULL;
    }
    if (safe) metrics_add(METRIC_SINK_RECORDS, s->outage.metric, 0, 0, o->n);
    o->chunk = NULL;
    flow_settle(s->flow, c, safe);
}

static void out_settle_done(struct sink_kafka *s) {
    for (unsigned i = 0; i < KAFKA_OUT_MAX; i++)
        if (s->out[i]->chunk && s->out[i]->open == 0 && s->out[i]->again == 0) out_settle(s, s->out[i], true);
}

static bool is_poison(rd_kafka_resp_err_t why) {
    return why == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || why == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           why == RD_KAFKA_RESP_ERR_INVALID_MSG || why == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE;
}

/* It is not delivered: never, or not now. False: again later. */
static bool out_bury(struct sink_kafka *s, struct kafka_out *o, uint32_t i, rd_kafka_resp_err_t why) {
    struct err e = {0};
    const char *reason = rd_kafka_err2str(why);
    if (!is_poison(why)) return false;
    if (!dead_letters_put(s->o.dead_letters, s->conf->name, reason, o->chunk, i, &e)) {
        outage_failed(&s->outage, e.msg);
        return false;
    }
    metrics_add(METRIC_DEAD_LETTERS, s->outage.metric, 0, 0, 1);
    log_warn("sink.dead_letter", "[sink %s]: a record is not taken: %s", s->conf->name, reason);
    o->item[i].dropped = true;
    o->n--;
    return true;
}

/* The broker's limit is for whole batches: the record gets one of its own before it is given up. In a transaction that
 * can't be done. */
static void may_be_another(struct sink_kafka *s, struct kafka_item *item) {
    item->alone = !s->link;
    if (s->link)
        outage_failed(&s->outage,
                      "a batch is larger than the topic's max.message.bytes: set rdkafka.batch.size below it");
}

static void take_heads_back(struct sink_kafka *s, const rd_kafka_message_t *m, struct kafka_item *item) {
    rd_kafka_headers_t *list;
    rd_kafka_message_t *ours = unconst(m);
    if (item->mark && rd_kafka_message_detach_headers(ours, &list) == RD_KAFKA_RESP_ERR_NO_ERROR)
        kafka_heads_back(s->kept_heads, list, item->mark);
    item->mark = 0;
}

static void kafka_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    struct sink_kafka *s = opaque;
    struct kafka_item *item = m->_private;
    struct kafka_out *o = item->out;
    uint32_t i = (uint32_t)(item - o->item);
    (void)rk;
    MUST(o->chunk && o->open > 0);
    o->open--;
    take_heads_back(s, m, item);
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        outage_over(&s->outage);
        return;
    }
    bool purged = m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && !item->alone)
        may_be_another(s, item);
    else if (!purged && out_bury(s, o, i, m->err))
        return;
    else if (!purged)
        outage_failed(&s->outage, rd_kafka_err2str(m->err));
    item->again = true;
    o->again++;
    if (!item->alone) s->rest_ns = clock_now_ns(NULL) + clock_ns_of_ms(RETRY_REST_MS);
}

/* ---- messages ---- */

/* Those it came with, without an answer that was among them, and ours. */
static rd_kafka_headers_t *make_headers(const struct sink_kafka *s, struct kafka_out *o, uint32_t i) {
    char name[256];
    const struct origin *from = o->chunk->origin ? &o->chunk->origin[i] : NULL;
    const struct result *r = &o->chunk->res[i];
    o->item[i].mark = 0;
    if (s->heads && (!from || from->header_n == 0))
        return kafka_heads_take(s->kept_heads, o->label[r->label], r, &o->item[i].mark);
    rd_kafka_headers_t *h = rd_kafka_headers_new(from ? from->header_n + 3 : 3);
    for (uint32_t k = 0; from && k < from->header_n; k++) {
        struct span key = from->header[k].key;
        bool ours = s->heads && span_starts(key, SPAN_LIT("logclass."));
        snprintf(name, sizeof name, "%.*s", (int)(key.n < sizeof name ? key.n : sizeof name - 1), key.p);
        struct span value = from->header[k].value;
        if (!ours) rd_kafka_header_add(h, name, -1, value.p, (ssize_t)value.n);
    }
    if (s->heads) kafka_heads_put(h, o->label[r->label], r);
    return h;
}

static void topic_name(const struct sink_kafka *s, const char *label, char topic[TOPIC_MAX]) {
    const char *at = strstr(s->conf->topic, "{label}");
    if (at)
        snprintf(topic, TOPIC_MAX, "%.*s%s%s", (int)(at - s->conf->topic), s->conf->topic, label,
                 at + strlen("{label}"));
    else
        snprintf(topic, TOPIC_MAX, "%s", s->conf->topic);
}

/* Looked up once a chunk, not once a record; NULL: there can't be such a topic. */
static rd_kafka_topic_t *topic_of(struct sink_kafka *s, struct kafka_out *o, uint8_t label) {
    char name[TOPIC_MAX];
    if (o->topic[label]) return o->topic[label];
    topic_name(s, o->label[label], name);
    return o->topic[label] = rd_kafka_topic_new(s->rk, name, NULL);
}

static int64_t timestamp_of(const struct origin *from) {
    return from ? (int64_t)(chunk_time_ns(from) / 1000000) : 0;
}

static struct span value_to_send(const struct sink_kafka *s, const struct kafka_out *o, uint32_t i) {
    const struct origin *from = o->chunk->origin ? &o->chunk->origin[i] : NULL;
    if (!s->makes_values) return from && from->body.p ? from->body : o->chunk->rec[i].message;
    struct span v = span_sub(buf_span(&o->text), i ? o->end[i - 1] : 0, o->end[i]);
    return v.n > 0 && v.p[v.n - 1] == '\n' ? span_sub(v, 0, v.n - 1) : v;
}

static rd_kafka_t *producer_open(struct sink_kafka *s, const char *batch_messages, struct err *e);

static rd_kafka_t *sender_alone(struct sink_kafka *s) {
    struct err e = {0};
    if (!s->alone) s->alone = producer_open(s, "1", &e);
    if (!s->alone) outage_failed(&s->outage, e.msg);
    return s->alone;
}

static void give_heads_up(struct sink_kafka *s, rd_kafka_headers_t *list, struct kafka_item *item) {
    if (item->mark)
        kafka_heads_back(s->kept_heads, list, item->mark);
    else
        rd_kafka_headers_destroy(list);
    item->mark = 0;
}

/* False: the queue is full, or it can't be sent now. */
static bool send_record(struct sink_kafka *s, struct kafka_out *o, uint32_t i) {
    char name[TOPIC_MAX];
    bool alone = o->item[i].alone;
    uint8_t label = o->chunk->res[i].label;
    const struct origin *from = o->chunk->origin ? &o->chunk->origin[i] : NULL;
    struct span value = value_to_send(s, o, i), key = from ? from->key : (struct span){0};
    rd_kafka_t *rk = alone ? sender_alone(s) : s->rk;
    rd_kafka_topic_t *topic = alone ? NULL : topic_of(s, o, label);
    if (!rk) return false;
    if (!topic) topic_name(s, o->label[label], name);
    rd_kafka_headers_t *headers = make_headers(s, o, i);
    const rd_kafka_vu_t PARTS[] = {
        topic ? (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic}
              : (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = name},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {unconst(value.p), value.n}}, /* the library only reads */
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {unconst(key.p), key.n}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = &o->item[i]},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = timestamp_of(from)},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(rk, PARTS, sizeof PARTS / sizeof PARTS[0]);
    rd_kafka_resp_err_t why = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error) rd_kafka_error_destroy(error);
    if (why == RD_KAFKA_RESP_ERR_NO_ERROR) {
        o->open++;
        return true;
    }
    give_heads_up(s, headers, &o->item[i]);
    if (out_bury(s, o, i, why)) return true;
    if (why != RD_KAFKA_RESP_ERR__QUEUE_FULL && why != RD_KAFKA_RESP_ERR__STATE)
        outage_failed(&s->outage, rd_kafka_err2str(why));
    return false;
}

/* The oldest chunk that has something to be sent; NULL: there is none. */
static struct kafka_out *out_marked(const struct sink_kafka *s) {
    struct kafka_out *oldest = NULL;
    for (unsigned k = 0; k < KAFKA_OUT_MAX; k++) {
        struct kafka_out *o = s->out[k];
        if (o->chunk && o->again > 0 && (!oldest || o->number < oldest->number)) oldest = o;
    }
    return oldest;
}

/* Sends what is marked for it, in the order it came; what can't be sent now stays marked. */
static void send_marked(struct sink_kafka *s) {
    bool may = clock_now_ns(NULL) >= s->rest_ns && (!s->link || s->txn == TXN_OPEN);
    struct kafka_out *o;
    while (may && (o = out_marked(s))) {
        for (uint32_t i = 0; i < o->chunk->batch.n; i++) {
            if (!o->item[i].again) continue;
            if (!send_record(s, o, i)) return;
            o->item[i].again = false;
            o->again--;
        }
    }
}

/* ---- transactions ---- */

/* Librdkafka's word about a call: done, again later, or the transaction is to be given up. True: done. */
static bool txn_ok(struct sink_kafka *s, rd_kafka_error_t *why) {
    if (!why) return true;
    if (rd_kafka_error_is_fatal(why)) {
        char text[400];
        bool fenced = rd_kafka_error_code(why) == RD_KAFKA_RESP_ERR__FENCED ||
                      rd_kafka_error_code(why) == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
                      rd_kafka_error_code(why) == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
        snprintf(text, sizeof text, "%s%s", fenced ? "fenced: another process has this instance's name now: " : "",
                 rd_kafka_error_string(why));
        kafka_end(s, text);
    } else if (rd_kafka_error_txn_requires_abort(why)) {
        log_warn("kafka.abort", "[sink %s]: the transaction is given up and begun anew: %s", s->conf->name,
                 rd_kafka_error_string(why));
        s->txn = TXN_ABORTING;
    } else if (!rd_kafka_error_is_retriable(why)) {
        kafka_end(s, rd_kafka_error_string(why));
    } else {
        outage_failed(&s->outage, rd_kafka_error_string(why));
    }
    rd_kafka_error_destroy(why);
    return false;
}

/* Offsets of all that is out. False: some of it was read as another member, and is let go. */
static bool txn_offsets(struct sink_kafka *s, rd_kafka_topic_partition_list_t *offsets) {
    bool all = true;
    for (unsigned i = 0; i < KAFKA_OUT_MAX; i++)
        if (s->out[i]->chunk && !s->link->offsets(s->link->source, s->out[i]->chunk->seq, offsets)) all = false;
    return all && s->link->member;
}

/* With the member's word of the epoch in which they were read: the broker refuses it when the epoch is over. */
static void txn_send_offsets(struct sink_kafka *s) {
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(8);
    pthread_mutex_lock(&s->link->lock);
    bool ours = txn_offsets(s, offsets);
    rd_kafka_error_t *why = NULL;
    if (ours && offsets->cnt > 0)
        why = rd_kafka_send_offsets_to_transaction(s->rk, offsets, s->link->member, TXN_CALL_MS);
    pthread_mutex_unlock(&s->link->lock);
    rd_kafka_topic_partition_list_destroy(offsets);
    if (!ours)
        s->txn = TXN_ABORTING;
    else
        s->offsets_sent = txn_ok(s, why);
}

static void txn_commit(struct sink_kafka *s) {
    if (!s->offsets_sent) txn_send_offsets(s);
    if (!s->offsets_sent || s->txn != TXN_ENDING) return;
    if (!txn_ok(s, rd_kafka_commit_transaction(s->rk, TXN_CALL_MS))) return;
    metrics_add(METRIC_KAFKA_TRANSACTIONS, TXN_DONE, 0, 0, 1);
    s->txn = TXN_READY;
    out_settle_done(s);
}

/* What is ours still is sent again in the next transaction. */
static void txn_abort(struct sink_kafka *s) {
    if (!txn_ok(s, rd_kafka_abort_transaction(s->rk, TXN_CALL_MS)) || s->failed) return;
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(8);
    metrics_add(METRIC_KAFKA_TRANSACTIONS, TXN_GIVEN_UP, 0, 0, 1);
    s->txn = TXN_READY;
    pthread_mutex_lock(&s->link->lock);
    for (unsigned k = 0; k < KAFKA_OUT_MAX; k++) {
        struct kafka_out *o = s->out[k];
        if (!o->chunk) continue;
        MUST(o->open == 0); /* an abort purges, and serves all reports */
        bool ours = s->link->offsets(s->link->source, o->chunk->seq, none);
        o->again = 0;
        for (uint32_t i = 0; i < o->chunk->batch.n; i++) {
            o->item[i].again = ours && !o->item[i].dropped;
            o->again += o->item[i].again;
        }
        if (!ours) o->n = 0;
    }
    pthread_mutex_unlock(&s->link->lock);
    rd_kafka_topic_partition_list_destroy(none);
    s->rest_ns = 0;
    out_settle_done(s); /* those that are not ours: their offsets are not committed either */
}

static bool txn_is_due(const struct sink_kafka *s) {
    unsigned used = 0;
    for (unsigned i = 0; i < KAFKA_OUT_MAX; i++) used += s->out[i]->chunk != NULL;
    bool full = used == KAFKA_OUT_MAX || s->txn_records >= TXN_RECORDS;
    return used > 0 && (full || clock_now_ns(NULL) - s->txn_ns >= clock_ns_of_ms((uint64_t)s->conf->batch_wait));
}

static bool txn_is_sent(const struct sink_kafka *s) {
    for (unsigned i = 0; i < KAFKA_OUT_MAX; i++)
        if (s->out[i]->chunk && (s->out[i]->open > 0 || s->out[i]->again > 0)) return false;
    return true;
}

/* Nothing is on its way any more. */
static bool all_reported(const struct sink_kafka *s) {
    for (unsigned i = 0; i < KAFKA_OUT_MAX; i++)
        if (s->out[i]->chunk && s->out[i]->open > 0) return false;
    return true;
}

static bool txn_has_work(const struct sink_kafka *s) {
    for (unsigned i = 0; i < KAFKA_OUT_MAX; i++)
        if (s->out[i]->chunk) return true;
    return false;
}

static void txn_begin(struct sink_kafka *s) {
    if (!txn_ok(s, rd_kafka_begin_transaction(s->rk))) return;
    s->txn = TXN_OPEN;
    s->offsets_sent = false;
    s->txn_ns = clock_now_ns(NULL);
    s->txn_records = 0;
}

static void txn_step(struct sink_kafka *s) {
    switch (s->txn) {
    case TXN_NONE:
        if (txn_ok(s, rd_kafka_init_transactions(s->rk, TXN_CALL_MS))) s->txn = TXN_READY;
        break;
    case TXN_READY:
        if (txn_has_work(s)) txn_begin(s);
        break;
    case TXN_OPEN:
        if (txn_is_due(s)) s->txn = TXN_ENDING;
        break;
    case TXN_ENDING:
        if (txn_is_sent(s))
            txn_commit(s);
        else if (all_reported(s))
            s->txn = TXN_ABORTING;
        break;
    case TXN_ABORTING: txn_abort(s); break;
    }
}

/* ---- what the flow calls ---- */

static struct kafka_out *out_free(struct sink_kafka *s) {
    for (unsigned i = 0; i < KAFKA_OUT_MAX; i++)
        if (!s->out[i]->chunk) return s->out[i];
    return NULL;
}

static bool out_make_values(struct sink_kafka *s, struct kafka_out *o, struct chunk *c) {
    buf_reset(&o->text);
    for (uint32_t i = 0; s->makes_values && i < c->batch.n; i++) {
        form_one(&s->form, &o->text, c, i);
        o->end[i] = o->text.n;
    }
    return !o->text.failed;
}

static bool sink_kafka_put(void *self, struct chunk *c) {
    struct sink_kafka *s = self;
    struct kafka_out *o = out_free(s);
    if (s->failed) flow_settle(s->flow, c, false);
    if (s->failed) return true;
    if (!o || (s->link && s->txn != TXN_OPEN && s->txn != TXN_READY)) return false;
    if (!out_make_values(s, o, c)) return false;
    const struct label_set *labels = &c->batch.engine->labels;
    o->chunk = c;
    o->number = ++s->put_n;
    o->n = o->open = o->again = 0;
    for (unsigned i = 0; i < labels->n; i++) snprintf(o->label[i], sizeof o->label[i], "%s", labels->label[i].id);
    form_start(s->o.form, c);
    for (uint32_t i = 0; i < c->batch.n; i++) {
        bool dropped = form_drops(s->o.form, c, i);
        o->item[i] = (struct kafka_item){.out = o, .again = !dropped, .dropped = dropped};
        o->again += !dropped;
    }
    form_count(s->o.form);
    o->n = o->again;
    if (s->txn == TXN_READY && s->link) txn_begin(s);
    s->txn_records += o->n;
    send_marked(s);
    return true;
}

/* Until all reports are in: messages point into chunks. */
static void sink_kafka_abandon(void *self) {
    struct sink_kafka *s = self;
    rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (s->alone) rd_kafka_purge(s->alone, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    for (unsigned i = 0; i < PURGE_TURNS && !all_reported(s); i++) {
        rd_kafka_poll(s->rk, PURGE_TURN_MS);
        if (s->alone) rd_kafka_poll(s->alone, 0);
    }
    for (unsigned i = 0; i < KAFKA_OUT_MAX; i++)
        if (s->out[i]->chunk) out_settle(s, s->out[i], false);
}

static void sink_kafka_step(void *self, int wait_ms) {
    struct sink_kafka *s = self;
    rd_kafka_poll(s->rk, s->link && wait_ms > TXN_TURN_MS ? TXN_TURN_MS : wait_ms);
    if (s->alone) rd_kafka_poll(s->alone, 0);
    if (s->failed) sink_kafka_abandon(s);
    if (s->failed) return;
    send_marked(s);
    if (s->link)
        txn_step(s);
    else
        out_settle_done(s);
}

static void sink_kafka_wake(void *self) {
    struct sink_kafka *s = self;
    rd_kafka_queue_yield(s->main);
}

static void sink_kafka_close(void *self) {
    struct sink_kafka *s = self;
    if (s->main) rd_kafka_queue_destroy(s->main);
    if (s->alone) rd_kafka_destroy(s->alone);
    if (s->rk) rd_kafka_destroy(s->rk);
    kafka_heads_close(s->kept_heads);
    for (unsigned i = 0; i < KAFKA_OUT_MAX; i++) {
        buf_release(&s->out[i]->text);
        free(s->out[i]);
    }
    form_close(&s->form);
    free(s);
}

static void sink_kafka_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct sink_kafka *s = opaque;
    char text[300];
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t why = rd_kafka_fatal_error(rk, text, sizeof text);
        bool fenced = why == RD_KAFKA_RESP_ERR__FENCED || why == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
                      why == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
        if (fenced) log_error("kafka.fenced", "[sink %s]: another process has this instance's name now", s->conf->name);
        kafka_end(s, text);
    } else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        outage_failed(&s->outage, reason);
    }
}

static rd_kafka_t *producer_open(struct sink_kafka *s, const char *batch_messages, struct err *e) {
    const struct kafka_setting FIXED[] = {
        {"enable.idempotence", "true"},
        {"message.timeout.ms", s->link ? "?60000" : "0"}, /* as long as it takes; of a transaction, as long as it may */
        {"queue.buffering.max.messages", "1000000"},
        {"queue.buffering.max.kbytes", "1048576"},
        {"compression.type", "?lz4"},
        {"linger.ms", "?20"}, /* four times the library's: fewer, larger batches cost both sides less */
        {"batch.num.messages", batch_messages},
        {"partitioner", "?murmur2_random"},
        {"message.max.bytes", "?1000000"},
        {s->link ? "transactional.id" : NULL, s->link ? s->link->transactional_id : NULL},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = kafka_conf_open(s->conf, FIXED, e);
    if (!conf) return NULL;
    rd_kafka_conf_set_opaque(conf, s);
    rd_kafka_conf_set_dr_msg_cb(conf, kafka_report);
    rd_kafka_conf_set_error_cb(conf, sink_kafka_error);
    return kafka_open(RD_KAFKA_PRODUCER, conf, e);
}

static void *sink_kafka_open(const struct sink_opts *o, struct flow *f, struct err *e) {
    struct sink_kafka *s = must_calloc(1, sizeof *s);
    *s = (struct sink_kafka){.flow = f, .o = *o, .conf = o->section, .link = o->kafka_link};
    outage_init(&s->outage, s->conf, s->conf->brokers);
    s->makes_values = strcmp(s->conf->annotate, "headers") != 0;
    s->heads = strcmp(s->conf->annotate, "value") != 0;
    s->form = (struct form){.id = FORM_ANNOTATED};
    s->kept_heads = kafka_heads_open();
    for (unsigned i = 0; i < KAFKA_OUT_MAX; i++) {
        s->out[i] = must_calloc(1, sizeof *s->out[i]);
        buf_init(&s->out[i]->text, KAFKA_TEXT_MAX);
    }
    if (!s->conf->topic[0])
        err_set(e, ERR_USAGE, "[sink %s] needs 'topic': where records go", s->conf->name);
    else if ((s->rk = producer_open(s, "?10000", e))) {
        s->main = rd_kafka_queue_get_main(s->rk);
        return s;
    }
    sink_kafka_close(s);
    return NULL;
}

extern const struct sink_kind sink_kafka;
const struct sink_kind sink_kafka = {sink_kafka_open,    sink_kafka_put,   sink_kafka_step,
                                     sink_kafka_abandon, sink_kafka_close, sink_kafka_wake};
