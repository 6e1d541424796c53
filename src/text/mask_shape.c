/* mask_shape: which of the shapes of mask_shape.def begins at a place. Most can't, by what stands there: how long the
 * word is, what comes behind it. The line's map tells that for all of them at once, and only what is left is asked. */
#include "text/mask_map.h"
#include "text/mask_match.h"

enum shape {
#define SHAPE(id, first, needs, match, kind) SHAPE_##id,
#include "text/mask_shape.def"
#undef SHAPE
    SHAPES,
};
_Static_assert(SHAPES <= 32, "a bit for each shape");

static const struct {
    unsigned first, needs;
    size_t (*match)(struct span line, size_t at, size_t end);
    enum mask_kind kind;
} ROW[SHAPES] = {
#define SHAPE(id, first, needs, match, kind) {first, needs, match, kind},
#include "text/mask_shape.def"
#undef SHAPE
};

#define BIT(id) (1u << SHAPE_##id)

/* The shapes that need a byte of one of these classes, that may begin with one, a bit each: constants to the compiler,
 * which unrolls the loops. */
static inline __attribute__((always_inline)) uint32_t shapes_that_need(unsigned class) {
    uint32_t bits = 0;
    _Pragma("GCC unroll 32") for (size_t i = 0; i < SHAPES; i++) bits |= (uint32_t)((ROW[i].needs & class) != 0) << i;
    return bits;
}
static inline __attribute__((always_inline)) uint32_t shapes_that_begin(unsigned classes) {
    uint32_t bits = 0;
    _Pragma("GCC unroll 32") for (size_t i = 0; i < SHAPES; i++) bits |= (uint32_t)((ROW[i].first & classes) != 0) << i;
    return bits;
}

uint32_t mask_shapes_of(unsigned marks) {
    uint32_t bits = (uint32_t)((1ull << SHAPES) - 1);
    if (!(marks & MARK_DIGIT)) bits &= ~shapes_that_need(C_DIGIT);
    if (!(marks & MARK_SLASH)) bits &= ~shapes_that_need(C_SLASH);
    if (!(marks & MARK_BACKSLASH)) bits &= ~shapes_that_need(C_BACKSLASH);
    if (!(marks & MARK_AT)) bits &= ~shapes_that_need(C_AT);
    if (!(marks & MARK_COLON)) bits &= ~shapes_that_need(C_COLON);
    if (!(marks & MARK_DOT)) bits &= ~shapes_that_need(C_DOT);
    if (!(marks & MARK_DASH)) bits &= ~shapes_that_need(C_DASH);
    return bits;
}

uint32_t mask_shapes_beginning(unsigned class) {
    if (class & C_DIGIT) return shapes_that_begin(C_DIGIT);
    if (class & C_UPPER) return class & C_HEX ? shapes_that_begin(C_UPPER | C_HEX) : shapes_that_begin(C_UPPER);
    if (class & C_LETTER) return class & C_HEX ? shapes_that_begin(C_LOWER | C_HEX) : shapes_that_begin(C_LOWER);
    if (class & C_BACKSLASH) return shapes_that_begin(C_MARK | C_BACKSLASH);
    return class & C_COLON ? shapes_that_begin(C_MARK | C_COLON) : shapes_that_begin(C_MARK);
}

/* ---- what can't be ---- */

/* Bits that go where a test fails. */
static inline uint32_t unless(bool test, uint32_t bits) {
    return test ? 0 : bits;
}

static bool joins_place(char c) {
    return c == '-' || c == ':' || c == '/';
}

/* Of what begins with hex digits: addresses and the like are groups of so many, with a mark behind the first. */
static uint32_t no_address(const struct mask_map *map, size_t at) {
    size_t n = mask_map_run(mask_map_from(map, MAP_XDIGIT, at));
    char behind = mask_char_at(map->line, at + n);
    return unless(n == 8 && behind == '-', BIT(UUID)) | unless(n == 2 && behind == ':', BIT(MAC) | BIT(FINGERPRINT)) |
           unless(n == 2 && behind == '-', BIT(MAC_DASHED)) | unless(n == 4 && behind == '.', BIT(MAC_DOTTED)) |
           unless((n == 2 || n == 4) && behind == ':', BIT(PCI)) | unless(n <= 4 && behind == ':', BIT(IP6));
}

/* Behind the first field of a date or clock stands one of a few marks: mask_time looks more closely. */
static bool time_goes_on(size_t digits, size_t word, char behind) {
    if (word == 15 || word == 16) return true;
    if (digits != word) return false;
    if (word == 8)
        return behind == '-' || behind == '/' || behind == '.' || behind == ':' || behind == ' ' || behind == '_';
    return word <= 4 &&
           (behind == ':' || behind == '-' || behind == '/' || behind == '.' || (behind == ' ' && word <= 2));
}

