/* api: the classifier's API and that of the described services, as a site of the HTTP server. It decides what comes in
 * with the pipeline. */
#ifndef API_API_H
#define API_API_H

#include "data/label.h"
#include "http/server.h"

struct book;
struct pipeline;
struct push;

/* Where that is kept which the page changes, and what is to be done then. All must stay as long as the server. */
struct api_places {
    const char *page_rules;        /* a file (rules/page_rules.h); NULL: there is no state folder */
    const char *heads;             /* a folder (train/head_versions.h); NULL: likewise */
    const char *shipped_head;      /* the file of the head that came with logclass; "": it is missing */
    const char *desk;              /* URL of the desk, where rules and heads are changed; NULL: here */
    const char *const *learn_args; /* for the `learn` that is run here, NULL at the end */
    void *ctx;
    /* Loads rules and head anew, and waits until they are in force. */
    bool (*reload)(void *ctx, struct err *e);
    /* Writes what the LLM cost in the last days, as JSON. NULL: nobody counts it. */
    bool (*cost)(void *ctx, unsigned days, struct buf *out, struct err *e);
};

/* What the server answers: the whole classifier's array of entries, or one message as the described services do. */
enum api_kind {
    API_CLASSIFIER = 1,
    API_SERVICE = 2,
    API_ANY = API_CLASSIFIER | API_SERVICE,
    API_INTAKE = 4, /* takes log requests of others (stream/push.h) */
    API_STREAMS = API_CLASSIFIER | API_INTAKE
};

enum { API_ENTRIES_MAX = 262144 };

/* A request past one of the limits gets the status in brackets and a body that names the limit. */
struct api_opts {
    struct server_opts http;
    enum api_kind kind;
    unsigned entries_max;         /* of one request [413] */
    size_t line_bytes_max;        /* source or log_message of one entry [413] */
    unsigned depth_max;           /* nesting of the JSON text [400] */
    struct book *book;            /* kinds of line, for the page; NULL: they are not kept. It must outlive the server */
    bool has_llm;                 /* an LLM is configured */
    char instance[64];            /* what it is called */
    struct api_places places;     /* of a CLASSIFIER; read when the server is opened */
    bool (*is_ready)(void *self); /* asked by /readyz, from any loop's thread; NULL: nobody is to be asked */
    void *ready_self;
    struct push *const *push;    /* [PUSH_KINDS], where there is such a source; NULL: there is none */
    unsigned client_entries_max; /* entries one client address may have in flight; IPv6: one /64 network [429] */
};

#define API_OPTS_DEFAULT                            \
    ((struct api_opts){.http = SERVER_OPTS_DEFAULT, \
                       .kind = API_CLASSIFIER,      \
                       .entries_max = 10000,        \
                       .line_bytes_max = 64 * 1024, \
                       .depth_max = 32,             \
                       .client_entries_max = 65536})

/* A server of this API; server.h says how it is run and closed. labels: what its description names, until the first
 * reload. The pipeline must be closed before the server is. NULL on failure. */
struct server *api_open_server(const struct api_opts *o, const struct label_set *labels, struct pipeline *p,
                               struct err *e);

/* New settings for server_set. The kind and what server_settings_open leaves as it was stay. NULL on failure. */
struct settings *api_open_settings(const struct server *s, const struct api_opts *o, const struct label_set *labels,
                                   struct err *e);

#endif
