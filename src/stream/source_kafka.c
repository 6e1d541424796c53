/* A member of a consumer group. Offsets are ours: they are committed, oldest first, when the sink has what came before
 * them; or the sink commits them in its transactions (kafka_link). Partitions are assigned eagerly, all anew at each
 * rebalance: an epoch, and what was read in an earlier one is not committed any more. */
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "conf/section.h"
#include "data/intake.h"
#include "metrics/metrics.h"
#include "stream/kafka.h"
#include "stream/reader_json.h"
#include "stream/source.h"
#include "text/rfc3339.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    REVOKE_WAIT_MS = 3000, /* for what is under way when partitions are taken from us */
    REVOKE_POLL_MS = 5,
    PAUSE_AFTER_MS = 1000, /* without room; a pause throws away what was fetched ahead */
    LAG_EVERY_MS = 1000,
    HEADERS_MAX = 64,
    ATTRS = 4
};

/* Where a chunk ends: what is committed when it is settled. */
struct kafka_position {
    uint64_t seq, epoch;
    rd_kafka_topic_partition_list_t *next; /* NULL: nothing was read */
    int last;                              /* of them, the one that was raised last, while it is filled */
    const rd_kafka_topic_t *last_topic;
};

struct kafka_source {
    const struct section *conf;
    unsigned metric;
    rd_kafka_t *rk;
    struct kafka_link *link; /* NULL: we commit */
    const _Atomic uint64_t *safe;
    struct reader_json json;
    uint64_t epoch, committed; /* chunks up to number `committed` are in `settled` */
    struct kafka_position position[SOURCE_POSITIONS];
    rd_kafka_topic_partition_list_t *settled; /* to be committed */
    uint64_t committed_ns, lag_ns, full_ns;   /* full_ns: since when there was no room; 0: there is */
    rd_kafka_message_t *held;                 /* read, and no room for it */
    struct chunk *filling, *fresh;            /* during read; fresh: not begun yet */
    uint64_t sent;                            /* number of the last chunk that had records */
    bool paused, fatal;
    struct err failure;
};

/* ---- offsets ---- */

/* Returns which element it is. */
static int offset_raise(rd_kafka_topic_partition_list_t *list, const char *topic, int32_t partition, int64_t next) {
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_find(list, topic, partition);
    if (!p) p = rd_kafka_topic_partition_list_add(list, topic, partition);
    if (p->offset < next) p->offset = next;
    return (int)(p - list->elems);
}

static void offsets_add(rd_kafka_topic_partition_list_t *to, const rd_kafka_topic_partition_list_t *from) {
    for (int i = 0; i < from->cnt; i++)
        offset_raise(to, from->elems[i].topic, from->elems[i].partition, from->elems[i].offset);
}

static struct kafka_position *position_of(struct kafka_source *s, uint64_t seq) {
    return &s->position[seq % SOURCE_POSITIONS];
}

static void position_clear(struct kafka_position *p, uint64_t seq, uint64_t epoch) {
    if (p->next) rd_kafka_topic_partition_list_destroy(p->next);
    *p = (struct kafka_position){.seq = seq, .epoch = epoch};
}

/* What is settled, up to chunk number seq, is to be committed, unless it was read in an earlier epoch. */
static void take_settled(struct kafka_source *s, uint64_t seq) {
    for (; s->committed < seq; s->committed++) {
        const struct kafka_position *p = position_of(s, s->committed + 1);
        if (p->next && p->epoch == s->epoch) offsets_add(s->settled, p->next);
    }
}

static void commit_settled(struct kafka_source *s, bool wait) {
    s->committed_ns = clock_now_ns(NULL);
    if (s->settled->cnt == 0) return;
    rd_kafka_resp_err_t why = s->link ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_commit(s->rk, s->settled, !wait);
    if (why) log_warn("kafka.commit", "[source %s]: %s; it is tried again", s->conf->name, rd_kafka_err2str(why));
    if (why) return;
    rd_kafka_topic_partition_list_destroy(s->settled);
    s->settled = rd_kafka_topic_partition_list_new(8);
}

