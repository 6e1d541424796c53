#include "stream/follow_file.h"

#include "base/inflate.h"
#include "base/must.h"
#include "stream/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <xxhash.h>

enum { CARRY_BYTES = FOLLOW_TURN_BYTES + FOLLOW_TAIL_MAX };

bool follow_look(int fd, const char *path, struct follow_id *id, uint64_t *size, int64_t *mtime_s) {
    struct statx x;
    int from = fd < 0 ? AT_FDCWD : fd, flags = fd < 0 ? 0 : AT_EMPTY_PATH;
    if (statx(from, fd < 0 ? path : "", flags, STATX_BASIC_STATS | STATX_BTIME, &x) != 0) return false;
    if (!S_ISREG(x.stx_mode)) {
        errno = EINVAL;
        return false;
    }
    bool born = x.stx_mask & STATX_BTIME;
    *id = (struct follow_id){
        .dev = makedev(x.stx_dev_major, x.stx_dev_minor),
        .ino = x.stx_ino,
        .born = born ? (uint64_t)x.stx_btime.tv_sec * 1000000000u + x.stx_btime.tv_nsec : 0,
    };
    *size = x.stx_size;
    if (mtime_s) *mtime_s = x.stx_mtime.tv_sec;
    return true;
}

static struct follow_hash file_hash(const char *p, size_t n) {
    return (struct follow_hash){XXH3_64bits(p, n), (uint32_t)n};
}

static bool hash_is_same(struct follow_hash a, struct follow_hash b) {
    return a.n == b.n && a.hash == b.hash;
}

/* All of the n bytes there, or as many as there are. */
static ssize_t pread_all(int fd, char *to, size_t n, uint64_t at) {
    size_t got = 0;
    while (got < n) {
        ssize_t r = pread(fd, to + got, n - got, (off_t)(at + got));
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) return -1;
        if (r == 0) break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

struct follow_hash follow_head(int fd, uint32_t n) {
    char text[FOLLOW_HEAD_MAX];
    ssize_t got = pread_all(fd, text, n < sizeof text ? n : sizeof text, 0);
    return got > 0 ? file_hash(text, (size_t)got) : (struct follow_hash){0};
}

/* ---- opening ---- */

static bool is_compressed(int fd) {
    char magic[INFLATE_MAGIC_BYTES];
    ssize_t n = pread_all(fd, magic, sizeof magic, 0);
    return n == sizeof magic && inflate_detect((struct span){magic, sizeof magic}) != INFLATE_PLAIN;
}

/* Decodes up to the place; what follows is read as if the file were plain. */
static bool open_compressed(struct follow_file *f, struct err *e) {
    f->in = input_open(f->path, e);
    if (!f->in) return false;
    if (!f->carry) f->carry = must_calloc(1, CARRY_BYTES);
    f->carry_n = 0;
    f->carry_at = 0;
    return true;
}

bool follow_file_open(struct follow_file *f, struct err *e) {
    struct follow_id id;
    uint64_t size;
    if (f->fd >= 0 || f->in) return true;
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0) return err_set(e, ERR_IO, "%s: %s", f->path, strerror(errno));
    if (!follow_look(f->fd, NULL, &id, &size, NULL) || !follow_id_is_same(id, f->id)) {
        follow_file_shut(f);
        return err_set(e, ERR_INPUT, "%s: is another file now", f->path);
    }
    f->size = size;
    if (!is_compressed(f->fd)) return true;
    close(f->fd);
    f->fd = -1;
    return open_compressed(f, e);
}

void follow_file_shut(struct follow_file *f) {
    if (f->fd >= 0) close(f->fd);
    input_close(f->in);
    free(f->carry);
    f->fd = -1;
    f->in = NULL;
    f->carry = NULL;
    f->carry_n = 0;
}

/* ---- reading ---- */

/* The bytes before the place, if they are what they were. A place out of a checkpoint comes with their hash alone. */
static bool tail_is_same(struct follow_file *f, const char *tail, size_t n) {
    if (f->checked) return n == f->tail_n && memcmp(tail, f->tail, n) == 0;
    if (!hash_is_same(file_hash(tail, n), f->mark)) return false;
    memcpy(f->tail, tail, n);
    f->tail_n = (uint32_t)n;
    f->checked = true;
    return true;
}

static enum follow_read read_plain(struct follow_file *f, char *to, size_t room, size_t *got, struct err *e) {
    size_t before = f->checked ? f->tail_n : f->mark.n;
    ssize_t n = f->at < before ? 0 : pread_all(f->fd, to - before, before + room, f->at - before);
    if (n < 0) {
        err_set(e, ERR_IO, "%s: %s", f->path, strerror(errno));
        return FOLLOW_READ_BROKEN;
    }
    if ((size_t)n < before || !tail_is_same(f, to - before, before)) return FOLLOW_READ_CHANGED;
    *got = (size_t)n - before;
    if (f->head.n < FOLLOW_HEAD_MAX && f->at + *got > f->head.n) f->head = follow_head(f->fd, FOLLOW_HEAD_MAX);
    if (f->at + *got > f->size) f->size = f->at + *got;
    return FOLLOW_READ_OK;
}

/* Drops from carry what lies before the place (but for the tail), and fills it. */
static bool fill_carry(struct follow_file *f, struct err *e) {
    size_t before = f->checked ? f->tail_n : f->mark.n, got = 1;
    while (got > 0) {
        uint64_t from = f->at - (f->at < before ? f->at : before);
        size_t drop = from > f->carry_at ? (size_t)(from - f->carry_at) : 0;
        if (drop > f->carry_n) drop = f->carry_n;
        memmove(f->carry, f->carry + drop, f->carry_n - drop);
        f->carry_n -= drop;
        f->carry_at += drop;
        if (f->carry_n == CARRY_BYTES) return true;
        if (!input_read(f->in, f->carry + f->carry_n, CARRY_BYTES - f->carry_n, 0, &got, e)) return false;
        f->carry_n += got;
    }
    return true;
}

