#include "cmd/cmd.h"

#include "app/classifier.h"
#include "app/options.h"
#include "app/streams.h"
#include "base/must.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char USAGE[] = "Usage: logclass follow [OPTIONS] PATTERN...\n"
                            "       logclass follow [OPTIONS] --from TYPE[=ADDRESS]\n\n"
                            "Labels lines as they are written: follows files, over rotations, and sources of other "
                            "types. Answers go to stdout,\n"
                            "a table on a terminal, else JSON lines, or where --to says. With --name, how far each "
                            "file was read is kept from one\n"
                            "run to the next, and no line is lost in between; without it, only new lines count.\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass follow /var/log/auth.log '/var/log/nginx/*.log'\n"
    "  logclass follow --name web --start beginning --to file=/srv/labels.jsonl '/var/log/nginx/*.log'\n"
    "  logclass follow --from syslog=udp://127.0.0.1:5514\n"
    "`logclass run` does the same as a daemon, from a config file (docs/streams.md).\n";

static bool follow_help(int argc, char **argv) {
    struct buf more;
    buf_init(&more, 1 << 18);
    buf_puts(
        &more,
        "\nSources and sinks\n  --from TYPE[=ADDRESS]                  where lines come from, besides the patterns: ");
    for (enum section_kind k = 1; k < SECTION_KIND_COUNT; k++)
        if (section_kind_find(SECTION_SOURCE, section_kind_name(k)) == k)
            buf_printf(&more, "%s ", section_kind_name(k));
    buf_puts(&more, "\n  --to TYPE[=ADDRESS]                    where answers go: ");
    for (enum section_kind k = 1; k < SECTION_KIND_COUNT; k++)
        if (section_kind_find(SECTION_SINK, section_kind_name(k)) == k) buf_printf(&more, "%s ", section_kind_name(k));
    buf_puts(&more, "[stdout]\n\nOf followed files\n");
    section_help(&more, SECTION_SOURCE, SECTION_IN_FILE);
    buf_puts(&more, "\nOf the sink\n");
    section_help(&more, SECTION_SINK, SECTION_UNKNOWN);
    buf_puts(&more, EXAMPLES);
    buf_putc(&more, '\0');
    bool asked = cmd_help(argc, argv, USAGE, CONF_FOLLOW, more.p);
    buf_release(&more);
    return asked;
}

/* "TYPE=ADDRESS" as a section of its own. */
static struct section *add_section(struct section_list *l, enum section_side side, const char *text, struct err *e) {
    char name[SECTION_NAME_MAX], type[SECTION_NAME_MAX];
    const char *from = side == SECTION_SOURCE ? "--from" : "--to", *eq = strchr(text, '=');
    snprintf(type, sizeof type, "%.*s", eq ? (int)(eq - text) : (int)strlen(text), text);
    snprintf(name, sizeof name, "%.40s-%zu", type, l->n + 1);
    struct section *s = section_add(l, side, name, from, e);
    if (!s || !section_set(s, "type", type, from, e)) return NULL;
    return !eq || section_set(s, section_kind_key(s->kind), eq + 1, from, e) ? s : NULL;
}

/* Flags of the followed files and of the sink, which conf.def does not know. */
struct follow_flags {
    struct section_list *sections;
    struct section *files, *sink;
};

/* Takes argv[*i], and its value, where it is ours; *taken says so. */
static bool take_flag(struct follow_flags *f, int argc, char **argv, int *i, bool *taken, struct err *e) {
    char key[SECTION_NAME_MAX];
    const char *arg = argv[*i], *eq = strchr(arg, '=');
    *taken = false;
    if (strncmp(arg, "--", 2) != 0) return true;
    snprintf(key, sizeof key, "%.*s", eq ? (int)(eq - arg - 2) : (int)strlen(arg + 2), arg + 2);
    bool from = strcmp(key, "from") == 0, to = strcmp(key, "to") == 0;
    bool of_files = section_has_key(SECTION_SOURCE, key), of_sink = section_has_key(SECTION_SINK, key);
    if (!from && !to && !of_files && !of_sink) return true;
    *taken = true;
    const char *value = eq ? eq + 1 : section_key_is_flag(key) ? "yes" : *i + 1 < argc ? argv[++*i] : NULL;
    if (!value) return err_set(e, ERR_USAGE, "--%s needs a value", key);
    if (from) return add_section(f->sections, SECTION_SOURCE, value, e) != NULL;
    if (to && f->sink->kind) return err_set(e, ERR_USAGE, "--to: expected one sink");
    if (to) {
        const char *address = strchr(value, '=');
        snprintf(key, sizeof key, "%.*s", address ? (int)(address - value) : (int)strlen(value), value);
        return section_set(f->sink, "type", key, "--to", e) &&
               (!address || section_set(f->sink, section_kind_key(f->sink->kind), address + 1, "--to", e));
    }
    return section_set(of_files ? f->files : f->sink, key, value, arg, e);
}

