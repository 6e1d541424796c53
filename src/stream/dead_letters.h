/* dead_letters: a file of records that a sink's server will never take, a JSON object a line: when, which sink, why,
 * and the record with where it came from. One thread at a time. */
#ifndef STREAM_DEAD_LETTERS_H
#define STREAM_DEAD_LETTERS_H

#include "base/err.h"
#include "data/chunk.h"

struct dead_letters;

/* The file is made when the first letter comes. bytes_max: it does not grow beyond. */
struct dead_letters *dead_letters_open(const char *path, size_t bytes_max);
void dead_letters_close(struct dead_letters *d); /* NULL is fine */

/* Writes record i of the chunk, and waits until the disk has it. reason: why it is here. False: not now (the disk, or
 * the file is full: e says so). */
bool dead_letters_put(struct dead_letters *d, const char *sink, const char *reason, const struct chunk *c, uint32_t i,
                      struct err *e);

#endif
