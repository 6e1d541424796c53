/* vector_store: what the encoder said about templates, kept in a file from one run to the next, and shared by all
 * processes of a state folder. A kept vector decides like a fresh one (encoder/vector8.h), and a new head decides again
 * without the encoder.
 *
 * It is a cache: whatever is wrong with its file, templates are encoded again and nothing else changes. The file is a
 * head of 64 bytes and records of one size, only ever appended to, each with a checksum. When it is half as large as
 * both files may be, it becomes the older one ("….old") and a new one begins; what is asked for in the older one moves
 * on to the new one. Names of templates are hashes with a seed of the file's own; texts are not kept.
 *
 * Any number of threads. Nobody waits for the disk but for a read of one record: what is to be kept is copied, and
 * written by a thread of the store's. */
#ifndef MEMO_VECTOR_STORE_H
#define MEMO_VECTOR_STORE_H

#include "base/err.h"
#include "base/span.h"
#include "data/answer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vector_store;

enum {
    VECTOR_STORE_DIM_MAX = 1024,
    VECTOR_STORE_QUEUE = 2048, /* vectors waiting to be written; more are not kept */
};

/* path: of the file, which is made where it is missing, in a folder that is there. bytes_max: of both files. A file
 * that is no store of vectors of this dimension is set aside as "….damaged". NULL: e says why; go on without. */
struct vector_store *vector_store_open(const char *path, unsigned dim, size_t bytes_max, struct err *e);
void vector_store_close(struct vector_store *s); /* writes what waits; NULL is fine */

unsigned vector_store_dim(const struct vector_store *s);
size_t vector_store_count(struct vector_store *s); /* of both files */

/* version: a hash of everything besides the template that a vector depends on. */
struct memo_key vector_store_key(const struct vector_store *s, struct span template, uint64_t version);

/* True: step[dim] and *scale are the vector's. */
bool vector_store_get(struct vector_store *s, struct memo_key key, int8_t *step, float *scale);

/* To be kept, unless there is no room in the queue. One that is there already is kept once more, and that one counts.
 */
void vector_store_put(struct vector_store *s, struct memo_key key, const int8_t *step, float scale);

#endif
