#include "app/daemon.h"

#include "base/log.h"
#include "base/notify.h"
#include "base/thread.h"
#include "app/about.h"
#include "app/classifier.h"
#include "app/network.h"
#include "app/options.h"
#include "app/places.h"
#include "app/reload.h"
#include "app/share.h"
#include "app/streams.h"
#include "metrics/metrics.h"
#include "stream/push.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LARGE_PIECE_BYTES = 1 << 20 };
enum { SWEEP_MS = 50, LOADER_WAIT_S = 2, RESULT_SUCCESS = 0, RESULT_FAILURE = 1 };

struct daemon {
    const struct daemon_role *role;
    int argc;
    char **argv;
    struct conf conf;           /* in force; the loader's, once it runs */
    const struct conf *loading; /* what a load is about; the loader's */
    struct classifier classifier;
    struct server *server;
    struct push *push[PUSH_KINDS];     /* NULL: the config has no such source */
    _Atomic(struct streams *) streams; /* NULL: none yet, or the role has none */
    struct reload reload;
    struct places places;
    struct share *share; /* NULL: no desk is followed */
    atomic_bool ending, needs_sink;
    atomic_uint drain_ms; /* of streams, by the options in force */
    atomic_bool taking;   /* a load has passed the point from which it does not turn back */
    struct err failure;   /* of the first load */
};

/* ---- options ---- */

static enum server_page page_mode_of(const struct conf *c) {
    if (strcmp(c->ui, "off") == 0) return SERVER_PAGE_OFF;
    return strcmp(c->ui, "view") == 0 ? SERVER_PAGE_VIEW : SERVER_PAGE_ON;
}

static struct api_opts api_opts_of(const struct conf *c, enum api_kind kind) {
    struct api_opts o = API_OPTS_DEFAULT;
    o.http.host = c->host;
    o.http.port = (unsigned)c->port;
    o.kind = kind;
    options_instance(c, o.instance);
    o.http.token_file = c->token_file;
    o.http.allow_open = c->allow_open;
    o.http.cors_origin = c->cors_origin;
    o.http.allowed_hosts = c->allowed_hosts;
    o.http.page = (struct server_page_opts){.mode = page_mode_of(c),
                                            .hosts = c->ui_hosts,
                                            .user_header = c->ui_user_header,
                                            .proxies = c->ui_proxy,
                                            .open_write = c->ui_open_write};
    o.has_llm = (kind & API_CLASSIFIER) && !c->offline && network_has_llm(c);
    o.http.header_bytes_max = (size_t)c->header_bytes_max;
    o.http.header_time_ms = (unsigned)c->header_time_max;
    o.http.body_bytes_max = (size_t)c->body_bytes_max;
    o.http.body_time_ms = (unsigned)c->body_time_max;
    o.entries_max = (unsigned)c->entries_max;
    o.http.connections_max = (unsigned)c->connections_max;
    o.http.client_connections_max = (unsigned)c->client_connections_max;
    o.line_bytes_max = (size_t)c->line_bytes_max;
    o.depth_max = (unsigned)c->depth_max;
    o.http.body_memory_max = (size_t)c->body_memory_max;
    o.http.client_memory_max = (size_t)c->client_memory_max;
    o.client_entries_max = (unsigned)c->client_entries_max;
    o.http.idle_time_ms = (unsigned)c->idle_time_max;
    o.http.write_time_ms = (unsigned)c->write_time_max;
    o.http.threads = (unsigned)c->loops;
    o.http.access_log = c->access_log;
    o.http.drain_delay_ms = (unsigned)c->drain_delay;
    o.http.drain_time_ms = (unsigned)c->drain_time_max;
    return o;
}

static bool load_conf(const struct daemon *s, struct conf *c, struct err *e) {
    int operands;
    if (!options_load(c, s->role->command, s->argc, s->argv, &operands, e)) return false;
    if (operands > 0)
        return err_set(e, ERR_USAGE, "unexpected argument '%s'; see 'logclass %s --help'", s->argv[1], s->argv[0]);
    return !s->role->adjust || s->role->adjust(c, e);
}