/* Sections out of the flags; argv keeps what is left. */
static bool take_flags(struct follow_flags *f, int *argc, char **argv, struct err *e) {
    int kept = 1;
    bool ok = true, taken, over = false;
    for (int i = 1; ok && i < *argc; i++) {
        over |= strcmp(argv[i], "--") == 0;
        taken = false;
        if (!over) ok = take_flag(f, *argc, argv, &i, &taken, e);
        if (ok && !taken) argv[kept++] = argv[i];
    }
    *argc = ok ? kept : *argc;
    return ok;
}

static bool take_patterns(struct follow_flags *f, char **pattern, int n, struct err *e) {
    for (int i = 0; i < n; i++)
        if (!section_set(f->files, "include", pattern[i], "the command line", e)) return false;
    return true;
}

/* Where sources begin: as told, else, where no place is kept, with what is new. */
static bool set_starts(struct follow_flags *f, bool named, struct err *e) {
    bool given = section_is_given(f->files, "start");
    for (size_t i = 0; i < f->sections->n; i++) {
        struct section *s = &f->sections->v[i];
        if (!section_takes(s, "start") || section_is_given(s, "start") || (named && !given)) continue;
        if (!section_set(s, "start", given ? f->files->start : "end", "follow", e)) return false;
    }
    return true;
}

/* The section of followed files goes when there is nothing for it to follow. */
static bool follow_sections(struct follow_flags *f, struct err *e) {
    struct section_list *l = f->sections;
    if (!f->sink->kind && !section_set(f->sink, "type", "stdout", "follow", e)) return false;
    if (!f->files->include[0] && l->n > 2) {
        struct section_list one = {must_calloc(1, sizeof *l->v), 1};
        one.v[0] = l->v[0];
        section_list_release(&one);
        memmove(l->v, l->v + 1, --l->n * sizeof *l->v);
    }
    return section_list_check(l, e);
}

/* Until a signal ends it, or the streams end by themselves. */
static void follow_wait(struct streams *s, const atomic_bool *over) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM), sigaddset(&set, SIGINT), sigaddset(&set, SIGHUP);
    while (!atomic_load(over)) {
        int sig = sigtimedwait(&set, NULL, &(struct timespec){.tv_nsec = 100000000});
        if (sig == SIGHUP) streams_reopen(s);
        if (sig == SIGTERM || sig == SIGINT) break;
    }
    pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* a second signal kills */
}

static void follow_block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM), sigaddset(&set, SIGINT), sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void on_end(void *ctx) {
    atomic_store((atomic_bool *)ctx, true);
}

static bool follow_run(const struct conf *c, const struct classifier *k, const struct section_list *sections,
                       struct err *e) {
    static atomic_bool over;
    struct streams_opts o = {
        .sections = sections,
        .pipeline = k->pipeline,
        .labels = &k->engine->labels,
        .checkpoint = c->name[0] ? c->name : NULL,
        .checkpoint_interval_ms = (unsigned)c->checkpoint_interval,
        .dead_letter = c->dead_letter,
        .dead_letter_bytes = (size_t)c->dead_letter_bytes,
        .on_end = on_end,
        .ctx = &over,
    };
    struct streams *s = streams_open(&o, e);
    if (!s) return false;
    follow_wait(s, &over);
    bool ok = streams_drain(s, (unsigned)c->stream_drain_time_max, e);
    streams_close(s);
    return ok;
}

int cmd_follow(int argc, char **argv) {
    struct conf c = {0};
    struct err e = {0};
    struct classifier k = {0};
    struct section_list sections = {0};
    struct follow_flags f = {.sections = &sections};
    int operands = 0;
    if (follow_help(argc, argv)) return CMD_OK;
    follow_block_signals();
    f.files = section_add(&sections, SECTION_SOURCE, "files", "the command line", &e);
    f.sink = section_add(&sections, SECTION_SINK, "out", "the command line", &e);
    bool ok = section_set(f.files, "type", "file", "follow", &e) && take_flags(&f, &argc, argv, &e) &&
              options_load(&c, CONF_FOLLOW, argc, argv, &operands, &e) && take_patterns(&f, argv + 1, operands, &e);
    ok = ok && set_starts(&f, c.name[0] != '\0', &e);
    ok = ok && follow_sections(&f, &e) && classifier_open(&k, &c, CLASSIFIER_FILES, &e) &&
         follow_run(&c, &k, &sections, &e);
    classifier_close(&k);
    conf_release(&c);
    section_list_release(&sections);
    return ok ? CMD_OK : cmd_fail(&e);
}
