/* share_desk: an instance that follows a desk over HTTP. Private to share_desk*.c. */
#ifndef APP_SHARE_DESK_H
#define APP_SHARE_DESK_H

#include "app/share_internal.h"
#include "remote/http_client.h"
#include "review/kinds_share.h"

/* What is asked of the desk; at most one of each at a time. */
enum share_job { SHARE_ASK, SHARE_TELL_WORDS, SHARE_TELL_KINDS, SHARE_FETCH_RULES, SHARE_FETCH_HEAD, SHARE_JOBS };

struct share_call {
    struct http_call *call; /* in flight; NULL: none */
    struct http_endpoint *to;
    uint64_t next_ns;  /* not before */
    unsigned failures; /* in a row */
};

struct share_desk {
    struct share *s;
    /* by the options */
    const char *desk, *proxy, *ca_file;
    char *token;
    char page_rules[PATH_MAX], heads[PATH_MAX];

    struct http_client *client;
    struct share_call job[SHARE_JOBS];
    uint64_t seq; /* of the parcel */
    struct kinds_parcel parcel;
    unsigned parcel_max;                  /* kinds in one */
    uint64_t rules, head;                 /* of the desk; 0: nothing of its own */
    bool want_rules, want_head;           /* they differ from ours */
    uint64_t refused_rules, refused_head; /* could not be used here, and that was said */
};

/* The answer of a job, 200. False: it could not be used, e says why. */
bool share_desk_take(struct share_desk *d, enum share_job job, struct span reply, struct err *e);

#endif