/* What a reload can't change is said, not silently ignored. */
static void warn_of_fixed(const struct conf *before, const struct conf *now) {
    for (int i = -1; (i = conf_changed(before, now, CONF_START, i + 1)) >= 0;)
        log_warn("reload.fixed", "%s has another value now, which a restart will bring in force", conf_name(i));
    if (!section_list_is_same(&before->sections, &now->sections))
        log_warn("reload.fixed", "sources or sinks have changed, which a restart will bring in force");
}

/* ---- loading ---- */

static void note_model(const struct engine *eng) {
    char encoder[24] = "none", head[24] = "none";
    if (eng->encoder) snprintf(encoder, sizeof encoder, "%016" PRIx64, encoder_hash(eng->encoder));
    if (eng->head) snprintf(head, sizeof head, "%016" PRIx64, head_hash(eng->head));
    metrics_set_text(METRIC_SET_KERNEL, eng->encoder ? encoder_kernel_name(eng->encoder) : "none");
    metrics_set_text(METRIC_SET_ENCODER, encoder);
    metrics_set_text(METRIC_SET_HEAD, head);
    metrics_gauge_set(METRIC_MODEL_INFO, 0, 1);
}

/* The server's part of a load, the last that can fail. */
static bool daemon_take(void *ctx, const struct label_set *labels, struct err *e) {
    struct daemon *s = ctx;
    struct api_opts o = api_opts_of(s->loading, s->role->kind);
    atomic_store(&s->taking, true);
    if (atomic_load(&s->ending)) return err_set(e, ERR_CANCELLED, "the process is ending");
    struct settings *set = api_open_settings(s->server, &o, labels, e);
    if (set) server_set(s->server, set);
    return set != NULL;
}

static void say_what_decides(const struct daemon *s, const struct conf *c) {
    struct buf text;
    buf_init(&text, 1 << 16);
    about_write(&text, &s->classifier, c);
    log_info("server.stages", "%.*s", (int)text.n, text.p);
    buf_release(&text);
}

/* All or nothing. */
static bool daemon_load(struct daemon *s, const struct conf *c, struct err *e) {
    s->loading = c;
    bool ok = classifier_reload(&s->classifier, c, daemon_take, s, e);
    atomic_store(&s->taking, false);
    if (!ok) return false;
    note_model(s->classifier.engine);
    if (s->places.cost) cost_set(s->places.cost, c);
    say_what_decides(s, c);
    metrics_gauge_set(METRIC_RELOAD_OK, 0, 1);
    metrics_gauge_set(METRIC_RELOAD_TIME, 0, (double)time(NULL));
    return true;
}

/* ---- streams ---- */

static void daemon_on_end(void *ctx) {
    struct daemon *s = ctx;
    server_stop(s->server); /* what failed is told when they are closed */
}

static bool daemon_open_streams(struct daemon *s, struct err *e) {
    if (!s->role->streams) return true;
    struct streams_opts o = {
        .sections = &s->conf.sections,
        .pipeline = s->classifier.pipeline,
        .labels = &s->classifier.engine->labels,
        .push = s->push,
        .checkpoint = s->conf.name[0] ? s->conf.name : "main",
        .checkpoint_interval_ms = (unsigned)s->conf.checkpoint_interval,
        .dead_letter = s->conf.dead_letter,
        .dead_letter_bytes = (size_t)s->conf.dead_letter_bytes,
        .on_end = daemon_on_end,
        .ctx = s,
    };
    struct streams *streams = streams_open(&o, e);
    atomic_store(&s->streams, streams);
    return streams != NULL;
}

static bool daemon_drain_streams(struct daemon *s, struct err *e) {
    return streams_drain(atomic_load(&s->streams), atomic_load(&s->drain_ms), e);
}

/* The options, and all that they name. */
static bool daemon_reload_options(struct daemon *s, struct err *e) {
    struct conf fresh = {0};
    notify_reloading();
    bool ok = load_conf(s, &fresh, e) && daemon_load(s, &fresh, e);
    if (ok) {
        warn_of_fixed(&s->conf, &fresh);
        struct section_list running = s->conf.sections; /* the streams' as long as they run */
        struct conf old = s->conf;
        old.sections = fresh.sections;
        s->conf = fresh;
        s->conf.sections = running;
        atomic_store(&s->drain_ms, (unsigned)s->conf.stream_drain_time_max);
        atomic_store(&s->needs_sink, s->conf.ready_needs_sink);
        conf_release(&old);
        log_info("reload.done", "options, rules, labels, head and model are loaded anew");
    } else {
        conf_release(&fresh);
        options_apply_log(&s->conf);
    }
    notify_send("READY=1");
    return ok;
}

