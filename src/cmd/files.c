#include "cmd/files.h"

#include "base/clock.h"
#include "base/must.h"
#include "cmd/cmd.h"
#include "stream/flow.h"
#include "stream/source.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_bool g_stop;

static void files_on_interrupt(int signal_number) {
    (void)signal_number;
    atomic_store(&g_stop, true);
}

void files_catch_signals(void) {
    struct sigaction interrupt = {.sa_handler = files_on_interrupt, .sa_flags = (int)SA_RESETHAND};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGTERM, &interrupt, NULL);
    sigaction(SIGPIPE, &ignore, NULL); /* a reader that leaves is seen as EPIPE */
}

void files_begin(struct files *f, const struct conf *c, size_t n, bool bar) {
    *f = (struct files){0};
    if (n == 0 && isatty(STDIN_FILENO) && !c->quiet)
        fputs("logclass: reading lines from the terminal; Ctrl-D ends\n", stderr);
    progress_init(&f->bar, bar && c->progress && !c->quiet);
    progress_draw(&f->bar, 0, 0, 0);
}

static void files_on_progress(void *user, const struct source_progress *p) {
    struct files *f = user;
    progress_draw(&f->bar, p->lines, p->position, p->size);
}

/* Said at once: who waits for a long run wants to know now. */
static void files_on_trouble(void *user, const struct err *e) {
    struct files *f = user;
    f->troubles++;
    progress_clear(&f->bar);
    fprintf(stderr, "logclass: %s\n", e->msg);
}

static struct source_opts files_source(struct files *f, const struct files_what *w) {
    static char dash[] = "-";
    static char *const from_stdin[] = {dash};
    const struct conf *c = w->conf;
    int format = reader_format_find(c->format);
    MUST(format >= 0);
    return (struct source_opts){
        .paths = w->n ? w->paths : from_stdin,
        .paths_n = w->n ? w->n : 1,
        .reader = {.format = (enum reader_format)format,
                   .source = span_of(c->source),
                   .origins = w->origins,
                   .binary = c->binary,
                   .join = c->join,
                   .message_key = c->message_key,
                   .source_key = c->source_key},
        .on_progress = files_on_progress,
        .on_trouble = files_on_trouble,
        .user = f,
    };
}

static bool files_flow(struct files *f, struct flow *flow, const struct source_opts *o, struct err *e) {
    struct source source;
    if (!source_open(&source, SOURCE_FILES, o, flow, &g_stop, e)) return false;
    bool ok = source_run(&source, e);
    f->odd_lines = source_files_odd_lines(&source);
    source_close(&source);
    return ok && flow_is_well(flow, e);
}

bool files_read(struct files *f, struct pipeline *p, const struct files_what *w, struct err *e) {
    struct source_opts from = files_source(f, w);
    struct flow_opts o = {.pipeline = p, .sink = sink_table[w->sink], .sink_opts = w->to};
    struct flow *flow = flow_open(&o, e);
    bool ok = flow && files_flow(f, flow, &from, e);
    flow_close(flow);
    progress_clear(&f->bar);
    return ok;
}

double files_seconds(const struct files *f) {
    return (double)(clock_now_ns(NULL) - f->bar.begun_ns) * 1e-9;
}

int files_status(const struct files *f) {
    if (atomic_load(&g_stop)) return CMD_INTERRUPTED;
    return f->troubles ? CMD_FAILED : CMD_OK;
}
