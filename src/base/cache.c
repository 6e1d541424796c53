#include "base/cache.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MAGIC[8] = "LCACHE1";

static bool cache_folder(char out[CACHE_PATH_BYTES], bool make) {
    const char *service = getenv("CACHE_DIRECTORY"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char base[CACHE_PATH_BYTES];
    if (service && *service == '/') return file_join(out, CACHE_PATH_BYTES, service, "");
    bool own = cache && *cache == '/';
    if (own ? !file_join(base, sizeof base, cache, "") : !home || !file_join(base, sizeof base, home, ".cache"))
        return false;
    if (!file_join(out, CACHE_PATH_BYTES, base, "logclass")) return false;
    if (make) mkdir(base, 0700), mkdir(out, 0700); /* there already, or the write will fail */
    return true;
}

bool cache_path(char out[CACHE_PATH_BYTES], const char *name, bool make) {
    char folder[CACHE_PATH_BYTES];
    return cache_folder(folder, make) && file_join(out, CACHE_PATH_BYTES, folder, name);
}

bool cache_read(int fd, void *out, size_t n) {
    for (size_t got = 0; got < n;) {
        ssize_t r = read(fd, (char *)out + got, n - got);
        if (r < 0 && errno == EINTR) continue;
        if (r <= 0) return false;
        got += (size_t)r;
    }
    return true;
}

int cache_open(const char *path, struct cache_head *h) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of this name is not waited for */
    if (fd < 0) return -1;
    if (cache_read(fd, h, sizeof *h) && memcmp(h->magic, MAGIC, sizeof MAGIC) == 0 && fstat(fd, &st) == 0 &&
        (uint64_t)st.st_size - sizeof *h == h->bytes)
        return fd;
    close(fd);
    return -1;
}

bool cache_write(const char *path, uint64_t key, char *all, size_t n, bool private) {
    struct err ignored;
    char *contents = all + sizeof(struct cache_head);
    struct cache_head h = {.key = key, .bytes = n - sizeof h, .hash = XXH3_128bits(contents, n - sizeof h)};
    memcpy(h.magic, MAGIC, sizeof MAGIC);
    memcpy(all, &h, sizeof h);
    struct span bytes = {all, n};
    return private ? file_write_private(path, bytes, &ignored) : file_write(path, bytes, &ignored);
}
