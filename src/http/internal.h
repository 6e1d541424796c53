/* internal: what the threads of one server share. Private to the folder. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "http/http_metrics.h"
#include "http/loop_task.h"
#include "http/server.h"
#include "http/server_thread.h"
#include "http/settings.h"

struct server {
    struct server_site site;
    pthread_mutex_t settings_lock;
    struct settings *settings; /* those in force; a thread has its own reference */
    atomic_uint settings_version;
    struct http_metrics metrics;
    struct loop_helper helper;
    unsigned port;
    atomic_bool stopping;
    atomic_uint connections;
    atomic_size_t body_bytes;    /* held by all requests */
    struct client_quota clients; /* connections by client */
    struct client_quota memory;  /* the same by client */
    unsigned threads;
    struct server_thread *thread; /* thread[threads] */
};

static inline const struct server_opts *exchange_opts(const struct exchange *x) {
    return &x->thread->set->o;
}

#endif