/* Asked by the sink's thread, of a chunk that it has and that is not settled: nobody changes its position then. */
static bool kafka_offsets(void *source, uint64_t seq, rd_kafka_topic_partition_list_t *to) {
    struct kafka_source *s = source;
    const struct kafka_position *p = position_of(s, seq);
    MUST(p->seq == seq);
    if (p->epoch != s->link->epoch) return false; /* under the link's lock */
    if (p->next) offsets_add(to, p->next);
    return true;
}

/* ---- rebalances ---- */

static void new_epoch(struct kafka_source *s, bool member) {
    s->epoch++;
    rd_kafka_topic_partition_list_destroy(s->settled);
    s->settled = rd_kafka_topic_partition_list_new(8);
    if (s->held) rd_kafka_message_destroy(s->held);
    s->held = NULL;
    if (!s->link) return;
    kafka_link_set(s->link, member ? rd_kafka_consumer_group_metadata(s->rk) : NULL);
    s->epoch = s->link->epoch;
}

/* Of the chunk that is being filled nothing was sent: whoever gets the partitions reads it. */
static void forget_filling(struct kafka_source *s) {
    if (!s->filling) return;
    chunk_reset(s->filling);
    chunk_want_origins(s->filling);
    position_clear(position_of(s, s->filling->seq), s->filling->seq, s->epoch);
}

static void wait_for_settled(struct kafka_source *s) {
    uint64_t until = clock_now_ns(NULL) + clock_ns_of_ms(REVOKE_WAIT_MS);
    while (atomic_load(s->safe) < s->sent && clock_now_ns(NULL) < until) usleep(REVOKE_POLL_MS * 1000);
    take_settled(s, atomic_load(s->safe));
}

static void kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *partitions,
                            void *opaque) {
    struct kafka_source *s = opaque;
    metrics_add(METRIC_KAFKA_REBALANCES, s->metric, 0, 0, 1);
    if (s->paused) rd_kafka_resume_partitions(rk, partitions); /* a pause outlives the assignment it was asked in */
    s->paused = false;
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        log_info("kafka.assigned", "[source %s]: %d partitions", s->conf->name, partitions->cnt);
        rd_kafka_assign(rk, partitions);
        new_epoch(s, true);
        return;
    }
    log_info("kafka.revoked", "[source %s]: %d partitions", s->conf->name, partitions->cnt);
    if (!rd_kafka_assignment_lost(rk)) {
        wait_for_settled(s);
        commit_settled(s, true);
    }
    new_epoch(s, false);
    forget_filling(s);
    rd_kafka_assign(rk, NULL);
}

static void kafka_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct kafka_source *s = opaque;
    char text[300];
    if (code != RD_KAFKA_RESP_ERR__FATAL) {
        log_warn("kafka.trouble", "[source %s]: %s", s->conf->name, reason);
        return;
    }
    rd_kafka_resp_err_t why = rd_kafka_fatal_error(rk, text, sizeof text);
    bool fenced = why == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
    s->fatal = true;
    err_set(&s->failure, ERR_CONNECTION, "[source %s]: %s%s", s->conf->name,
            fenced ? "fenced: another process is this instance of the group now: " : "", text);
}

static void kafka_committed(rd_kafka_t *rk, rd_kafka_resp_err_t why, rd_kafka_topic_partition_list_t *offsets,
                            void *opaque) {
    struct kafka_source *s = opaque;
    (void)rk;
    (void)offsets;
    if (why && why != RD_KAFKA_RESP_ERR__NO_OFFSET)
        log_warn("kafka.commit", "[source %s]: offsets were not committed: %s", s->conf->name, rd_kafka_err2str(why));
}

/* ---- messages ---- */

static struct chunk *kafka_take_chunk(void *self) {
    struct kafka_source *s = self;
    struct chunk *c = s->fresh;
    s->fresh = NULL; /* the next message waits for the next chunk */
    return c;
}

