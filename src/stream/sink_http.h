/* sink_http: what the sinks that send requests over HTTP share: batches out at the same time, retries for ever, halving
 * down to the record that a server will not take, dead letters. What tells the sinks apart is how a record is encoded
 * and how a request is put together (struct sink_http_form). All on the sink's thread. */
#ifndef STREAM_SINK_HTTP_H
#define STREAM_SINK_HTTP_H

#include "stream/flow.h"
#include "stream/form.h"

/* RANGES_MAX: a batch that is halved again and again leaves one range behind at each of its twelve halvings. */
enum { SINK_HTTP_RANGES_MAX = 16 };

/* A chunk on its way: its records, encoded one by one, so that any part of them can be sent without their labels. */
struct sink_http_batch {
    struct chunk *chunk;            /* NULL: free */
    struct buf text;                /* its records */
    uint32_t n;                     /* how many: those that are not dropped */
    uint32_t record[CHUNK_RECORDS]; /* their numbers in the chunk */
    size_t end[CHUNK_RECORDS];      /* where each ends in text */
    uint32_t stream[CHUNK_RECORDS]; /* the form's own; sink_loki: which stream */
    struct buf streams;             /* the form's own */
    struct {
        uint32_t from, to;
    } left[SINK_HTTP_RANGES_MAX]; /* of records that are not settled; the last is sent next */
    unsigned left_n;
    uint64_t number;        /* in the order they were put */
    struct http_call *call; /* under way, for the last range; NULL: none */
};

static inline struct span sink_http_record(const struct sink_http_batch *b, uint32_t from, uint32_t to) {
    return span_sub(buf_span(&b->text), from ? b->end[from - 1] : 0, b->end[to - 1]);
}

struct sink_http_form {
    const char *path; /* where the URL names none */
    const char *type;

    /* Before the records of a new batch. NULL: nothing to do. */
    void (*begin)(struct sink_http_batch *b);

    /* Appends record i of the chunk to b->text; it will be b's number b->n. */
    void (*put)(struct sink_http_batch *b, uint32_t i, const struct section *conf);

    /* Appends the request for records [from, to) of the batch, not packed. */
    void (*compose)(const struct sink_http_batch *b, uint32_t from, uint32_t to, struct buf *out);

    /* Packs a request; the encoding is told to the server unless it is part of the form. */
    bool (*pack)(struct span plain, struct buf *out);
    const char *encoding;

    /* How many records the server says it did not take, in the answer to a request that it took. NULL: it never does.
     */
    uint64_t (*rejected)(struct span reply);
};

void *sink_http_open(const struct sink_http_form *form, const struct sink_opts *o, struct flow *f, struct err *e);

/* The functions of struct sink_kind. */
bool sink_http_put(void *self, struct chunk *c);
void sink_http_step(void *self, int wait_ms);
void sink_http_abandon(void *self);
void sink_http_close(void *self);
void sink_http_wake(void *self);

#endif
