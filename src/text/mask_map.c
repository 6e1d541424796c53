#include "text/mask_map.h"

#include "text/mask_match.h"

/* Bit k of byte j becomes bit j of byte k. */
static uint64_t turned(uint64_t x) {
    uint64_t t = (x ^ x >> 7) & 0x00aa00aa00aa00aau;
    x ^= t ^ t << 7;
    t = (x ^ x >> 14) & 0x0000cccc0000ccccu;
    x ^= t ^ t << 14;
    t = (x ^ x >> 28) & 0x00000000f0f0f0f0u;
    return x ^ t ^ t << 28;
}

void mask_map_read(struct mask_map *map, const char *p, size_t at, size_t blocks) {
    enum { AT_ONCE = 8, SETS_MAX = 16 };
    _Static_assert((int)MAP_READ <= (int)SETS_MAX, "two bytes of bits");
    for (size_t b = at; b < at + blocks; b++, p += MASK_BLOCK) {
        uint64_t word[SETS_MAX] = {0};
        for (size_t i = 0; i < MASK_BLOCK; i += AT_ONCE) {
            uint64_t low = 0, high = 0;
            for (size_t k = 0; k < AT_ONCE; k++) {
                unsigned char c = (unsigned char)p[i + k];
                low |= (uint64_t)(mask_map_sets[c] & 0xff) << 8 * k;
                high |= (uint64_t)(mask_map_sets[c] >> 8) << 8 * k;
                map->marks[b * MASK_BLOCK + i + k] = mask_map_marks[c];
            }
            low = turned(low), high = turned(high);
            for (size_t k = 0; k < AT_ONCE; k++) {
                word[k] |= (low >> 8 * k & 0xff) << i;
                word[AT_ONCE + k] |= (high >> 8 * k & 0xff) << i;
            }
        }
        for (size_t k = 0; k < MAP_READ; k++) map->set[k][b] = word[k];
    }
}

/* The bits of a set for the bytes k before and behind those of block b. */
#define BEFORE(set, k) (set[b] << (k) | (b > 0 ? set[b - 1] >> (MASK_BLOCK - (k)) : 0))
#define BEHIND(set, k) (set[b] >> (k) | set[b + 1] << (MASK_BLOCK - (k)))

/* The places of block b that need a look. */
static void find_stops(struct mask_map *map, size_t b) {
    const uint64_t *breaks = map->set[MAP_BREAKS], *key = map->set[MAP_KEY], *blank = map->set[MAP_BLANK];
    const uint64_t *lower = map->set[MAP_LOWER], *space = map->set[MAP_SPACE], *d = map->set[MAP_D];
    const uint64_t *r = map->set[MAP_R], *letter = map->set[MAP_EASY]; /* until it is written */
    uint64_t begins = ~breaks[b] & (BEFORE(breaks, 1) | (b == 0));     /* of chunks */
    uint64_t placed = begins & (BEFORE(key, 1) | (BEFORE(blank, 1) & (BEFORE(key, 2) | BEFORE(r, 2))));
    uint64_t three = begins & letter[b] & BEHIND(letter, 1) & BEHIND(letter, 2), fourth = BEHIND(letter, 3);
    uint64_t disk = three & ((BEHIND(d, 1) & ~fourth) | (BEHIND(d, 2) & fourth & ~BEHIND(letter, 4)));
    uint64_t odd_space = space[b] & (~blank[b] | BEFORE(space, 1));
    uint64_t domain = map->set[MAP_DOT][b] & BEHIND(lower, 1) & BEHIND(lower, 2);
    uint64_t hard = placed | disk | odd_space | domain | map->set[MAP_VALUE][b];
    three &= BEHIND(breaks, 3);
    map->set[MAP_DOMAIN][b] = domain;
    map->set[MAP_STOP][b] = hard | three;
    map->set[MAP_EASY][b] = three & ~hard;
}

void mask_map_make(struct span line, struct mask_map *map) {
    void (*read)(struct mask_map *, const char *, size_t, size_t) =
        __builtin_cpu_supports("avx2") ? mask_map_read_avx2 : mask_map_read;
    size_t whole = line.n / MASK_BLOCK, rest = line.n % MASK_BLOCK, n = whole + (rest > 0);
    map->line = line;
    read(map, line.p, 0, whole);
    if (rest > 0) {
        char tail[MASK_BLOCK];
        memset(tail, '+', sizeof tail); /* in no set */
        memcpy(tail, line.p + whole * MASK_BLOCK, rest);
        read(map, tail, whole, 1);
    }
    for (size_t k = 0; k < MAP_SETS; k++) map->set[k][n] = map->set[k][n + 1] = 0;
    for (size_t b = 0; b < n; b++) {
        uint64_t letter = map->set[MAP_LOWER][b] | map->set[MAP_UPPER][b] | map->set[MAP_HIGH][b];
        map->set[MAP_EASY][b] = letter;
        map->set[MAP_ALNUM][b] = letter | map->set[MAP_DIGIT][b];
        map->set[MAP_BREAKS][b] = map->set[MAP_SPACE][b] | map->set[MAP_DELIM][b];
    }
    map->set[MAP_BREAKS][whole] |= UINT64_MAX << rest;
    map->set[MAP_BREAKS][whole + 1] = UINT64_MAX;
    for (size_t b = 0; b < n; b++) find_stops(map, b);
}

/* Where the chunk with the byte at `stop` begins; at `from` at the earliest. */
static size_t chunk_begin(const struct mask_map *map, size_t from, size_t stop) {
    size_t i = stop / MASK_BLOCK;
    uint64_t bits = mask_map_first(map->set[MAP_BREAKS][i], stop % MASK_BLOCK);
    while (!bits && i > from / MASK_BLOCK) bits = map->set[MAP_BREAKS][--i];
    size_t begin = bits ? i * MASK_BLOCK + MASK_BLOCK - (size_t)__builtin_clzll(bits) : 0;
    return begin > from ? begin : from;
}

size_t mask_map_stop(const struct mask_map *map, size_t at) {
    size_t i = at / MASK_BLOCK, last = map->line.n / MASK_BLOCK;
    uint64_t bits = map->set[MAP_STOP][i] >> at % MASK_BLOCK << at % MASK_BLOCK;
    for (;;) {
        while (!bits && i < last) bits = map->set[MAP_STOP][++i];
        if (!bits) return map->line.n;
        size_t stop = i * MASK_BLOCK + (size_t)__builtin_ctzll(bits);
        uint64_t first = bits & -bits;
        if (map->set[MAP_EASY][i] & first && !mask_is_time_name(map->line.p + stop)) {
            bits &= bits - 1;
            continue;
        }
        return map->set[MAP_BREAKS][i] & first ? stop : chunk_begin(map, at, stop);
    }
}
