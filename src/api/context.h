/* context: what handlers work with: of the whole server, of its settings, and of one of its threads. Private to the
 * folder. */
#ifndef API_CONTEXT_H
#define API_CONTEXT_H

#include "api/api.h"
#include "api/instances.h"
#include "data/record_json.h"
#include "api/routes.h"
#include "http/exchange.h"
#include "pipeline/fast_path.h"
#include "stream/push.h"
#include "review/book.h"

/* The whole server's. */
struct api {
    enum api_kind kind;
    struct pipeline *pipeline;
    struct book *book;            /* NULL: kinds of line are not kept */
    bool has_llm;                 /* when the server was opened */
    struct near *near;            /* the desk's thread alone; NULL exactly when book is */
    struct client_quota quota;    /* log entries in flight, by client */
    bool (*is_ready)(void *self); /* NULL: nobody is to be asked */
    void *ready_self;
    struct push *push[PUSH_KINDS];   /* NULL: there is no such source */
    struct route route[ROUTE_COUNT]; /* those of this kind */
    struct api_places places;
    struct learner *learner;    /* NULL: there is no place for what it learns */
    atomic_uint desk_jobs;      /* that wait or run (desk.h) */
    struct instances instances; /* that follow this desk */
};

/* Immutable; replaced by a reload. */
struct api_settings {
    struct record_json_limits limits;
    unsigned client_entries_max;
    struct buf openapi; /* the API's description */
    bool has_llm;
    char instance[64];
};

/* One thread's. */
struct api_thread {
    struct record_json_reader reader;
    struct fast_path *fast_path;
};

static inline struct api *api_of(const struct exchange *x) {
    return exchange_site(x);
}

static inline const struct api_settings *api_settings_of(const struct exchange *x) {
    return exchange_site_settings(x);
}

static inline struct api_thread *api_thread_of(const struct exchange *x) {
    return exchange_site_thread(x);
}

#endif
