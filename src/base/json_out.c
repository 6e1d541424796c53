#include "base/json_out.h"

#include <emmintrin.h>
#include <stdint.h>
#include <string.h>

/* For each byte: 0 stays, 'u' becomes \u00XX, anything else stands behind a backslash. */
static const char ESCAPE[256] = {
    [0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u', [0x04] = 'u', [0x05] = 'u',  [0x06] = 'u',
    [0x07] = 'u', [0x08] = 'b', [0x09] = 't', [0x0a] = 'n', [0x0b] = 'u', [0x0c] = 'f',  [0x0d] = 'r',
    [0x0e] = 'u', [0x0f] = 'u', [0x10] = 'u', [0x11] = 'u', [0x12] = 'u', [0x13] = 'u',  [0x14] = 'u',
    [0x15] = 'u', [0x16] = 'u', [0x17] = 'u', [0x18] = 'u', [0x19] = 'u', [0x1a] = 'u',  [0x1b] = 'u',
    [0x1c] = 'u', [0x1d] = 'u', [0x1e] = 'u', [0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static void put_escape(struct buf *out, unsigned char c) {
    static const char HEX[] = "0123456789abcdef";
    char esc = ESCAPE[c], text[6] = {'\\', esc, '0', '0', HEX[c >> 4], HEX[c & 15]};
    buf_put(out, text, esc == 'u' ? 6 : 2);
}

/* Of 16 bytes, a bit for each that needs an escape. */
static unsigned escapes_of(const char *p) {
    __m128i v = _mm_loadu_si128((const __m128i *)p);
    __m128i below = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(' ' - 1)), v);
    __m128i mark = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(below, mark));
}

/* The first byte from i on that needs an escape, or n. The last 16 bytes are looked at as a whole, also where some of
 * them were before. */
static size_t next_escape(struct span s, size_t i) {
    enum { AT_ONCE = 16 };
    unsigned found;
    for (; i + AT_ONCE <= s.n; i += AT_ONCE)
        if ((found = escapes_of(s.p + i)) != 0) return i + (size_t)__builtin_ctz(found);
    if (s.n >= AT_ONCE && i < s.n) {
        size_t seen = i - (s.n - AT_ONCE);
        found = escapes_of(s.p + s.n - AT_ONCE) >> seen;
        return found ? i + (size_t)__builtin_ctz(found) : s.n;
    }
    while (i < s.n && !ESCAPE[(unsigned char)s.p[i]]) i++;
    return i;
}

void json_out_string(struct buf *out, struct span s) {
    buf_putc(out, '"');
    for (size_t from = 0; from < s.n;) {
        size_t i = next_escape(s, from);
        buf_put(out, s.p + from, i - from);
        if (i < s.n) put_escape(out, (unsigned char)s.p[i++]);
        from = i;
    }
    buf_putc(out, '"');
}

void json_out_base64(struct buf *out, struct span s) {
    static const char DIGIT[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    buf_putc(out, '"');
    for (size_t i = 0; i < s.n; i += 3) {
        unsigned v = (unsigned)(unsigned char)s.p[i] << 16, left = (unsigned)(s.n - i);
        if (left > 1) v |= (unsigned)(unsigned char)s.p[i + 1] << 8;
        if (left > 2) v |= (unsigned)(unsigned char)s.p[i + 2];
        buf_putc(out, DIGIT[v >> 18]);
        buf_putc(out, DIGIT[v >> 12 & 63]);
        buf_putc(out, left > 1 ? DIGIT[v >> 6 & 63] : '=');
        buf_putc(out, left > 2 ? DIGIT[v & 63] : '=');
    }
    buf_putc(out, '"');
}
