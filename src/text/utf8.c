#include "text/utf8.h"

#include <emmintrin.h>

/* What a lead byte asks for: the sequence's length and the range of its second byte (Unicode standard, table 3-7). The
 * other bytes are 80..bf. Rows are in the order of the lead bytes; `last` is the last lead byte of a row. */
static const struct lead {
    unsigned char last, length, low, high;
} LEAD[] = {
    {0x7f, 1, 0, 0},       {0xc1, 0, 0, 0},       {0xdf, 2, 0x80, 0xbf}, {0xe0, 3, 0xa0, 0xbf},
    {0xec, 3, 0x80, 0xbf}, {0xed, 3, 0x80, 0x9f}, {0xef, 3, 0x80, 0xbf}, {0xf0, 4, 0x90, 0xbf},
    {0xf3, 4, 0x80, 0xbf}, {0xf4, 4, 0x80, 0x8f}, {0xff, 0, 0, 0},
};

size_t utf8_decode(const char *p, size_t n, uint32_t *cp) {
    const unsigned char *u = (const unsigned char *)p;
    const struct lead *lead = LEAD;
    while (u[0] > lead->last) lead++;
    *cp = UTF8_REPLACEMENT;
    if (lead->length == 0) return 1;
    uint32_t value = lead->length == 1 ? u[0] : u[0] & (0x7fu >> lead->length);
    for (size_t i = 1; i < lead->length; i++) {
        unsigned low = i == 1 ? lead->low : 0x80, high = i == 1 ? lead->high : 0xbf;
        if (i == n || u[i] < low || u[i] > high) return i;
        value = value << 6 | (u[i] & 0x3fu);
    }
    *cp = value;
    return lead->length;
}

size_t utf8_encode(uint32_t cp, char out[UTF8_BYTES_MAX]) {
    static const unsigned char MARK[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, cp >>= 6) out[i] = (char)(0x80 | (cp & 0x3f));
    out[0] = (char)(MARK[n] | cp);
    return n;
}

/* Length of the ASCII front part, as far as whole blocks of 16 bytes tell. */
static size_t ascii_blocks(const char *p, size_t n) {
    enum { AT_ONCE = 16 };
    size_t i = 0;
    for (; i + AT_ONCE <= n; i += AT_ONCE)
        if (_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(p + i)))) return i;
    bool rest = n >= AT_ONCE && !_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(p + n - AT_ONCE)));
    return rest ? n : i; /* of the last 16 some were seen before */
}

/* Tells a real U+FFFD from one that stands for an invalid part: no invalid part is of three bytes and begins with ef.
 */
static bool is_replacement(const char *p, size_t length) {
    return length == 3 && (unsigned char)p[0] == 0xef;
}

size_t utf8_valid(struct span s) {
    enum { DECODED = 8 };   /* characters, before bytes are looked at together again */
    if (s.n == 0) return 0; /* s.p may be NULL */
    for (size_t i = 0;;) {
        i += ascii_blocks(s.p + i, s.n - i);
        for (size_t k = 0; k < DECODED; k++) {
            if (i == s.n) return i;
            uint32_t cp;
            size_t length = utf8_decode(s.p + i, s.n - i, &cp);
            if (cp == UTF8_REPLACEMENT && !is_replacement(s.p + i, length)) return i;
            i += length;
        }
    }
}

size_t utf8_repair(struct span s, char *out) {
    size_t n = 0;
    while (s.n > 0) {
        size_t valid = utf8_valid(s);
        memcpy(out + n, s.p, valid);
        n += valid;
        s = span_sub(s, valid, s.n);
        if (s.n == 0) break;
        uint32_t cp;
        s = span_sub(s, utf8_decode(s.p, s.n, &cp), s.n);
        n += utf8_encode(UTF8_REPLACEMENT, out + n);
    }
    return n;
}

struct span utf8_cut(struct span s, size_t bytes_max) {
    if (s.n <= bytes_max) return s;
    size_t n = bytes_max;
    for (size_t back = 0; back < UTF8_BYTES_MAX - 1 && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80; back++) n--;
    return span_sub(s, 0, ((unsigned char)s.p[n] & 0xc0) == 0x80 ? bytes_max : n);
}
