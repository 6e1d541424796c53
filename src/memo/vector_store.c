#include "memo/vector_store.h"

#include "base/index.h"
#include "base/log.h"
#include "base/must.h"
#include "base/queue.h"
#include "base/thread.h"
#include "metrics/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static const char MAGIC[16] = "logclass vector";

struct store_head {
    char magic[sizeof MAGIC];
    uint32_t format, dim;
    uint64_t seed; /* of the keys; the younger file has the older one's */
    char pad[24];
    uint64_t check; /* of what stands before it */
};
_Static_assert(sizeof(struct store_head) == 64, "the head of a file");

enum { FORMAT = 1, READ_BYTES = 1 << 20, YOUNG = 0, OLD = 1, FILES = 2 };

/* A record as it lies in the file; step[dim] follows. */
struct store_record {
    struct memo_key key;
    float scale;
    uint32_t check; /* of all the rest */
    int8_t step[];
};

/* Where a vector lies. */
struct place {
    uint32_t record;
    uint8_t file;
};

struct vector_store {
    char path[PATH_MAX], old_path[PATH_MAX];
    unsigned dim;
    size_t record_bytes, file_bytes_max;
    uint64_t seed; /* stays: the names of all that is known here hang on it */
    bool is_open;
    pthread_rwlock_t lock; /* of all that follows */
    int fd[FILES];         /* -1: there is none */
    struct index index;    /* key -> number */
    struct place *place;   /* [index.cap]: number -> place */
    size_t places;
    atomic_bool broken; /* a record was damaged: nothing is read or kept until the next start */
    struct queue queue; /* of records */
    pthread_t writer;
};

/* ---- files ---- */

static uint64_t head_check_of(const struct store_head *h) {
    return XXH3_64bits(h, offsetof(struct store_head, check));
}

static uint32_t record_check(const struct vector_store *s, const struct store_record *r) {
    uint64_t key = XXH3_64bits(&r->key, offsetof(struct store_record, check));
    return (uint32_t)XXH3_64bits_withSeed(r->step, s->dim, key);
}

static bool read_store_head(int fd, unsigned dim, struct store_head *h) {
    return pread(fd, h, sizeof *h, 0) == (ssize_t)sizeof *h && memcmp(h->magic, MAGIC, sizeof MAGIC) == 0 &&
           h->check == head_check_of(h) && h->format == FORMAT && h->dim == dim;
}

/* Makes a file with nothing but its head, whole from the first moment on; leaves one that is there. */
static bool make_file(const struct vector_store *s, struct err *e) {
    char tmp[PATH_MAX + 16];
    struct store_head h = {.format = FORMAT, .dim = s->dim, .seed = s->seed};
    memcpy(h.magic, MAGIC, sizeof MAGIC);
    h.check = head_check_of(&h);
    snprintf(tmp, sizeof tmp, "%s.%ld", s->path, (long)getpid());
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, &h, sizeof h) == (ssize_t)sizeof h && (link(tmp, s->path) == 0 || errno == EEXIST);
    if (!ok) err_set(e, ERR_IO, "%s: %s", s->path, strerror(errno));
    if (fd >= 0) close(fd), unlink(tmp);
    return ok;
}

static void vectors_set_aside(const struct vector_store *s, const char *path) {
    char to[PATH_MAX + 16];
    snprintf(to, sizeof to, "%s.damaged", s->path);
    metrics_add(METRIC_VECTOR_STORE_FAILURES, 0, 0, 0, 1);
    if (rename(path, to) == 0)
        log_warn("vectors.damaged", "%s is damaged, or of another program, and is %s now; a new one begins", path, to);
}

static bool open_young(struct vector_store *s, struct err *e) {
    struct store_head h;
    for (int tries = 0; tries < 3; tries++) {
        s->fd[YOUNG] = open(s->path, O_RDWR | O_APPEND | O_CLOEXEC);
        if (s->fd[YOUNG] >= 0 && read_store_head(s->fd[YOUNG], s->dim, &h)) {
            if (!s->is_open) s->seed = h.seed;
            return h.seed == s->seed || err_set(e, ERR_IO, "%s was begun anew by another process", s->path);
        }
        if (s->fd[YOUNG] >= 0) {
            close(s->fd[YOUNG]);
            s->fd[YOUNG] = -1;
            vectors_set_aside(s, s->path);
        } else if (errno != ENOENT) {
            return err_set(e, ERR_IO, "%s: %s", s->path, strerror(errno));
        }
        if (!make_file(s, e)) return false;
    }
    return err_set(e, ERR_IO, "%s: can't be made", s->path);
}

/* The older file counts only with the seed of the younger one. */
static void open_old(struct vector_store *s) {
    struct store_head h;
    s->fd[OLD] = open(s->old_path, O_RDONLY | O_CLOEXEC);
    if (s->fd[OLD] >= 0 && !(read_store_head(s->fd[OLD], s->dim, &h) && h.seed == s->seed)) {
        close(s->fd[OLD]);
        s->fd[OLD] = -1;
    }
}

