/* systemd's journal, read by a `journalctl -o export` that we start: a library would map files that journald cuts while
 * they are read. The place is an entry's cursor; the child begins at the cursor itself, so that what journald has
 * thrown away in the meantime is noticed. */
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "conf/section.h"
#include "metrics/metrics.h"
#include "stream/checkpoint.h"
#include "stream/source.h"
#include "text/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <yyjson.h>

enum {
    CURSOR_BYTES = 256,
    UNITS_MAX = 64,
    ARGUMENTS_MAX = 16 + UNITS_MAX,
    ENTRY_BYTES_MAX = 64 << 20,
    READ_BYTES = 1 << 16,
    RESTART_MS = 1000,
    RESTART_MS_MAX = 30000,
    JOURNAL_ATTRS = 6,
    NEWLY_STARTED_MS = 60000 /* a child that lives so long is well: the next waits RESTART_MS again */
};

struct cursor {
    char text[CURSOR_BYTES]; /* "": none */
};

struct journal_source {
    const struct section *conf;
    struct checkpoint *checkpoint;
    unsigned metric;
    pid_t child; /* 0: none runs */
    int fd;      /* its output */
    uint64_t started_ns, rest_ms;
    struct buf in;
    size_t at;                 /* bytes of in that were taken */
    bool expects_cursor;       /* the child's first entry should be `read` */
    struct cursor read, saved; /* of the last entry that was handed on; of the checkpoint */
    struct cursor sent[SOURCE_POSITIONS];
    bool moved;
};

/* ---- the child ---- */

static void child_arguments(struct journal_source *s, const char *argv[ARGUMENTS_MAX], char (*unit)[NAME_MAX],
                            char text[2][CURSOR_BYTES + 64]) {
    int n = 0;
    const char *at = s->conf->unit;
    argv[n++] = "journalctl";
    argv[n++] = "--follow";
    argv[n++] = "--output=export";
    argv[n++] = "--all";
    argv[n++] = "--output-fields=MESSAGE,PRIORITY,SYSLOG_FACILITY,SYSLOG_IDENTIFIER,_COMM,_PID,_HOSTNAME,_SYSTEMD_UNIT,"
                "_TRANSPORT,"
                "CONTAINER_NAME,CONTAINER_ID,_SYSTEMD_INVOCATION_ID";
    s->expects_cursor = s->read.text[0];
    if (s->expects_cursor) {
        snprintf(text[0], sizeof text[0], "--cursor=%s", s->read.text);
        argv[n++] = text[0];
    }
    argv[n++] = !s->expects_cursor && strcmp(s->conf->start, "end") == 0 ? "--lines=0" : "--no-tail";
    if (s->conf->directory[0]) {
        argv[n++] = "--directory";
        argv[n++] = s->conf->directory;
    }
    for (int i = 0; i < UNITS_MAX && section_next_item(&at, unit[i], NAME_MAX); i++) {
        argv[n++] = "--unit";
        argv[n++] = unit[i];
        if (n + 3 > ARGUMENTS_MAX) break;
    }
    argv[n] = NULL;
}

static void child_run(const char *const *argv, int out) {
    sigset_t none;
    union {
        const char *const *read_only;
        char *const *v;
    } arguments = {.read_only = argv};
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* it must not outlive us, whatever ends us */
    dup2(out, STDOUT_FILENO);
    execvp(argv[0], arguments.v);
    abort(); /* seen by whoever waits for it */
}

static bool child_start(struct journal_source *s) {
    static _Thread_local char unit[UNITS_MAX][NAME_MAX];
    const char *argv[ARGUMENTS_MAX];
    char text[2][CURSOR_BYTES + 64];
    int ends[2];
    s->started_ns = clock_now_ns(NULL);
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    child_arguments(s, argv, unit, text);
    s->child = fork();
    if (s->child == 0) child_run(argv, ends[1]);
    close(ends[1]);
    if (s->child < 0) {
        s->child = 0;
        close(ends[0]);
        return false;
    }
    s->fd = ends[0];
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    buf_reset(&s->in);
    s->at = 0;
    return true;
}

static void child_end(struct journal_source *s) {
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
    if (s->child == 0) return;
    kill(s->child, SIGTERM);
    waitpid(s->child, NULL, 0);
    s->child = 0;
}

