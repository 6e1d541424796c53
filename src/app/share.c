/* What both ways have in common: the log that follows, what is said about trouble, the thread. */
#include "app/share_internal.h"

#include "app/options.h"
#include "app/state_dir.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/thread.h"
#include "metrics/metrics.h"
#include "review/corrections.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

/* ---- what the ways call ---- */

bool share_look(struct share *s, struct err *e) {
    struct stat now = {0};
    if (stat(s->log, &now) != 0) now = (struct stat){0};
    bool same = now.st_ino == s->seen.st_ino && now.st_size == s->seen.st_size &&
                now.st_mtim.tv_sec == s->seen.st_mtim.tv_sec && now.st_mtim.tv_nsec == s->seen.st_mtim.tv_nsec;
    if (same && s->state.log) return true;
    bool ok = shared_look(s->log, s->follows, &s->state, e);
    if (!ok && e->code == ERR_USAGE) { /* it is new, or was removed */
        *e = (struct err){0};
        ok = state_dir_make_folders(s->log, e) && shared_follow(s->log, s->follows, e) &&
             shared_look(s->log, s->follows, &s->state, e);
        now = (struct stat){0};
        s->told_last = 0;
    }
    s->seen = now;
    if (!ok) s->state.log = 0;
    return ok;
}

bool share_has_to_send(const struct share *s) {
    return s->state.waiting > 0 && s->state.last > s->told_last;
}

uint64_t share_failed(struct share *s, unsigned failures, const struct err *e) {
    uint64_t most = (uint64_t)SHARE_RETRY_FIRST_MS << (failures < 4 ? failures : 4);
    metrics_add(METRIC_SHARE_FAILURES, 0, 0, 0, 1);
    if (s->told != e->code)
        log_warn("share.failed", "%s: %s; what is said here counts here, and is sent when it can be", s->where, e->msg);
    s->told = e->code;
    return rng_below(&s->rng, (uint32_t)(most < SHARE_RETRY_MAX_MS ? most : SHARE_RETRY_MAX_MS)) + 1;
}

void share_works(struct share *s) {
    if (s->told) log_info("share.back", "%s: it answers again, and what waited is sent", s->where);
    s->told = ERR_OK;
}

void share_refresh(struct share *s) {
    if (s->book) s->book->refresh(s->book->refresh_self);
}

void share_put_sender(const struct share *s, struct buf *b) {
    buf_printf(b, "{\"log\":\"%016" PRIx64 "\",\"now\":%lld", s->state.log, (long long)time(NULL));
    corrections_member(b, "instance", span_of(s->name));
}

/* ---- the thread ---- */

static void share_publish(struct share *s, uint64_t begun_ns) {
    uint64_t since = s->heard_ns ? s->heard_ns : begun_ns;
    metrics_gauge_set(METRIC_SHARE_LAG, 0, (double)(clock_now_ns(NULL) - since) * 1e-9);
    metrics_gauge_set(METRIC_SHARE_WAITING, 0, (double)s->state.waiting);
}

static void *share_main(void *arg) {
    struct share *s = arg;
    uint64_t begun_ns = clock_now_ns(NULL);
    while (!atomic_load(&s->ending)) {
        s->way->turn(s);
        share_publish(s, begun_ns);
    }
    return NULL;
}

/* ---- open and close ---- */

static bool find_way(const struct conf *c, const struct share_way **way, struct err *e) {
    bool topic = c->corrections_brokers[0];
    *way = topic ? &share_by_topic : c->desk[0] ? &share_by_desk : NULL;
    if (topic && c->desk[0])
        return err_set(e, ERR_USAGE, "desk and corrections-brokers: expected one of them, not both");
    if (*way && c->offline)
        return err_set(e, ERR_USAGE, "%s is '%s', but offline forbids every connection",
                       topic ? "corrections-brokers" : "desk", topic ? c->corrections_brokers : c->desk);
    return true;
}

bool share_open(const struct conf *c, struct classifier *k, struct places *p, struct share **out, struct err *e) {
    const struct share_way *way;
    *out = NULL;
    if (!find_way(c, &way, e)) return false;
    if (!way) return true;
    struct share *s = *out = must_calloc(1, sizeof *s);
    s->way = way;
    s->classifier = k, s->places = p;
    s->book = k->inventory ? inventory_book(k->inventory) : NULL;
    options_instance(c, s->name);
    buf_init(&s->lines, SHARED_BYTES_MAX);
    s->state.lines = &s->lines;
    while (s->run == 0)
        if (getrandom(&s->run, sizeof s->run, 0) != sizeof s->run) s->run = (uint64_t)time(NULL);
    s->rng.state = s->run;
    bool ok =
        review_path(s->log) ||
        err_set(e, ERR_USAGE, "%s: there is no folder to keep words in: set STATE_DIRECTORY, XDG_STATE_HOME or HOME",
                c->desk[0] ? "desk" : "corrections-brokers");
    if (ok && way->open(s, c, e)) {
        s->thread = thread_start(share_main, s);
        return true;
    }
    atomic_store(&s->ending, true); /* it has no thread */
    return false;
}

void share_close(struct share *s) {
    if (!s) return;
    if (!atomic_exchange(&s->ending, true)) {
        if (s->way->wake) s->way->wake(s);
        pthread_join(s->thread, NULL);
    }
    s->way->close(s);
    buf_release(&s->lines);
    free(s);
}
