/* A text in another: against the plain way, at every length and place. */
#include "text/find_text.h"

#include "base/check.h"
#include "base/unconst.h"

#include <stdlib.h>
#include <string.h>

/* ---- the plain way ---- */

static char small(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool find_plainly(struct span text, struct span part) {
    for (size_t i = 0; i + part.n <= text.n; i++) {
        size_t n = 0;
        while (n < part.n && small(text.p[i + n]) == part.p[n]) n++;
        if (n == part.n) return true;
    }
    return false;
}

static uint32_t g_seed = 7;

static uint32_t letter_draw(uint32_t below) {
    g_seed = g_seed * 1664525 + 1013904223;
    return (g_seed >> 8) % below;
}

/* In memory of just that size, so that a sanitizer sees what is read behind it. */
static struct span drawn(const char *from, size_t n) {
    char *p = malloc(n + (n == 0));
    for (size_t i = 0; i < n; i++) p[i] = from[letter_draw((uint32_t)strlen(from))];
    return (struct span){p, n};
}

static void it_finds_what_the_plain_way_finds(void) {
    unsigned found = 0, wrong = 0;
    for (unsigned i = 0; i < 200000; i++) {
        struct span text = drawn("aAbB@`[{\x80", letter_draw(60)), part = drawn("ab`@[{\x80", 1 + letter_draw(5));
        bool want = find_plainly(text, part);
        wrong += find_text(text, part) != want;
        found += want;
        free(unconst(text.p));
        free(unconst(part.p));
    }
    CHECK_INT(wrong, 0);
    CHECK(found > 20000 && found < 180000);
}

static void it_is_found_at_every_place(void) {
    char text[80];
    for (size_t n = 3; n <= 70; n++)
        for (size_t at = 0; at + 3 <= n; at++) {
            memset(text, '.', n);
            memcpy(text + at, "X-y", 3);
            CHECK(find_text((struct span){text, n}, SPAN_LIT("x-y")));
            CHECK(!find_text((struct span){text, at + 2}, SPAN_LIT("x-y")));
        }
    CHECK(find_text(SPAN_LIT("any"), SPAN_LIT("")) && find_text(SPAN_LIT(""), SPAN_LIT("")));
    CHECK(!find_text(SPAN_LIT(""), SPAN_LIT("x")) && !find_text(SPAN_LIT("ab"), SPAN_LIT("abc")));
    CHECK(find_text(SPAN_LIT("nul \0 inside, and behind it"), SPAN_LIT("\0 inside")));
}

CHECK_MAIN(CHECK_TEST(it_finds_what_the_plain_way_finds), CHECK_TEST(it_is_found_at_every_place))
