/* state: what the loops of one server share. Private to the folder. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "http/loop.h"
#include "http/server.h"
#include "http/settings.h"
#include "http/client_quota.h"
#include "http/http_metrics.h"

struct server {
    enum server_kind kind;
    pthread_mutex_t settings_lock;
    struct settings *settings; /* those in force; a loop has its own reference */
    atomic_uint settings_version;
    struct server_backend backend;
    struct label_set labels;
    struct client_quota share;
    struct http_metrics tally;
    unsigned port;
    atomic_bool stopping;
    atomic_uint connections;
    atomic_size_t body_bytes; /* held by all requests */
    unsigned loops;
    struct loop *loop; /* loop[loops] */
};

#endif
