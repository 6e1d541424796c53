/* share_internal: the thread's state. Private to share*.c. */
#ifndef APP_SHARE_INTERNAL_H
#define APP_SHARE_INTERNAL_H

#include "app/share.h"
#include "base/rng.h"
#include "remote/http_client.h"
#include "review/kinds_share.h"
#include "review/shared_log.h"

#include <limits.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* What is asked of the desk; at most one of each at a time. */
enum share_job { SHARE_ASK, SHARE_TELL_WORDS, SHARE_TELL_KINDS, SHARE_FETCH_RULES, SHARE_FETCH_HEAD, SHARE_JOBS };

struct share_call {
    struct http_call *call; /* in flight; NULL: none */
    struct http_endpoint *to;
    uint64_t next_ns;  /* not before */
    unsigned failures; /* in a row */
};

struct share {
    /* by the options */
    const char *desk, *proxy, *ca_file;
    char name[SHARED_NAME_MAX], *token;
    char log[PATH_MAX], page_rules[PATH_MAX], heads[PATH_MAX];
    struct classifier *classifier;
    struct book *book; /* NULL: kinds are not kept */
    struct places *places;

    pthread_t thread;
    atomic_bool ending;
    struct http_client *client;
    struct share_call job[SHARE_JOBS];
    struct rng rng;
    uint64_t run, seq;  /* of this start; of the parcel */
    uint64_t heard_ns;  /* when the desk last answered and all was in force */
    enum err_code told; /* why it does not work, as far as it was said; ERR_OK: it does */

    struct stat seen; /* of the log, when it was last looked at */
    struct shared_state state;
    struct buf lines;
    uint32_t telling, told_last; /* numbers of the last record that is being sent, and that the desk has */
    struct kinds_parcel parcel;
    unsigned parcel_max;                  /* kinds in one */
    uint64_t rules, head;                 /* of the desk; 0: nothing of its own */
    bool want_rules, want_head;           /* they differ from ours */
    uint64_t refused_rules, refused_head; /* could not be used here, and that was said */
};

/* The answer of a job, 200. False: it could not be used, e says why. */
bool share_take(struct share *s, enum share_job job, struct span reply, struct err *e);

/* Whether our rules and head are those of the desk. */
void share_compare(struct share *s);

#endif
