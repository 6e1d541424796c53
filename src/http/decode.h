/* decode: Content-Encoding of request bodies: gzip (RFC 1952) and zstd (RFC 8878), a piece at a time. */
#ifndef HTTP_DECODE_H
#define HTTP_DECODE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>

enum decode_kind { DECODE_IDENTITY, DECODE_GZIP, DECODE_ZSTD, DECODE_UNKNOWN };

/* The coding named by a Content-Encoding value, case-insensitive; "" is identity. Lists of several codings are unknown.
 */
enum decode_kind decode_kind_of(struct span value);

struct decode;

struct decode *decode_open(enum decode_kind kind); /* NULL: out of memory; kind must be known */
void decode_close(struct decode *d);               /* NULL is fine */

/* Decodes from the front of *in until it is used up or bytes_max bytes have been added to out. False with INPUT: the
 * data is damaged. Several gzip members or zstd frames in a row are one text. */
bool decode_some(struct decode *d, struct span *in, struct buf *out, size_t bytes_max, struct err *e);

/* Nothing is begun and not ended: the data may end here. */
bool decode_is_whole(const struct decode *d);

#endif