/* Starts it when it is time. False: none runs now. */
static bool child_is_there(struct journal_source *s) {
    if (s->child) return true;
    uint64_t ago = clock_now_ns(NULL) - s->started_ns;
    if (s->started_ns && ago < clock_ns_of_ms(s->rest_ms)) return false;
    return child_start(s);
}

static void child_has_ended(struct journal_source *s) {
    bool well = clock_now_ns(NULL) - s->started_ns > clock_ns_of_ms(NEWLY_STARTED_MS);
    child_end(s);
    s->rest_ms = well || s->rest_ms == 0           ? RESTART_MS
                 : s->rest_ms * 2 < RESTART_MS_MAX ? s->rest_ms * 2
                                                   : RESTART_MS_MAX;
    log_warn("journal.ended", "[source %s]: journalctl ended; it is started again in %llu ms", s->conf->name,
             (unsigned long long)s->rest_ms);
}

/* ---- entries ---- */

static struct span journal_copy(struct chunk *c, struct span s) {
    struct span copy = arena_copy(&c->arena, s);
    return copy.p ? copy : (struct span){0};
}

static void journal_attr(struct chunk *c, struct origin *o, struct attr *v, const char *key, struct span value) {
    if (value.n > 0) v[o->attr_n++] = (struct attr){span_of(key), journal_copy(c, value)};
}

static void journal_time(struct chunk *c, struct origin *o, uint64_t us) {
    char text[40];
    struct tm tm;
    time_t s = (time_t)(us / 1000000);
    if (us == 0 || !gmtime_r(&s, &tm)) return;
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(text + n, sizeof text - n, ".%06lluZ", (unsigned long long)(us % 1000000));
    o->time = journal_copy(c, (struct span){text, n});
}

static void journal_add(struct journal_source *s, struct chunk *c, const struct journal_entry *j) {
    struct span source = j->identifier.n ? j->identifier : j->comm.n ? j->comm : span_of(s->conf->source);
    struct span message = span_sub(j->message, 0, CHUNK_LINE_MAX);
    chunk_add(c, source, message);
    struct origin *o = &c->origin[c->batch.n - 1];
    struct attr *v = arena_alloc(&c->arena, JOURNAL_ATTRS * sizeof *v);
    o->truncated = j->message.n > CHUNK_LINE_MAX;
    o->severity = (uint8_t)(j->priority + 1);
    o->host = journal_copy(c, j->host);
    journal_time(c, o, j->time_us);
    if (!v) return;
    o->attr = v;
    journal_attr(c, o, v, "systemd.unit", j->unit);
    journal_attr(c, o, v, "process.pid", j->pid);
    journal_attr(c, o, v, "journald.transport", j->transport);
    journal_attr(c, o, v, "container.name", j->container);
    journal_attr(c, o, v, "container.id", j->container_id);
}

/* The first entry of a child that was given a cursor is the one we had last; another one means that it is gone. */
static bool is_known(struct journal_source *s, const struct journal_entry *j) {
    if (!s->expects_cursor) return false;
    s->expects_cursor = false;
    if (span_eq(j->cursor, span_of(s->read.text))) return true;
    metrics_add(METRIC_SOURCE_GAPS, s->metric, 0, 0, 1);
    log_error("journal.gap",
              "[source %s]: the entry that was read last is not in the journal any more; what was between it and "
              "the oldest one is lost",
              s->conf->name);
    return false;
}

static bool is_own_line(const struct journal_entry *j) {
    const char *own = getenv("INVOCATION_ID");
    return own && own[0] && span_eq(j->invocation, span_of(own));
}

/* Entries that are whole, as long as there is room. */
static void take_entries(struct journal_source *s, struct chunk *c) {
    struct journal_entry j;
    size_t used;
    while (chunk_has_room(c, CHUNK_LINE_MAX + 4096) &&
           journal_take(span_sub(buf_span(&s->in), s->at, s->in.n), &j, &used)) {
        bool known = is_known(s, &j);
        if (!known && !is_own_line(&j)) journal_add(s, c, &j);
        if (j.cursor.n > 0 && j.cursor.n < CURSOR_BYTES)
            snprintf(s->read.text, sizeof s->read.text, "%.*s", (int)j.cursor.n, j.cursor.p);
        s->at += used;
    }
    s->sent[c->seq % SOURCE_POSITIONS] = s->read;
    if (s->at == s->in.n || s->at > READ_BYTES) buf_drop_front(&s->in, s->at), s->at = 0;
}

