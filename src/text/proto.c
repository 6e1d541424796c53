#include "text/proto.h"

enum { VARINT_BYTES_MAX = PROTO_HEAD_MAX / 2, NUMBER_MAX = 536870911 };

static inline bool proto_varint(struct span *s, uint64_t *v) {
    if (s->n > 0 && !((unsigned char)s->p[0] & 0x80)) { /* most tags and lengths */
        *v = (unsigned char)s->p[0];
        s->p++, s->n--;
        return true;
    }
    *v = 0;
    for (size_t i = 0; i < s->n && i < VARINT_BYTES_MAX; i++) {
        unsigned char c = (unsigned char)s->p[i];
        *v |= (uint64_t)(c & 0x7f) << (7 * i);
        if (c & 0x80) continue;
        *s = span_sub(*s, i + 1, s->n);
        return true;
    }
    return false;
}

static bool proto_fixed(struct span *s, unsigned n, uint64_t *v) {
    *v = 0;
    if (s->n < n) return false;
    for (unsigned i = 0; i < n; i++) *v |= (uint64_t)(unsigned char)s->p[i] << (8 * i);
    *s = span_sub(*s, n, s->n);
    return true;
}

static bool proto_bytes(struct span *s, struct span *bytes) {
    uint64_t n;
    if (!proto_varint(s, &n) || n > s->n) return false;
    *bytes = span_sub(*s, 0, (size_t)n);
    *s = span_sub(*s, (size_t)n, s->n);
    return true;
}

static bool proto_value(struct span *s, struct proto_field *f) {
    switch (f->type) {
    case PROTO_VARINT: return proto_varint(s, &f->value);
    case PROTO_FIXED64: return proto_fixed(s, 8, &f->value);
    case PROTO_FIXED32: return proto_fixed(s, 4, &f->value);
    case PROTO_BYTES: return proto_bytes(s, &f->bytes);
    }
    return false;
}

bool proto_take(struct span *message, struct proto_field *f) {
    struct span rest = *message;
    uint64_t tag;
    *f = (struct proto_field){0};
    if (rest.n == 0 || !proto_varint(&rest, &tag)) return false;
    if (tag >> 3 == 0 || tag >> 3 > NUMBER_MAX) return false;
    f->number = (uint32_t)(tag >> 3);
    f->type = (enum proto_type)(tag & 7);
    if (!proto_value(&rest, f)) return false;
    f->whole = span_sub(*message, 0, message->n - rest.n);
    *message = rest;
    return true;
}

size_t proto_varint_size(uint64_t v) {
    size_t n = 1;
    while (v >>= 7) n++;
    return n;
}

static uint64_t proto_tag(uint32_t number, enum proto_type type) {
    return (uint64_t)number << 3 | (uint64_t)type;
}

size_t proto_bytes_size(uint32_t number, size_t n) {
    return proto_varint_size(proto_tag(number, PROTO_BYTES)) + proto_varint_size(n) + n;
}

char *proto_varint_at(char *p, uint64_t v) {
    for (; v >= 0x80; v >>= 7) *p++ = (char)(v | 0x80);
    *p++ = (char)v;
    return p;
}

void proto_put_varint(struct buf *out, uint64_t v) {
    char text[VARINT_BYTES_MAX];
    buf_put(out, text, (size_t)(proto_varint_at(text, v) - text));
}

/* Tag and number are put at once: a record has some twenty of them. */
static void put_tagged(struct buf *out, uint64_t tag, uint64_t v) {
    char text[2 * VARINT_BYTES_MAX];
    buf_put(out, text, (size_t)(proto_varint_at(proto_varint_at(text, tag), v) - text));
}

char *proto_head_at(char *p, uint32_t number, size_t n) {
    return proto_varint_at(proto_varint_at(p, proto_tag(number, PROTO_BYTES)), n);
}

void proto_put_head(struct buf *out, uint32_t number, size_t n) {
    put_tagged(out, proto_tag(number, PROTO_BYTES), n);
}

void proto_put_bytes(struct buf *out, uint32_t number, struct span s) {
    char *room = buf_reserve(out, s.n + (size_t)2 * VARINT_BYTES_MAX);
    if (!room) return;
    char *p = proto_varint_at(proto_varint_at(room, proto_tag(number, PROTO_BYTES)), s.n);
    if (s.n > 0) memcpy(p, s.p, s.n);
    out->n += (size_t)(p - room) + s.n;
}

void proto_put_uint(struct buf *out, uint32_t number, uint64_t v) {
    put_tagged(out, proto_tag(number, PROTO_VARINT), v);
}

static void proto_put_fixed(struct buf *out, uint64_t tag, unsigned n, uint64_t v) {
    char text[VARINT_BYTES_MAX + 8], *p = proto_varint_at(text, tag);
    for (unsigned i = 0; i < n; i++) *p++ = (char)(v >> (8 * i));
    buf_put(out, text, (size_t)(p - text));
}

void proto_put_fixed64(struct buf *out, uint32_t number, uint64_t v) {
    proto_put_fixed(out, proto_tag(number, PROTO_FIXED64), 8, v);
}

void proto_put_fixed32(struct buf *out, uint32_t number, uint32_t v) {
    proto_put_fixed(out, proto_tag(number, PROTO_FIXED32), 4, v);
}

void proto_put_double(struct buf *out, uint32_t number, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    proto_put_fixed64(out, number, bits);
}
