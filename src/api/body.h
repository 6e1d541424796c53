/* body: the JSON object that a request of the page sends. */
#ifndef API_BODY_H
#define API_BODY_H

#include "base/span.h"
#include "http/exchange.h"

#include <yyjson.h>

enum { BODY_BYTES_MAX = 1 << 20 };

/* Parses the body, which must be one object; yyjson_doc_free it. NULL: x is refused. On the desk's thread. */
yyjson_doc *body_read(struct exchange *x);

/* A member's text; "" where it is missing or null. False: x is refused, it is no text or longer than max bytes. */
bool body_text(struct exchange *x, yyjson_val *object, const char *name, size_t max, struct span *out);

/* A member's whole number; `none` where it is missing or null. False: x is refused, it is none of 0 to max. */
bool body_number(struct exchange *x, yyjson_val *object, const char *name, uint64_t max, uint64_t none, uint64_t *out);

#endif