static uint32_t message_headers(const rd_kafka_message_t *m, struct attr header[HEADERS_MAX], size_t *bytes) {
    rd_kafka_headers_t *all;
    uint32_t n = 0;
    const char *name;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(m, &all) != RD_KAFKA_RESP_ERR_NO_ERROR) return 0;
    for (size_t i = 0; n < HEADERS_MAX && rd_kafka_header_get_all(all, i, &name, &value, &size) == 0; i++) {
        header[n].key = span_of(name);
        header[n].value = (struct span){value, value ? size : 0};
        *bytes += strlen(name) + header[n++].value.n;
    }
    return n;
}

static struct span kafka_copy(struct intake *in, struct span s) {
    return s.p ? intake_copy(in, s) : s;
}

static struct span copy_number(struct intake *in, uint64_t v) {
    char text[20]; /* as many digits as 2^64 has */
    struct buf number = {.p = text, .cap = sizeof text, .max = sizeof text};
    buf_put_number(&number, v);
    return intake_copy(in, buf_span(&number));
}

static void message_attrs(struct intake *in, struct origin *o, struct attr *v, const rd_kafka_message_t *m) {
    v[0] = (struct attr){SPAN_LIT("messaging.destination.name"), intake_copy(in, span_of(rd_kafka_topic_name(m->rkt)))};
    v[1] = (struct attr){SPAN_LIT("messaging.destination.partition.id"), copy_number(in, (uint64_t)m->partition)};
    v[2] = (struct attr){SPAN_LIT("messaging.kafka.offset"), copy_number(in, (uint64_t)m->offset)};
    o->attr_n = 3;
    if (o->key.n > 0) v[o->attr_n++] = (struct attr){SPAN_LIT("messaging.kafka.message.key"), o->key};
    o->attr = v;
}

static void message_time(struct origin *o, const rd_kafka_message_t *m) {
    rd_kafka_timestamp_type_t kind;
    int64_t ms = rd_kafka_message_timestamp(m, &kind);
    if (kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms <= 0) return;
    o->time_ns = (uint64_t)ms * 1000000;
}

/* False: there is no room for it in this chunk. */
static bool kafka_add(struct kafka_source *s, struct intake *in, const rd_kafka_message_t *m) {
    enum { OTHER_BYTES = 400 }; /* attributes, texts of numbers, the topic's name */
    struct attr header[HEADERS_MAX], *attrs;
    size_t bytes = OTHER_BYTES + m->key_len;
    uint32_t n = message_headers(m, header, &bytes);
    bytes += (ATTRS + n) * sizeof(struct attr);
    if (bytes > INTAKE_RECORD_MAX / 2) n = 0, bytes = OTHER_BYTES + ATTRS * sizeof(struct attr);
    struct span value = {m->payload, m->payload ? m->len : 0};
    struct span kept = span_sub(value, 0, INTAKE_RECORD_MAX - bytes);
    if (!intake_room(in, bytes + kept.n)) return false;
    attrs = intake_attrs(in, ATTRS + n);
    struct span body = intake_copy(in, kept.p ? kept : SPAN_LIT(""));
    struct origin *o = intake_add(in, span_of(s->conf->source), span_sub(body, 0, CHUNK_LINE_MAX));
    o->body = body;
    o->truncated = kept.n < value.n;
    if (m->key && m->key_len <= INTAKE_RECORD_MAX / 2) o->key = intake_copy(in, (struct span){m->key, m->key_len});
    for (uint32_t i = 0; i < n; i++)
        attrs[ATTRS + i] = (struct attr){kafka_copy(in, header[i].key), kafka_copy(in, header[i].value)};
    o->header = attrs + ATTRS;
    o->header_n = n;
    message_time(o, m);
    message_attrs(in, o, attrs, m);
    struct record *rec = &in->now->rec[in->now->batch.n - 1];
    struct place at;
    if (body.n > 1 && body.p[0] == '{' && body.n <= CHUNK_LINE_MAX &&
        reader_json_line(&s->json, &in->now->arena, body, rec, &at))
        o->raw = body;
    return true;
}

