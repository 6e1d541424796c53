/* exchange: one request and its answer. A thread keeps a few for reuse, so that a warm request allocates nothing; an
 * idle connection has none. It belongs to its thread's loop, except while it is away: then it belongs to whoever took
 * it. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/inflate.h"
#include "http/auth.h"
#include "http/client_quota.h"
#include "http/listener.h"
#include "http/loop_task.h"
#include "http/refuse.h"
#include "http/route.h"

#include <stdint.h>

struct conn;
struct server_opts;
struct server_thread;

enum {
    EXCHANGE_TEXT_MAX = 200,
    EXCHANGE_FRAME_MAX = 2048,
    REQUEST_ORIGIN_MAX = 128,
    REQUEST_HOST_MAX = 256,
    REQUEST_USER_MAX = AUTH_NAME_MAX + 1,
    REQUEST_FIELD_MAX = 32,
    EXCHANGE_TAG_MAX = 64,
    REQUEST_TYPE_MAX = 64
};

/* The request's header, as far as it matters. */
struct request {
    struct buf text; /* the target, then the value of the field being read */
    size_t target_bytes;
    struct span path, query;       /* parts of text, once the header is complete */
    unsigned method;               /* enum llhttp_method */
    unsigned http_minor;           /* of HTTP/1.x; 0 until the header is complete */
    uint64_t content_length;       /* 0 also where the length is not told */
    size_t header_bytes;           /* counted so far, chunk extensions and trailers too */
    char field[REQUEST_FIELD_MAX]; /* name of the field being read, lower case; longer names are none of ours */
    size_t field_bytes;
    unsigned hosts, transfer_encodings, content_encodings;
    enum inflate_format encoding; /* of the body */
    bool encoding_unknown;
    bool head_done;    /* the header is complete */
    bool complete;     /* the body too */
    bool expects;      /* Expect: 100-continue */
    bool expects_else; /* an expectation that is not supported */
    bool ndjson;
    bool preflight;     /* a browser asks whether it may ask */
    bool host_is_other; /* Host is not a name of this server */
    bool from_page;     /* Origin was told: a browser asks for a page */
    bool snappy;        /* Content-Encoding says so, which only a site may know what to do with */
    bool simple_type;   /* of a Content-Type that browsers send without asking first */
    bool json_type;     /* Content-Type: application/json */
    bool marked;        /* X-Logclass: 1, which a page from elsewhere can't send without asking */
    bool navigates;     /* a browser opens it in a window */
    bool takes_gzip;    /* an answer may be compressed */
    bool takes_html;    /* Accept names text/html: a person's browser */
    enum { FETCHED_UNTOLD, FETCHED_HERE, FETCHED_BY_USER, FETCHED_ELSEWHERE } fetched; /* Sec-Fetch-Site */
    bool has_token;                    /* a right token was shown: the next three are its own */
    enum auth_role own;                /* the highest role; guard_check sets it where there are no tokens */
    unsigned may;                      /* set of enum auth_role */
    char user[REQUEST_USER_MAX];       /* who asks, as far as it is known; "": not at all */
    char proxied[REQUEST_USER_MAX];    /* whom a proxy says it is */
    char none_match[EXCHANGE_TAG_MAX]; /* If-None-Match; "": none, or longer than any of ours */
    char type[REQUEST_TYPE_MAX];       /* Content-Type without its parameters; "": none, or longer */
    char host[REQUEST_HOST_MAX];
    char from[REQUEST_ORIGIN_MAX];   /* as Origin was told; "": none, or longer */
    char origin[REQUEST_ORIGIN_MAX]; /* to be named in the answer: a page from there may read it; "": none */
};

struct exchange {
    struct conn *conn; /* NULL: the client has gone while the exchange was away */
    struct server_thread *thread;
    struct exchange *next; /* in the thread's free list */
    uint64_t begun_ns;
    struct client_quota_key client;

    struct request req;
    const struct route *route; /* NULL: refused before one was found */
    route_run *run;            /* the handler, once the request is admitted */
    struct buf body;           /* as received; where the route streams: what the handler has not taken yet */
    size_t counted;            /* bytes counted against body_memory_max and client_memory_max */
    bool away;                 /* it has left the loop */

    /* The handler's. Memory from the arena lives until the answer is out. release(x) is called when that is so, or the
     * client has gone, never while x is away; NULL: nothing to release. */
    void *handler_state;
    void (*release)(struct exchange *x);
    struct arena arena;
    unsigned entries;  /* how many things the request was about, for the access log */
    bool closes_after; /* the connection can not go on behind this answer */

