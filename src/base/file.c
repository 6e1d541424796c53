#include "base/file.h"
#include "base/unconst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool file_read_all(int fd, char *p, size_t n, size_t *got) {
    for (*got = 0; *got < n;) {
        ssize_t r = read(fd, p + *got, n - *got);
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) return false;
        if (r == 0) break;
        *got += (size_t)r;
    }
    return true;
}

/* Reads at most bytes_max + 1 bytes of a file whose size is not known beforehand (pipe, /proc). */
static bool read_fd(int fd, size_t bytes_max, struct span *out, struct err *e) {
    struct stat st;
    if (fstat(fd, &st) != 0) return err_set(e, ERR_IO, "%s", strerror(errno));
    if (S_ISDIR(st.st_mode)) return err_set(e, ERR_IO, "is a directory");
    size_t room = S_ISREG(st.st_mode) && st.st_size >= 0 ? (size_t)st.st_size + 1 : 65536;
    char *p = NULL;
    size_t n = 0, got = 0;
    do {
        if (n > bytes_max || room > bytes_max + 1) room = bytes_max + 1;
        char *bigger = realloc(p, room + 1);
        if (!bigger) {
            free(p);
            return err_set(e, ERR_MEMORY, "no memory for %zu bytes", room);
        }
        p = bigger;
        if (!file_read_all(fd, p + n, room - n, &got)) {
            free(p);
            return err_set(e, ERR_IO, "%s", strerror(errno));
        }
        n += got;
        if (n > bytes_max) {
            free(p);
            return err_set(e, ERR_LIMIT, "is larger than %zu bytes", bytes_max);
        }
        if (n == room) room *= 2;
    } while (got > 0 && n < room);
    p[n] = '\0';
    *out = (struct span){p, n};
    return true;
}

/* A pipe with a name that nobody writes to is empty: opening it would wait for ever. */
static int open_without_waiting(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return fd;
}

bool file_read(const char *path, size_t bytes_max, struct span *out, struct err *e) {
    *out = (struct span){0};
    int fd = open_without_waiting(path);
    if (fd < 0) return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    bool ok = read_fd(fd, bytes_max, out, e) || err_prefix(e, "%s", path);
    close(fd);
    return ok;
}

bool file_is_open_to_others(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & (S_IWGRP | S_IRWXO)) != 0;
}

void file_free(struct span *s) {
    free(unconst(s->p));
    *s = (struct span){0};
}

static bool file_write_all(int fd, struct span s) {
    while (s.n > 0) {
        ssize_t w = write(fd, s.p, s.n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) return false;
        s.p += w;
        s.n -= (size_t)w;
    }
    return true;
}

static bool file_replace(const char *path, struct span bytes, mode_t mode, struct err *e) {
    char tmp[4096];
    int n = snprintf(tmp, sizeof tmp, "%s.tmp.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof tmp) return err_set(e, ERR_IO, "%s: path is too long", path);
    int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0) return err_set(e, ERR_IO, "%s: %s", tmp, strerror(errno));
    bool ok = file_write_all(fd, bytes) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    int cause = errno;
    if (close(fd) != 0 && ok) ok = false, cause = errno;
    if (ok && rename(tmp, path) != 0) ok = false, cause = errno;
    if (ok) return true;
    unlink(tmp);
    return err_set(e, ERR_IO, "%s: %s", path, strerror(cause));
}

bool file_write(const char *path, struct span bytes, struct err *e) {
    return file_replace(path, bytes, 0644, e);
}

bool file_write_private(const char *path, struct span bytes, struct err *e) {
    return file_replace(path, bytes, 0600, e);
}

bool file_join(char *out, size_t size, const char *dir, const char *name) {
    int n = snprintf(out, size, "%s/%s", dir, name);
    return n >= 0 && (size_t)n < size;
}
