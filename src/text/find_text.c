#include "text/find_text.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 16 };

typedef uint8_t lanes __attribute__((vector_size(LANES)));

static unsigned char small_letter(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool stands_at(const char *p, struct span part) {
    size_t n = 0;
    while (n < part.n && small_letter(p[n]) == (unsigned char)part.p[n]) n++;
    return n == part.n;
}

/* A byte of part in every lane, and the bit that makes a letter small, where it is one. */
struct byte_lanes {
    lanes byte, fold;
};

static struct byte_lanes lanes_of(char c) {
    struct byte_lanes b;
    memset(&b.byte, c, LANES);
    memset(&b.fold, c >= 'a' && c <= 'z' ? 0x20 : 0, LANES);
    return b;
}

static lanes lanes_equal(const char *p, const struct byte_lanes *b) {
    lanes at;
    memcpy(&at, p, LANES);
    return (lanes)((at | b->fold) == b->byte);
}

/* At LANES places from p on: those where its first and its last byte stand are looked at. */
static bool stands_near(const char *p, struct span part, const struct byte_lanes *first,
                        const struct byte_lanes *last) {
    uint64_t any[2];
    lanes both = lanes_equal(p, first) & lanes_equal(p + part.n - 1, last);
    memcpy(any, &both, sizeof both);
    if (!(any[0] | any[1])) return false;
    for (unsigned i = 0; i < LANES; i++)
        if (both[i] && stands_at(p + i, part)) return true;
    return false;
}

bool find_text(struct span text, struct span part) {
    if (part.n == 0) return true;
    if (part.n > text.n) return false;
    size_t places = text.n - part.n + 1, i = 0;
    if (places >= LANES) {
        struct byte_lanes first = lanes_of(part.p[0]), last = lanes_of(part.p[part.n - 1]);
        for (; i + LANES <= places; i += LANES)
            if (stands_near(text.p + i, part, &first, &last)) return true;
        return i < places && stands_near(text.p + places - LANES, part, &first, &last);
    }
    for (; i < places; i++)
        if (stands_at(text.p + i, part)) return true;
    return false;
}
