/* server: an HTTP/1.1 server, as strict as RFC 9112 allows. It knows nothing of what it serves: routes and their
 * handlers come from outside (struct server_site). Each of its threads has a loop and a listening socket of its own; a
 * connection belongs to one thread for life. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/err.h"
#include "http/route.h"

#include <stdbool.h>
#include <stddef.h>

struct server;
struct settings;

enum { SERVER_THREADS_MAX = 64 };

/* Of the page that a server may have, and what that asks (DOOR_FILE, DOOR_PAGE). */
enum server_page { SERVER_PAGE_ON, SERVER_PAGE_VIEW, SERVER_PAGE_OFF };

struct server_page_opts {
    enum server_page mode;   /* VIEW: nobody may change anything; OFF: it is not there */
    const char *hosts;       /* names it answers to, besides its own; separated by commas, "*": any [421] */
    const char *user_header; /* names who asks, where a proxy says it; "" or NULL: none does */
    const char *proxies;     /* addresses that are believed; separated by commas */
    bool open_write;         /* with allow_open and no token everybody may change things, too */
};

/* Every limit of the server. A request past one gets the status in brackets and a body that names the limit. */
struct server_opts {
    const char *host;        /* numeric IPv4 or IPv6 address, or "localhost" */
    unsigned port;           /* 0: any free one, see server_port */
    const char *token_file;  /* bearer tokens, one a line; "" or NULL: none */
    bool allow_open;         /* serve other addresses than loopback without a token */
    const char *cors_origin; /* origins whose pages may read answers, separated by commas; "*": any; "": none */
    const char
        *allowed_hosts; /* names to answer to on loopback, besides its own; separated by commas, "*": any [421] */
    struct server_page_opts page;
    bool access_log;  /* one log line a request */
    unsigned threads; /* loops: 1..SERVER_THREADS_MAX */

    size_t header_bytes_max;         /* request line, header fields, chunk extensions and trailers together [431] */
    unsigned header_time_ms;         /* from the first byte of a request to the end of its header [408] */
    size_t body_bytes_max;           /* also after decompression; not for streams [413] */
    unsigned body_time_ms;           /* for a body; of a stream, for its next answer to begin [408] */
    size_t body_memory_max;          /* bodies of all requests together [503] */
    size_t client_memory_max;        /* those of one client address; IPv6: one /64 network [429] */
    unsigned connections_max;        /* open at the same time [503] */
    unsigned client_connections_max; /* of those, of one client address; IPv6: one /64 network [503] */
    unsigned idle_time_ms;           /* between requests: closed without a word */
    unsigned write_time_ms;          /* without a byte of the answer accepted: closed */
    unsigned drain_delay_ms;         /* after server_stop: go on accepting while /readyz says no */
    unsigned drain_time_ms;          /* then: time for requests in flight */
};

#define SERVER_OPTS_DEFAULT                                      \
    ((struct server_opts){.host = "127.0.0.1",                   \
                          .cors_origin = "",                     \
                          .port = 8080,                          \
                          .threads = 1,                          \
                          .header_bytes_max = 16 * 1024,         \
                          .header_time_ms = 10 * 1000,           \
                          .body_bytes_max = 4 * 1024 * 1024,     \
                          .body_time_ms = 30 * 1000,             \
                          .body_memory_max = 256 * 1024 * 1024,  \
                          .client_memory_max = 64 * 1024 * 1024, \
                          .client_connections_max = 5000,        \
                          .connections_max = 10000,              \
                          .idle_time_ms = 75 * 1000,             \
                          .write_time_ms = 30 * 1000,            \
                          .drain_time_ms = 30 * 1000})

/* What a server serves. `self` is the site's own; handlers find it with exchange_site. */
struct server_site {
    struct route_table routes;
    void *self;

    /* What one thread needs for itself (exchange_site_thread); it is closed by thread_close, on any thread. NULL
     * instead of the two: nothing. thread_open returns NULL when memory is out. */
    void *(*thread_open)(void *self);
    void (*thread_close)(void *thread);

    /* Asked when a request's header has been admitted, before its body is read; may refuse it (false). NULL: never. */
    bool (*admit)(struct exchange *x);

    /* Writes the text of a refusal (x->why) into x->out, and x->type, its own way. False: it does not. NULL: never. */
    bool (*refusal)(const struct exchange *x, struct buf *out, const char **type);

    void (*settings_close)(void *site_settings); /* what was given to server_settings_open; NULL: nothing to do */
    void (*close)(void *self);                   /* when the server is closed; NULL: nothing to do */
};

/* Binds and listens; nothing is answered before server_run. site_settings: the site's own options; they belong to the
 * server, also on failure (site->self only on success). NULL on failure, also when the address is not loopback and
 * there is neither a token nor allow_open. */
struct server *server_open(const struct server_opts *o, const struct server_site *site, void *site_settings,
                           struct err *e);

/* A reload in two steps, so that it can be one with others: server_settings_open does all that can fail (and takes
 * site_settings over, also on failure), server_set puts them in force, for each thread at its next turn. host, port,
 * threads and connections_max stay as they were. While the server runs, one thread at a time. */
struct settings *server_settings_open(const struct server *s, const struct server_opts *o, void *site_settings,
                                      struct err *e);
void server_set(struct server *s, struct settings *fresh);

unsigned server_port(const struct server *s);
void *server_site_of(const struct server *s); /* site->self */

/* Serves until server_stop, on the calling thread and threads - 1 others. False when a thread can't be started. On
 * return exchanges may still be away (the drain's time was over): first close whatever holds them, then the server.
 */
bool server_run(struct server *s, struct err *e);

/* Begins the drain: listening ends after drain_delay_ms, requests in flight are finished. Async-signal-safe; from any
 * thread; again is fine. */
void server_stop(struct server *s);

/* After server_run: ends the helper thread, so that no handler's work runs any more. NULL is fine; server_close does it
 * too. */
void server_end_tasks(struct server *s);

/* NULL is fine; not during server_run, and not before every exchange that is away has come back or never will. */
void server_close(struct server *s);

#endif
