/* A file that answers are appended to. What is written is kept in memory until it is on the disk: when the disk is full
 * or fails, the file is cut back to the last whole chunk, and the rest is written again later. Nothing is settled
 * before the disk has it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "conf/section.h"
#include "metrics/metrics.h"
#include "stream/checkpoint.h"
#include "stream/flow.h"
#include "stream/form.h"
#include "stream/outage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SINK_ROWS "sink:out" /* no source has this name */

enum {
    SINK_FILE_BYTES_MAX = 256 << 20,
    UNSYNCED_CHUNKS_MAX = FLOW_CHUNKS / 2,
    REST_MS = 1000,
    REST_MS_MAX = 30000,
    TORN_BYTES_MAX = 8 << 20 /* how far from the end a whole line is looked for */
};

struct sink_file {
    struct flow *flow;
    struct sink_opts o;
    const struct section *conf;
    struct outage outage;
    unsigned reopened;
    int fd;
    off_t base;         /* the file's length when all of it was on the disk */
    struct buf text;    /* what belongs behind it */
    size_t whole, done; /* bytes of text in the file: whole chunks of it, and altogether */
    struct chunk *chunk[UNSYNCED_CHUNKS_MAX];
    unsigned n;
    bool torn;                   /* and it could not be cut back to them yet */
    uint64_t first_ns;           /* when the oldest of them was put */
    uint64_t failed_ns, rest_ms; /* rest_ms 0: all is well */
    bool in_round;               /* exactly once: settled, and not in the checkpoint yet */
};

/* ---- the file ---- */

/* A process that was killed may have left half a line, of a chunk that it had not settled: it will come again. */
static bool cut_torn_line(struct sink_file *s, struct err *e) {
    off_t at = s->base;
    char piece[65536];
    while (at > 0 && s->base - at < TORN_BYTES_MAX) {
        size_t n = at < (off_t)sizeof piece ? (size_t)at : sizeof piece;
        if (pread(s->fd, piece, n, at - (off_t)n) != (ssize_t)n) break;
        const char *nl = memrchr(piece, '\n', n);
        if (nl) {
            off_t end = at - (off_t)n + (nl - piece) + 1;
            if (end == s->base) return true;
            if (ftruncate(s->fd, end) != 0) break;
            log_warn("sink.torn", "%s: the last line was not whole; %lld bytes of it are cut off", s->conf->path,
                     (long long)(s->base - end));
            s->base = end;
            return true;
        }
        at -= (off_t)n;
    }
    return at == 0 || err_set(e, ERR_INPUT, "%s: its end is no text; it is not touched", s->conf->path);
}

/* ---- exactly once: the checkpoint has the length that belongs to the places ---- */

static bool record_length(struct sink_file *s, struct err *e) {
    char row[128];
    struct stat st;
    if (fstat(s->fd, &st) != 0) return err_set(e, ERR_IO, "%s: %s", s->conf->path, strerror(errno));
    int n = snprintf(row, sizeof row, "{\"dev\":%llu,\"ino\":%llu,\"bytes\":%lld}\n", (unsigned long long)st.st_dev,
                     (unsigned long long)st.st_ino, (long long)s->base);
    checkpoint_set(s->o.checkpoint, SINK_ROWS, (struct span){row, (size_t)n});
    return checkpoint_commit(s->o.checkpoint, e);
}

/* What was written behind it belongs to lines that will come again. */
static bool cut_to_checkpoint(struct sink_file *s, const struct stat *st, struct err *e) {
    unsigned long long dev, ino;
    long long bytes;
    char row[128];
    struct span text = checkpoint_rows(s->o.checkpoint, SINK_ROWS);
    snprintf(row, sizeof row, "%.*s", (int)(text.n < sizeof row ? text.n : sizeof row - 1), text.p);
    if (sscanf(row, "{\"dev\":%llu,\"ino\":%llu,\"bytes\":%lld}", &dev, &ino, &bytes) != 3)
        return err_set(e, ERR_INPUT, "%s: the checkpoint's line about it is not one of ours", s->conf->path);
    if (dev != st->st_dev || ino != st->st_ino || bytes > st->st_size)
        return err_set(
            e, ERR_USAGE,
            "%s is not the file that was written before, or was cut: with exactly-once nobody else may touch "
            "it; put it back, or use another --name and another file",
            s->conf->path);
    if (bytes < st->st_size && ftruncate(s->fd, bytes) != 0)
        return err_set(e, ERR_IO, "%s: %s", s->conf->path, strerror(errno));
    s->base = bytes;
    return true;
}

