/* kafka_heads: the answer as headers of a message. A list of headers is five pieces of memory; most messages have one
 * of few answers. So lists come back with the delivery reports and are used again. One thread. */
#ifndef STREAM_KAFKA_HEADS_H
#define STREAM_KAFKA_HEADS_H

#include "data/batch.h"

#include <librdkafka/rdkafka.h>

enum { KAFKA_HEADS_KEPT_MAX = 32768 };

struct kafka_heads;

struct kafka_heads *kafka_heads_open(void);
void kafka_heads_close(struct kafka_heads *h); /* NULL is fine */

/* Adds the answer's headers: logclass.label, logclass.confidence, logclass.stage. */
void kafka_heads_put(rd_kafka_headers_t *list, const char *label, const struct result *r);

/* A list with the answer alone. *mark is never 0; whoever produces the message keeps it for kafka_heads_back. */
rd_kafka_headers_t *kafka_heads_take(struct kafka_heads *h, const char *label, const struct result *r, uint32_t *mark);

/* The list of a message that is done with; it is kept, or destroyed. */
void kafka_heads_back(struct kafka_heads *h, rd_kafka_headers_t *list, uint32_t mark);

unsigned kafka_heads_kept(const struct kafka_heads *h); /* lists that wait to be used again */

#endif
