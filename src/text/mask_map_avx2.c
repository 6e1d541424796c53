/* The bytes of a block, 32 at a time. Each half of a byte chooses from a table of 16, and a bit that both have says
 * that the byte is in one set of those whose upper halves are some and whose lower halves are some: two look-ups for
 * eight such sets. mask_map_test compares every byte with the plain form. */
#include "text/mask_map.h"

#include <immintrin.h>

struct halves {
    uint8_t upper[16], lower[16];
};

/* Bit 0: a-f and A-F; bit 7: quotes. */
enum { A_UPPER = 2 | 4, A_LOWER = 8 | 16, A_SPACE = 32 | 64 /* but ' ' */ };
static const struct halves LETTERS = {
    .upper = {32, 32, 128, 0, 3, 4, 9, 80},
    .lower = {52, 63, 191, 63, 63, 63, 63, 190, 62, 62, 62, 42, 42, 42, 42, 106},
};

/* Bits 5 to 7: '=', 'r' and 'd'. */
enum { B_DELIM = 1 | 2 | 4 | 8 | 16 /* but quotes */ };
static const struct halves DELIMS = {
    .upper = {0, 0, 1, 34, 0, 4, 144, 72},
    .lower = {16, 0, 64, 0, 128, 0, 0, 0, 1, 1, 0, 14, 11, 46, 2, 0},
};

static const struct halves MARKS = {
    /* enum mask_mark */
    .upper = {0, 0, 226, 17, 8, 4},
    .lower = {137, 1, 1, 1, 1, 1, 1, 1, 1, 1, 16, 0, 4, 64, 32, 2},
};

static inline __m256i choose(const struct halves *of, __m256i upper, __m256i lower) {
    __m256i u = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)of->upper));
    __m256i l = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)of->lower));
    return _mm256_and_si256(_mm256_shuffle_epi8(u, upper), _mm256_shuffle_epi8(l, lower));
}

/* Two halves of a block's bytes, looked up. */
struct looked_up {
    __m256i low, high;
};

static inline struct looked_up look_up(const struct halves *of, struct looked_up upper, struct looked_up lower) {
    return (struct looked_up){choose(of, upper.low, lower.low), choose(of, upper.high, lower.high)};
}

static inline uint64_t tops(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

/* A bit for each byte that has any of `bits`, or one bit of 0 to 7. */
static inline uint64_t any_of(struct looked_up x, int bits) {
    __m256i wanted = _mm256_set1_epi8((char)bits), zero = _mm256_setzero_si256();
    return ~tops(_mm256_cmpeq_epi8(_mm256_and_si256(x.low, wanted), zero),
                 _mm256_cmpeq_epi8(_mm256_and_si256(x.high, wanted), zero));
}
static inline uint64_t one_of(struct looked_up x, int bit) {
    return tops(_mm256_slli_epi16(x.low, 7 - bit), _mm256_slli_epi16(x.high, 7 - bit));
}

void mask_map_read_avx2(struct mask_map *map, const char *p, size_t at, size_t blocks) {
    const __m256i half = _mm256_set1_epi8(15);
    for (size_t b = at; b < at + blocks; b++, p += MASK_BLOCK) {
        struct looked_up x = {_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 32))};
        struct looked_up lower = {_mm256_and_si256(x.low, half), _mm256_and_si256(x.high, half)};
        struct looked_up upper = {_mm256_and_si256(_mm256_srli_epi16(x.low, 4), half),
                                  _mm256_and_si256(_mm256_srli_epi16(x.high, 4), half)};
        struct looked_up mark = look_up(&MARKS, upper, lower);
        _mm256_storeu_si256((__m256i *)(map->marks + b * MASK_BLOCK), mark.low);
        _mm256_storeu_si256((__m256i *)(map->marks + b * MASK_BLOCK + 32), mark.high);
        uint64_t digit = one_of(mark, 0), blank = one_of(mark, 7);
        map->set[MAP_DIGIT][b] = digit;
        map->set[MAP_BLANK][b] = blank;
        map->set[MAP_DOT][b] = one_of(mark, 5);
        map->set[MAP_VALUE][b] = any_of(mark, MARK_DIGIT | MARK_SLASH | MARK_BACKSLASH | MARK_AT);
        map->set[MAP_HIGH][b] = tops(x.low, x.high);
        struct looked_up letters = look_up(&LETTERS, upper, lower);
        uint64_t quote = one_of(letters, 7);
        map->set[MAP_XDIGIT][b] = digit | one_of(letters, 0);
        map->set[MAP_UPPER][b] = any_of(letters, A_UPPER);
        map->set[MAP_LOWER][b] = any_of(letters, A_LOWER);
        map->set[MAP_SPACE][b] = blank | any_of(letters, A_SPACE);
        struct looked_up delims = look_up(&DELIMS, upper, lower);
        map->set[MAP_DELIM][b] = quote | any_of(delims, B_DELIM);
        map->set[MAP_KEY][b] = quote | one_of(delims, 5);
        map->set[MAP_R][b] = one_of(delims, 6);
        map->set[MAP_D][b] = one_of(delims, 7);
    }
}
