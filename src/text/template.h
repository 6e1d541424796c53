/* template: what the encoder and the LLM see of a record, and what the memo's key is made of: the masked message, with
 * the masked source before it where the source is set to count. */
#ifndef TEXT_TEMPLATE_H
#define TEXT_TEMPLATE_H

#include "base/span.h"
#include "text/mask.h"

#include <stdbool.h>

enum {
    TEMPLATE_SOURCE_MAX = 128, /* bytes of a source that count */
    TEMPLATE_MAX = 2 * TEMPLATE_SOURCE_MAX + 64 + 2 + MASK_OUTPUT_MAX,
};

/* Writes "<source>: <message>", both masked, to out[TEMPLATE_MAX] (the message alone when the source is empty or does
 * not count); returns the length. Pure and thread-safe, like mask_line. */
size_t template_write(struct span source, struct span message, bool use_source, char *out);

#endif
