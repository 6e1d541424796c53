/* unicode: what BERT's reference tokenizer does with a code point. The tables (unicode.def) are generated from the
 * reference itself, so its Unicode versions are ours. Pure. Private to src/text. */
#ifndef TEXT_UNICODE_H
#define TEXT_UNICODE_H

#include <stddef.h>
#include <stdint.h>

enum unicode_class {
    UNICODE_LETTER, /* everything without a rule: part of a word */
    UNICODE_DROP,   /* control and format characters, private use, U+FFFD: as if it weren't there */
    UNICODE_SPACE,
    UNICODE_CJK,   /* an ideograph: a word of its own */
    UNICODE_PUNCT, /* a word of its own */
    UNICODE_MARK,  /* a combining mark (Mn): gone when accents are stripped */
};

enum { UNICODE_STRIP_MAX = 3, UNICODE_LOWER_MAX = 2 };

enum unicode_class unicode_class(uint32_t cp);

/* cp decomposed (NFD) and without its combining marks; returns how many code points, 0 for a mark. */
size_t unicode_strip(uint32_t cp, uint32_t out[UNICODE_STRIP_MAX]);

/* cp in lower case; returns how many code points. */
size_t unicode_lower(uint32_t cp, uint32_t out[UNICODE_LOWER_MAX]);

#endif
