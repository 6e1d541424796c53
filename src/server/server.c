#include "server/server.h"

#include "base/log.h"
#include "base/must.h"
#include "server/listener.h"
#include "server/openapi.h"
#include "server/state.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

enum { OPENAPI_BYTES_MAX = 256 * 1024, FDS_OF_OUR_OWN = 256 };

static bool check_range(const char *name, size_t value, size_t min, size_t max, struct err *e) {
    return (value >= min && value <= max) ||
           err_set(e, ERR_USAGE, "%s is %zu: expected %zu to %zu", name, value, min, max);
}

static bool check_opts(const struct server_opts *o, struct err *e) {
    return check_range("threads", o->threads, 1, SERVER_THREADS_MAX, e) &&
           check_range("header_bytes_max", o->header_bytes_max, 256, 1 << 20, e) &&
           check_range("body_bytes_max", o->body_bytes_max, 1, 1 << 30, e) &&
           check_range("line_bytes_max", o->line_bytes_max, 1, 1 << 20, e) &&
           check_range("entries_max", o->entries_max, 1, 65536, e) &&
           check_range("depth_max", o->depth_max, 2, 1024, e) &&
           check_range("connections_max", o->connections_max, 1, 1000000, e) &&
           check_range("client_entries_max", o->client_entries_max, o->entries_max, UINT32_MAX, e);
}

/* Who may connect from elsewhere must show a token, unless the operator has said that it is meant to be open. */
static bool open_auth(struct server *s, struct err *e) {
    const struct server_opts *o = &s->o;
    bool has_token = o->token_file && o->token_file[0];
    if (!has_token && !o->allow_open && !listener_is_loopback(o->host))
        return err_set(e, ERR_USAGE, "%s can be reached from elsewhere: give a token file, or allow open access",
                       o->host);
    return !has_token || auth_open(&s->auth, o->token_file, e);
}

static bool open_loops(struct server *s, struct err *e) {
    s->loop = must_calloc(s->o.threads, sizeof *s->loop);
    s->port = s->o.port;
    for (; s->loops < s->o.threads; s->loops++) {
        int fd = listener_open(s->o.host, &s->port, s->o.threads > 1, e);
        if (fd < 0) return false;
        if (loop_open(&s->loop[s->loops], s, fd, e)) continue;
        s->loops++;
        return false;
    }
    return true;
}

/* Connections need descriptors: asks for as many as the limit of connections, as far as we are allowed. */
static void raise_fd_limit(const struct server_opts *o) {
    struct rlimit lim;
    rlim_t want = (rlim_t)o->connections_max + FDS_OF_OUR_OWN;
    if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur >= want) return;
    lim.rlim_cur = lim.rlim_max < want ? lim.rlim_max : want;
    if (setrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur < want)
        log_warn("server.descriptors", "%llu file descriptors are allowed, %llu may be needed",
                 (unsigned long long)lim.rlim_cur, (unsigned long long)want);
}

struct server *server_open(const struct server_opts *o, const struct server_backend *backend, struct err *e) {
    if (!check_opts(o, e)) return NULL;
    struct server *s = must_calloc(1, sizeof *s);
    s->o = *o;
    s->backend = *backend;
    s->labels = *backend->labels;
    tally_init(&s->tally);
    share_init(&s->share, o->connections_max);
    buf_init(&s->openapi, OPENAPI_BYTES_MAX);
    openapi_write(&s->openapi, o, &s->labels);
    MUST(!s->openapi.failed);
    raise_fd_limit(o);
    if (open_auth(s, e) && open_loops(s, e)) return s;
    server_close(s);
    return NULL;
}

unsigned server_port(const struct server *s) {
    return s->port;
}

static void *thread_main(void *loop) {
    loop_run(loop);
    return NULL;
}

bool server_run(struct server *s, struct err *e) {
    unsigned begun = 1;
    while (begun < s->loops && pthread_create(&s->loop[begun].thread, NULL, thread_main, &s->loop[begun]) == 0) begun++;
    bool ok = begun == s->loops;
    if (ok)
        loop_run(&s->loop[0]);
    else
        server_stop(s);
    for (unsigned i = 1; i < begun; i++) pthread_join(s->loop[i].thread, NULL);
    return ok || err_set(e, ERR_MEMORY, "thread %u of %u can not be started", begun, s->loops);
}

void server_stop(struct server *s) {
    atomic_store(&s->stopping, true);
    int saved = errno; /* we may be in a signal handler */
    for (unsigned i = 0; i < s->loops; i++) loop_wake(&s->loop[i]);
    errno = saved;
}

void server_close(struct server *s) {
    if (!s) return;
    for (unsigned i = 0; i < s->loops; i++) loop_close(&s->loop[i]);
    free(s->loop);
    auth_close(&s->auth);
    share_release(&s->share);
    buf_release(&s->openapi);
    free(s);
}
