#include "http/loop.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "http/response.h"
#include "http/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 256, ACCEPTS_PER_TURN = 64, DRAIN_TICK_MS = 50, NS_PER_MS = 1000000 };

/* ---- timers: a list a state, in the order of deadlines because each state has one time limit ---- */

void loop_clear_timer(struct loop *l, struct conn *c) {
    struct loop_timers *t = &l->timers[c->state];
    if (!c->deadline_ns) return;
    if (c->sooner) c->sooner->later = c->later;
    if (c->later) c->later->sooner = c->sooner;
    if (t->first == c) t->first = c->later;
    if (t->last == c) t->last = c->sooner;
    c->sooner = c->later = NULL;
    c->deadline_ns = 0;
}

void loop_set_timer(struct loop *l, struct conn *c, enum conn_state state, unsigned time_ms) {
    loop_clear_timer(l, c);
    c->state = state;
    if (time_ms == 0) return;
    struct loop_timers *t = &l->timers[state];
    c->deadline_ns = l->now_ns + clock_ns_of_ms(time_ms);
    c->sooner = t->last;
    if (t->last) t->last->later = c;
    t->last = c;
    if (!t->first) t->first = c;
}

static void run_timers(struct loop *l) {
    for (unsigned s = 0; s < CONN_STATE_COUNT; s++)
        while (l->timers[s].first && l->timers[s].first->deadline_ns <= l->now_ns) conn_timeout(l->timers[s].first);
}

/* Milliseconds to the next deadline, rounded up; -1: there is none. */
static int next_timeout(const struct loop *l) {
    uint64_t soonest = UINT64_MAX;
    for (unsigned s = 0; s < CONN_STATE_COUNT; s++)
        if (l->timers[s].first && l->timers[s].first->deadline_ns < soonest) soonest = l->timers[s].first->deadline_ns;
    int ms = -1;
    if (soonest <= l->now_ns)
        ms = 0;
    else if (soonest != UINT64_MAX)
        ms = (int)((soonest - l->now_ns + NS_PER_MS - 1) / NS_PER_MS);
    bool draining = l->drain_begun_ns != 0;
    return draining && (ms < 0 || ms > DRAIN_TICK_MS) ? DRAIN_TICK_MS : ms;
}

/* ---- batches that come back ---- */

void loop_wake(struct loop *l) {
    uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof one);
    (void)n; /* EAGAIN: the counter is full, so the loop is awake */
}

void loop_batch_done(struct batch *b) {
    struct exchange *x = b->user;
    struct loop *l = x->loop;
    pthread_mutex_lock(&l->done_lock);
    bool was_empty = l->done == NULL;
    x->next = l->done;
    l->done = x;
    pthread_mutex_unlock(&l->done_lock);
    if (was_empty) loop_wake(l);
}

/* All that came back, oldest first. */
static struct exchange *take_done(struct loop *l) {
    pthread_mutex_lock(&l->done_lock);
    struct exchange *newest = l->done, *list = NULL;
    l->done = NULL;
    pthread_mutex_unlock(&l->done_lock);
    while (newest) {
        struct exchange *x = newest;
        newest = x->next;
        x->next = list;
        list = x;
    }
    return list;
}

static void resume_done(struct loop *l) {
    for (struct exchange *x = take_done(l), *next; x; x = next) {
        next = x->next;
        x->next = NULL;
        exchange_returned(x);
        if (x->conn)
            conn_resume(x->conn);
        else
            exchange_give(x);
    }
}

static void on_wake(struct loop *l) {
    uint64_t count;
    ssize_t n = read(l->wake_fd, &count, sizeof count);
    (void)n; /* nothing to read: woken twice for the same */
    resume_done(l);
}

/* ---- new connections ---- */

