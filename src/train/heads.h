/* heads: the heads that were learnt here, in a folder of their own: NAME.json each, NAME.taught beside it (what it was
 * taught), and current.json, a link to the one in use. Names are times, so that their order is that of age. A change of
 * the head in use is one step: whoever opens current.json gets the old one or the new one. */
#ifndef TRAIN_HEADS_H
#define TRAIN_HEADS_H

#include "base/err.h"
#include "encoder/head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEADS_MAX = 32 /* older ones are removed, but for the one in use */,
    HEADS_NAME_MAX = 40,
    HEADS_TAUGHT_MAX = 1 << 20
};

struct heads_entry {
    char name[HEADS_NAME_MAX];
    bool current;
};

/* The path of the head in use. False: none that was learnt; the shipped one is. */
bool heads_current(const char *folder, char *out, size_t size);

/* Writes a head and makes it the one in use; name[HEADS_NAME_MAX] gets its name. taught[n]: hashes of what it was
 * taught beyond the corpus, at most HEADS_TAUGHT_MAX. now_s: seconds since the epoch. The folder must be there. */
struct heads_lesson {
    const struct head_content *content;
    const uint64_t *taught;
    size_t n;
    int64_t now_s;
};
bool heads_install(const char *folder, const struct heads_lesson *l, char *name, struct err *e);

/* Makes an earlier head the one in use; "shipped": none that was learnt. */
bool heads_restore(const char *folder, const char *name, struct err *e);

/* Newest first; returns how many there are in out[HEADS_MAX + 1]. No such folder: 0. */
unsigned heads_list(const char *folder, struct heads_entry *out);

/* The file of a head of the list. */
bool heads_path(const char *folder, const char *name, char *out, size_t size);

/* What the head in use was taught: *out[*n], to be freed; nothing for the shipped one, or when it is not known. */
void heads_taught(const char *folder, uint64_t **out, size_t *n);

#endif
