/* vectors: a file of text hashes and their vectors, so that training again with other settings needs no encoder. It
 * belongs to one model and one kernel; a file of another is as good as none. */
#ifndef TRAIN_VECTORS_H
#define TRAIN_VECTORS_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vectors {
    uint64_t owner; /* of the model and kernel: vectors_owner */
    unsigned dim;
    size_t n;
    struct vectors_key {
        uint64_t low, high; /* XXH3-128 of a text */
        uint64_t index;     /* of its vector */
    } * key;                /* [n], ascending */
    float *vector;          /* [n][dim] */
};

uint64_t vectors_owner(uint64_t model_hash, const char *kernel);

/* Reads the file; an absent file, or one of another owner or width, gives an empty v. False: it is broken or can't be
 * read. v is released in any case. */
bool vectors_read(struct vectors *v, const char *path, uint64_t owner, unsigned dim, struct err *e);
void vectors_release(struct vectors *v);

const float *vectors_find(const struct vectors *v, struct span text); /* NULL: not in it */

/* Writes the vectors of text[n], of v's owner and width, in place of what the file held. */
bool vectors_write(const struct vectors *v, const char *path, const struct span *text, const float *vector, size_t n,
                   struct err *e);

#endif
