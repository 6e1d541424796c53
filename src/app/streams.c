#include "app/streams.h"

#include "app/state_dir.h"
#include "app/terminal.h"
#include "base/log.h"
#include "base/must.h"
#include "base/thread.h"
#include "metrics/metrics.h"
#include "stream/checkpoint.h"
#include "stream/dead_letters.h"
#include "stream/flow.h"
#include "stream/form.h"
#include "stream/kafka.h"
#include "stream/sink_fd.h"
#include "stream/push.h"
#include "stream/source.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct streams_source {
    struct streams *all;
    struct source source;
    pthread_t thread;
    bool ok;
    struct err failure;
};

struct streams {
    struct streams_opts o;
    struct checkpoint *checkpoint;
    struct kafka_link kafka; /* where kafka_linked: from the source's offsets to the sink's transactions */
    bool kafka_linked;
    unsigned sink_metric;
    bool driven;                       /* the checkpoint, by the sink */
    struct dead_letters *dead_letters; /* NULL: the sink needs none */
    struct form form;
    struct sink_fd_result result;
    struct flow *flow;
    struct streams_source source[SECTIONS_MAX];
    unsigned n, started;
    struct push *push[PUSH_KINDS]; /* that are open */
    atomic_uint running, reopened;
    atomic_bool stop;
    struct err late; /* the drain's time was over */
};

static const enum source_id SOURCE_OF[SECTION_KIND_COUNT] = {
    [SECTION_IN_FILE] = SOURCE_FOLLOW,
    [SECTION_IN_SYSLOG] = SOURCE_SYSLOG,
    [SECTION_IN_JOURNAL] = SOURCE_JOURNAL,
    [SECTION_IN_KAFKA] = SOURCE_KAFKA,
};

static const enum sink_id SINK_OF[SECTION_KIND_COUNT] = {
    [SECTION_OUT_STDOUT] = SINK_FD, [SECTION_OUT_FILE] = SINK_FILE, [SECTION_OUT_SYSLOG] = SINK_SYSLOG,
    [SECTION_OUT_OTLP] = SINK_OTLP, [SECTION_OUT_LOKI] = SINK_LOKI, [SECTION_OUT_KAFKA] = SINK_KAFKA,
};

/* ---- the sink ---- */

static const struct section *find_sink(const struct section_list *l, struct err *e) {
    const struct section *sink = NULL;
    size_t sources = 0;
    for (size_t i = 0; i < l->n; i++) {
        sources += l->v[i].side == SECTION_SOURCE;
        if (l->v[i].side != SECTION_SINK) continue;
        if (sink) {
            err_set(e, ERR_USAGE, "%s: [sink %s]: there is a sink already, at %s; expected one", l->v[i].place,
                    l->v[i].name, sink->place);
            return NULL;
        }
        sink = &l->v[i];
    }
    if (!sink || sources == 0) {
        err_set(e, ERR_USAGE, "there is no [%s NAME] section; expected at least one [source NAME], and one [sink NAME]",
                sink ? "source" : "sink");
        return NULL;
    }
    return sink;
}

static bool check_drop(const struct section *sink, const struct label_set *labels, struct err *e) {
    char item[LABEL_ID_MAX + 1];
    for (const char *at = sink->drop; section_next_item(&at, item, sizeof item);) {
        bool known = false;
        for (unsigned i = 0; i < labels->n; i++) known |= strcmp(labels->label[i].id, item) == 0;
        if (!known)
            return err_set(e, ERR_USAGE, "%s: [sink %s]: drop: there is no label '%s'", sink->place, sink->name, item);
    }
    return true;
}

static void streams_set_up_form(struct form *f, const struct section *sink) {
    bool terminal = sink->kind == SECTION_OUT_STDOUT && isatty(STDOUT_FILENO);
    int id = !sink->output || strcmp(sink->output, "auto") == 0 ? (terminal ? FORM_TABLE : FORM_JSONL)
                                                                : form_find(sink->output);
    if (sink->kind == SECTION_OUT_SYSLOG) id = FORM_SYSLOG;
    MUST(id >= 0); /* section.def lists the same words */
    *f = (struct form){.id = (enum form_id)id, .drop = sink->drop, .sd_id = sink->sd_id};
    f->writer = (struct writer){
        .format = id == FORM_TABLE ? WRITER_TABLE
                  : id == FORM_CSV ? WRITER_CSV
                                   : WRITER_JSONL,
        .with_message = true,
        .colour = terminal && terminal_wants_colour("auto"),
        .columns = terminal ? terminal_columns() : 0,
    };
}