/* The chunk ends behind m. Messages of a partition come one after the other. */
static void kafka_note(struct kafka_source *s, const rd_kafka_message_t *m) {
    struct kafka_position *p = position_of(s, s->filling->seq);
    rd_kafka_topic_partition_t *last = p->next && p->last < p->next->cnt ? &p->next->elems[p->last] : NULL;
    if (last && p->last_topic == m->rkt && last->partition == m->partition && last->offset <= m->offset) {
        last->offset = m->offset + 1;
        return;
    }
    if (!p->next) p->next = rd_kafka_topic_partition_list_new(4);
    p->last = offset_raise(p->next, rd_kafka_topic_name(m->rkt), m->partition, m->offset + 1);
    p->last_topic = m->rkt;
}

/* The next message; NULL: there is none now. */
static rd_kafka_message_t *next_message(struct kafka_source *s, int wait_ms) {
    rd_kafka_message_t *m = s->held;
    s->held = NULL;
    while (!m && (m = rd_kafka_consumer_poll(s->rk, wait_ms)) && m->err) {
        if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            log_warn("kafka.trouble", "[source %s]: %s", s->conf->name, rd_kafka_message_errstr(m));
        rd_kafka_message_destroy(m);
        m = NULL;
        wait_ms = 0;
    }
    return m;
}

static void fill_chunk(struct kafka_source *s, struct chunk *c, int wait_ms) {
    struct intake in = {.take = kafka_take_chunk, .self = s};
    rd_kafka_message_t *m;
    s->filling = s->fresh = c;
    position_clear(position_of(s, c->seq), c->seq, s->epoch);
    while (c->batch.n < CHUNK_RECORDS && (m = next_message(s, c->batch.n ? 0 : wait_ms))) {
        position_of(s, c->seq)->epoch = s->epoch; /* the poll may have been a rebalance */
        if (!kafka_add(s, &in, m)) {
            s->held = m;
            break;
        }
        kafka_note(s, m);
        rd_kafka_message_destroy(m);
    }
    s->filling = NULL;
    if (c->batch.n > 0) s->sent = c->seq;
}

/* ---- what the runner calls ---- */

