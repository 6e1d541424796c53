#include "text/utf16.h"

#include "text/utf8.h"

static uint16_t utf16_unit(const struct utf16 *u, const char *p) {
    unsigned a = (unsigned char)p[0], b = (unsigned char)p[1];
    return (uint16_t)(u->big_endian ? a << 8 | b : b << 8 | a);
}

/* What one more unit completes: characters for out[2]; how many. */
static unsigned utf16_feed(struct utf16 *u, uint16_t unit, uint32_t out[2]) {
    unsigned n = 0;
    bool low = unit >= 0xdc00 && unit <= 0xdfff, high = unit >= 0xd800 && unit <= 0xdbff;
    if (low && u->high) {
        out[n++] = 0x10000 + ((uint32_t)(u->high - 0xd800) << 10) + (unit - 0xdc00u);
        u->high = 0;
        return n;
    }
    if (u->high) out[n++] = UTF8_REPLACEMENT;
    u->high = high ? unit : 0;
    if (!high) out[n++] = low ? UTF8_REPLACEMENT : unit;
    return n;
}

size_t utf16_decode(struct utf16 *u, struct span *in, bool last, char *to, size_t room) {
    size_t n = 0;
    while (in->n >= 2 && room - n >= 2 * (size_t)UTF8_BYTES_MAX) {
        uint32_t cp[2];
        unsigned made = utf16_feed(u, utf16_unit(u, in->p), cp);
        *in = span_sub(*in, 2, in->n);
        for (unsigned i = 0; i < made; i++) n += utf8_encode(cp[i], to + n);
    }
    if (last && in->n < 2 && (in->n || u->high) && room - n >= UTF8_BYTES_MAX) {
        n += utf8_encode(UTF8_REPLACEMENT, to + n);
        *in = span_sub(*in, in->n, in->n);
        u->high = 0;
    }
    return n;
}
