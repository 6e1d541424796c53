#include "stream/checkpoint.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/must.h"
#include "metrics/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum { CHECKPOINT_SOURCES_MAX = 64, CHECKPOINT_NAME_MAX = 64, RESULT_OK = 0, RESULT_FAILED = 1 };

struct checkpoint_block {
    char source[CHECKPOINT_NAME_MAX];
    long long seen;
    struct span read; /* in `text` */
    struct buf rows;  /* set since */
};

struct checkpoint {
    char path[PATH_MAX];
    int lock_fd;
    uint64_t interval_ns, written_ns;
    struct span text; /* the file as it was read */
    pthread_mutex_t lock;
    struct checkpoint_block block[CHECKPOINT_SOURCES_MAX];
    unsigned n;
    bool dirty;
    bool driven;
    uint64_t round, committed_round;
    unsigned joined, confirmed, leaving;
};

/* ---- reading ---- */

static struct checkpoint_block *checkpoint_block_of(struct checkpoint *c, const char *source, bool add) {
    for (unsigned i = 0; i < c->n; i++)
        if (strcmp(c->block[i].source, source) == 0) return &c->block[i];
    if (!add || c->n == CHECKPOINT_SOURCES_MAX) return NULL;
    struct checkpoint_block *b = &c->block[c->n++];
    *b = (struct checkpoint_block){.seen = time(NULL)};
    snprintf(b->source, sizeof b->source, "%s", source);
    buf_init(&b->rows, CHECKPOINT_BYTES_MAX);
    return b;
}

/* Takes the header off *text. False: it is none, or what follows is not what was written. */
static bool checkpoint_is_whole(struct span *text) {
    char line[128], again[128];
    uint64_t hash;
    struct span head = span_take_line(text);
    snprintf(line, sizeof line, "%.*s", (int)(head.n < sizeof line ? head.n : 0), head.p);
    if (sscanf(line, "{\"logclass_checkpoint\":1,\"hash\":\"%16" SCNx64 "\"}", &hash) != 1) return false;
    snprintf(again, sizeof again, "{\"logclass_checkpoint\":1,\"hash\":\"%016" PRIx64 "\"}", hash);
    return strcmp(line, again) == 0 && XXH3_64bits(text->p, text->n) == hash;
}

static void checkpoint_take_blocks(struct checkpoint *c, struct span text) {
    struct checkpoint_block *b = NULL;
    while (text.n > 0) {
        struct span line = span_take_line(&text);
        char copy[160], name[CHECKPOINT_NAME_MAX];
        long long seen;
        snprintf(copy, sizeof copy, "%.*s", (int)(line.n < sizeof copy ? line.n : 0), line.p);
        if (sscanf(copy, "{\"source\":\"%63[^\"]\",\"seen\":%lld}", name, &seen) == 2) {
            b = checkpoint_block_of(c, name, true);
            if (b) b->seen = seen, b->read = (struct span){text.p, 0};
        } else if (b) {
            b->read.n = (size_t)(line.p + line.n - b->read.p) + 1;
        }
    }
}

/* False: there is no file at the path, or it is damaged (and said to be). */
static bool checkpoint_read(struct checkpoint *c, const char *path, bool *damaged) {
    struct err e = {0};
    if (access(path, F_OK) != 0 && errno == ENOENT) return false;
    bool ok = file_read(path, CHECKPOINT_BYTES_MAX, &c->text, &e);
    struct span rest = c->text;
    if (ok && checkpoint_is_whole(&rest)) {
        checkpoint_take_blocks(c, rest);
        return true;
    }
    *damaged = true;
    log_error("checkpoint.damaged", "%s is damaged: %s", path, ok ? "its hash is another" : e.msg);
    metrics_add(METRIC_CHECKPOINT_DAMAGED, 0, 0, 0, 1);
    file_free(&c->text);
    return false;
}

static void checkpoint_load(struct checkpoint *c) {
    char before[PATH_MAX + 8], aside[PATH_MAX + 32];
    bool damaged = false;
    if (checkpoint_read(c, c->path, &damaged)) return;
    if (damaged) {
        snprintf(aside, sizeof aside, "%s.damaged-%lld", c->path, (long long)time(NULL));
        if (rename(c->path, aside) == 0) log_warn("checkpoint.aside", "it was set aside as %s", aside);
    }
    snprintf(before, sizeof before, "%s.1", c->path);
    if (checkpoint_read(c, before, &damaged))
        log_warn("checkpoint.before", "the checkpoint before it is used: some lines may come twice");
    else if (damaged)
        log_error("checkpoint.none", "there is no other: sources begin as if for the first time");
}

/* ---- opening ---- */

static bool checkpoint_hold(struct checkpoint *c, struct err *e) {
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s.lock", c->path);
    c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (c->lock_fd < 0) return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    if (flock(c->lock_fd, LOCK_EX | LOCK_NB) == 0) return true;
    return err_set(e, ERR_USAGE, "%s belongs to another process that runs; give this one another --name", c->path);
}

struct checkpoint *checkpoint_open(const char *path, unsigned interval_ms, struct err *e) {
    struct checkpoint *c = must_calloc(1, sizeof *c);
    c->interval_ns = clock_ns_of_ms(interval_ms);
    pthread_mutex_init(&c->lock, NULL);
    snprintf(c->path, sizeof c->path, "%s", path);
    if (checkpoint_hold(c, e)) {
        checkpoint_load(c);
        return c;
    }
    checkpoint_close(c);
    return NULL;
}

