/* kafka: what the source and the sink for Kafka share: settings of librdkafka, and the link between them by which a
 * sink's transactions hold the source's offsets, too. */
#ifndef STREAM_KAFKA_H
#define STREAM_KAFKA_H

#include "base/err.h"
#include "conf/section.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>

struct kafka_setting {
    const char *name, *value;
};

/* Settings that must be as they are, then the section's. NULL: e says which one is refused, and why. `fixed` ends with
 * a name of NULL. */
rd_kafka_conf_t *kafka_conf_open(const struct section *s, const struct kafka_setting *fixed, struct err *e);

/* A consumer or producer; takes conf over. NULL: e. */
rd_kafka_t *kafka_open(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *e);

/* The member of the group as it is now, for a sink that commits its offsets. Any thread; the source sets it at each
 * rebalance, for which an epoch is counted: what was read in another one is not ours any more. */
struct kafka_link {
    pthread_mutex_t lock;
    uint64_t epoch;
    rd_kafka_consumer_group_metadata_t *member; /* NULL: none now */
    void *source;                               /* NULL: it is not open */
    /* Adds the offsets that chunk number seq ends with. False: they belong to another epoch. */
    bool (*offsets)(void *source, uint64_t seq, rd_kafka_topic_partition_list_t *to);
    char transactional_id[256]; /* logclass-GROUP-INSTANCE */
};

void kafka_link_init(struct kafka_link *k, const struct section *source);
void kafka_link_release(struct kafka_link *k);
void kafka_link_set(struct kafka_link *k, rd_kafka_consumer_group_metadata_t *member); /* takes it over; next epoch */

/* The member's name: what the section says, else the host's. */
void kafka_instance(const struct section *s, char *name, size_t size);

#endif
