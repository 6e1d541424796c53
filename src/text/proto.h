/* proto: the wire format of protocol buffers, a field at a time. Pure: spans are parts of the message that is read. A
 * reader must not count on an order of fields: some senders write them last to first. */
#ifndef TEXT_PROTO_H
#define TEXT_PROTO_H

#include "base/buf.h"
#include "base/span.h"

#include <stdint.h>

enum proto_type { PROTO_VARINT = 0, PROTO_FIXED64 = 1, PROTO_BYTES = 2, PROTO_FIXED32 = 5 };

struct proto_field {
    uint32_t number;
    enum proto_type type;
    uint64_t value;    /* of all but PROTO_BYTES */
    struct span bytes; /* of PROTO_BYTES: strings, messages, packed numbers */
    struct span whole; /* with its tag and length, to be copied as it is */
};

/* Takes the next field off *message. False: there is none, or what is left is no field: then *message is not empty.
 * Groups, which nobody writes any more, are no fields. */
bool proto_take(struct span *message, struct proto_field *f);

size_t proto_varint_size(uint64_t v);
size_t proto_bytes_size(uint32_t number, size_t n); /* of a PROTO_BYTES field with n bytes, its tag and length too */

/* Where the room is there already: the end of what was written at p, at most half as much for a varint. */
enum { PROTO_HEAD_MAX = 20 };
char *proto_varint_at(char *p, uint64_t v);
char *proto_head_at(char *p, uint32_t number, size_t n);

void proto_put_varint(struct buf *out, uint64_t v);
void proto_put_head(struct buf *out, uint32_t number, size_t n); /* tag and length of n bytes that follow */
void proto_put_bytes(struct buf *out, uint32_t number, struct span s);
void proto_put_uint(struct buf *out, uint32_t number, uint64_t v);
void proto_put_fixed64(struct buf *out, uint32_t number, uint64_t v);
void proto_put_fixed32(struct buf *out, uint32_t number, uint32_t v);
void proto_put_double(struct buf *out, uint32_t number, double v);

#endif
