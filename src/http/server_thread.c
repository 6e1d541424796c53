#include "http/server_thread.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "http/internal.h"

#include <stdlib.h>
#include <string.h>

enum { DRAIN_TICK_MS = 50 };

/* ---- the drain ---- */

static void stop_listening(struct server_thread *t) {
    acceptor_accept(&t->acceptor); /* who was already waiting is served */
    acceptor_close(&t->acceptor);
    for (struct conn *c = t->conns, *next; c; c = next) {
        next = c->next;
        conn_drain(c);
    }
}

static void close_conns(struct server_thread *t) {
    while (t->conns) conn_close(t->conns);
}

/* True: the thread's work is over. */
static bool server_thread_drain(struct server_thread *t) {
    const struct server_opts *o = &t->set->o;
    if (!atomic_load(&t->server->stopping)) return false;
    if (!t->drain_begun_ns) t->drain_begun_ns = t->loop.now_ns;
    uint64_t stop_at = t->drain_begun_ns + clock_ns_of_ms(o->drain_delay_ms),
             end_at = stop_at + clock_ns_of_ms(o->drain_time_ms);
    bool listening = acceptor_is_open(&t->acceptor);
    if (listening && t->loop.now_ns >= stop_at) {
        stop_listening(t);
        listening = false;
    }
    if (!listening && !t->conns && t->away == 0) return true;
    if (t->loop.now_ns < end_at) return false;
    log_warn("server.drain", "time is over: connections are closed, %u batches are given up", t->away);
    close_conns(t);
    return true;
}

/* ---- the loop ---- */

/* Takes up the settings in force. */
static void follow_settings(struct server_thread *t) {
    struct server *s = t->server;
    if (t->set && t->set_version == atomic_load_explicit(&s->settings_version, memory_order_acquire)) return;
    pthread_mutex_lock(&s->settings_lock);
    struct settings *fresh = settings_ref(s->settings);
    t->set_version = atomic_load_explicit(&s->settings_version, memory_order_relaxed);
    pthread_mutex_unlock(&s->settings_lock);
    settings_unref(t->set);
    t->set = fresh;
}

void server_thread_run(struct server_thread *t) {
    t->loop.now_ns = clock_now_ns(NULL);
    while (!server_thread_drain(t)) {
        loop_wait(&t->loop, t->drain_begun_ns ? DRAIN_TICK_MS : -1);
        follow_settings(t); /* within a turn nothing changes */
        loop_dispatch(&t->loop);
        conn_reap(t);
    }
}

bool server_thread_open(struct server_thread *t, struct server *s, int listen_fd, struct err *e) {
    *t = (struct server_thread){.server = s};
    follow_settings(t);
    bool ok = loop_open(&t->loop, e);
    ok = acceptor_open(&t->acceptor, t, listen_fd, e) && ok;
    if (!ok || !s->site.thread_open) return ok;
    t->site_thread = s->site.thread_open(s->site.self);
    return t->site_thread || err_set(e, ERR_MEMORY, "no memory for a thread of the server");
}

void server_thread_close(struct server_thread *t) {
    if (!t->server) return;
    close_conns(t);
    loop_run_posts(&t->loop); /* what the drain gave up has come back meanwhile */
    MUST(t->away == 0);
    conn_reap(t);
    acceptor_close(&t->acceptor);
    loop_close(&t->loop);
    for (struct exchange *x = t->free_exchanges, *next; x; x = next) {
        next = x->next;
        exchange_free(x);
    }
    for (struct conn *c = t->free_conns, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    settings_unref(t->set);
    if (t->site_thread) t->server->site.thread_close(t->site_thread);
    *t = (struct server_thread){0};
}