static enum follow_read read_compressed(struct follow_file *f, char *to, size_t room, size_t *got, struct err *e) {
    size_t before = f->checked ? f->tail_n : f->mark.n;
    if (f->at < before) return FOLLOW_READ_CHANGED;
    if (f->at - before < f->carry_at) { /* it was shut and opened again, or rewound */
        follow_file_shut(f);
        if (!open_compressed(f, e)) return FOLLOW_READ_BROKEN;
    }
    if (!fill_carry(f, e)) return FOLLOW_READ_BROKEN;
    uint64_t end = f->carry_at + f->carry_n;
    if (end < f->at || !tail_is_same(f, f->carry + (f->at - before - f->carry_at), before)) return FOLLOW_READ_CHANGED;
    *got = (size_t)(end - f->at) < room ? (size_t)(end - f->at) : room;
    memcpy(to, f->carry + (f->at - f->carry_at), *got);
    return FOLLOW_READ_OK;
}

enum follow_read follow_file_read(struct follow_file *f, char *to, size_t room, size_t *got, struct err *e) {
    *got = 0;
    if (!follow_file_open(f, e)) return FOLLOW_READ_BROKEN;
    return f->in ? read_compressed(f, to, room, got, e) : read_plain(f, to, room, got, e);
}

void follow_file_take(struct follow_file *f, const char *to, size_t n) {
    if (n >= FOLLOW_TAIL_MAX) {
        memcpy(f->tail, to + n - FOLLOW_TAIL_MAX, FOLLOW_TAIL_MAX);
        f->tail_n = FOLLOW_TAIL_MAX;
    } else {
        uint32_t keep = FOLLOW_TAIL_MAX - (uint32_t)n < f->tail_n ? FOLLOW_TAIL_MAX - (uint32_t)n : f->tail_n;
        memmove(f->tail, f->tail + f->tail_n - keep, keep);
        memcpy(f->tail + keep, to, n);
        f->tail_n = keep + (uint32_t)n;
    }
    f->at += n;
    f->checked = true;
}

struct follow_place follow_file_place(const struct follow_file *f) {
    struct follow_hash mark = f->checked ? file_hash(f->tail, f->tail_n) : f->mark;
    return (struct follow_place){f->at, mark, f->skipping, {f->stream_at[0], f->stream_at[1]}};
}

void follow_file_rewind(struct follow_file *f) {
    f->at = f->stream_at[0] = f->stream_at[1] = 0;
    f->form = FOLLOW_FORM_UNKNOWN;
    f->tail_n = 0;
    f->mark = (struct follow_hash){0};
    f->checked = true;
    f->skipping = false;
    f->head = (struct follow_hash){0};
    f->size = 0;
    f->at_end = false;
}

void follow_file_skip_to_end(struct follow_file *f) {
    char text[FOLLOW_TAIL_MAX];
    struct err ignored = {0};
    if (!follow_file_open(f, &ignored) || f->in) return;
    size_t n = f->size < sizeof text ? (size_t)f->size : sizeof text;
    ssize_t got = pread_all(f->fd, text, n, f->size - n);
    f->head = follow_head(f->fd, FOLLOW_HEAD_MAX);
    if (got != (ssize_t)n) return;
    f->at = f->size - n;
    follow_file_take(f, text, n);
    f->skipping = n > 0 && text[n - 1] != '\n'; /* the line that is being written belongs to before */
    f->safe = follow_file_place(f);
}

/* ---- copies ---- */

/* Reads and forgets until n bytes have come. */
static bool pass_over(struct input *in, uint64_t n) {
    static _Thread_local char text[16384];
    struct err ignored = {0};
    while (n > 0) {
        size_t got, want = n < sizeof text ? (size_t)n : sizeof text;
        if (!input_read(in, text, want, 0, &got, &ignored) || got == 0) return false;
        n -= got;
    }
    return true;
}

static bool read_exactly(struct input *in, char *to, size_t n) {
    struct err ignored = {0};
    for (size_t got; n > 0; to += got, n -= got)
        if (!input_read(in, to, n, 0, &got, &ignored) || got == 0) return false;
    return true;
}

static bool input_is_copy(const char *path, uint64_t from, struct follow_hash h) {
    char text[FOLLOW_HEAD_MAX];
    struct err ignored = {0};
    struct input *in = input_open(path, &ignored);
    bool same = in && h.n <= sizeof text && pass_over(in, from) && read_exactly(in, text, h.n) &&
                hash_is_same(file_hash(text, h.n), h);
    input_close(in);
    return same;
}

bool follow_file_begins_like(const char *path, struct span text) {
    char begin[FOLLOW_HEAD_MAX];
    struct err ignored = {0};
    struct input *in = input_open(path, &ignored);
    size_t n = 0, got = 1;
    while (in && got > 0 && n < sizeof begin && input_read(in, begin + n, sizeof begin - n, 0, &got, &ignored))
        n += got;
    input_close(in);
    if (n > text.n) n = text.n;
    return memcmp(begin, text.p, n) == 0;
}

bool follow_file_is_copy(const char *path, struct follow_hash head, const struct follow_place *place) {
    if (head.n == 0 || place->at < place->mark.n) return false;
    return input_is_copy(path, 0, head) && input_is_copy(path, place->at - place->mark.n, place->mark);
}