void checkpoint_close(struct checkpoint *c) {
    if (!c) return;
    for (unsigned i = 0; i < c->n; i++) buf_release(&c->block[i].rows);
    if (c->lock_fd >= 0) close(c->lock_fd);
    file_free(&c->text);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

struct span checkpoint_rows(const struct checkpoint *c, const char *source) {
    for (unsigned i = 0; i < c->n; i++)
        if (strcmp(c->block[i].source, source) == 0) return c->block[i].read;
    return (struct span){0};
}

/* ---- writing ---- */

void checkpoint_set(struct checkpoint *c, const char *source, struct span rows) {
    pthread_mutex_lock(&c->lock);
    struct checkpoint_block *b = checkpoint_block_of(c, source, true);
    MUST(b != NULL); /* SECTIONS_MAX sources, and those of a day ago */
    b->read = (struct span){0};
    b->seen = time(NULL);
    buf_reset(&b->rows);
    buf_put(&b->rows, rows.p, rows.n);
    c->dirty = true;
    pthread_mutex_unlock(&c->lock);
}

bool checkpoint_is_due(struct checkpoint *c) {
    pthread_mutex_lock(&c->lock);
    bool due = c->driven ? c->round != c->committed_round || c->leaving > 0
                         : clock_now_ns(NULL) - c->written_ns >= c->interval_ns;
    pthread_mutex_unlock(&c->lock);
    return due;
}

static void checkpoint_text(struct checkpoint *c, struct buf *out) {
    char head[64];
    long long now = time(NULL);
    for (unsigned i = 0; i < c->n; i++) {
        struct checkpoint_block *b = &c->block[i];
        struct span rows = b->read.n ? b->read : buf_span(&b->rows);
        if (now - b->seen > CHECKPOINT_KEPT_S || b->rows.failed) continue;
        buf_printf(out, "{\"source\":\"%s\",\"seen\":%lld}\n", b->source, b->seen);
        buf_put(out, rows.p, rows.n);
    }
    int n = snprintf(head, sizeof head, "{\"logclass_checkpoint\":1,\"hash\":\"%016" PRIx64 "\"}\n",
                     (uint64_t)XXH3_64bits(out->p, out->n));
    size_t body = out->n;
    buf_put(out, head, (size_t)n);
    if (out->failed) return;
    memmove(out->p + n, out->p, body);
    memcpy(out->p, head, (size_t)n);
}

static void checkpoint_sync_folder(const char *path) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

/* The one before stays as path.1, without a moment in which there is none. */
static bool checkpoint_replace(struct checkpoint *c, struct span text, struct err *e) {
    char before[PATH_MAX + 8];
    snprintf(before, sizeof before, "%s.1", c->path);
    unlink(before);
    if (link(c->path, before) != 0 && errno != ENOENT) log_debug("checkpoint.link", "%s: %s", before, strerror(errno));
    if (!file_write(c->path, text, e)) return false;
    checkpoint_sync_folder(c->path);
    return true;
}

static bool checkpoint_write_locked(struct checkpoint *c, struct err *e) {
    struct buf text;
    bool ok = true;
    if (c->dirty) {
        buf_init(&text, CHECKPOINT_BYTES_MAX);
        checkpoint_text(c, &text);
        ok = !text.failed ? checkpoint_replace(c, buf_span(&text), e)
                          : err_set(e, ERR_LIMIT, "%s would have more than %d bytes", c->path, CHECKPOINT_BYTES_MAX);
        buf_release(&text);
        c->dirty = !ok;
        c->written_ns = clock_now_ns(NULL);
        metrics_add(METRIC_CHECKPOINT_WRITES, ok ? RESULT_OK : RESULT_FAILED, 0, 0, 1);
    }
    return ok;
}

bool checkpoint_write(struct checkpoint *c, struct err *e) {
    pthread_mutex_lock(&c->lock);
    bool ok = c->driven || checkpoint_write_locked(c, e);
    pthread_mutex_unlock(&c->lock);
    return ok;
}

/* ---- driven by a sink ---- */

void checkpoint_drive(struct checkpoint *c) {
    pthread_mutex_lock(&c->lock);
    c->driven = true;
    pthread_mutex_unlock(&c->lock);
}

void checkpoint_begin_round(struct checkpoint *c) {
    pthread_mutex_lock(&c->lock);
    c->round++;
    c->confirmed = 0;
    pthread_mutex_unlock(&c->lock);
}

bool checkpoint_is_confirmed(struct checkpoint *c) {
    pthread_mutex_lock(&c->lock);
    bool all = c->confirmed >= c->joined;
    pthread_mutex_unlock(&c->lock);
    return all;
}

bool checkpoint_commit(struct checkpoint *c, struct err *e) {
    pthread_mutex_lock(&c->lock);
    bool ok = checkpoint_write_locked(c, e);
    if (ok) c->committed_round = c->round;
    pthread_mutex_unlock(&c->lock);
    return ok;
}

void checkpoint_join(struct checkpoint *c) {
    pthread_mutex_lock(&c->lock);
    c->joined++;
    pthread_mutex_unlock(&c->lock);
}

uint64_t checkpoint_round(struct checkpoint *c) {
    pthread_mutex_lock(&c->lock);
    uint64_t round = c->driven ? c->round : 0;
    pthread_mutex_unlock(&c->lock);
    return round;
}

void checkpoint_confirm(struct checkpoint *c, uint64_t round) {
    pthread_mutex_lock(&c->lock);
    if (round == c->round) c->confirmed++;
    pthread_mutex_unlock(&c->lock);
}

void checkpoint_begin_leave(struct checkpoint *c) {
    pthread_mutex_lock(&c->lock);
    c->leaving++;
    pthread_mutex_unlock(&c->lock);
}

void checkpoint_leave(struct checkpoint *c, uint64_t confirmed) {
    pthread_mutex_lock(&c->lock);
    c->leaving--;
    c->joined--;
    if (confirmed == c->round && c->confirmed > 0) c->confirmed--;
    pthread_mutex_unlock(&c->lock);
}
