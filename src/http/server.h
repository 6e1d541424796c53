/* server: the HTTP/1.1 side. Every loop is one thread with an epoll instance and a listening socket of its own; a
 * connection belongs to one loop for life. Requests become batches, batches go to the backend (the pipeline), and come
 * back to the loop through an eventfd. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/buf.h"
#include "base/err.h"
#include "data/batch.h"
#include "data/label.h"

#include <stdbool.h>
#include <stddef.h>

struct server;
struct pipeline;

enum { SERVER_THREADS_MAX = 64, SERVER_ENTRIES_MAX = 262144 };

/* What the server answers: the whole classifier's array of entries, or one message as the described services do. */
enum server_kind { SERVER_CLASSIFIER = 1, SERVER_SERVICE = 2, SERVER_ANY = 3 };

/* Every limit of the server. A request past one gets the status in brackets and a body that names the limit. */
struct server_opts {
    const char *host; /* numeric IPv4 or IPv6 address, or "localhost" */
    unsigned port;    /* 0: any free one, see server_port */
    enum server_kind kind;
    const char *token_file;  /* bearer tokens, one a line; "" or NULL: none */
    bool allow_open;         /* serve other addresses than loopback without a token */
    const char *cors_origin; /* origins whose pages may read answers, separated by commas; "*": any; "": none */
    bool access_log;         /* one log line a request */
    unsigned threads;        /* loops: 1..SERVER_THREADS_MAX */

    size_t header_bytes_max;     /* request line, header fields, chunk extensions and trailers together [431] */
    unsigned header_time_ms;     /* from the first byte of a request to the end of its header [408] */
    size_t body_bytes_max;       /* also after decompression; not for streams [413] */
    unsigned body_time_ms;       /* for a body; of a stream, for its next answer to begin [408] */
    size_t body_memory_max;      /* bodies of all requests together [503] */
    unsigned entries_max;        /* of one request [413] */
    size_t line_bytes_max;       /* source or log_message of one entry [413] */
    unsigned depth_max;          /* nesting of the JSON text [400] */
    unsigned connections_max;    /* open at the same time [503] */
    unsigned client_entries_max; /* entries one client address may have in flight; IPv6: one /64 network [429] */
    unsigned idle_time_ms;       /* between requests: closed without a word */
    unsigned write_time_ms;      /* without a byte of the answer accepted: closed */
    unsigned drain_delay_ms;     /* after server_stop: go on accepting while /readyz says no */
    unsigned drain_time_ms;      /* then: time for requests in flight */
};

#define SERVER_OPTS_DEFAULT                                     \
    ((struct server_opts){.host = "127.0.0.1",                  \
                          .cors_origin = "",                    \
                          .port = 8080,                         \
                          .kind = SERVER_CLASSIFIER,            \
                          .threads = 1,                         \
                          .header_bytes_max = 16 * 1024,        \
                          .header_time_ms = 10 * 1000,          \
                          .body_bytes_max = 4 * 1024 * 1024,    \
                          .body_time_ms = 30 * 1000,            \
                          .body_memory_max = 256 * 1024 * 1024, \
                          .entries_max = 10000,                 \
                          .line_bytes_max = 64 * 1024,          \
                          .depth_max = 32,                      \
                          .connections_max = 10000,             \
                          .client_entries_max = 65536,          \
                          .idle_time_ms = 75 * 1000,            \
                          .write_time_ms = 30 * 1000,           \
                          .drain_time_ms = 30 * 1000})

/* What the server asks of whoever decides lines. All functions may be called from any loop's thread and must not block.
 */
struct server_backend {
    void *self;
    const struct label_set *labels; /* to begin with: in /openapi.json, and where pin is NULL; copied at open */

    /* Holds what will decide b, and returns its labels, which stay until unpin; NULL with ERR_BUSY: nothing can be
     * decided yet. NULL instead of the two functions: the labels never change. */
    const struct label_set *(*pin)(void *self, struct batch *b, struct err *e);
    void (*unpin)(void *self, struct batch *b);

    /* A way to decide small batches on the loop's own thread. fast_path_open: what one loop needs for it, closed by
     * fast_path_close, maybe after the backend. fast_path: true when all of b has its results, done is not called;
     * false when that would take long: submit it. NULL instead of the three: there is none. */
    void *(*fast_path_open)(void *self);
    bool (*fast_path)(void *fast_path, struct batch *b);
    void (*fast_path_close)(void *fast_path);

    /* Would refuse a batch now, and says why: so that a large body is refused before it is read. NULL: never. */
    bool (*busy)(void *self, struct err *e);

    /* Takes b, or refuses it with ERR_BUSY. b->done is called once, from any thread. */
    bool (*submit)(void *self, struct batch *b, struct err *e);
    bool (*ready)(void *self);         /* what it decides with is loaded */
    size_t (*queue_depth)(void *self); /* slices that wait; NULL: not known */

    /* Appends members to the "explain" object of ?explain=1, each with a comma before it; NULL: none. */
    void (*explain)(void *self, const struct batch *b, uint32_t i, struct buf *out);
};

/* Binds and listens; nothing is answered before server_run. NULL on failure, also when the address is not loopback and
 * there is neither a token nor allow_open. */
struct server *server_open(const struct server_opts *o, const struct server_backend *backend, struct err *e);

/* The same, with the pipeline as backend; labels: those it will begin with. */
struct server *backend_open_server(const struct server_opts *o, const struct label_set *labels, struct pipeline *p,
                                   struct err *e);

/* A reload in two steps, so that it can be one with others: settings_open does all that can fail, server_set puts them
 * in force, for each loop at its next turn, and takes them over. host, port, kind, threads and connections_max stay as
 * they were. While the server runs, one thread at a time. */
struct settings *server_settings_open(const struct server *s, const struct server_opts *o,
                                      const struct label_set *labels, struct err *e);
void server_set(struct server *s, struct settings *fresh);

unsigned server_port(const struct server *s);

/* Serves until server_stop, on the calling thread and threads - 1 others. False when a thread can't be started. On
 * return batches may still be with the backend (the drain's time was over): close the backend first, then the server.
 */
bool server_run(struct server *s, struct err *e);

/* Begins the drain: /readyz says no, listening ends, requests in flight are finished. Async-signal-safe; from any
 * thread; again is fine. */
void server_stop(struct server *s);

void server_close(struct server *s); /* NULL is fine; not during server_run, not before the backend is closed */

#endif
