#include "stream/dead_letters.h"

#include "base/json_out.h"
#include "base/must.h"
#include "stream/form.h"
#include "text/rfc3339.h"
#include "text/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LETTER_BYTES_MAX = 64 << 20, REASON_BYTES_MAX = 1024 };

struct dead_letters {
    char path[PATH_MAX];
    size_t bytes_max;
    struct buf line;
};

struct dead_letters *dead_letters_open(const char *path, size_t bytes_max) {
    struct dead_letters *d = must_calloc(1, sizeof *d);
    snprintf(d->path, sizeof d->path, "%s", path);
    d->bytes_max = bytes_max;
    buf_init(&d->line, LETTER_BYTES_MAX);
    return d;
}

void dead_letters_close(struct dead_letters *d) {
    if (!d) return;
    buf_release(&d->line);
    free(d);
}

static void letter_now(struct buf *out) {
    char text[RFC3339_BYTES];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    json_out_string(out, (struct span){text, rfc3339_write(ms * 1000000, text)});
}

static void letter_write(struct buf *out, const char *sink, struct span reason, const struct chunk *c, uint32_t i) {
    const struct origin *o = c->origin ? &c->origin[i] : NULL;
    struct span body = o && o->body.p ? o->body : c->rec[i].message;
    buf_reset(out);
    buf_puts(out, "{\"time\":");
    letter_now(out);
    buf_puts(out, ",\"sink\":");
    json_out_string(out, span_of(sink));
    buf_puts(out, ",\"reason\":");
    json_out_string(out, reason);
    if (o && o->file.n) buf_printf(out, ",\"log_place\":%" PRIu64, o->place);
    form_origin(out, &c->rec[i], o);
    if (utf8_valid(body) < body.n) {
        buf_puts(out, ",\"log_message_base64\":");
        json_out_base64(out, body);
    }
    buf_puts(out, "}\n");
}

/* Appends the line; the file ends as it began where that fails. */
static bool letter_append(const struct dead_letters *d, int fd, struct err *e) {
    struct stat st;
    if (fstat(fd, &st) != 0) return err_set(e, ERR_IO, "%s: %s", d->path, strerror(errno));
    if ((size_t)st.st_size + d->line.n > d->bytes_max)
        return err_set(e, ERR_LIMIT, "%s is full (dead-letter-bytes): move it away, or raise the limit", d->path);
    ssize_t w = write(fd, d->line.p, d->line.n);
    if (w == (ssize_t)d->line.n && fdatasync(fd) == 0) return true;
    err_set(e, ERR_IO, "%s: %s", d->path, w >= 0 && (size_t)w < d->line.n ? strerror(ENOSPC) : strerror(errno));
    if (ftruncate(fd, st.st_size) != 0) err_prefix(e, "half a line stays");
    return false;
}

bool dead_letters_put(struct dead_letters *d, const char *sink, const char *reason, const struct chunk *c, uint32_t i,
                      struct err *e) {
    char fixed[3 * REASON_BYTES_MAX];
    struct span why = utf8_cut(span_of(reason), REASON_BYTES_MAX);
    why = (struct span){fixed, utf8_repair(why, fixed)};
    letter_write(&d->line, sink, why, c, i);
    if (d->line.failed) return err_set(e, ERR_MEMORY, "no memory for a dead letter");
    int fd = open(d->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600); /* it may have been moved away */
    if (fd < 0) return err_set(e, ERR_IO, "%s: %s", d->path, strerror(errno));
    bool ok = letter_append(d, fd, e);
    close(fd);
    return ok;
}