/* ---- what the runner calls ---- */

static void journal_save(struct journal_source *s) {
    char row[2 * CURSOR_BYTES];
    struct err e = {0};
    if (!s->checkpoint || !s->saved.text[0]) return;
    int n = snprintf(row, sizeof row, "{\"cursor\":\"%s\"}\n", s->saved.text); /* hex, '=' and ';' */
    checkpoint_set(s->checkpoint, s->conf->name, (struct span){row, (size_t)n});
    s->moved = !checkpoint_write(s->checkpoint, &e);
    if (s->moved) log_error("checkpoint.failed", "the checkpoint stays where it was, and is tried again: %s", e.msg);
}

static void journal_save_when_due(struct journal_source *s) {
    if (s->moved && s->checkpoint && checkpoint_is_due(s->checkpoint)) journal_save(s);
}

static enum source_state source_journal_read(void *self, struct chunk *c, int wait_ms, struct err *e) {
    struct journal_source *s = self;
    journal_save_when_due(s);
    if (!c) return SOURCE_GOES_ON; /* the child waits for us at its pipe */
    chunk_want_origins(c);
    bool there = child_is_there(s);
    struct pollfd p = {.fd = there ? s->fd : -1, .events = POLLIN};
    if (s->at == s->in.n) poll(&p, 1, wait_ms);
    ssize_t r = 1;
    while (there && r > 0 && s->in.n - s->at < CHUNK_BYTES) {
        char *to = buf_reserve(&s->in, READ_BYTES);
        r = to ? read(s->fd, to, READ_BYTES) : -1;
        if (r > 0) s->in.n += (size_t)r;
        if (r == 0) child_has_ended(s);
    }
    take_entries(s, c);
    if (c->batch.n == 0 && s->in.n - s->at >= CHUNK_BYTES) { /* an endless entry: read on, up to a limit */
        char *to = there ? buf_reserve(&s->in, CHUNK_BYTES) : NULL;
        r = to ? read(s->fd, to, CHUNK_BYTES) : 0;
        if (r > 0) s->in.n += (size_t)r;
        if (!to) {
            err_set(e, ERR_LIMIT, "the journal has an entry of more than %d bytes", ENTRY_BYTES_MAX);
            return SOURCE_FAILED;
        }
    }
    metrics_add(METRIC_SOURCE_RECORDS, s->metric, 0, 0, c->batch.n);
    return SOURCE_GOES_ON;
}

static bool source_journal_commit(void *self, uint64_t seq, struct err *e) {
    struct journal_source *s = self;
    (void)e;
    s->saved = s->sent[seq % SOURCE_POSITIONS];
    s->moved = true;
    journal_save_when_due(s);
    return true;
}

static void source_journal_close(void *self) {
    struct journal_source *s = self;
    child_end(s);
    if (s->moved) journal_save(s);
    buf_release(&s->in);
    free(s);
}

static void read_cursor(struct journal_source *s) {
    struct span row = checkpoint_rows(s->checkpoint, s->conf->name);
    yyjson_doc *doc = row.n ? yyjson_read(row.p, row.n, YYJSON_READ_STOP_WHEN_DONE) : NULL;
    const char *cursor = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "cursor"));
    if (cursor && strlen(cursor) < CURSOR_BYTES) snprintf(s->read.text, sizeof s->read.text, "%s", cursor);
    s->saved = s->read;
    yyjson_doc_free(doc);
}

static void *source_journal_open(const struct source_opts *o, struct err *e) {
    struct journal_source *s = must_calloc(1, sizeof *s);
    (void)e;
    *s = (struct journal_source){.conf = o->section, .checkpoint = o->checkpoint, .fd = -1};
    s->metric = metrics_name(METRIC_SET_SOURCE, s->conf->name);
    buf_init(&s->in, ENTRY_BYTES_MAX);
    if (s->checkpoint) read_cursor(s);
    return s;
}

extern const struct source_kind source_journal;
const struct source_kind source_journal = {source_journal_open, source_journal_read, source_journal_commit,
                                           source_journal_close, NULL};
