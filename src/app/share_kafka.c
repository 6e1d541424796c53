/* Instances that keep what people said in one topic of Kafka: partition 0 of it is the order in which things were said,
 * and the number of a record is its offset + 1. A message is what POST /api/share/words takes, with one record. Each
 * message has a key of its own, so that compaction takes nothing but what was deleted: a kind that was forgotten.
 *
 * No group is joined and no offset is committed: how far we are is in our log. Messages are sent one after the other,
 * each when the one before is there: dedupe is by the highest number that came from a log, so that none may be left out
 * before a later one. A send that may or may not have worked is looked for in the topic before it is done again. */
#include "app/share_internal.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/must.h"
#include "conf/section.h"
#include "llm/key.h"
#include "stream/kafka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

enum {
    LOOK_EVERY_MS = 2000,
    CALL_MS = 1500, /* share_close waits for it */
    MESSAGES = 500, /* in force at once */
    SETTINGS_BYTES_MAX = 64 << 10,
    PARTITION = 0,
    TOPIC_NUMBERS_MAX = INT32_MAX, /* above are those of a log's own records */
};

struct share_topic {
    struct share *s;
    const char *name;
    struct section conf; /* brokers and settings */
    rd_kafka_t *in, *out;
    rd_kafka_topic_t *from, *to;
    bool known;                      /* which topic it is, so that our log may follow it */
    bool reads;                      /* messages are fetched */
    bool fresh;                      /* end was asked for since the last failure */
    int64_t next;                    /* offset of the next message */
    int64_t end;                     /* where the topic ended */
    int64_t said_to;                 /* a gap that was told ends there */
    uint64_t log;                    /* the name of our log when it was last looked at */
    uint32_t had;                    /* and how far it was */
    uint64_t look_ns, rest_ns, sent; /* not before; messages of this start, for their keys */
    unsigned failures;
    bool waits; /* for the report of a message */
    rd_kafka_resp_err_t report;
    unsigned broken;
    rd_kafka_message_t *message[MESSAGES];
    struct shared_entry entry[MESSAGES];
    char names[MESSAGES][SHARED_NAME_MAX];
};

static void topic_failed(struct share_topic *t, const struct err *e) {
    uint64_t rest_ms = share_failed(t->s, t->failures++, e);
    t->look_ns = t->rest_ns = clock_now_ns(NULL) + clock_ns_of_ms(rest_ms);
    t->fresh = false;
}

/* ---- where the topic begins and ends ---- */

