/* state: what the loops of one server share. Private to the folder. */
#ifndef SERVER_STATE_H
#define SERVER_STATE_H

#include "server/auth.h"
#include "server/loop.h"
#include "server/server.h"
#include "server/share.h"
#include "server/tally.h"

struct server {
    struct server_opts o;
    struct server_backend backend;
    struct label_set labels;
    struct auth auth;
    struct share share;
    struct tally tally;
    struct buf openapi;
    unsigned port;
    atomic_bool stopping;
    atomic_uint connections;
    atomic_size_t body_bytes; /* held by all requests */
    unsigned loops;
    struct loop *loop; /* loop[loops] */
};

#endif