static off_t record_at(const struct vector_store *s, uint32_t record) {
    return (off_t)(sizeof(struct store_head) + (size_t)record * s->record_bytes);
}

/* ---- index ---- */

/* Enters a record, or moves it to where it was found last. Under the lock. */
static void enter(struct vector_store *s, struct memo_key key, struct place where) {
    bool is_new;
    uint32_t n = index_find(&s->index, (struct index_key){key.lo, key.hi}, &is_new);
    if (n == INDEX_FULL) return;
    if (n >= s->places) {
        size_t more = s->places ? 2 * s->places : 1024;
        struct place *place = must_calloc(more, sizeof *place);
        if (s->place) memcpy(place, s->place, s->places * sizeof *place);
        free(s->place);
        s->place = place;
        s->places = more;
    }
    s->place[n] = where;
}

/* Reads the keys of a file. What a crash left half at its end is not a record. */
static void enter_file(struct vector_store *s, unsigned file) {
    size_t each = READ_BYTES / s->record_bytes;
    char *block = must_calloc(each, s->record_bytes);
    for (uint32_t record = 0;;) {
        ssize_t got = pread(s->fd[file], block, each * s->record_bytes, record_at(s, record));
        size_t n = got > 0 ? (size_t)got / s->record_bytes : 0;
        for (size_t i = 0; i < n; i++) {
            struct memo_key key;
            memcpy(&key, block + i * s->record_bytes, sizeof key);
            enter(s, key, (struct place){record + (uint32_t)i, (uint8_t)file});
        }
        if (n < each) break;
        record += (uint32_t)n;
    }
    free(block);
}

/* All of it anew: after the start, and when the files have changed places. Under the lock. */
static void enter_all(struct vector_store *s) {
    index_release(&s->index);
    index_init(&s->index, 2 * (s->file_bytes_max / s->record_bytes) + 2);
    if (s->fd[OLD] >= 0) enter_file(s, OLD);
    enter_file(s, YOUNG);
}

/* ---- writing ---- */

/* The younger file is full: it becomes the older one. Another process may have done it already. */
static void rotate(struct vector_store *s) {
    struct stat ours, named;
    struct err e = {0};
    bool same = fstat(s->fd[YOUNG], &ours) == 0 && stat(s->path, &named) == 0 && ours.st_ino == named.st_ino;
    if (same && rename(s->path, s->old_path) != 0) {
        atomic_store(&s->broken, true);
        return;
    }
    pthread_rwlock_wrlock(&s->lock);
    for (unsigned i = 0; i < FILES; i++)
        if (s->fd[i] >= 0) close(s->fd[i]);
    s->fd[YOUNG] = s->fd[OLD] = -1;
    if (open_young(s, &e)) {
        open_old(s);
        enter_all(s);
    } else {
        atomic_store(&s->broken, true);
    }
    pthread_rwlock_unlock(&s->lock);
    if (e.msg[0]) log_warn("vectors.failed", "%s; templates are no longer kept", e.msg);
}

/* Appends n records behind whole ones, all or none: the lock keeps other processes away meanwhile. Returns the first
 * one's number, or UINT32_MAX. */
static uint32_t append_records(struct vector_store *s, const char *records, size_t n) {
    int fd = s->fd[YOUNG];
    uint32_t first = UINT32_MAX;
    struct stat st;
    if (flock(fd, LOCK_EX) != 0) return first;
    if (fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(struct store_head)) {
        size_t whole = ((size_t)st.st_size - sizeof(struct store_head)) / s->record_bytes;
        off_t end = record_at(s, (uint32_t)whole);
        ssize_t bytes = (ssize_t)(n * s->record_bytes);
        if (st.st_size == end || ftruncate(fd, end) == 0) {
            if (write(fd, records, (size_t)bytes) == bytes)
                first = (uint32_t)whole;
            else if (ftruncate(fd, end) != 0)
                log_debug("vectors.failed", "%s ends in the middle of a record", s->path);
        }
    }
    flock(fd, LOCK_UN);
    return first;
}

static void write_records(struct vector_store *s, const char *records, size_t n) {
    struct stat st;
    if (atomic_load(&s->broken)) return;
    if (fstat(s->fd[YOUNG], &st) == 0 && (size_t)st.st_size + n * s->record_bytes > s->file_bytes_max) rotate(s);
    if (atomic_load(&s->broken)) return;
    uint32_t first = append_records(s, records, n);
    if (first == UINT32_MAX) {
        metrics_add(METRIC_VECTOR_STORE_FAILURES, 0, 0, 0, 1);
        return;
    }
    pthread_rwlock_wrlock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        struct memo_key key;
        memcpy(&key, records + i * s->record_bytes, sizeof key);
        enter(s, key, (struct place){first + (uint32_t)i, YOUNG});
    }
    pthread_rwlock_unlock(&s->lock);
}