static bool topic_error(rd_kafka_resp_err_t why, const char *doing, const char *topic, struct err *e) {
    if (why == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || why == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        why == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
        return err_set(e, ERR_CONFIG,
                       "the topic is not there: create it with one partition and cleanup.policy=compact");
    return err_set(e, ERR_CONNECTION, "%s %s: %s", doing, topic, rd_kafka_err2str(why));
}

static void stop_reading(struct share_topic *t) {
    if (t->reads) rd_kafka_consume_stop(t->from, PARTITION);
    t->reads = false;
}

/* The log is told which topic of which cluster it follows: numbers of two never meet. */
static void topic_name_it(struct share_topic *t) {
    char *cluster = rd_kafka_clusterid(t->in, CALL_MS);
    snprintf(t->s->follows, sizeof t->s->follows, "%.100s/%.190s", cluster ? cluster : "", t->name);
    rd_kafka_mem_free(t->in, cluster);
    t->known = true;
}

/* Records that we do not have were deleted before we read them; what came behind them is read on. */
static void topic_skip(struct share_topic *t, int64_t begin) {
    if (t->said_to < begin)
        log_warn("share.gap", "%s: its records up to number %" PRId64 " were deleted: set cleanup.policy=compact",
                 t->s->where, begin);
    t->said_to = begin;
    t->next = begin;
    stop_reading(t);
}

/* Where it begins and ends. The library's call for that does not keep its time limit when the broker is away, so that
 * it is asked for something else first. */
static rd_kafka_resp_err_t ask_ends(struct share_topic *t, int64_t *begin) {
    const struct rd_kafka_metadata *all;
    rd_kafka_resp_err_t why = rd_kafka_metadata(t->in, 0, t->from, &all, CALL_MS);
    if (why) return why;
    why = all->topic_cnt > 0 ? all->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    rd_kafka_metadata_destroy(all);
    return why ? why : rd_kafka_query_watermark_offsets(t->in, t->name, PARTITION, begin, &t->end, CALL_MS);
}

/* A log that is another one, or knows less than it did, is read into from where it is. */
static bool look_at_log(struct share_topic *t, struct err *e) {
    const struct shared_state *now = &t->s->state;
    bool ok = share_look(t->s, e);
    if (now->log != t->log || now->desk_id < t->had) {
        stop_reading(t);
        t->look_ns = 0;
    }
    t->log = now->log;
    t->had = now->desk_id;
    return ok;
}

static bool look_at_topic(struct share_topic *t, struct err *e) {
    int64_t begin;
    rd_kafka_resp_err_t why = ask_ends(t, &begin);
    if (why) return topic_error(why, "asking for the end of", t->name, e);
    if (!t->known) topic_name_it(t);
    if (!look_at_log(t, e)) return false;
    if (!t->reads) t->next = t->s->state.desk_id;
    if (t->end < t->next)
        return err_set(e, ERR_INPUT,
                       "the topic ends with record %" PRId64 ", yet we have record %" PRId64
                       ": it is not the topic that we followed",
                       t->end, t->next);
    if (t->next < begin) topic_skip(t, begin);
    if (!t->reads && rd_kafka_consume_start(t->from, PARTITION, t->next) != 0)
        return topic_error(rd_kafka_last_error(), "reading", t->name, e);
    t->reads = t->fresh = true;
    t->look_ns = clock_now_ns(NULL) + clock_ns_of_ms(LOOK_EVERY_MS);
    return true;
}

/* ---- messages come in ---- */

/* "HEX" of 16 digits. */
static uint64_t topic_hex(yyjson_val *root, const char *name) {
    const char *text = yyjson_get_str(yyjson_obj_get(root, name));
    return text ? strtoull(text, NULL, 16) : 0;
}

/* False: it is no message of ours. One without a value was deleted. */
static bool message_read(const rd_kafka_message_t *m, struct shared_entry *entry, char name[SHARED_NAME_MAX]) {
    struct span body = {m->payload, m->payload ? m->len : 0};
    struct span first = span_take_line(&body);
    yyjson_doc *doc = yyjson_read(first.p, first.n, YYJSON_READ_NOFLAG);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *instance = yyjson_get_str(yyjson_obj_get(root, "instance"));
    snprintf(name, SHARED_NAME_MAX, "%s", instance ? instance : "");
    *entry = (struct shared_entry){
        .id = (uint32_t)(m->offset + 1),
        .sent = {.log = topic_hex(root, "log"),
                 .name = span_of(name),
                 .now = yyjson_get_sint(yyjson_obj_get(root, "now")),
                 .lines = body},
    };
    yyjson_doc_free(doc);
    return entry->sent.log != 0 && entry->sent.now > 0 && body.n > 0 && m->offset < TOPIC_NUMBERS_MAX;
}

static bool take_messages(struct share_topic *t, size_t n, struct err *e) {
    for (size_t done = 0; done < n;) {
        unsigned broken = 0;
        size_t more = shared_order(t->s->log, t->entry + done, n - done, &broken, e);
        if (more == 0) return false;
        t->broken += broken;
        done += more;
    }
    if (n > 0) share_refresh(t->s);
    return true;
}

/* Up to MESSAGES of them; n: those that are kept. Waits for the first one. */
static size_t fetch(struct share_topic *t, struct err *e) {
    size_t n = 0;
    rd_kafka_message_t *m;
    while (n < MESSAGES && (m = rd_kafka_consume(t->from, PARTITION, n ? 0 : SHARE_TURN_MS)) != NULL) {
        rd_kafka_resp_err_t why = m->err;
        if (!why || why == RD_KAFKA_RESP_ERR__PARTITION_EOF) t->next = m->offset + !why;
        bool is = !why && m->payload;
        if (is && message_read(m, &t->entry[n], t->names[n])) {
            t->message[n++] = m;
            continue;
        }
        t->broken += is;
        rd_kafka_message_destroy(m);
        if (why && why != RD_KAFKA_RESP_ERR__PARTITION_EOF) topic_error(why, "reading", t->name, e);
        if (why) break;
    }
    return n;
}

static bool read_topic(struct share_topic *t, struct err *e) {
    unsigned before = t->broken;
    struct err why = {0};
    int64_t next = t->next;
    size_t n = fetch(t, &why);
    bool ok = take_messages(t, n, e);
    for (size_t i = 0; i < n; i++) rd_kafka_message_destroy(t->message[i]);
    if (t->broken > before)
        log_warn("share.broken", "%s: %u of its messages up to number %" PRId64 " are no records, and are passed over",
                 t->s->where, t->broken - before, t->next);
    if (ok && why.code) *e = why;
    if (ok && !why.code) return true;
    t->next = ok ? t->next : next; /* what is not in our log is read again */
    stop_reading(t);
    return false;
}

/* ---- messages go out ---- */

static void topic_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    struct share_topic *t = opaque;
    (void)rk;
    t->waits = false;
    t->report = m->err;
}