/* Of what begins with a digit. word: how long the word is. */
static uint32_t no_number(const struct mask_map *map, size_t at, size_t word) {
    size_t digits = mask_map_run(mask_map_from(map, MAP_DIGIT, at));
    char behind = mask_char_at(map->line, at + digits);
    bool hex = map->line.p[at] == '0' && (mask_char_at(map->line, at + 1) | 32) == 'x';
    return unless(behind == '.' && digits <= 3, BIT(IP4)) | unless(behind == '.', BIT(VERSION)) |
           unless(hex, BIT(HEX)) | unless(hex || word == 5, BIT(CODE)) |
           unless(time_goes_on(digits, word, mask_char_at(map->line, at + word)), BIT(TIME));
}

/* Of what begins with a letter. */
static uint32_t no_name(const struct mask_map *map, size_t at, size_t word, unsigned class) {
    bool v = (map->line.p[at] | 32) == 'v' && (mask_class_at(map->line, at + 1) & C_DIGIT);
    uint32_t no = unless(v, BIT(VERSION));
    if (!(class & C_UPPER)) return no | BIT(CODE);
    uint64_t upper = mask_map_from(map, MAP_UPPER, at), digit = mask_map_from(map, MAP_DIGIT, at);
    char behind = mask_char_at(map->line, at + word);
    size_t letters = mask_map_run(upper);
    bool code = digit >> (letters & 63) & 1 || mask_char_at(map->line, at + letters) == '-';
    return no | unless(code, BIT(CODE)) | unless(word == 3 && (behind == ' ' || behind == ','), BIT(TIME)) |
           unless(word <= 4 && joins_place(behind), BIT(PLACE));
}

enum {
    ADDRESSES = BIT(UUID) | BIT(MAC) | BIT(MAC_DASHED) | BIT(MAC_DOTTED) | BIT(FINGERPRINT) | BIT(PCI) | BIT(IP6),
    NAMES = BIT(VERSION) | BIT(CODE) | BIT(TIME) | BIT(PLACE),
};

/* Of `shapes` those that can't begin with the word at `at`, of the chunk that ends at `end`; some others too. */
static uint32_t impossible(const struct mask_map *map, size_t at, size_t end, uint32_t shapes) {
    unsigned class = mask_class_at(map->line, at);
    size_t word = mask_map_run(mask_map_from(map, MAP_ALNUM, at)), left = end - at;
    uint32_t no = 0;
    if (word < 10) {
        no |= BIT(TOKEN);
    } else if (word < MASK_RUN_MAX && shapes & BIT(TOKEN)) {
        uint64_t upper = mask_map_first(mask_map_from(map, MAP_UPPER, at), word);
        uint64_t lower = mask_map_first(mask_map_from(map, MAP_LOWER, at), word);
        uint64_t digit = mask_map_first(mask_map_from(map, MAP_DIGIT, at), word);
        no |= unless(upper && lower && digit, BIT(TOKEN));
    }
    if (shapes & BIT(HOST) && left < MASK_RUN_MAX)
        no |= unless(mask_map_first(mask_map_from(map, MAP_DOMAIN, at), left), BIT(HOST));
    if (shapes & ADDRESSES) no |= no_address(map, at);
    if (class & C_DIGIT) return no | no_number(map, at, word);
    return shapes & NAMES ? no | no_name(map, at, word, class) : no;
}

/* The same of a mark. */
static uint32_t impossible_mark(const struct mask_map *map, size_t at) {
    return unless(map->line.p[at] == '%', BIT(CODE)) | unless(mask_char_at(map->line, at + 1) == ':', BIT(IP6));
}

/* Most tokens: a word without digits or a number, behind which the chunk ends. It may begin a time. */
static bool is_bare(const struct mask_map *map, size_t at, unsigned class, uint32_t *shapes) {
    bool number = class & C_DIGIT;
    uint64_t digit = mask_map_from(map, MAP_DIGIT, at);
    size_t n = mask_map_run(number ? digit : mask_map_from(map, MAP_ALNUM, at));
    if (n >= MASK_RUN_MAX || (!number && mask_map_first(digit, n)) || !mask_map_breaks(map, at + n)) return false;
    char behind = mask_char_at(map->line, at + n);
    bool time = number ? behind == ' ' && (n <= 2 || n == 8) : n == 3 && (behind == ' ' || behind == ',');
    *shapes &= time ? BIT(TIME) : 0;
    return true;
}

uint32_t mask_shapes_at(const struct mask_map *map, size_t at, size_t end, uint32_t shapes) {
    unsigned class = mask_class_at(map->line, at);
    shapes &= mask_shapes_beginning(class);
    if (shapes & BIT(PATH) && at > 0 && !(mask_class[(unsigned char)map->line.p[at - 1]] & (C_BREAK | C_COLON)))
        shapes &= ~BIT(PATH);
    if (!shapes) return 0;
    if (!(class & C_ALNUM)) return shapes & ~impossible_mark(map, at);
    if (is_bare(map, at, class, &shapes)) return shapes;
    return shapes & ~impossible(map, at, end, shapes);
}

size_t mask_shape(const struct mask_map *map, size_t at, size_t end, uint32_t shapes, enum mask_kind *kind) {
    for (; shapes; shapes &= shapes - 1) {
        unsigned i = (unsigned)__builtin_ctz(shapes);
        size_t to = ROW[i].match(map->line, at, end);
        if (to == at) continue;
        *kind = ROW[i].kind;
        return to;
    }
    return at;
}
