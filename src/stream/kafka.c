#include "stream/kafka.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool kafka_is_fixed(const struct kafka_setting *fixed, const char *name) {
    for (; fixed->name; fixed++)
        if (strcmp(fixed->name, name) == 0 && fixed->value[0] != '?') return true;
    return false;
}

static bool kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *e) {
    char why[300];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK) return true;
    return err_set(e, ERR_USAGE, "rdkafka.%s: %s", name, why);
}

/* The section's lines "NAME=VALUE". */
static bool kafka_set_further(rd_kafka_conf_t *conf, const struct section *s, const struct kafka_setting *fixed,
                              struct err *e) {
    char name[128], value[4096];
    for (struct span rest = span_of(s->rdkafka); rest.n > 0;) {
        struct span line = span_take_line(&rest);
        const char *eq = line.n ? memchr(line.p, '=', line.n) : NULL;
        if (!eq) return err_set(e, ERR_USAGE, "rdkafka: expected rdkafka.NAME = VALUE");
        size_t n = (size_t)(eq - line.p);
        snprintf(name, sizeof name, "%.*s", (int)n, line.p);
        snprintf(value, sizeof value, "%.*s", (int)(line.n - n - 1), eq + 1);
        if (kafka_is_fixed(fixed, name))
            return err_set(e, ERR_USAGE, "rdkafka.%s: it is set by logclass, whose promises rest on it", name);
        if (!kafka_set(conf, name, value, e)) return false;
    }
    return true;
}

enum { KAFKA_LOG_ERROR = 3 }; /* syslog's, of which <syslog.h> would bring names that log.h has, too */

static void kafka_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk;
    if (level <= KAFKA_LOG_ERROR)
        log_warn("kafka.error", "%s: %s", facility, text);
    else
        log_debug("kafka.log", "%s: %s", facility, text);
}

/* A fixed setting whose value begins with '?' is only a default. */
rd_kafka_conf_t *kafka_conf_open(const struct section *s, const struct kafka_setting *fixed, struct err *e) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = kafka_set(conf, "bootstrap.servers", s->brokers, e) && kafka_set(conf, "client.id", "logclass", e);
    for (const struct kafka_setting *f = fixed; ok && f->name; f++)
        ok = kafka_set(conf, f->name, f->value + (f->value[0] == '?'), e);
    ok = ok && kafka_set_further(conf, s, fixed, e);
    if (ok) {
        rd_kafka_conf_set_log_cb(conf, kafka_log);
        return conf;
    }
    rd_kafka_conf_destroy(conf);
    return NULL;
}

rd_kafka_t *kafka_open(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *e) {
    char why[300];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (rk) return rk;
    rd_kafka_conf_destroy(conf);
    err_set(e, ERR_USAGE, "kafka: %s", why);
    return NULL;
}

void kafka_link_init(struct kafka_link *k, const struct section *source) {
    char instance[200];
    *k = (struct kafka_link){0};
    kafka_instance(source, instance, sizeof instance);
    snprintf(k->transactional_id, sizeof k->transactional_id, "logclass-%.100s-%.100s", source->group, instance);
    pthread_mutex_init(&k->lock, NULL);
}

void kafka_link_release(struct kafka_link *k) {
    if (k->member) rd_kafka_consumer_group_metadata_destroy(k->member);
    pthread_mutex_destroy(&k->lock);
}

void kafka_link_set(struct kafka_link *k, rd_kafka_consumer_group_metadata_t *member) {
    pthread_mutex_lock(&k->lock);
    if (k->member) rd_kafka_consumer_group_metadata_destroy(k->member);
    k->member = member;
    k->epoch++;
    pthread_mutex_unlock(&k->lock);
}

void kafka_instance(const struct section *s, char *name, size_t size) {
    char host[128] = "";
    if (gethostname(host, sizeof host) != 0 || !host[0]) snprintf(host, sizeof host, "localhost");
    host[sizeof host - 1] = '\0';
    snprintf(name, size, "%s", s->instance[0] ? s->instance : host);
}