/* Puts a message there; payload NULL deletes what has the key. Returns when it is there. */
static bool put_message(struct share_topic *t, struct span key, struct span value, struct err *e) {
    char *bytes = must_calloc(1, value.n + 1);
    if (value.n > 0) memcpy(bytes, value.p, value.n);
    t->waits = true;
    int refused =
        rd_kafka_produce(t->to, PARTITION, RD_KAFKA_MSG_F_FREE, value.p ? bytes : NULL, value.n, key.p, key.n, NULL);
    if (refused || !value.p) free(bytes);
    if (refused) return topic_error(rd_kafka_last_error(), "writing to", t->name, e);
    while (t->waits && !atomic_load(&t->s->ending)) rd_kafka_poll(t->out, SHARE_TURN_MS);
    if (t->waits) return err_set(e, ERR_CANCELLED, "the process ends");
    return !t->report || topic_error(t->report, "writing to", t->name, e);
}

static bool send_word(struct share_topic *t, struct span line, uint32_t id, struct err *e) {
    char key[80];
    struct buf value;
    int n = snprintf(key, sizeof key, "%016" PRIx64 ":%u:%016" PRIx64 ".%" PRIu64, t->s->state.log, id, t->s->run,
                     t->sent++);
    buf_init(&value, 2 * SHARED_LINE_BYTES_MAX);
    share_put_sender(t->s, &value);
    buf_puts(&value, "}\n");
    buf_put(&value, line.p, line.n);
    MUST(!value.failed);
    bool ok = put_message(t, (struct span){key, (size_t)n}, buf_span(&value), e);
    buf_release(&value);
    return ok;
}

/* ---- a kind is forgotten ---- */

static bool bury_message(struct share_topic *t, const rd_kafka_message_t *m, uint64_t kind, uint64_t family,
                         struct err *e) {
    struct shared_entry entry;
    char name[SHARED_NAME_MAX];
    uint64_t other, of_other;
    if (m->err || !m->payload || !message_read(m, &entry, name)) return true;
    if (shared_forgets(entry.sent.lines, &other, &of_other)) return true;
    return !shared_is_about(entry.sent.lines, kind, family) ||
           put_message(t, (struct span){m->key, m->key_len}, (struct span){0}, e);
}

