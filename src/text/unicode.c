#include "text/unicode.h"

#include <string.h>

/* Every table begins its rows with the code point it is ordered by. */
struct class_row {
    uint32_t first, last;
    enum unicode_class class;
};
struct strip_row {
    uint32_t from, to;
};
struct strip3_row {
    uint32_t from, to[UNICODE_STRIP_MAX];
};
struct lower_row {
    uint32_t first, last;
    int step, distance;
};

/* clang-format off */
#define CLASS(first, last, class)
#define STRIP(from, to)
#define STRIP3(from, a, b, c)
#define LOWER(first, last, step, distance)

#undef CLASS
#define CLASS(first, last, class) {0x##first, 0x##last, UNICODE_##class},
static const struct class_row CLASSES[] = {
#include "text/unicode.def"
};
#undef CLASS
#define CLASS(first, last, class)

#undef STRIP
#define STRIP(from, to) {0x##from, 0x##to},
static const struct strip_row STRIPS[] = {
#include "text/unicode.def"
};
#undef STRIP
#define STRIP(from, to)

#undef STRIP3
#define STRIP3(from, a, b, c) {0x##from, {0x##a, 0x##b, 0x##c}},
static const struct strip3_row STRIPS3[] = {
#include "text/unicode.def"
};
#undef STRIP3
#define STRIP3(from, a, b, c)

#undef LOWER
#define LOWER(first, last, step, distance) {0x##first, 0x##last, step, distance},
static const struct lower_row LOWERS[] = {
#include "text/unicode.def"
};
/* clang-format on */

/* The last row of table whose first field is not above cp, or NULL. */
static const void *unicode_find(const void *table, size_t bytes, size_t row_bytes, uint32_t cp) {
    const unsigned char *rows = table, *found = NULL;
    for (size_t low = 0, high = bytes / row_bytes; low < high;) {
        size_t middle = (low + high) / 2;
        const unsigned char *row = rows + middle * row_bytes;
        uint32_t first;
        memcpy(&first, row, sizeof first);
        if (first <= cp)
            found = row, low = middle + 1;
        else
            high = middle;
    }
    return found;
}

#define FIND(table, cp) unicode_find(table, sizeof(table), sizeof(table)[0], cp)

enum unicode_class unicode_class(uint32_t cp) {
    const struct class_row *row = FIND(CLASSES, cp);
    return row && cp <= row->last ? row->class : UNICODE_LETTER;
}

/* Hangul syllables decompose by arithmetic (Unicode standard, 3.12). */
static size_t strip_hangul(uint32_t syllable, uint32_t out[UNICODE_STRIP_MAX]) {
    enum { LEADS = 0x1100, VOWELS = 0x1161, TRAILS = 0x11a7, VOWEL_N = 21, TRAIL_N = 28 };
    out[0] = LEADS + syllable / (VOWEL_N * TRAIL_N);
    out[1] = VOWELS + syllable / TRAIL_N % VOWEL_N;
    out[2] = TRAILS + syllable % TRAIL_N;
    return out[2] == TRAILS ? 2 : 3;
}

size_t unicode_strip(uint32_t cp, uint32_t out[UNICODE_STRIP_MAX]) {
    enum { HANGUL_FIRST = 0xac00, HANGUL_LAST = 0xd7a3 };
    out[0] = cp;
    if (cp < 0x80) return 1;
    if (cp >= HANGUL_FIRST && cp <= HANGUL_LAST) return strip_hangul(cp - HANGUL_FIRST, out);
    if (unicode_class(cp) == UNICODE_MARK) return 0;
    const struct strip_row *one = FIND(STRIPS, cp);
    if (one && one->from == cp) {
        out[0] = one->to;
        return 1;
    }
    const struct strip3_row *more = FIND(STRIPS3, cp);
    if (!more || more->from != cp) return 1;
    size_t n = 0;
    while (n < UNICODE_STRIP_MAX && more->to[n]) out[n] = more->to[n], n++;
    return n;
}

size_t unicode_lower(uint32_t cp, uint32_t out[UNICODE_LOWER_MAX]) {
    enum { I_WITH_DOT = 0x130, DOT_ABOVE = 0x307 }; /* the one letter whose lower case is two code points */
    out[0] = cp == I_WITH_DOT ? 'i' : cp;
    out[1] = DOT_ABOVE;
    if (cp == I_WITH_DOT) return 2;
    const struct lower_row *row = FIND(LOWERS, cp);
    if (row && cp <= row->last && (cp - row->first) % (uint32_t)row->step == 0)
        out[0] = (uint32_t)((int32_t)cp + row->distance);
    return 1;
}
