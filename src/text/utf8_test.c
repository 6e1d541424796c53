#include "text/utf8.h"

#include "base/check.h"

#define R "\xef\xbf\xbd"

static void expect_repair(const char *bytes, size_t n, const char *want) {
    char out[64];
    CHECK_SPAN(((struct span){out, utf8_repair((struct span){bytes, n}, out)}), want);
    CHECK((utf8_valid((struct span){bytes, n}) == n) == (strlen(want) == n && memcmp(bytes, want, n) == 0));
}

/* The first four are the Unicode standard's own examples (tables 3-8 to 3-11). */
static void invalid_parts_become_one_mark_each(void) {
    static const struct {
        const char *bytes, *want;
    } CASE[] = {
        {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", R R R R R R R R "A"},
        {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", R R R R R R R R "A"},
        {"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", R R R R R "A" R R "B"},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", R R R R "A"},
        {"", ""},
        {"plain ascii, longer than a word", "plain ascii, longer than a word"},
        {"\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80", "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80"},
        {R, R},
        {"\xf0\x90\xbd", R},
        {"\xf0\x90\xbdx", R "x"},
        {"12345678\xff", "12345678" R},
    };
    for (size_t i = 0; i < sizeof CASE / sizeof CASE[0]; i++)
        expect_repair(CASE[i].bytes, strlen(CASE[i].bytes), CASE[i].want);
}

/* All sequences of four bytes from a set that has every border of the tables. The hash is of what Python's
 * bytes.decode("utf-8", "replace") makes of them. */
static void repairs_equal_another_decoder(void) {
    static const unsigned char BYTE[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbd, 0xbf, 0xc1,
                                         0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff};
    enum { N = sizeof BYTE };
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < (size_t)N * N * N * N; i++) {
        char in[4] = {(char)BYTE[i / N / N / N], (char)BYTE[i / N / N % N], (char)BYTE[i / N % N], (char)BYTE[i % N]};
        char out[13];
        size_t n = utf8_repair((struct span){in, 4}, out);
        out[n++] = '\n';
        for (size_t k = 0; k < n; k++) hash = (hash ^ (unsigned char)out[k]) * 0x100000001b3u;
    }
    CHECK(hash == 0x371fe1db1d552b96u);
}

static void characters_survive_the_way_there_and_back(void) {
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char out[UTF8_BYTES_MAX];
        uint32_t back = 0;
        if (cp == 0xd800) cp = 0xe000;
        size_t n = utf8_encode(cp, out);
        CHECK(utf8_decode(out, n, &back) == n && back == cp && utf8_valid((struct span){out, n}) == n);
    }
}

static void what_is_invalid_is_found_at_every_place(void) {
    char text[40];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = '\x80';
        CHECK_INT(utf8_valid((struct span){text, sizeof text}), i);
        text[i] = 'a';
    }
}

static void cuts_fall_between_characters(void) {
    struct span s = SPAN_LIT("a\xe4\xb8\xad\xf0\x9f\x98\x80z");
    static const size_t WANT[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9};
    for (size_t max = 0; max < sizeof WANT / sizeof WANT[0]; max++) CHECK_INT(utf8_cut(s, max).n, WANT[max]);
    CHECK_INT(utf8_cut(SPAN_LIT("\x80\x80\x80\x80\x80\x80"), 4).n, 4); /* no character to keep whole */
}

CHECK_MAIN(CHECK_TEST(invalid_parts_become_one_mark_each), CHECK_TEST(repairs_equal_another_decoder),
           CHECK_TEST(characters_survive_the_way_there_and_back), CHECK_TEST(what_is_invalid_is_found_at_every_place),
           CHECK_TEST(cuts_fall_between_characters))
