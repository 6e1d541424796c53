/* exchange: one request and its answer. A loop keeps a few for reuse, so that a warm request allocates nothing; an idle
 * connection has none. Belongs to its loop's thread, except between submit and done, when the batch is the backend's.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/inflate.h"
#include "data/batch.h"
#include "http/refuse.h"
#include "http/route.h"
#include "http/client_quota.h"

#include <stdint.h>

struct conn;
struct loop;
struct ndjson;

enum { EXCHANGE_TEXT_MAX = 200, EXCHANGE_FRAME_MAX = 1024, REQUEST_ORIGIN_MAX = 128 };

enum exchange_phase {
    PHASE_BEGIN,  /* nothing is with the backend: read, and submit */
    PHASE_SUBMIT, /* a batch is filled, but the backend was busy */
    PHASE_ANSWER, /* the batch is with the backend, or back */
};

/* The request's header, as far as it matters. */
struct request {
    struct buf text; /* the target, then the value of the field being read */
    size_t target_bytes;
    struct span path, query; /* parts of text, once the header is complete */
    unsigned method;         /* enum llhttp_method */
    size_t header_bytes;     /* counted so far, chunk extensions and trailers too */
    char field[32];          /* name of the field being read, lower case; longer names are none of ours */
    size_t field_bytes;
    unsigned hosts, transfer_encodings, content_encodings;
    enum inflate_format encoding; /* of the body */
    bool encoding_unknown;
    bool head_done;    /* the header is complete */
    bool complete;     /* the body too */
    bool authorized;   /* a right token was shown */
    bool expects;      /* Expect: 100-continue */
    bool expects_else; /* an expectation nobody knows */
    bool ndjson;
    bool preflight;                  /* a browser asks whether it may ask */
    char origin[REQUEST_ORIGIN_MAX]; /* to be named in the answer: a page from there may read it; "": none */
};

struct exchange {
    struct conn *conn; /* NULL: the client has gone while the batch was away */
    struct loop *loop;
    struct exchange *next; /* in the loop's free list or its done list */
    uint64_t begun_ns;
    struct client_quota_key client;

    struct request req;
    const struct route *route; /* NULL: refused before one was found */
    bool streams;              /* answered while it is being read */
    struct ndjson *stream;     /* NULL until then */
    struct buf body;           /* as received; of a stream: what is not digested yet */
    size_t body_counted;       /* bytes counted against body_memory_max */

    struct arena arena;
    struct batch batch;
    const struct label_set *labels; /* of the batch's results, while it is pinned */
    bool away;                      /* the batch is with the backend */
    enum exchange_phase phase;

    enum refusal refused;
    char why[EXCHANGE_TEXT_MAX]; /* the refusal's text */
    unsigned status;
    const char *type;               /* Content-Type of the answer */
    char frame[EXCHANGE_FRAME_MAX]; /* status line, header fields, chunk size: what is sent before out */
    size_t frame_bytes;
    struct buf out;
    size_t sent;   /* of frame and out together */
    bool head_out; /* the status line is sent, or on its way */
    bool last;     /* nothing follows what is in out */
};

/* A fresh exchange for the connection; NULL: out of memory. */
struct exchange *exchange_take(struct loop *l, struct conn *c);

/* Takes it back for reuse; its batch must not be away. Large buffers are freed. */
void exchange_give(struct exchange *x);
void exchange_free(struct exchange *x);

/* Adds bytes to the body, against body_memory_max and, unless it streams, body_bytes_max. On false x is refused. */
bool exchange_add_body(struct exchange *x, const char *p, size_t n);

/* Counts n more bytes of memory held for this body. On false x is refused. */
bool exchange_count_body(struct exchange *x, size_t n);

/* Puts what the body decodes to in its place. On false x is refused. */
bool exchange_decode_body(struct exchange *x);

/* Has the batch decided here and now, where that is a matter of microseconds. False: exchange_submit it. */
bool exchange_decide(struct exchange *x);

/* Hands the batch to the backend, its entries counted against the client's share. On false x is refused. */
bool exchange_submit(struct exchange *x);

/* The batch is back: gives its entries' share back. */
void exchange_returned(struct exchange *x);

/* The results have been read: lets go of the labels that they use. Done by exchange_give, too. */
void exchange_unpin(struct exchange *x);

/* Notes the first reason; returns false, so that `return exchange_refuse(…)` reads in one line. */
bool exchange_refuse(struct exchange *x, enum refusal why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
