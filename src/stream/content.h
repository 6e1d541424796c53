/* content: what the first bytes of an input tell: text, UTF-16 text, or something that holds no lines (content.def).
 * Pure. */
#ifndef STREAM_CONTENT_H
#define STREAM_CONTENT_H

#include "base/err.h"
#include "base/span.h"

enum { CONTENT_FRONT_BYTES = 4096 }; /* more are not looked at */

enum content { CONTENT_TEXT, CONTENT_UTF8_MARKED, CONTENT_UTF16_LITTLE, CONTENT_UTF16_BIG, CONTENT_BINARY };

/* Bytes of the byte order mark that stand before the text. */
size_t content_mark_bytes(enum content c);

enum content content_of(struct span front);

/* Could more bytes make something else of these few than text? */
bool content_is_open(struct span front);

/* For CONTENT_BINARY: an error that says what `name` is, and what to do instead. Returns false. */
bool content_refuse(struct span front, const char *name, struct err *e);

#endif
