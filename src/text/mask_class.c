/* mask_class: what each byte is, in tables. */
#include "text/mask_map.h"
#include "text/mask_match.h"

#define BETWEEN(c, lo, hi) ((c) >= (lo) && (c) <= (hi))
#define IF(test, bits)     ((test) ? (unsigned)(bits) : 0u)
#define IS_DELIM(c)                                                                                                  \
    ((c) == '(' || (c) == ')' || (c) == '[' || (c) == ']' || (c) == '{' || (c) == '}' || (c) == '<' || (c) == '>' || \
     (c) == '"' || (c) == '\'' || (c) == '`' || (c) == ',' || (c) == ';' || (c) == '|' || (c) == '=')
#define IS_DIGIT(c) BETWEEN(c, '0', '9')
#define IS_HEX(c)   (BETWEEN(c, 'a', 'f') || BETWEEN(c, 'A', 'F'))
#define IS_LOWER(c) BETWEEN(c, 'a', 'z')
#define IS_UPPER(c) BETWEEN(c, 'A', 'Z')
#define IS_HIGH(c)  ((c) >= 0x80)
#define IS_SPACE(c) ((c) <= ' ' || (c) == 0x7f)
#define IS_WORD(c)  (IS_DIGIT(c) || IS_LOWER(c) || IS_UPPER(c) || IS_HIGH(c))
#define IS_JOINT(c)                                                                                                   \
    ((c) == ' ' || (c) == '=' || (c) == ':' || (c) == '#' || (c) == '(' || (c) == '\'' || (c) == '"' || (c) == '[' || \
     (c) == '-' || (c) == '/' || (c) == 0)
#define IS_VALUE(c) (IS_DIGIT(c) || (c) == '/' || (c) == '\\' || (c) == '@')

#define CLASS(c)                                                                                                       \
    (uint16_t)(IF(IS_DIGIT(c), C_DIGIT) | IF(IS_HEX(c), C_HEX) | IF(IS_LOWER(c), C_LOWER) | IF(IS_UPPER(c), C_UPPER) | \
               IF(IS_HIGH(c), C_HIGH) | IF(IS_SPACE(c), C_SPACE) | IF(IS_DELIM(c), C_DELIM) |                          \
               IF(!IS_SPACE(c) && !IS_DELIM(c) && !IS_WORD(c), C_MARK) | IF((c) == '/', C_SLASH) |                     \
               IF((c) == '\\', C_BACKSLASH) | IF((c) == '@', C_AT) | IF((c) == ':', C_COLON) | IF((c) == '.', C_DOT) | \
               IF((c) == '-', C_DASH) | IF(IS_JOINT(c), C_JOINT))

#define SETS(c)                                                                                                     \
    (uint16_t)(IF(IS_DIGIT(c), 1 << MAP_DIGIT) | IF(IS_DIGIT(c) || IS_HEX(c), 1 << MAP_XDIGIT) |                    \
               IF(IS_UPPER(c), 1 << MAP_UPPER) | IF(IS_LOWER(c), 1 << MAP_LOWER) | IF(IS_HIGH(c), 1 << MAP_HIGH) |  \
               IF(IS_SPACE(c), 1 << MAP_SPACE) | IF((c) == ' ', 1 << MAP_BLANK) | IF(IS_DELIM(c), 1 << MAP_DELIM) | \
               IF((c) == '.', 1 << MAP_DOT) | IF(IS_VALUE(c), 1 << MAP_VALUE) |                                     \
               IF((c) == '=' || (c) == '"' || (c) == '\'', 1 << MAP_KEY) | IF((c) == 'r', 1 << MAP_R) |             \
               IF((c) == 'd', 1 << MAP_D))

#define MARKS(c)                                                                                           \
    (uint8_t)(IF(IS_DIGIT(c), MARK_DIGIT) | IF((c) == '/', MARK_SLASH) | IF((c) == '\\', MARK_BACKSLASH) | \
              IF((c) == '@', MARK_AT) | IF((c) == ':', MARK_COLON) | IF((c) == '.', MARK_DOT) |            \
              IF((c) == '-', MARK_DASH) | IF((c) == ' ', MARK_BLANK))

#define ROW4(of, c)  of(c), of((c) + 1), of((c) + 2), of((c) + 3)
#define ROW16(of, c) ROW4(of, c), ROW4(of, (c) + 4), ROW4(of, (c) + 8), ROW4(of, (c) + 12)
#define ROW64(of, c) ROW16(of, c), ROW16(of, (c) + 16), ROW16(of, (c) + 32), ROW16(of, (c) + 48)
#define ALL(of) \
    { ROW64(of, 0), ROW64(of, 64), ROW64(of, 128), ROW64(of, 192) }

const uint16_t mask_class[256] = ALL(CLASS);
const uint16_t mask_map_sets[256] = ALL(SETS);
const uint8_t mask_map_marks[256] = ALL(MARKS);
