#include "text/mask_map.h"

#include "base/check.h"
#include "text/mask_match.h"

static struct mask_map plain, fast;

/* Every byte, at every place of a block. */
static void avx2_reads_what_the_plain_form_reads(void) {
    if (!__builtin_cpu_supports("avx2")) return;
    for (size_t turn = 0; turn < 256; turn++) {
        char bytes[3 * MASK_BLOCK];
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(turn + i * 5);
        mask_map_read(&plain, bytes, turn % 4, 3);
        mask_map_read_avx2(&fast, bytes, turn % 4, 3);
        CHECK(memcmp(&plain, &fast, sizeof plain) == 0);
    }
}

static bool in_set(const struct mask_map *map, enum mask_set set, size_t at) {
    return map->set[set][at / MASK_BLOCK] >> at % MASK_BLOCK & 1;
}

static void sets_are_the_classes(void) {
    static const unsigned CLASS[] = {
        [MAP_DIGIT] = C_DIGIT, [MAP_XDIGIT] = C_XDIGIT, [MAP_UPPER] = C_UPPER, [MAP_LOWER] = C_LOWER,
        [MAP_HIGH] = C_HIGH,   [MAP_SPACE] = C_SPACE,   [MAP_DELIM] = C_DELIM, [MAP_DOT] = C_DOT,
        [MAP_ALNUM] = C_ALNUM, [MAP_BREAKS] = C_BREAK};
    char bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)i;
    mask_map_make((struct span){bytes, sizeof bytes}, &fast);
    for (size_t i = 0; i < sizeof bytes; i++) {
        for (size_t k = 0; k < sizeof CLASS / sizeof CLASS[0]; k++)
            if (CLASS[k]) CHECK_INT(in_set(&fast, (enum mask_set)k, i), (mask_class[i] & CLASS[k]) != 0);
        CHECK_INT(in_set(&fast, MAP_BLANK, i), i == ' ');
        CHECK_INT(in_set(&fast, MAP_KEY, i), i == '=' || i == '"' || i == '\'');
        CHECK_INT(in_set(&fast, MAP_R, i), i == 'r');
        CHECK_INT(in_set(&fast, MAP_D, i), i == 'd');
        CHECK_INT(in_set(&fast, MAP_VALUE, i), (mask_class[i] & (C_DIGIT | C_SLASH | C_BACKSLASH | C_AT)) != 0);
    }
}

/* Behind the end of a line of any length: breaks, and nothing else. */
static void a_line_ends(void) {
    static char line[MASK_INPUT_MAX];
    memset(line, '7', sizeof line);
    for (size_t n = 0; n <= sizeof line; n += n < 200 ? 1 : 61) {
        memset(&fast, 0xa5, sizeof fast);
        mask_map_make((struct span){line, n}, &fast);
        for (int set = 0; set < MAP_SETS; set++)
            for (size_t at = n; at < n + MASK_RUN_MAX; at++)
                CHECK_INT(in_set(&fast, (enum mask_set)set, at), set == MAP_BREAKS);
        CHECK_INT(mask_map_break(&fast, 0), n);
        CHECK_INT(mask_map_run(mask_map_from(&fast, MAP_DIGIT, 0)), n < MASK_BLOCK ? n : MASK_BLOCK);
        if (n > 0) CHECK_INT(mask_map_marks_of(&fast, n > 70 ? n - 70 : 0, n), MARK_DIGIT);
    }
}

/* What is copied as it is ends where something needs a look: at the front of its chunk. */
static void it_stops_where_a_look_is_needed(void) {
    static const struct {
        const char *line;
        size_t stop;
    } ROW[] = {
        {"only words, and (delims) here.", 30},
        {"the old one and the new", 23},
        {"on Mon it was", 3},
        {"in Jan, it was", 3},
        {"until id x7", 9},
        {"it  was", 3},
        {"a\ttab", 1},
        {"see src/main.c", 4},
        {"host = db", 7},
        {"by user anna", 8},
        {"name='x'", 6},
        {"disk sdb failed", 5},
        {"disk xvdb failed", 5},
        {"at db.example.com now", 3},
        {"to a@b", 3},
        {"a word that is long enough to leave a block of so many bytes behind: this-is-the-chunk-with-a-7", 69},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        mask_map_make(span_of(ROW[i].line), &fast);
        CHECK_INT(mask_map_stop(&fast, 0), ROW[i].stop);
    }
}

CHECK_MAIN(CHECK_TEST(avx2_reads_what_the_plain_form_reads), CHECK_TEST(sets_are_the_classes), CHECK_TEST(a_line_ends),
           CHECK_TEST(it_stops_where_a_look_is_needed))