static bool streams_open_dead_letters(struct streams *s, const struct section *sink, struct err *e) {
    char name[NAME_MAX], path[PATH_MAX];
    if (sink->kind != SECTION_OUT_OTLP && sink->kind != SECTION_OUT_LOKI && sink->kind != SECTION_OUT_KAFKA)
        return true;
    snprintf(name, sizeof name, "dead-letters/%.200s.jsonl", s->o.checkpoint ? s->o.checkpoint : "follow");
    if (s->o.dead_letter && s->o.dead_letter[0])
        snprintf(path, sizeof path, "%s", s->o.dead_letter);
    else if (!state_dir_path(name, path, sizeof path))
        return err_set(e, ERR_USAGE,
                       "there is no folder for dead letters: set dead-letter, STATE_DIRECTORY, "
                       "XDG_STATE_HOME or HOME");
    else if (!state_dir_make_folders(path, e))
        return false;
    s->dead_letters = dead_letters_open(path, s->o.dead_letter_bytes);
    return true;
}

/* Exactly once, from Kafka to Kafka: the sink commits what the source has read. */
static bool streams_link_kafka(struct streams *s, const struct section *sink, struct err *e) {
    const struct section *source = NULL;
    unsigned n = 0;
    if (sink->kind != SECTION_OUT_KAFKA || !sink->exactly_once) return true;
    for (size_t i = 0; i < s->o.sections->n; i++) {
        if (s->o.sections->v[i].side != SECTION_SOURCE) continue;
        source = &s->o.sections->v[i];
        n++;
    }
    if (n != 1 || source->kind != SECTION_IN_KAFKA)
        return err_set(e, ERR_USAGE, "%s: [sink %s]: exactly-once: expected one source, of type kafka", sink->place,
                       sink->name);
    kafka_link_init(&s->kafka, source);
    s->kafka_linked = true;
    return true;
}

/* Exactly once, into a file: the sink drives the checkpoint, which its own length is in. */
static bool streams_drive_checkpoint(struct streams *s, const struct section *sink, struct err *e) {
    if (sink->kind != SECTION_OUT_FILE || !sink->exactly_once) return true;
    if (!s->checkpoint) return err_set(e, ERR_USAGE, "[sink %s]: exactly-once needs a checkpoint: --name", sink->name);
    for (size_t i = 0; i < s->o.sections->n; i++) {
        const struct section *from = &s->o.sections->v[i];
        bool keeps = from->kind == SECTION_IN_FILE || from->kind == SECTION_IN_JOURNAL;
        if (from->side == SECTION_SOURCE && !keeps)
            return err_set(e, ERR_USAGE, "%s: [sink %s]: exactly-once: expected sources of type file and journald only",
                           sink->place, sink->name);
    }
    checkpoint_drive(s->checkpoint);
    s->driven = true;
    return true;
}

static bool streams_open_flow(struct streams *s, const struct section *sink, struct err *e) {
    struct sink_opts to = {
        .fd = STDOUT_FILENO, .form = &s->form, .result = &s->result, .section = sink, .reopened = &s->reopened};
    streams_set_up_form(&s->form, sink);
    if (!streams_open_dead_letters(s, sink, e)) return false;
    to.dead_letters = s->dead_letters;
    if (!streams_link_kafka(s, sink, e) || !streams_drive_checkpoint(s, sink, e)) return false;
    to.checkpoint = s->driven ? s->checkpoint : NULL;
    to.kafka_link = s->kafka_linked ? &s->kafka : NULL;
    s->flow = flow_open(
        &(struct flow_opts){.pipeline = s->o.pipeline, .sink = sink_table[SINK_OF[sink->kind]], .sink_opts = &to}, e);
    return s->flow != NULL;
}

/* ---- the sources ---- */

static bool streams_open_checkpoint(struct streams *s, struct err *e) {
    char name[NAME_MAX], path[PATH_MAX];
    if (!s->o.checkpoint) return true;
    snprintf(name, sizeof name, "checkpoints/%.200s.jsonl", s->o.checkpoint);
    if (s->o.checkpoint[0] == '.' || strchr(s->o.checkpoint, '/'))
        return err_set(e, ERR_USAGE, "name is '%s': expected a name for a file", s->o.checkpoint);
    if (!state_dir_path(name, path, sizeof path))
        return err_set(e, ERR_USAGE,
                       "there is no folder to keep the checkpoint in: set STATE_DIRECTORY, XDG_STATE_HOME or HOME");
    if (!state_dir_make_folders(path, e)) return false;
    s->checkpoint = checkpoint_open(path, s->o.checkpoint_interval_ms, e);
    return s->checkpoint != NULL;
}

/* Those who are pushed to have no thread: they are the HTTP server's. */
static bool streams_open_push(struct streams *s, const struct section *from, struct err *e) {
    enum push_kind kind = from->kind == SECTION_IN_OTLP ? PUSH_OTLP : PUSH_LOKI;
    struct push *p = s->o.push ? s->o.push[kind] : NULL;
    if (!p)
        return err_set(e, ERR_USAGE, "[source %s]: type %s needs the HTTP server of `logclass run`", from->name,
                       section_kind_name(from->kind));
    if (!push_open(p, from, s->flow, e)) return err_prefix(e, "[source %s]", from->name);
    s->push[kind] = p;
    return true;
}

static bool streams_is_push(const struct section *from) {
    return from->kind == SECTION_IN_OTLP || from->kind == SECTION_IN_LOKI;
}

