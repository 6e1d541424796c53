/* cache: files that save the next start some work. They are never needed and never trusted: one is used when its key (a
 * hash of all that it was made from) and the hash of its contents are right; else it is made anew, in one step, so that
 * any number of processes may do so at the same time. The hashes find damage, not malice: whoever may write the folder
 * may as well change the program's configuration. */
#ifndef BASE_CACHE_H
#define BASE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

enum { CACHE_PATH_BYTES = 4096 };

struct cache_head {
    char magic[8];
    uint64_t key, bytes; /* of the contents, which follow */
    XXH128_hash_t hash;  /* of the contents */
};

/* The path of a file in the cache folder: $CACHE_DIRECTORY (systemd makes it), $XDG_CACHE_HOME/logclass or
 * ~/.cache/logclass, made where `make` says so. False: there is no such folder to name. */
bool cache_path(char out[CACHE_PATH_BYTES], const char *name, bool make);

/* Opens the file at path; its contents come next. -1: there is none, or it is not whole. */
int cache_open(const char *path, struct cache_head *h);

/* Reads the next n bytes of the contents; false: they are not there. */
bool cache_read(int fd, void *out, size_t n);

/* Puts the head, for this key, in front of the contents that follow it at all[sizeof (struct cache_head)] up to
 * all[n], and writes both in one step. Only its owner may read the file where `private` says so. */
bool cache_write(const char *path, uint64_t key, char *all, size_t n, bool private);

#endif
