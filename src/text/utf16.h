/* utf16: UTF-16 text, as Windows programs export it, to UTF-8; a piece at a time. A half of a surrogate pair that
 * stands alone becomes U+FFFD. Pure but for its struct. */
#ifndef TEXT_UTF16_H
#define TEXT_UTF16_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct utf16 {
    bool big_endian;
    uint16_t high; /* half of a pair whose other half has not come yet; 0: none */
};

/* Converts from the front of *in, and moves it on by what was used, into to[room]; returns the bytes written. Without
 * `last` the end of *in may be an odd byte, which is left there. With it everything is used up, if there is room. */
size_t utf16_decode(struct utf16 *u, struct span *in, bool last, char *to, size_t room);

#endif