static void *vector_writer(void *arg) {
    enum { AT_ONCE = 128 };
    struct vector_store *s = arg;
    char *records = must_calloc(AT_ONCE, s->record_bytes);
    for (size_t n; (n = queue_pop(&s->queue, records, AT_ONCE, -1)) > 0;) write_records(s, records, n);
    free(records);
    return NULL;
}

/* ---- open, close, get, put ---- */

struct vector_store *vector_store_open(const char *path, unsigned dim, size_t bytes_max, struct err *e) {
    MUST(dim > 0 && dim <= VECTOR_STORE_DIM_MAX);
    struct vector_store *s = must_calloc(1, sizeof *s);
    s->dim = dim;
    s->record_bytes = (sizeof(struct store_record) + dim + 7) / 8 * 8;
    s->file_bytes_max = bytes_max / FILES;
    s->fd[YOUNG] = s->fd[OLD] = -1;
    if (getrandom(&s->seed, sizeof s->seed, GRND_NONBLOCK) != sizeof s->seed) s->seed = (uintptr_t)s;
    bool fits = snprintf(s->path, sizeof s->path, "%s", path) < (int)sizeof s->path &&
                snprintf(s->old_path, sizeof s->old_path, "%s.old", path) < (int)sizeof s->old_path;
    if (!fits) err_set(e, ERR_USAGE, "a path of %zu bytes is too long", strlen(path));
    if (!fits || !open_young(s, e)) {
        free(s);
        return NULL;
    }
    open_old(s);
    pthread_rwlock_init(&s->lock, NULL);
    enter_all(s);
    s->is_open = true;
    queue_init(&s->queue, VECTOR_STORE_QUEUE, s->record_bytes);
    s->writer = thread_start(vector_writer, s);
    return s;
}

void vector_store_close(struct vector_store *s) {
    if (!s) return;
    queue_close(&s->queue);
    pthread_join(s->writer, NULL);
    queue_release(&s->queue);
    for (unsigned i = 0; i < FILES; i++)
        if (s->fd[i] >= 0) close(s->fd[i]);
    index_release(&s->index);
    pthread_rwlock_destroy(&s->lock);
    free(s->place);
    free(s);
}

unsigned vector_store_dim(const struct vector_store *s) {
    return s->dim;
}

size_t vector_store_count(struct vector_store *s) {
    pthread_rwlock_rdlock(&s->lock);
    size_t n = s->index.n;
    pthread_rwlock_unlock(&s->lock);
    return n;
}

struct memo_key vector_store_key(const struct vector_store *s, struct span template, uint64_t version) {
    XXH128_hash_t h = XXH3_128bits_withSeed(template.p, template.n, s->seed ^ version);
    return (struct memo_key){h.low64, h.high64};
}

/* Reads a record, under the lock. False: there is none; *damaged: there should be. */
static bool read_record(struct vector_store *s, struct memo_key key, struct store_record *r, struct place *at,
                        bool *damaged) {
    uint32_t n = index_get(&s->index, (struct index_key){key.lo, key.hi});
    if (n == INDEX_FULL) return false;
    *at = s->place[n];
    *damaged = pread(s->fd[at->file], r, s->record_bytes, record_at(s, at->record)) != (ssize_t)s->record_bytes ||
               !memo_key_eq(r->key, key) || r->check != record_check(s, r);
    return !*damaged;
}

bool vector_store_get(struct vector_store *s, struct memo_key key, int8_t *step, float *scale) {
    _Alignas(struct store_record) char space[sizeof(struct store_record) + VECTOR_STORE_DIM_MAX + 8];
    struct store_record *r = (struct store_record *)space;
    struct place at = {0};
    bool damaged = false;
    if (atomic_load_explicit(&s->broken, memory_order_relaxed)) return false;
    pthread_rwlock_rdlock(&s->lock);
    bool found = read_record(s, key, r, &at, &damaged);
    pthread_rwlock_unlock(&s->lock);
    if (damaged && !atomic_exchange(&s->broken, true)) vectors_set_aside(s, at.file == OLD ? s->old_path : s->path);
    if (!found) return false;
    memcpy(step, r->step, s->dim);
    *scale = r->scale;
    if (at.file == OLD) queue_try_push(&s->queue, r, 1); /* it is still in use: it moves on to the younger file */
    return true;
}

void vector_store_put(struct vector_store *s, struct memo_key key, const int8_t *step, float scale) {
    _Alignas(struct store_record) char space[sizeof(struct store_record) + VECTOR_STORE_DIM_MAX + 8] = {0};
    struct store_record *r = (struct store_record *)space;
    if (atomic_load_explicit(&s->broken, memory_order_relaxed)) return;
    r->key = key;
    r->scale = scale;
    memcpy(r->step, step, s->dim);
    r->check = record_check(s, r);
    queue_try_push(&s->queue, r, 1);
}
