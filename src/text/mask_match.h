/* mask_match: the shapes mask.c looks for. Private to src/text/mask*.c.
 *
 * A matcher gets the whole line, the place where the shape would begin, and the end of the chunk (run without white
 * space or delimiters) that holds it; it may look behind `at` and past `end`. It returns where the shape ends, or `at`:
 * no match. */
#ifndef TEXT_MASK_MATCH_H
#define TEXT_MASK_MATCH_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum mask_class {
    C_DIGIT = 1,
    C_HEX = 2, /* a-f A-F */
    C_LOWER = 4,
    C_UPPER = 8,
    C_HIGH = 16,   /* bytes >= 0x80: parts of letters we don't look into */
    C_SPACE = 32,  /* white space and control characters */
    C_DELIM = 64,  /* stands alone between chunks: brackets, quotes, = , ; | */
    C_MARK = 128,  /* other punctuation, inside chunks */
    C_SLASH = 256, /* the marks a matcher needs to see in a chunk before it is tried */
    C_BACKSLASH = 512,
    C_AT = 1024,
    C_COLON = 2048,
    C_DOT = 4096,
    C_DASH = 8192,
    C_JOINT = 16384, /* may stand between "code" and its number */

    C_LETTER = C_LOWER | C_UPPER | C_HIGH,
    C_ALNUM = C_LETTER | C_DIGIT,
    C_XDIGIT = C_HEX | C_DIGIT,
    C_BREAK = C_SPACE | C_DELIM, /* ends a chunk */
};

extern const uint16_t mask_class[256];

/* What a placeholder stands for. */
enum mask_kind {
#define MASK(id, text, what) KIND_##id,
#include "text/mask.def"
#undef MASK
    KIND_NONE, /* nothing was masked yet, or text stands behind it */
};

/* Class of the byte at `at`; 0 past the end. */
static inline unsigned mask_class_at(struct span line, size_t at) {
    return at < line.n ? mask_class[(unsigned char)line.p[at]] : 0;
}

static inline char mask_char_at(struct span line, size_t at) {
    return at < line.n ? line.p[at] : '\0';
}

/* End of the run of bytes of these classes that begins at `at`. */
static inline size_t mask_run(struct span line, size_t at, unsigned classes) {
    while (mask_class_at(line, at) & classes) at++;
    return at;
}

/* Where the run of letters of ASCII that ends at `to` begins. */
static inline size_t mask_letters_before(struct span line, size_t to) {
    while (to > 0 && (mask_class[(unsigned char)line.p[to - 1]] & (C_LOWER | C_UPPER))) to--;
    return to;
}

/* The words of tables are in lower case and at most so long; of a longer one as many bytes count. */
enum { MASK_WORD_BYTES = 8 };

/* The first bytes of line[from, to), zeros behind them, as a number. */
static inline uint64_t mask_eight(struct span line, size_t from, size_t to) {
    uint64_t word = 0;
    size_t n = to - from;
    if (n == 0) return 0;
    if (from + sizeof word <= line.n) {
        memcpy(&word, line.p + from, sizeof word);
        return n < sizeof word ? word & ((1ull << 8 * n) - 1) : word;
    }
    for (size_t i = 0; i < n && i < sizeof word; i++) word |= (uint64_t)(unsigned char)line.p[from + i] << 8 * i;
    return word;
}

/* The same in lower case, in the form of a table's word. */
static inline uint64_t mask_word_key(struct span line, size_t from, size_t to) {
    const uint64_t ones = 0x0101010101010101u;
    uint64_t word = mask_eight(line, from, to), low = word & 0x7f * ones;
    uint64_t upper = (low + (0x80 - 'A') * ones) & ~(low + (0x7f - 'Z') * ones) & ~word & 0x80 * ones;
    return word | upper >> 2;
}

/* A word of a table as such a number. */
static inline uint64_t mask_table_word(const char word[MASK_WORD_BYTES]) {
    uint64_t bits;
    memcpy(&bits, word, sizeof bits);
    return bits;
}

/* One of 64 bits for a word: what a table's words have not, no word of it has. */
static inline uint64_t mask_word_bit(uint64_t word) {
    return 1ull << (word * 0x9e3779b97f4a7c15u >> 58);
}

/* True where a word or a number can begin: nothing alphanumeric stands before. */
static inline bool mask_starts_word(struct span line, size_t at) {
    return at == 0 || !(mask_class_at(line, at - 1) & C_ALNUM);
}

