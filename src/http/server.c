#include "http/server.h"

#include "base/log.h"
#include "base/must.h"
#include "http/internal.h"
#include "http/listener.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    FDS_OF_OUR_OWN = 256,
    SERVER_AWAY_CLIENTS = 1024, /* that have gone while their requests were away */
    HELPER_TASKS_MAX = 256,     /* that wait for the helper thread */
};

static bool open_threads(struct server *s, struct err *e) {
    const struct server_opts *o = &s->settings->o;
    s->thread = must_calloc(o->threads, sizeof *s->thread);
    s->port = o->port;
    for (; s->threads < o->threads; s->threads++) {
        int fd = listener_open(o->host, &s->port, o->threads > 1, e);
        if (fd < 0) return false;
        if (server_thread_open(&s->thread[s->threads], s, fd, e)) continue;
        s->threads++;
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

struct server *server_open(const struct server_opts *o, const struct server_site *site, void *site_settings,
                           struct err *e) {
    struct settings *set = settings_open(o, site_settings, site->settings_close, e);
    if (!set) return NULL;
    struct server *s = must_calloc(1, sizeof *s);
    s->settings = set;
    pthread_mutex_init(&s->settings_lock, NULL);
    s->site = *site;
    http_metrics_init(&s->metrics, &s->site.routes);
    loop_helper_open(&s->helper, HELPER_TASKS_MAX);
    client_quota_init(&s->clients, o->connections_max);
    client_quota_init(&s->memory, o->connections_max + SERVER_AWAY_CLIENTS);
    raise_fd_limit(o);
    if (open_threads(s, e)) return s;
    s->site.close = NULL; /* the site stays the caller's */
    server_close(s);
    return NULL;
}

struct settings *server_settings_open(const struct server *s, const struct server_opts *o, void *site_settings,
                                      struct err *e) {
    const struct server_opts *now = &s->settings->o; /* one thread reloads */
    struct server_opts next = *o;
    next.host = now->host;
    next.port = now->port;
    next.threads = now->threads;
    next.connections_max = now->connections_max;
    return settings_open(&next, site_settings, s->site.settings_close, e);
}

void server_set(struct server *s, struct settings *fresh) {
    pthread_mutex_lock(&s->settings_lock);
    struct settings *old = s->settings;
    s->settings = fresh;
    atomic_fetch_add_explicit(&s->settings_version, 1, memory_order_release);
    pthread_mutex_unlock(&s->settings_lock);
    settings_unref(old);
    for (unsigned i = 0; i < s->threads; i++) loop_wake(&s->thread[i].loop);
}

unsigned server_port(const struct server *s) {
    return s->port;
}

void *server_site_of(const struct server *s) {
    return s->site.self;
}

static void *thread_main(void *arg) {
    server_thread_run(arg);
    return NULL;
}

bool server_run(struct server *s, struct err *e) {
    unsigned begun = 1;
    struct server_thread *t = s->thread;
    while (begun < s->threads && pthread_create(&t[begun].thread, NULL, thread_main, &t[begun]) == 0) begun++;
    bool ok = begun == s->threads;
    if (ok)
        server_thread_run(&t[0]);
    else
        server_stop(s);
    for (unsigned i = 1; i < begun; i++) pthread_join(t[i].thread, NULL);
    return ok || err_set(e, ERR_MEMORY, "thread %u of %u can not be started", begun, s->threads);
}

void server_stop(struct server *s) {
    atomic_store(&s->stopping, true);
    int saved = errno; /* we may be in a signal handler */
    for (unsigned i = 0; i < s->threads; i++) loop_wake(&s->thread[i].loop);
    errno = saved;
}

void server_end_tasks(struct server *s) {
    if (s) loop_helper_close(&s->helper);
}

void server_close(struct server *s) {
    if (!s) return;
    loop_helper_close(&s->helper);
    for (unsigned i = 0; i < s->threads; i++) server_thread_close(&s->thread[i]);
    free(s->thread);
    settings_unref(s->settings);
    pthread_mutex_destroy(&s->settings_lock);
    client_quota_release(&s->clients);
    client_quota_release(&s->memory);
    if (s->site.close) s->site.close(s->site.self);
    free(s);
}
