/* json_out: JSON text from strings of ours. */
#ifndef BASE_JSON_OUT_H
#define BASE_JSON_OUT_H

#include "base/buf.h"
#include "base/span.h"

/* Appends s in quotes; '"', '\' and control characters are escaped (RFC 8259, section 7), other bytes stay: s should
 * be UTF-8. */
void json_out_string(struct buf *out, struct span s);

/* Appends bytes in quotes, as base64 (RFC 4648, section 4). */
void json_out_base64(struct buf *out, struct span s);

#endif