/* mask_shape.c: which shapes a chunk with these marks (mask_map.h) may hold, a bit each; which may begin with a byte of
 * this class; of `shapes` those that may begin at `at` by what stands there; and the first of those that does begin
 * there: where it ends, and its kind, or at. */
struct mask_map;
uint32_t mask_shapes_of(unsigned marks);
uint32_t mask_shapes_beginning(unsigned class);
uint32_t mask_shapes_at(const struct mask_map *map, size_t at, size_t end, uint32_t shapes);
size_t mask_shape(const struct mask_map *map, size_t at, size_t end, uint32_t shapes, enum mask_kind *kind);

/* mask_time.c */
bool mask_is_time_name(const char letters[3]);             /* of a month or a day, three letters of any case */
size_t mask_time(struct span line, size_t at, size_t end); /* date, clock, or both */
size_t mask_glog(struct span line, size_t at, size_t end); /* "0115 12:34:56.789" behind glog's level letter */

/* mask_address.c */
size_t mask_ip4(struct span line, size_t at, size_t end);
size_t mask_ip6(struct span line, size_t at, size_t end);
size_t mask_mac(struct span line, size_t at, size_t end);
size_t mask_mac_dotted(struct span line, size_t at, size_t end); /* 0011.2233.4455 */
size_t mask_uuid(struct span line, size_t at, size_t end);
size_t mask_pci(struct span line, size_t at, size_t end);         /* 0000:00:1f.2 */
size_t mask_fingerprint(struct span line, size_t at, size_t end); /* aa:bb:… of more than six bytes */

/* mask_path.c */
size_t mask_url(struct span line, size_t at, size_t end);
size_t mask_email(struct span line, size_t at, size_t end);
size_t mask_path(struct span line, size_t at, size_t end);
size_t mask_win_path(struct span line, size_t at, size_t end);

/* mask_name.c. These read names by their place in the line; `at` is where a chunk begins. */
enum mask_name { NAME_USER, NAME_HOST, NAME_ID };
size_t mask_keyed(struct span line, size_t at, enum mask_name *what); /* the value of user=, "host":, session_id= */
size_t mask_user(struct span line, size_t at);                        /* for user NAME from, invalid user NAME */
size_t mask_syslog_host(struct span line, size_t at, bool bsd_time);  /* behind the time of a syslog line */
size_t mask_host(struct span line, size_t at, size_t end);            /* a domain name, with its port */
size_t mask_disk(struct span line, size_t at, size_t end);            /* sda1: the end of "sd", or at */

/* mask_list.c */
enum { MASK_LIST_PERIOD = 3 };                  /* items that may repeat together: "a# <ok> a# <ok>" */
size_t mask_drop_repeats(char *text, size_t n); /* drops what only lengthens a list; returns the new length */

/* mask_word.c */
size_t mask_hex(struct span line, size_t at, size_t end);     /* 0x… */
size_t mask_version(struct span line, size_t at, size_t end); /* 1.2.3, v1.2, with their suffixes */
size_t mask_token(struct span line, size_t at, size_t end);   /* base64-like: long, both cases and digits */
size_t mask_code(struct span line, size_t at, size_t end);    /* a message number: stays */
size_t mask_place(struct span line, size_t at, size_t end);   /* a place in a machine room: R02-M1-NF-C:J12 */
size_t mask_number(struct span line, size_t at);              /* end of the number that begins with the digit at `at` */
size_t mask_unit_of(struct span line, size_t at);             /* end of the unit that begins with the letter at `at` */
bool mask_number_is_no(struct span line, size_t at, size_t end);   /* zero, where it says that there are none */
bool mask_number_is_kept(struct span line, size_t at, size_t end); /* a status, exit or error code */

/* The end of the unit that begins at `at`, or at. */
static inline size_t mask_unit(struct span line, size_t at) {
    return mask_class_at(line, at) & C_LETTER ? mask_unit_of(line, at) : at;
}

/* What a word of letters and digits is. */
enum mask_word { WORD_STAYS, WORD_ID, WORD_DIGITS_GO /* its digits are numbers, its letters stay */ };
enum mask_word mask_word(const struct mask_map *map, size_t at, size_t end);
size_t mask_word_minor(struct span line, size_t end); /* a word that stays goes on: TLSv1.2, python3.11 */

#endif
