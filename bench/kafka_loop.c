/* Topic → topic by bare librdkafka, values and keys copied, nothing looked at: what bench/stream_kafka puts beside logclass.
 *
 *     kafka_loop BROKERS IN OUT GROUP [TRANSACTIONAL_ID]      until SIGTERM */
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TXN_MESSAGES = 10000 };

static volatile sig_atomic_t stop;

static void on_signal(int sig) {
    (void)sig;
    stop = 1;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK) return;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static rd_kafka_t *open_client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (rk) return rk;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void check(rd_kafka_error_t *e) {
    if (!e) return;
    fprintf(stderr, "%s\n", rd_kafka_error_string(e));
    exit(1);
}

static void commit(rd_kafka_t *in, rd_kafka_t *out, int transactions) {
    rd_kafka_topic_partition_list_t *at;
    rd_kafka_assignment(in, &at);
    rd_kafka_position(in, at);
    if (!transactions) {
        rd_kafka_flush(out, 60000);
        rd_kafka_commit(in, at, 0);
    } else {
        rd_kafka_consumer_group_metadata_t *me = rd_kafka_consumer_group_metadata(in);
        check(rd_kafka_send_offsets_to_transaction(out, at, me, 60000));
        check(rd_kafka_commit_transaction(out, 60000));
        check(rd_kafka_begin_transaction(out));
        rd_kafka_consumer_group_metadata_destroy(me);
    }
    rd_kafka_topic_partition_list_destroy(at);
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    rd_kafka_conf_t *c = rd_kafka_conf_new(), *p = rd_kafka_conf_new();
    set(c, "bootstrap.servers", argv[1]);
    set(c, "group.id", argv[4]);
    set(c, "auto.offset.reset", "earliest");
    set(c, "enable.auto.commit", "false");
    set(p, "bootstrap.servers", argv[1]);
    set(p, "enable.idempotence", "true");
    set(p, "compression.type", "lz4");
    set(p, "queue.buffering.max.messages", "1000000");
    if (argc > 5) set(p, "transactional.id", argv[5]);
    rd_kafka_t *in = open_client(RD_KAFKA_CONSUMER, c), *out = open_client(RD_KAFKA_PRODUCER, p);
    rd_kafka_poll_set_consumer(in);
    if (argc > 5) check(rd_kafka_init_transactions(out, 60000));
    if (argc > 5) check(rd_kafka_begin_transaction(out));
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(in, topics);
    signal(SIGTERM, on_signal);
    unsigned n = 0;
    time_t last = time(NULL);
    while (!stop) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(in, 50);
        while (m && !m->err &&
               rd_kafka_producev(out, RD_KAFKA_V_TOPIC(argv[3]), RD_KAFKA_V_VALUE(m->payload, m->len),
                                 RD_KAFKA_V_KEY(m->key, m->key_len), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                 RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            rd_kafka_poll(out, 10);
        n += m && !m->err;
        if (m) rd_kafka_message_destroy(m);
        if ((n & 255) == 0) rd_kafka_poll(out, 0);
        if (n < TXN_MESSAGES && (n == 0 || time(NULL) == last)) continue;
        commit(in, out, argc > 5);
        last = time(NULL);
        n = 0;
    }
    _Exit(0);
}
