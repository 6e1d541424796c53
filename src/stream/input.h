/* input: the bytes of a file, of stdin ("-"), or of what a .gz or .zst file holds (told by its first bytes, not its
 * name). */
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

/* For a progress bar: bytes of the file taken so far and its size; size 0: unknown (a pipe). */
uint64_t input_position(const struct input *in);
uint64_t input_size(const struct input *in);

#endif
