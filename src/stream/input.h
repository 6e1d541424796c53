/* input: the text of a file or of stdin ("-"), decompressed where it is compressed (gzip, zstd, xz, bzip2), UTF-16 with
 * a byte order mark made UTF-8; all told by the first bytes, not by the name. What is no text is refused by name. */
#ifndef STREAM_INPUT_H
#define STREAM_INPUT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input;

/* Reads nothing yet. One thread at a time. */
struct input *input_open(const char *path, struct err *e);
void input_close(struct input *in); /* NULL is fine */

/* Up to n bytes into p. *got == 0: the end (input_is_ended), or, of a pipe or terminal, nothing within wait_ms. False:
 * the file cannot be read, or its compressed form is broken or cut short; what was read before is good. */
bool input_read(struct input *in, char *p, size_t n, int wait_ms, size_t *got, struct err *e);
bool input_is_ended(const struct input *in);

/* Before the first read: take what is no text (stream/content.h) instead of refusing it. */
void input_take_any(struct input *in);

/* For a progress bar: bytes of the file taken so far and its size; size 0: unknown (a pipe). */
uint64_t input_position(const struct input *in);
uint64_t input_size(const struct input *in);

#endif