/* Before others are told: reads all of the topic that we know, and deletes what is about the kind. */
static bool bury(struct share_topic *t, uint64_t kind, uint64_t family, struct err *e) {
    int64_t at = 0;
    bool ok = true;
    stop_reading(t);
    if (rd_kafka_consume_start(t->from, PARTITION, RD_KAFKA_OFFSET_BEGINNING) != 0)
        return topic_error(rd_kafka_last_error(), "reading", t->name, e);
    while (ok && at < t->next) {
        rd_kafka_message_t *m = rd_kafka_consume(t->from, PARTITION, SHARE_TURN_MS);
        if (atomic_load(&t->s->ending)) ok = err_set(e, ERR_CANCELLED, "the process ends");
        if (!m) continue;
        bool ends = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (m->err && !ends) ok = topic_error(m->err, "reading", t->name, e);
        at = ends ? t->next : m->offset + 1;
        ok = ok && bury_message(t, m, kind, family, e);
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consume_stop(t->from, PARTITION);
    return ok;
}

/* What is said here and is not there yet; they wait in our log until they come back. */
static bool send_ours(struct share_topic *t, struct err *e) {
    uint64_t kind, family;
    for (struct span rest = buf_span(&t->s->lines); rest.n > 0;) {
        struct span line = span_take_line(&rest);
        uint32_t id = shared_number(line);
        if (id <= t->s->told_last) continue;
        if (shared_forgets(line, &kind, &family) && !bury(t, kind, family, e)) return false;
        if (!send_word(t, line, id, e)) return false;
        t->s->told_last = id;
    }
    return true;
}

/* ---- turns ---- */

static bool topic_work(struct share_topic *t, struct err *e) {
    struct share *s = t->s;
    if (clock_now_ns(NULL) >= t->look_ns && !look_at_topic(t, e)) return false;
    if (!t->reads) return true;
    if (!read_topic(t, e) || !look_at_log(t, e)) return false; /* in this order: what came back is not sent again */
    if (!t->reads || !t->fresh || t->next < t->end) return true;
    s->heard_ns = clock_now_ns(NULL);
    if (share_has_to_send(s) && !send_ours(t, e)) return false;
    t->failures = 0;
    share_works(s);
    return true;
}

static void topic_turn(struct share *s) {
    struct share_topic *t = s->own;
    struct err e = {0};
    rd_kafka_poll(t->in, 0);
    rd_kafka_poll(t->out, 0);
    if (t->known) look_at_log(t, &e); /* how many wait is told meanwhile, too */
    e = (struct err){0};
    if (clock_now_ns(NULL) < t->rest_ns) {
        rd_kafka_poll(t->out, SHARE_TURN_MS);
        return;
    }
    if (topic_work(t, &e) || e.code == ERR_CANCELLED) return;
    s->told_last = 0; /* what did not come back by then is sent anew */
    stop_reading(t);
    topic_failed(t, &e);
}

/* ---- open and close ---- */

/* Lines "NAME = VALUE" of a file, as the section of a source has them. */
static bool read_settings(struct share_topic *t, const char *path, struct err *e) {
    struct span text = {0};
    struct buf all;
    if (path[0]) key_guard();
    bool ok = !path[0] || file_read(path, SETTINGS_BYTES_MAX, &text, e) || err_prefix(e, "corrections-kafka-file");
    unsigned n = 0;
    buf_init(&all, 2 * SETTINGS_BYTES_MAX);
    for (struct span rest = text; ok && rest.n > 0;) {
        struct span line = span_trim(span_take_line(&rest));
        n++;
        if (line.n == 0 || line.p[0] == '#') continue;
        const char *eq = memchr(line.p, '=', line.n);
        ok = eq || err_set(e, ERR_INPUT, "%s:%u: expected NAME = VALUE", path, n);
        if (!ok) break;
        struct span name = span_trim(span_sub(line, 0, (size_t)(eq - line.p)));
        struct span value = span_trim(span_sub(line, (size_t)(eq - line.p) + 1, line.n));
        buf_printf(&all, "%.*s=%.*s\n", (int)name.n, name.p, (int)value.n, value.p);
    }
    buf_putc(&all, '\0');
    file_free(&text);
    t->conf.rdkafka = all.p;
    return ok;
}

static void topic_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk, (void)level; /* what matters of it comes as an error, and is said once */
    log_debug("share.kafka", "%s: %s", facility, text);
}

