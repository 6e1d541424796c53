#include "base/json_out.h"

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

#define EIGHT(c) (0x0101010101010101u * (c))

/* Whether one of eight bytes needs an escape: below a blank, a quote or a backslash. A byte is below n where taking n
 * from it borrows into its top bit and it had none; the lowest such byte is told rightly, and that is enough. */
static bool any_escape(const char *p) {
    uint64_t v, quote, backslash;
    memcpy(&v, p, sizeof v);
    quote = v ^ EIGHT('"'), backslash = v ^ EIGHT('\\');
    uint64_t found = ((v - EIGHT(' ')) & ~v) | ((quote - EIGHT(1)) & ~quote) | ((backslash - EIGHT(1)) & ~backslash);
    return (found & EIGHT(0x80u)) != 0;
}

/* The first byte from i on that needs an escape, or n. */
static size_t next_escape(struct span s, size_t i) {
    while (i + 8 <= s.n && !any_escape(s.p + i)) i += 8;
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