static bool sink_file_begin(struct sink_file *s, struct err *e) {
    struct stat st;
    s->fd = open(s->conf->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (s->fd < 0 || fstat(s->fd, &st) != 0) return err_set(e, ERR_IO, "%s: %s", s->conf->path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return err_set(e, ERR_USAGE, "%s: expected a regular file", s->conf->path);
    s->base = st.st_size;
    if (s->o.checkpoint && checkpoint_rows(s->o.checkpoint, SINK_ROWS).n > 0) return cut_to_checkpoint(s, &st, e);
    if (s->base > 0 && !cut_torn_line(s, e)) return false;
    if (s->o.checkpoint) return record_length(s, e);
    if (s->base > 0) return true;
    buf_reset(&s->text);
    writer_header(&s->o.form->writer, &s->text);
    return true;
}

static void sink_file_rest(struct sink_file *s, const char *what) {
    char why[160];
    snprintf(why, sizeof why, "%s: %s", what, strerror(errno));
    outage_failed(&s->outage, why);
    s->failed_ns = clock_now_ns(NULL);
    s->rest_ms = s->rest_ms == 0 ? REST_MS : s->rest_ms * 2 < REST_MS_MAX ? s->rest_ms * 2 : REST_MS_MAX;
}

static void sink_file_is_well(struct sink_file *s) {
    s->rest_ms = 0;
    outage_over(&s->outage);
}

static bool is_resting(const struct sink_file *s) {
    return s->rest_ms > 0 && clock_now_ns(NULL) - s->failed_ns < clock_ns_of_ms(s->rest_ms);
}

/* Back to the last whole chunk that is in the file, so that a reader never sees half a line for long. */
static void cut_back(struct sink_file *s, size_t to) {
    int cause = errno;
    s->done = s->whole = to;
    s->torn = ftruncate(s->fd, s->base + (off_t)to) != 0;
    errno = cause;
}

/* Writes what of text is not in the file. False: it rests. */
static bool sink_file_write(struct sink_file *s) {
    if (s->torn) cut_back(s, s->whole);
    while (!s->torn && s->done < s->text.n) {
        ssize_t w = write(s->fd, s->text.p + s->done, s->text.n - s->done);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) {
            sink_file_rest(s, "it can't be written");
            cut_back(s, s->whole);
            return false;
        }
        s->done += (size_t)w;
    }
    s->whole = s->done;
    return !s->torn;
}

static void settle_all(struct sink_file *s, bool safe) {
    for (unsigned i = 0; i < s->n; i++) {
        if (safe) metrics_add(METRIC_SINK_RECORDS, s->outage.metric, 0, 0, s->chunk[i]->batch.n);
        flow_settle(s->flow, s->chunk[i], safe);
    }
    s->n = 0;
}

/* Everything that was put is on the disk, and settled. After a failed sync the kernel may have forgotten pages: all of
 * it is written again. */
static bool sink_file_sync(struct sink_file *s) {
    if (s->in_round || is_resting(s) || !sink_file_write(s)) return false;
    if ((s->o.checkpoint || strcmp(s->conf->sync, "batch") == 0) && fdatasync(s->fd) != 0) {
        sink_file_rest(s, "it can't be synced");
        cut_back(s, 0);
        return false;
    }
    sink_file_is_well(s);
    s->base += (off_t)s->done;
    s->whole = s->done = 0;
    buf_reset(&s->text);
    s->in_round = s->o.checkpoint && s->n > 0;
    settle_all(s, true);
    if (s->in_round) checkpoint_begin_round(s->o.checkpoint);
    return true;
}

/* SIGHUP: whoever rotates our file wants us to let go of it. */
static void reopen_when_told(struct sink_file *s) {
    struct err e = {0};
    unsigned now = s->o.reopened ? atomic_load(s->o.reopened) : 0;
    if (now == s->reopened || s->o.checkpoint || !sink_file_sync(s)) return; /* exactly once: it is ours alone */
    int before = s->fd;
    s->reopened = now;
    if (sink_file_begin(s, &e)) {
        close(before);
        return;
    }
    log_error("sink.reopen", "%s; the file that was open is still used", e.msg);
    if (s->fd >= 0) close(s->fd);
    s->fd = before;
}

/* Waits wait_ms at most for the sources to have set their places. */
static void round_step(struct sink_file *s, int wait_ms) {
    struct err e = {0};
    while (s->in_round && !checkpoint_is_confirmed(s->o.checkpoint) && wait_ms-- > 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (!s->in_round || is_resting(s) || !checkpoint_is_confirmed(s->o.checkpoint)) return;
    s->in_round = !record_length(s, &e);
    if (!s->in_round) return;
    errno = EIO;
    sink_file_rest(s, "its length can't be kept in the checkpoint");
}

/* ---- what the flow calls ---- */

static bool sink_file_put(void *self, struct chunk *c) {
    struct sink_file *s = self;
    reopen_when_told(s);
    round_step(s, 0);
    if (is_resting(s) || (s->n == UNSYNCED_CHUNKS_MAX && !sink_file_sync(s))) return false;
    size_t before = s->text.n;
    form_chunk(s->o.form, &s->text, c);
    if (s->text.failed) sink_file_rest(s, "there is no memory for the text");
    if (s->text.failed || !sink_file_write(s)) {
        s->text.n = before;
        s->text.failed = false;
        return false;
    }
    form_count(s->o.form);
    if (s->n == 0) s->first_ns = clock_now_ns(NULL);
    s->chunk[s->n++] = c;
    if (s->n == UNSYNCED_CHUNKS_MAX) sink_file_sync(s);
    return true;
}

static void sink_file_step(void *self, int wait_ms) {
    struct sink_file *s = self;
    if (wait_ms > 0 && is_resting(s)) nanosleep(&(struct timespec){.tv_nsec = wait_ms * 1000000L}, NULL);
    round_step(s, wait_ms);
    bool due = s->n > 0 && clock_now_ns(NULL) - s->first_ns >= clock_ns_of_ms((uint64_t)s->conf->batch_wait);
    if (due) sink_file_sync(s);
    reopen_when_told(s);
}

static void sink_file_abandon(void *self) {
    struct sink_file *s = self;
    if (!sink_file_sync(s)) settle_all(s, false);
}

static void sink_file_close(void *self) {
    struct sink_file *s = self;
    struct err e = {0};
    if (s->in_round && !record_length(s, &e))
        log_warn("checkpoint.failed", "%s", e.msg); /* it comes again, after a cut */
    if (s->fd >= 0) close(s->fd);
    buf_release(&s->text);
    free(s);
}

static void *sink_file_open(const struct sink_opts *o, struct flow *f, struct err *e) {
    struct sink_file *s = must_calloc(1, sizeof *s);
    *s = (struct sink_file){.flow = f, .o = *o, .conf = o->section, .fd = -1};
    s->reopened = o->reopened ? atomic_load(o->reopened) : 0;
    outage_init(&s->outage, s->conf, s->conf->path);
    buf_init(&s->text, SINK_FILE_BYTES_MAX);
    if (sink_file_begin(s, e)) return s;
    sink_file_close(s);
    return NULL;
}

extern const struct sink_kind sink_file;
const struct sink_kind sink_file = {sink_file_open,    sink_file_put,   sink_file_step,
                                    sink_file_abandon, sink_file_close, NULL};
