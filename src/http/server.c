#include "http/server.h"

#include "base/log.h"
#include "base/must.h"
#include "http/listener.h"
#include "http/internal.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FDS_OF_OUR_OWN = 256 };

static bool open_loops(struct server *s, struct err *e) {
    const struct server_opts *o = &s->settings->o;
    s->loop = must_calloc(o->threads, sizeof *s->loop);
    s->port = o->port;
    for (; s->loops < o->threads; s->loops++) {
        int fd = listener_open(o->host, &s->port, o->threads > 1, e);
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
    struct settings *set = settings_open(o, backend->labels, e);
    if (!set) return NULL;
    struct server *s = must_calloc(1, sizeof *s);
    s->settings = set;
    pthread_mutex_init(&s->settings_lock, NULL);
    s->kind = o->kind;
    s->backend = *backend;
    s->labels = *backend->labels;
    http_metrics_init(&s->tally);
    client_quota_init(&s->share, o->connections_max);
    raise_fd_limit(o);
    if (open_loops(s, e)) return s;
    server_close(s);
    return NULL;
}

struct settings *server_settings_open(const struct server *s, const struct server_opts *o,
                                      const struct label_set *labels, struct err *e) {
    const struct server_opts *now = &s->settings->o; /* one thread reloads */
    struct server_opts next = *o;
    next.host = now->host;
    next.port = now->port;
    next.kind = now->kind;
    next.threads = now->threads;
    next.connections_max = now->connections_max;
    return settings_open(&next, labels, e);
}

void server_set(struct server *s, struct settings *fresh) {
    pthread_mutex_lock(&s->settings_lock);
    struct settings *old = s->settings;
    s->settings = fresh;
    atomic_fetch_add_explicit(&s->settings_version, 1, memory_order_release);
    pthread_mutex_unlock(&s->settings_lock);
    settings_unref(old);
    for (unsigned i = 0; i < s->loops; i++) loop_wake(&s->loop[i]);
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
    client_quota_release(&s->share);
    settings_unref(s->settings);
    pthread_mutex_destroy(&s->settings_lock);
    free(s);
}
