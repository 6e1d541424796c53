#include "stream/job.h"

#include "base/must.h"
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

enum { OUT_BYTES_MAX = 256 << 20 };

enum slot_state { FREE, DECIDING, DECIDED };

/* A ring of chunks: the reading thread fills slot `in`, workers decide, the writing thread takes slot `out`. */
struct slot {
    struct chunk chunk;
    enum slot_state state;
    struct job *job;
    struct job_progress progress;
};

struct job {
    const struct job_opts *o;
    struct job_result *result;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t in, out; /* slots filled and written so far; slot = count % JOB_CHUNKS */
    bool ended;       /* nothing more comes in */
    bool write_failed;
    struct err write_err;
    struct slot slot[JOB_CHUNKS];
};

static void chunk_decided(struct batch *b) {
    struct slot *s = b->user;
    struct job *j = s->job;
    pthread_mutex_lock(&j->lock);
    s->state = DECIDED;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

/* ---- the writing thread ---- */

static bool job_write_all(struct job *j, struct span s) {
    while (s.n > 0) {
        ssize_t w = write(j->o->fd, s.p, s.n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0 && errno == EPIPE) {
            j->result->reader_gone = true;
            return false;
        }
        if (w < 0) return err_set(&j->write_err, ERR_IO, "the output can't be written: %s", strerror(errno));
        s.p += w;
        s.n -= (size_t)w;
    }
    return true;
}

static bool write_chunk(struct job *j, struct slot *s, struct buf *out) {
    const struct batch *b = &s->chunk.batch;
    buf_reset(out);
    for (uint32_t i = 0; i < b->n; i++) {
        writer_record(j->o->writer, out, &b->rec[i], &b->res[i]);
        j->result->by[b->res[i].decider][b->res[i].label]++;
    }
    if (out->failed) return err_set(&j->write_err, ERR_MEMORY, "no memory for the answers of %u lines", b->n);
    if (!job_write_all(j, buf_span(out))) return false;
    j->result->lines += b->n;
    s->progress.lines = j->result->lines;
    if (j->o->on_progress) j->o->on_progress(j->o->user, &s->progress);
    return true;
}

/* The next slot to write, decided; NULL: the end. */
static struct slot *wait_decided(struct job *j) {
    pthread_mutex_lock(&j->lock);
    struct slot *s = &j->slot[j->out % JOB_CHUNKS];
    while (!(j->out < j->in && s->state == DECIDED) && !(j->ended && j->out == j->in))
        pthread_cond_wait(&j->changed, &j->lock);
    bool end = j->out == j->in;
    pthread_mutex_unlock(&j->lock);
    return end ? NULL : s;
}

static void free_slot(struct job *j, struct slot *s, bool failed) {
    pthread_mutex_lock(&j->lock);
    s->state = FREE;
    j->out++;
    j->write_failed |= failed;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

static void *write_main(void *arg) {
    struct job *j = arg;
    struct buf out;
    bool failed = false;
    buf_init(&out, OUT_BYTES_MAX);
    writer_header(j->o->writer, &out);
    failed = !job_write_all(j, buf_span(&out));
    for (struct slot *s; (s = wait_decided(j)) != NULL;) {
        failed = failed || !write_chunk(j, s, &out); /* after a failure the rest is only drained */
        free_slot(j, s, failed);
    }
    buf_release(&out);
    return NULL;
}

/* ---- the reading thread ---- */

static struct slot *wait_free(struct job *j, bool *go_on) {
    pthread_mutex_lock(&j->lock);
    struct slot *s = &j->slot[j->in % JOB_CHUNKS];
    while (s->state != FREE || j->in - j->out >= JOB_CHUNKS) pthread_cond_wait(&j->changed, &j->lock);
    *go_on = !j->write_failed;
    pthread_mutex_unlock(&j->lock);
    return s;
}

static void job_submit(struct job *j, struct slot *s, const char *path, const struct reader *r) {
    s->progress =
        (struct job_progress){.path = path, .position = s->chunk.position, .size = input_size(reader_input(r))};
    s->chunk.batch.done = chunk_decided;
    s->chunk.batch.user = s;
    pthread_mutex_lock(&j->lock);
    s->state = DECIDING;
    j->in++;
    pthread_mutex_unlock(&j->lock);
    pipeline_submit_wait(j->o->pipeline, &s->chunk.batch);
}

static bool stopped(const struct job *j) {
    return j->o->stop && *j->o->stop;
}

static bool read_file(struct job *j, const char *path, bool *go_on, struct err *e) {
    struct reader *r = reader_open(path, &j->o->reader, e);
    if (!r) return false;
    bool ok = true;
    for (;;) {
        struct slot *s = wait_free(j, go_on);
        if (!*go_on || stopped(j)) break;
        ok = reader_next(r, &s->chunk, e);
        if (s->chunk.batch.n > 0) job_submit(j, s, path, r);
        if (!ok || s->chunk.batch.n == 0) break;
    }
    j->result->odd_lines += reader_odd_lines(r);
    /* Records point into chunks, not into the reader, except for the shared source: the caller's. */
    reader_close(r);
    return ok;
}

bool job_run(const struct job_opts *o, char *const *paths, size_t n, struct job_result *out, struct err *e) {
    struct job *j = must_calloc(1, sizeof *j);
    *out = (struct job_result){0};
    j->o = o;
    j->result = out;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->changed, NULL);
    for (size_t i = 0; i < JOB_CHUNKS; i++) {
        chunk_init(&j->slot[i].chunk);
        j->slot[i].job = j;
    }
    pthread_t writer = thread_start(write_main, j);
    bool ok = true, go_on = true;
    for (size_t i = 0; i < n && ok && go_on && !stopped(j); i++) ok = read_file(j, paths[i], &go_on, e);
    pthread_mutex_lock(&j->lock);
    j->ended = true;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
    pthread_join(writer, NULL);
    if (ok && j->write_err.code != ERR_OK) {
        *e = j->write_err;
        ok = false;
    }
    for (size_t i = 0; i < JOB_CHUNKS; i++) chunk_release(&j->slot[i].chunk);
    pthread_mutex_destroy(&j->lock);
    pthread_cond_destroy(&j->changed);
    free(j);
    return ok;
}
