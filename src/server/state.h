/* state: what the loops of one server share. Private to the folder. */
#ifndef SERVER_STATE_H
#define SERVER_STATE_H

#include "server/loop.h"
#include "server/server.h"
#include "server/settings.h"
#include "server/share.h"
#include "server/tally.h"

struct server {
    enum server_kind kind;
    pthread_mutex_t settings_lock;
    struct settings *settings; /* those in force; a loop has its own reference */
    atomic_uint settings_version;
    struct server_backend backend;
    struct label_set labels;
    struct share share;
    struct tally tally;
    unsigned port;
    atomic_bool stopping;
    atomic_uint connections;
    atomic_size_t body_bytes; /* held by all requests */
    unsigned loops;
    struct loop *loop; /* loop[loops] */
};

#endif
