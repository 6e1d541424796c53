/* mask: turns a message into its template in one pass: values (timestamps, numbers, hex, addresses, paths, …) become
 * typed placeholders, words stay. The encoder and the LLM see only the template, so an answer is a pure function of it.
 */
#ifndef TEXT_MASK_H
#define TEXT_MASK_H

#include "base/span.h"

#include <stddef.h>

enum {
    MASK_INPUT_MAX = 2048,                     /* bytes of a message that count; the encoder sees 256 tokens anyway */
    MASK_OUTPUT_MAX = 2 * MASK_INPUT_MAX + 64, /* a template never grows past this */
};

/* Changes whenever any input may get another template: part of memo keys and head files. */
enum { MASK_VERSION = 3 };

/* Writes the template of message to out[MASK_OUTPUT_MAX] and returns its length. Any bytes are fine. Pure: same input,
 * same output on every machine and instruction set. Thread-safe. */
size_t mask_line(struct span message, char *out);

#endif
