/* utf8: strict UTF-8 (no surrogates, no overlong forms, nothing above U+10FFFF). What is not valid becomes U+FFFD, one
 * for each maximal part of a sequence that could have gone on: the rule of the Unicode standard (3.9, table 3-8), of
 * the WHATWG decoder and of Go's range loop over such parts. All functions are pure. */
#ifndef TEXT_UTF8_H
#define TEXT_UTF8_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_BYTES_MAX = 4, UTF8_REPLACEMENT = 0xfffd };

/* Decodes the character at p[0, n), n >= 1, and returns its length in bytes. Not valid: *cp is UTF8_REPLACEMENT and the
 * length is that of the part to replace, never 0. */
size_t utf8_decode(const char *p, size_t n, uint32_t *cp);

/* Writes a code point (a scalar value, not checked) to out; returns its length. */
size_t utf8_encode(uint32_t cp, char out[UTF8_BYTES_MAX]);

/* Length of the longest valid front part: s.n when all of s is valid. */
size_t utf8_valid(struct span s);

/* Copies s to out[3 * s.n] with its invalid parts replaced; returns the length. */
size_t utf8_repair(struct span s, char *out);

/* s, cut to at most bytes_max bytes, not inside a character. */
struct span utf8_cut(struct span s, size_t bytes_max);

#endif
