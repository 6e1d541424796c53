/* mask_map: what the bytes of a line are, one bit each, 64 bytes a block. Made once a line, so that the end of a word,
 * the digits in it and the next place that needs a look are a few instructions each instead of a loop over bytes.
 * Private to src/text/mask*.c. */
#ifndef TEXT_MASK_MAP_H
#define TEXT_MASK_MAP_H

#include "base/span.h"
#include "text/mask.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MASK_BLOCK = 64,
    MASK_BLOCKS = MASK_INPUT_MAX / MASK_BLOCK + 2, /* two without bytes behind the last that is full */
    MASK_RUN_MAX = 56,                             /* bits that a look from any place on sees at least */
};

/* The sets of bytes: first those that are read from the bytes, then those made from them. */
enum mask_set {
    MAP_DIGIT,
    MAP_XDIGIT,
    MAP_UPPER,
    MAP_LOWER,
    MAP_HIGH, /* bytes >= 0x80 */
    MAP_SPACE,
    MAP_BLANK, /* ' ' itself */
    MAP_DELIM,
    MAP_DOT,
    MAP_VALUE, /* a digit, '/', '\\' or '@' */
    MAP_KEY,   /* '=', '"' and '\'', behind which a value may stand */
    MAP_R,     /* these letters: "user NAME", "sda" */
    MAP_D,
    MAP_READ, /* so many are read */
    MAP_ALNUM = MAP_READ,
    MAP_BREAKS, /* white space, delimiters, and what is behind the line's end */
    MAP_DOMAIN, /* a dot with two lower-case letters behind it: the last of a domain name is one */
    MAP_STOP,   /* what lies before the chunk with the next of these is copied as it is */
    MAP_EASY,   /* of those: three letters, which only matter where they name a month or a day */
    MAP_SETS,
};

enum mask_mark {
    MARK_DIGIT = 1,
    MARK_SLASH = 2,
    MARK_BACKSLASH = 4,
    MARK_AT = 8,
    MARK_COLON = 16,
    MARK_DOT = 32,
    MARK_DASH = 64,
    MARK_BLANK = 128,
};

/* A bit for each byte of the line, the first is the lowest. Behind the line's end there are none but `breaks`. */
struct mask_map {
    struct span line;
    uint64_t set[MAP_SETS][MASK_BLOCKS];
    uint8_t marks[MASK_INPUT_MAX + MASK_BLOCK]; /* what a chunk holds that a shape may need */
};

/* Of each byte: a bit for each of the sets that are read; its mark. */
extern const uint16_t mask_map_sets[256];
extern const uint8_t mask_map_marks[256];

/* Fills the map of a line of at most MASK_INPUT_MAX bytes, which it borrows. */
void mask_map_make(struct span line, struct mask_map *map);

/* Reads blocks of bytes from p into the map, from block `at` on: by any instruction set and by AVX2; the same bits. */
void mask_map_read(struct mask_map *map, const char *p, size_t at, size_t blocks);
void mask_map_read_avx2(struct mask_map *map, const char *p, size_t at, size_t blocks);

/* The bits of a set from byte `at` on, at least MASK_RUN_MAX of them (the byte order is x86's); zeros behind. */
static inline uint64_t mask_map_from(const struct mask_map *map, enum mask_set set, size_t at) {
    uint64_t bits;
    memcpy(&bits, (const char *)map->set[set] + at / 8, sizeof bits);
    return bits >> at % 8;
}

/* How many bits it begins with; MASK_RUN_MAX or more: there may be more. */
static inline size_t mask_map_run(uint64_t bits) {
    return ~bits ? (size_t)__builtin_ctzll(~bits) : MASK_BLOCK;
}

/* The first n bits, n < 64. */
static inline uint64_t mask_map_first(uint64_t bits, size_t n) {
    return bits & ((1ull << n) - 1);
}

/* Where the next byte is that ends a chunk, from `at` on; at most the line's end. */
static inline size_t mask_map_break(const struct mask_map *map, size_t at) {
    uint64_t bits = map->set[MAP_BREAKS][at / MASK_BLOCK] >> at % MASK_BLOCK;
    if (bits) return at + (size_t)__builtin_ctzll(bits);
    for (at -= at % MASK_BLOCK;;) {
        at += MASK_BLOCK;
        bits = map->set[MAP_BREAKS][at / MASK_BLOCK];
        if (bits) return at + (size_t)__builtin_ctzll(bits);
    }
}

static inline bool mask_map_breaks(const struct mask_map *map, size_t at) {
    return map->set[MAP_BREAKS][at / MASK_BLOCK] >> at % MASK_BLOCK & 1;
}

/* The marks of the bytes [at, to), to > at. */
static inline unsigned mask_map_marks_of(const struct mask_map *map, size_t at, size_t to) {
    uint64_t all = 0, eight;
    for (; to - at > sizeof eight; at += sizeof eight) {
        memcpy(&eight, map->marks + at, sizeof eight);
        all |= eight;
    }
    memcpy(&eight, map->marks + at, sizeof eight);
    all |= eight << 8 * (sizeof eight - (to - at));
    all |= all >> 32, all |= all >> 16, all |= all >> 8;
    return all & 0xff;
}

/* Where the first chunk from `at` on begins that needs a look, or the white space that does; at most the line's end. */
size_t mask_map_stop(const struct mask_map *map, size_t at);

/* mask_line of a line's map: out[MASK_OUTPUT_MAX] gets the template, whose length is returned. The stops of a map only
 * say what needs no look: with all bits set it is the same. */
size_t mask_mapped(const struct mask_map *map, char *out);

#endif