static void topic_trouble(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    (void)rk, (void)opaque;
    log_debug("share.kafka", "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
}

static bool open_side(struct share_topic *t, rd_kafka_type_t type, const struct kafka_setting *fixed, struct err *e) {
    rd_kafka_conf_t *conf = kafka_conf_open(&t->conf, fixed, e);
    if (!conf) return false;
    rd_kafka_conf_set_opaque(conf, t);
    rd_kafka_conf_set_log_cb(conf, topic_log);
    rd_kafka_conf_set_error_cb(conf, topic_trouble);
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, topic_report);
    rd_kafka_t *rk = kafka_open(type, conf, e);
    if (!rk) return false;
    *(type == RD_KAFKA_PRODUCER ? &t->out : &t->in) = rk;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, t->name, NULL);
    *(type == RD_KAFKA_PRODUCER ? &t->to : &t->from) = topic;
    return topic ||
           err_set(e, ERR_USAGE, "corrections-topic: '%s': %s", t->name, rd_kafka_err2str(rd_kafka_last_error()));
}

static bool topic_open(struct share *s, const struct conf *c, struct err *e) {
    /* A message is sent once, and a failure told soon: whether it is there is found out by reading. */
    static const struct kafka_setting READ[] = {{"enable.partition.eof", "true"},
                                                {"auto.offset.reset", "error"},
                                                {"enable.auto.commit", "false"},
                                                {"queued.max.messages.kbytes", "?8192"},
                                                {"allow.auto.create.topics", "false"},
                                                {"socket.timeout.ms", "?5000"},
                                                {"reconnect.backoff.max.ms", "?2000"},
                                                {"fetch.error.backoff.ms", "?100"},
                                                {NULL, NULL}},
                                      WRITE[] = {{"message.send.max.retries", "0"},     {"acks", "all"},
                                                 {"message.timeout.ms", "5000"},        {"linger.ms", "0"},
                                                 {"reconnect.backoff.max.ms", "?2000"}, {NULL, NULL}};
    struct share_topic *t = s->own = must_calloc(1, sizeof *t);
    t->s = s;
    t->name = c->corrections_topic;
    t->conf = (struct section){.brokers = c->corrections_brokers, .rdkafka = NULL};
    snprintf(s->where, sizeof s->where, "topic %.200s", t->name);
    return read_settings(t, c->corrections_kafka_file, e) &&
           (open_side(t, RD_KAFKA_CONSUMER, READ, e) && open_side(t, RD_KAFKA_PRODUCER, WRITE, e));
}

static void topic_close(struct share *s) {
    struct share_topic *t = s->own;
    if (!t) return;
    stop_reading(t);
    if (t->from) rd_kafka_topic_destroy(t->from);
    if (t->in) rd_kafka_destroy(t->in);
    if (t->out) rd_kafka_purge(t->out, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (t->out) rd_kafka_flush(t->out, SHARE_TURN_MS);
    if (t->to) rd_kafka_topic_destroy(t->to);
    if (t->out) rd_kafka_destroy(t->out);
    if (t->conf.rdkafka) explicit_bzero(t->conf.rdkafka, strlen(t->conf.rdkafka));
    free(t->conf.rdkafka);
    free(t);
}

const struct share_way share_by_topic = {topic_open, topic_turn, NULL, topic_close};