    enum refusal refused;
    char why[EXCHANGE_TEXT_MAX]; /* the refusal's text */
    unsigned status;
    const char *type;               /* Content-Type of the answer */
    const char *encoding;           /* Content-Encoding of the answer; NULL: none */
    const char *location;           /* where a redirection leads; NULL: nowhere */
    char tag[EXCHANGE_TAG_MAX];     /* ETag of the answer; "": none */
    const char *file;               /* the name that a browser is to save it by; NULL: it shows it */
    char frame[EXCHANGE_FRAME_MAX]; /* status line, header fields, chunk size: what is sent before out */
    size_t frame_bytes;
    struct buf out; /* the answer's body, or the part of it that is sent next */
    size_t sent;    /* of frame and out together */
    bool head_out;  /* the status line is sent, or on its way */
    bool last;      /* nothing follows what is in out */

    struct loop_post back; /* exchange_back */
    struct loop_task task; /* exchange_task */
    void (*task_work)(struct exchange *x);
};

/* ---- for the connection ---- */

/* A fresh exchange for the connection; NULL: out of memory. */
struct exchange *exchange_take(struct server_thread *t, struct conn *c);

/* Takes it back for reuse; it must not be away. Large buffers are freed. */
void exchange_give(struct exchange *x);
void exchange_free(struct exchange *x);

/* Counts the answer, before any of it is sent, and what the request still holds, until it has been read by the client;
 * small ones are not counted. On false x is refused, and the memory is free. Not for streams, which count theirs. */
bool exchange_hold_answer(struct exchange *x);

/* Adds bytes to the body; unless it streams, against body_bytes_max and the limits of memory. On false x is refused. */
bool exchange_add_body(struct exchange *x, const char *p, size_t n);

/* Whether it is answered while it is being read. */
static inline bool exchange_streams(const struct exchange *x) {
    return x->req.ndjson && !x->req.preflight && x->route && x->route->streams;
}

/* ---- for handlers ---- */

void *exchange_site(const struct exchange *x);        /* server_site.self */
void *exchange_site_thread(const struct exchange *x); /* what its thread_open returned; not while x is away */

/* In force for this turn of the loop: the server's and the site's own. Not while x is away. */
const struct server_opts *exchange_server_opts(const struct exchange *x);
void *exchange_site_settings(const struct exchange *x);
bool exchange_is_stopping(const struct exchange *x); /* the server drains */

/* Who asks, and what they may (a set of enum auth_role): token, proxy, or what is given to those without. It stays as
 * it was when the request came in. */
static inline struct span exchange_user(const struct exchange *x) {
    return span_of(x->req.user);
}
static inline bool exchange_may(const struct exchange *x, enum auth_role role) {
    return (x->req.may & role) != 0;
}

/* The client's address into out; "" where it is not known. Not while x is away. */
void exchange_peer(const struct exchange *x, char out[LISTENER_ADDRESS_MAX]);

/* How much memory requests may hold: all together, and those of one client address. */
struct exchange_memory {
    size_t total_max, client_max;
};

struct exchange_memory exchange_memory_of(const struct server_opts *o);

/* Counts this request as one that holds n bytes from now on. It can't fail where n is less than before; on false x is
 * refused, and counted as before. Any thread, as long as x is its own. */
bool exchange_hold(struct exchange *x, size_t n, const struct exchange_memory *m);

/* Puts what the body decodes to in its place: at most bytes_max, counted like all memory. On false x is refused. Any
 * thread. */
bool exchange_decode_body(struct exchange *x, size_t bytes_max, const struct exchange_memory *m);

/* Leaving the loop: exchange_leave, then hand x to another thread, and return STEP_WAIT. That thread calls
 * exchange_back, once and last of all. exchange_stay: nobody took it after all. */
void exchange_leave(struct exchange *x);
void exchange_stay(struct exchange *x);
void exchange_back(struct exchange *x);

/* For handlers that wait for something else than a thread's exchange_back: the loop that x belongs to, whose posts and
 * timers they may use; and what those call, on the loop's thread, for an exchange that has left. */
struct loop *exchange_loop(const struct exchange *x);
void exchange_resume(struct exchange *x);

/* Has work(x) done on the server's helper thread; then STEP_WAIT, and the handler is run again when it is done. False,
 * and x is refused: too much waits for that thread already. */
bool exchange_task(struct exchange *x, void (*work)(struct exchange *x));

/* Notes the first reason; returns false, so that `return exchange_refuse(…)` reads in one line. */
bool exchange_refuse(struct exchange *x, enum refusal why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