static void pause_all(struct kafka_source *s, bool pause) {
    rd_kafka_topic_partition_list_t *all;
    if (s->paused == pause || rd_kafka_assignment(s->rk, &all) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (pause)
        rd_kafka_pause_partitions(s->rk, all);
    else
        rd_kafka_resume_partitions(s->rk, all);
    rd_kafka_topic_partition_list_destroy(all);
    s->paused = pause;
}

/* No room for long: partitions are paused, and the group still hears of us. */
static void stay_member(struct kafka_source *s) {
    uint64_t now = clock_now_ns(NULL);
    if (!s->full_ns) s->full_ns = now;
    if (now - s->full_ns < clock_ns_of_ms(PAUSE_AFTER_MS)) return;
    pause_all(s, true);
    if (!s->held) s->held = next_message(s, 0);
}

static void tell_lag(struct kafka_source *s) {
    rd_kafka_topic_partition_list_t *all;
    uint64_t now = clock_now_ns(NULL);
    double lag = 0;
    if (now - s->lag_ns < clock_ns_of_ms(LAG_EVERY_MS)) return;
    s->lag_ns = now;
    if (rd_kafka_assignment(s->rk, &all) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    rd_kafka_position(s->rk, all);
    for (int i = 0; i < all->cnt; i++) {
        int64_t low, high;
        const rd_kafka_topic_partition_t *p = &all->elems[i];
        bool known = rd_kafka_get_watermark_offsets(s->rk, p->topic, p->partition, &low, &high) == 0 && high >= 0;
        if (known) lag += (double)(high - (p->offset >= 0 ? p->offset : low));
    }
    rd_kafka_topic_partition_list_destroy(all);
    metrics_gauge_set(METRIC_KAFKA_LAG, s->metric, lag > 0 ? lag : 0);
}

static enum source_state source_kafka_read(void *self, struct chunk *c, int wait_ms, struct err *e) {
    struct kafka_source *s = self;
    if (c) {
        chunk_want_origins(c);
        pause_all(s, false);
        s->full_ns = 0;
        fill_chunk(s, c, wait_ms);
        metrics_add(METRIC_SOURCE_RECORDS, s->metric, 0, 0, c->batch.n);
    } else {
        stay_member(s);
    }
    tell_lag(s);
    if (clock_now_ns(NULL) - s->committed_ns >= clock_ns_of_ms((uint64_t)s->conf->commit_interval))
        commit_settled(s, false);
    if (s->fatal) *e = s->failure;
    return s->fatal ? SOURCE_FAILED : SOURCE_GOES_ON;
}

static bool source_kafka_commit(void *self, uint64_t seq, struct err *e) {
    (void)e;
    take_settled(self, seq);
    return true;
}

static void source_kafka_close(void *self) {
    struct kafka_source *s = self;
    if (s->rk) {
        if (!s->fatal) commit_settled(s, true);
        s->sent = 0;
        rd_kafka_consumer_close(s->rk);
        if (s->held) rd_kafka_message_destroy(s->held);
        rd_kafka_destroy(s->rk);
    }
    for (unsigned i = 0; i < SOURCE_POSITIONS; i++) position_clear(&s->position[i], 0, 0);
    if (s->settled) rd_kafka_topic_partition_list_destroy(s->settled);
    reader_json_release(&s->json);
    free(s);
}

static bool subscribe(struct kafka_source *s, struct err *e) {
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(4);
    char topic[300];
    for (const char *at = s->conf->topics; section_next_item(&at, topic, sizeof topic);)
        rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t why = topics->cnt ? rd_kafka_subscribe(s->rk, topics) : RD_KAFKA_RESP_ERR_NO_ERROR;
    bool any = topics->cnt > 0;
    rd_kafka_topic_partition_list_destroy(topics);
    if (!any) return err_set(e, ERR_USAGE, "topics: expected at least one");
    return !why || err_set(e, ERR_USAGE, "topics: %s", rd_kafka_err2str(why));
}

static bool open_consumer(struct kafka_source *s, struct err *e) {
    char instance[200];
    kafka_instance(s->conf, instance, sizeof instance);
    const struct kafka_setting FIXED[] = {
        {"group.id", s->conf->group},
        {"group.instance.id", instance},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"partition.assignment.strategy", "range,roundrobin"},
        {"isolation.level", "read_committed"},
        {"auto.offset.reset", strcmp(s->conf->start, "end") == 0 ? "latest" : "earliest"},
        {"session.timeout.ms", "?6000"},
        {"queued.max.messages.kbytes", "?32768"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = kafka_conf_open(s->conf, FIXED, e);
    if (!conf) return false;
    rd_kafka_conf_set_opaque(conf, s);
    rd_kafka_conf_set_rebalance_cb(conf, kafka_rebalance);
    rd_kafka_conf_set_error_cb(conf, kafka_error);
    rd_kafka_conf_set_offset_commit_cb(conf, kafka_committed);
    s->rk = kafka_open(RD_KAFKA_CONSUMER, conf, e);
    if (!s->rk) return false;
    rd_kafka_poll_set_consumer(s->rk);
    if (!s->link) return true;
    s->link->offsets = kafka_offsets;
    s->link->source = s;
    return true;
}

static void *source_kafka_open(const struct source_opts *o, struct err *e) {
    struct kafka_source *s = must_calloc(1, sizeof *s);
    *s = (struct kafka_source){.conf = o->section, .link = o->kafka_link, .safe = o->safe};
    s->metric = metrics_name(METRIC_SET_SOURCE, s->conf->name);
    s->settled = rd_kafka_topic_partition_list_new(8);
    reader_json_init(&s->json);
    if (open_consumer(s, e) && subscribe(s, e)) return s;
    source_kafka_close(s);
    return NULL;
}

extern const struct source_kind source_kafka;
const struct source_kind source_kafka = {source_kafka_open, source_kafka_read, source_kafka_commit, source_kafka_close,
                                         NULL};