static void refuse_connection(struct loop *l, int fd) {
    char text[512];
    size_t n = response_no_room(text, sizeof text, l->set->o.connections_max);
    ssize_t sent = send(fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* a client that can't take it has lost nothing */
    shutdown(fd, SHUT_WR);
    close(fd);
    http_metrics_refusal(&l->server->tally, REFUSE_CONNECTIONS);
}

static void welcome(struct loop *l, int fd, const struct sockaddr_storage *peer) {
    struct server *s = l->server;
    if (atomic_fetch_add_explicit(&s->connections, 1, memory_order_relaxed) >= l->set->o.connections_max) {
        atomic_fetch_sub_explicit(&s->connections, 1, memory_order_relaxed);
        refuse_connection(l, fd);
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct client_quota_key client = client_quota_key_of(peer);
    conn_open(l, fd, &client);
}

/* No descriptor is left: gives up the spare one for a moment, so that the waiting client gets an answer and the
 * listening socket does not report it for ever. */
static void accept_with_spare(struct loop *l) {
    if (l->spare_fd >= 0) close(l->spare_fd);
    int fd = accept4(l->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) refuse_connection(l, fd);
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    log_warn("server.descriptors", "no file descriptor is left for a connection");
}

static void on_listen(struct loop *l) {
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t size = sizeof peer;
        int fd = accept4(l->listen_fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            welcome(l, fd, &peer);
        else if (errno == EMFILE || errno == ENFILE)
            accept_with_spare(l);
        else if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* ---- the drain ---- */

static void stop_listening(struct loop *l) {
    on_listen(l); /* who was already waiting is served */
    close(l->listen_fd);
    l->listen_fd = -1;
    for (struct conn *c = l->conns, *next; c; c = next) {
        next = c->next;
        conn_drain(c);
    }
}

static void loop_close_all(struct loop *l) {
    while (l->conns) conn_close(l->conns);
}

/* True: the loop's work is over. */
static bool drain(struct loop *l) {
    const struct server_opts *o = &l->set->o;
    if (!atomic_load(&l->server->stopping)) return false;
    if (!l->drain_begun_ns) l->drain_begun_ns = l->now_ns;
    uint64_t stop_at = l->drain_begun_ns + clock_ns_of_ms(o->drain_delay_ms),
             end_at = stop_at + clock_ns_of_ms(o->drain_time_ms);
    if (l->listen_fd >= 0 && l->now_ns >= stop_at) stop_listening(l);
    if (l->listen_fd < 0 && !l->conns && l->away == 0) return true;
    if (l->now_ns < end_at) return false;
    log_warn("server.drain", "time is over: connections are closed, %u batches are given up", l->away);
    loop_close_all(l);
    return true;
}

/* ---- the loop ---- */

const char *loop_date(struct loop *l) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if ((uint64_t)now.tv_sec != l->date_second) {
        struct tm utc;
        gmtime_r(&now.tv_sec, &utc);
        strftime(l->date, sizeof l->date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
        l->date_second = (uint64_t)now.tv_sec;
    }
    return l->date;
}

static void on_event(struct loop *l, const struct epoll_event *ev) {
    if (ev->data.ptr == &l->listen_fd)
        on_listen(l);
    else if (ev->data.ptr == &l->wake_fd)
        on_wake(l);
    else
        conn_event(ev->data.ptr, ev->events);
}

/* Takes up the settings in force. */
static void follow_settings(struct loop *l) {
    struct server *s = l->server;
    if (l->set && l->set_version == atomic_load_explicit(&s->settings_version, memory_order_acquire)) return;
    pthread_mutex_lock(&s->settings_lock);
    struct settings *fresh = settings_ref(s->settings);
    l->set_version = atomic_load_explicit(&s->settings_version, memory_order_relaxed);
    pthread_mutex_unlock(&s->settings_lock);
    settings_unref(l->set);
    l->set = fresh;
}

void loop_run(struct loop *l) {
    struct epoll_event ev[EVENTS_PER_TURN];
    l->now_ns = clock_now_ns(NULL);
    while (!drain(l)) {
        int n = epoll_wait(l->epoll_fd, ev, EVENTS_PER_TURN, next_timeout(l));
        MUST(n >= 0 || errno == EINTR);
        l->now_ns = clock_now_ns(NULL);
        follow_settings(l);
        for (int i = 0; i < n; i++) on_event(l, &ev[i]);
        run_timers(l);
        conn_reap(l);
    }
}

static bool watch(struct loop *l, int fd, void *ptr) {
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = ptr};
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

bool loop_open(struct loop *l, struct server *s, int listen_fd, struct err *e) {
    *l = (struct loop){.server = s, .listen_fd = listen_fd};
    pthread_mutex_init(&l->done_lock, NULL);
    follow_settings(l);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (l->epoll_fd < 0 || l->wake_fd < 0 || l->spare_fd < 0 || !watch(l, listen_fd, &l->listen_fd) ||
        !watch(l, l->wake_fd, &l->wake_fd))
        return err_set(e, ERR_IO, "event loop: %s", strerror(errno));
    if (s->backend.fast_path_open) l->fast_path = s->backend.fast_path_open(s->backend.self);
    return entry_reader_init(&l->entries) || err_set(e, ERR_MEMORY, "no memory for the JSON reader");
}

static void close_fd(int fd) {
    if (fd >= 0) close(fd);
}

void loop_close(struct loop *l) {
    if (!l->server) return;
    loop_close_all(l);
    resume_done(l); /* what the drain gave up has come back meanwhile */
    MUST(l->away == 0);
    conn_reap(l);
    close_fd(l->listen_fd);
    close_fd(l->epoll_fd);
    close_fd(l->wake_fd);
    close_fd(l->spare_fd);
    for (struct exchange *x = l->free_exchanges, *next; x; x = next) {
        next = x->next;
        exchange_free(x);
    }
    for (struct conn *c = l->free_conns, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    settings_unref(l->set);
    if (l->fast_path) l->server->backend.fast_path_close(l->fast_path);
    entry_reader_release(&l->entries);
    pthread_mutex_destroy(&l->done_lock);
    *l = (struct loop){0};
}