static void daemon_reload(struct daemon *s, enum reload_what what) {
    struct err e = {0};
    bool ok = what == RELOAD_OPTIONS ? daemon_reload_options(s, &e) : daemon_load(s, &s->conf, &e);
    struct streams *streams = atomic_load(&s->streams);
    metrics_add(METRIC_RELOADS, ok ? RESULT_SUCCESS : RESULT_FAILURE, 0, 0, 1);
    if (!ok) {
        metrics_gauge_set(METRIC_RELOAD_OK, 0, 0);
        log_error("reload.failed", "everything stays as it was: %s", e.msg);
    } else if (what == RELOAD_ENGINE) {
        log_info("reload.engine", "rules, labels, head and model are loaded anew");
    }
    if (streams && what == RELOAD_OPTIONS) streams_reopen(streams);
    reload_done(&s->reload, &e);
}

/* Until what was replaced is gone, it is looked at again now and then. */
static enum reload_what next_reload(struct daemon *s) {
    enum reload_what what;
    do what = reload_next(&s->reload, classifier_sweep(&s->classifier) ? SWEEP_MS : -1);
    while (what == RELOAD_NOTHING);
    return what;
}

/* No client was served yet, so none needs time to notice the end. */
static void stop_at_once(struct daemon *s) {
    struct err e = {0};
    struct api_opts o = api_opts_of(&s->conf, s->role->kind);
    o.http.drain_delay_ms = 0;
    struct settings *set = api_open_settings(s->server, &o, label_default(), &e);
    if (set) server_set(s->server, set);
    server_stop(s->server);
}

static void *loader_main(void *arg) {
    struct daemon *s = arg;
    if (!daemon_load(s, &s->conf, &s->failure) || !daemon_open_streams(s, &s->failure)) {
        if (atomic_load(&s->ending))
            s->failure = (struct err){0}; /* it was told to end, which is no failure */
        else
            stop_at_once(s);
        return NULL;
    }
    log_info("server.start", "listening on %s port %u", s->conf.host, server_port(s->server));
    notify_send("READY=1");
    for (enum reload_what what; (what = next_reload(s)) != RELOAD_END;) daemon_reload(s, what);
    return NULL;
}

/* ---- signals ---- */

static void fill_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1);
}

static void *signal_main(void *arg) {
    struct daemon *s = arg;
    sigset_t set;
    fill_signals(&set);
    for (bool stopping = false;;) {
        int sig = 0;
        if (sigwait(&set, &sig) != 0) continue;
        if (sig == SIGUSR1) return NULL; /* serving has ended */
        if (sig == SIGHUP) {
            reload_ask(&s->reload, RELOAD_OPTIONS);
        } else if (!stopping) {
            struct streams *streams = atomic_load(&s->streams);
            server_stop(s->server); /* first: whatever becomes of the words */
            if (streams) streams_stop(streams);
            stopping = true;
            notify_send("STOPPING=1");
            log_info("server.drain", "finishing what is in flight; a second signal stops at once");
        } else {
            alarm(1); /* kills us where the log's reader makes us wait */
            log_warn("server.forced", "stopped at once by a second signal");
            _exit(EXIT_FAILURE);
        }
    }
}