static bool streams_open_sources(struct streams *s, const struct section *sink, struct err *e) {
    for (size_t i = 0; i < s->o.sections->n; i++) {
        const struct section *from = &s->o.sections->v[i];
        if (from->side != SECTION_SOURCE) continue;
        if (streams_is_push(from)) {
            if (!streams_open_push(s, from, e)) return false;
            continue;
        }
        struct streams_source *x = &s->source[s->n];
        struct source_opts o = {.section = from,
                                .checkpoint = s->checkpoint,
                                .driven = s->driven,
                                .kafka_link = s->kafka_linked ? &s->kafka : NULL,
                                .own_path = sink->kind == SECTION_OUT_FILE ? sink->path : NULL};
        if (!source_open(&x->source, SOURCE_OF[from->kind], &o, s->flow, &s->stop, e))
            return err_prefix(e, "[source %s]", from->name);
        x->all = s;
        s->n++;
    }
    return true;
}

static void *streams_main(void *arg) {
    struct streams_source *x = arg;
    struct streams *s = x->all;
    x->ok = source_run(&x->source, &x->failure);
    if (!x->ok) log_error("source.failed", "%s", x->failure.msg);
    if (atomic_fetch_sub(&s->running, 1) == 1 && !atomic_load(&s->stop) && s->o.on_end) s->o.on_end(s->o.ctx);
    return NULL;
}

struct streams *streams_open(const struct streams_opts *o, struct err *e) {
    const struct section *sink = find_sink(o->sections, e);
    if (!sink || !check_drop(sink, o->labels, e)) return NULL;
    struct streams *s = must_calloc(1, sizeof *s);
    s->o = *o;
    s->sink_metric = metrics_name(METRIC_SET_SINK, sink->name);
    if (!streams_open_checkpoint(s, e) || !streams_open_flow(s, sink, e) || !streams_open_sources(s, sink, e)) {
        streams_close(s);
        return NULL;
    }
    atomic_store(&s->running, s->n);
    for (; s->started < s->n; s->started++)
        s->source[s->started].thread = thread_start(streams_main, &s->source[s->started]);
    return s;
}

bool streams_sink_is_up(const struct streams *s) {
    return metrics_value(METRIC_SINK_UP, s->sink_metric, 0, 0) > 0;
}

/* ---- the end ---- */

void streams_stop(struct streams *s) {
    atomic_store(&s->stop, true);
    for (unsigned i = 0; i < PUSH_KINDS; i++)
        if (s->push[i]) push_stop(s->push[i]);
}

void streams_reopen(struct streams *s) {
    atomic_fetch_add(&s->reopened, 1);
}

/* False: until then not all of them had ended. */
static bool join_until(struct streams *s, const struct timespec *until) {
    bool all = true;
    for (unsigned i = 0; i < s->started; i++) {
        struct streams_source *x = &s->source[i];
        if (!x->all) continue;
        if (!until)
            pthread_join(x->thread, NULL);
        else if (pthread_timedjoin_np(x->thread, NULL, until) != 0)
            all = false;
        if (all || !until) x->all = NULL;
    }
    return all;
}

/* The same for what was pushed. */
static bool push_until(struct streams *s, const struct timespec *until) {
    for (unsigned i = 0; i < PUSH_KINDS; i++) {
        struct timespec now;
        while (s->push[i] && !push_wait_settled(s->push[i], SOURCE_WAIT_MS)) {
            clock_gettime(CLOCK_REALTIME, &now);
            if (until && now.tv_sec >= until->tv_sec) return false;
        }
    }
    return true;
}

bool streams_drain(struct streams *s, unsigned drain_ms, struct err *e) {
    struct timespec until;
    if (!s) return true;
    streams_stop(s);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += drain_ms / 1000 + 1;
    bool ok = join_until(s, &until) && push_until(s, &until);
    if (!ok) {
        err_set(e, ERR_TIMEOUT, "not everything was settled within %u ms; it is read again at the next start",
                drain_ms);
        flow_abandon(s->flow);
        pipeline_cancel(s->o.pipeline);
        join_until(s, NULL);
        push_until(s, NULL);
        s->late = *e;
    }
    if (ok && s->late.code != ERR_OK) *e = s->late, ok = false;
    for (unsigned i = 0; ok && i < s->started; i++)
        if (!s->source[i].ok) *e = s->source[i].failure, ok = false;
    if (ok && !flow_is_well(s->flow, e)) ok = s->result.reader_gone; /* whoever read us had enough */
    return ok;
}

void streams_close(struct streams *s) {
    if (!s) return;
    for (unsigned i = 0; i < SECTIONS_MAX; i++) source_close(&s->source[i].source);
    for (unsigned i = 0; i < PUSH_KINDS; i++)
        if (s->push[i]) push_close(s->push[i]);
    flow_close(s->flow);
    form_close(&s->form);
    checkpoint_close(s->checkpoint);
    dead_letters_close(s->dead_letters);
    if (s->kafka_linked) kafka_link_release(&s->kafka);
    free(s);
}