static void block_signals(void) {
    sigset_t set;
    fill_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- start and end ---- */

/* What was large for a moment goes back to the system. Left alone, the allocator takes the first large piece that is
 * freed for a sign that there will be more, and keeps up to twice its size. */
static void give_large_pieces_back(void) {
    mallopt(M_MMAP_THRESHOLD, LARGE_PIECE_BYTES);
    mallopt(M_TRIM_THRESHOLD, LARGE_PIECE_BYTES);
}

static bool daemon_is_ready(void *self) {
    struct daemon *s = self;
    const struct streams *streams = atomic_load(&s->streams);
    return !atomic_load(&s->needs_sink) || (streams && streams_sink_is_up(streams));
}

/* Those that the config has a section for: they say "not yet" until the streams are open. */
static void make_pushes(struct daemon *s) {
    for (size_t i = 0; s->role->streams && i < s->conf.sections.n; i++) {
        enum section_kind kind = s->conf.sections.v[i].kind;
        if (kind == SECTION_IN_OTLP && !s->push[PUSH_OTLP]) s->push[PUSH_OTLP] = push_new(PUSH_OTLP);
        if (kind == SECTION_IN_LOKI && !s->push[PUSH_LOKI]) s->push[PUSH_LOKI] = push_new(PUSH_LOKI);
    }
}

static bool open_all(struct daemon *s, struct err *e) {
    const struct conf *c = &s->conf;
    bool classifies = s->role->kind & API_CLASSIFIER;
    if (classifies) places_open(&s->places, c, &s->reload);
    struct api_opts o = api_opts_of(c, s->role->kind);
    o.places = s->places.api;
    struct label_set labels = *label_default();
    make_pushes(s);
    o.push = s->push;
    o.is_ready = s->role->streams ? daemon_is_ready : NULL;
    o.ready_self = s;
    enum classifier_use use = classifies ? CLASSIFIER_REQUESTS : CLASSIFIER_SERVICE;
    if (c->labels[0] && !label_load(&labels, c->labels, e)) return false;
    if (!classifier_open_empty(&s->classifier, c, use, e)) return false;
    if (s->classifier.inventory) o.book = inventory_book(s->classifier.inventory);
    s->server = api_open_server(&o, &labels, s->classifier.pipeline, e);
    return s->server && (!classifies || share_open(c, &s->classifier, &s->places, &s->share, e));
}

/* Those who wait get their answers or lose their connection, then the server goes, then what it asked. */
static void daemon_close_all(struct daemon *s) {
    reload_ask(&s->reload, RELOAD_END); /* nobody waits for one any more */
    share_close(s->share);
    server_end_tasks(s->server); /* they ask what is closed next */
    classifier_stop(&s->classifier);
    server_close(s->server);
    for (unsigned i = 0; i < PUSH_KINDS; i++) push_free(s->push[i]);
    classifier_close(&s->classifier);
}

/* Files that never end, a file system that hangs or costly rules must not keep the process: what the LLM answered is
 * kept, the rest is the kernel's to clean up. */
static void leave_loader(struct daemon *s, bool ok) {
    if (!atomic_load(&s->taking)) classifier_stop(&s->classifier); /* a load that goes on from here is refused */
    log_warn("server.forced", "ended while options, rules or model were still being loaded");
    fflush(NULL);
    _exit(ok ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void end_loader(struct daemon *s, pthread_t loader, bool ok) {
    struct timespec until;
    atomic_store(&s->ending, true);
    reload_ask(&s->reload, RELOAD_END);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LOADER_WAIT_S;
    if (pthread_timedjoin_np(loader, NULL, &until) != 0) leave_loader(s, ok);
}

static bool serve(struct daemon *s, struct err *e) {
    pthread_t signals = thread_start(signal_main, s), loader = thread_start(loader_main, s);
    log_info("server.bound", "%s port %u is bound; rules and model are being loaded", s->conf.host,
             server_port(s->server));
    struct err of_streams = {0};
    bool ok = server_run(s->server, e);
    bool drained = daemon_drain_streams(s, &of_streams);
    pipeline_cancel(s->classifier.pipeline); /* of what is left when the drain's time is over */
    end_loader(s, loader, ok);
    pthread_kill(signals, SIGUSR1);
    pthread_join(signals, NULL);
    drained = daemon_drain_streams(s, &of_streams) && drained; /* those that were opened while we ended */
    streams_close(s->streams);
    if (!drained && s->failure.code == ERR_OK) s->failure = of_streams;
    if (s->failure.code != ERR_OK) *e = s->failure;
    return ok && s->failure.code == ERR_OK;
}

bool daemon_run(const struct daemon_role *role, int argc, char **argv, struct err *e) {
    struct daemon s = {.role = role, .argc = argc, .argv = argv};
    reload_init(&s.reload);
    block_signals();
    give_large_pieces_back();
    bool ok = load_conf(&s, &s.conf, e);
    atomic_store(&s.drain_ms, (unsigned)s.conf.stream_drain_time_max);
    atomic_store(&s.needs_sink, s.conf.ready_needs_sink);
    ok = ok && open_all(&s, e) && serve(&s, e);
    daemon_close_all(&s); /* nobody waits for a reload any more */
    reload_destroy(&s.reload);
    places_close(&s.places);
    conf_release(&s.conf);
    return ok;
}
