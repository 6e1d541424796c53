#include "base/json_out.h"
#include "data/result_json.h"

#include "base/check.h"

static struct buf g_out = {.max = 1 << 20};

static const char *result_json_text_of(void) {
    buf_putc(&g_out, '\0');
    return g_out.p;
}

static const char *result_number(double v) {
    buf_reset(&g_out);
    result_json_number(&g_out, v);
    return result_json_text_of();
}

static void the_contracts_example(void) {
    struct result r = {0};
    batch_decide(&r, DECIDER_REGEX, 0, 0.95);
    buf_reset(&g_out);
    result_json(&g_out, label_default(), &r);
    CHECK_STR(result_json_text_of(),
              "{\"label_id\":\"USER_ACTION\",\"label\":\"User Action\",\"source\":\"regex\",\"confidence\":0.95}");
    batch_decide(&r, DECIDER_FALLBACK, label_default()->unclassified, 0);
    buf_reset(&g_out);
    result_json(&g_out, label_default(), &r);
    CHECK_STR(result_json_text_of(),
              "{\"label_id\":\"UNCLASSIFIED\",\"label\":\"Unclassified\",\"source\":\"fallback\",\"confidence\":0}");
}

/* Expected texts: Python's repr() and json.dumps of the same doubles, without a closing ".0". */
static void numbers_are_shortest(void) {
    static const struct {
        double v;
        const char *text;
    } row[] = {{0, "0"},
               {1, "1"},
               {0.95, "0.95"},
               {0.5, "0.5"},
               {0.0001, "0.0001"},
               {0.9999, "0.9999"},
               {0.12345, "0.12345"},
               {0.1 + 0.2, "0.30000000000000004"},
               {1.0 / 3, "0.3333333333333333"},
               {0.99999999999999989, "0.9999999999999999"},
               {0.00001, "0.00001"},
               {2.5e-7, "2.5e-07"},
               {123456789, "123456789"},
               {100, "100"},
               {1.5, "1.5"},
               {-0.25, "-0.25"}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) CHECK_STR(result_number(row[i].v), row[i].text);
}

static void every_four_decimal_number_reads_back(void) {
    for (int k = 0; k <= 10000; k++) {
        char want[16];
        snprintf(want, sizeof want, "%.4f", k / 10000.0);
        size_t n = strlen(want);
        while (want[n - 1] == '0') want[--n] = '\0';
        if (want[n - 1] == '.') want[n - 1] = '\0';
        CHECK_STR(result_number(k / 10000.0), want);
        CHECK(strtod(result_number(k / 10000.0), NULL) == k / 10000.0);
    }
}

static void random_doubles_read_back(void) {
    unsigned long long x = 88172645463325252ULL; /* xorshift64 (Marsaglia 2003) */
    for (int i = 0; i < 20000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        double v = (double)(x >> 11) / 9007199254740992.0;
        CHECK(strtod(result_number(v), NULL) == v);
    }
}

static void strings_are_escaped(void) {
    buf_reset(&g_out);
    json_out_string(&g_out, SPAN_LIT("a\"b\\c\n\t\r\b\f\x01\x1f\x7f\0z/\xc3\xa9"));
    CHECK_STR(result_json_text_of(), "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f\x7f\\u0000z/\xc3\xa9\"");
    buf_reset(&g_out);
    json_out_string(&g_out, (struct span){0});
    CHECK_STR(result_json_text_of(), "\"\"");
}

/* Long strings are looked at 16 bytes at a time: each byte at each place comes out as it does alone. */
static void every_byte_is_escaped_at_every_place(void) {
    enum { N = 39 };
    for (int c = 0; c < 256; c++)
        for (size_t at = 0; at < N; at++) {
            char text[N], want[64];
            memset(text, 0x80, sizeof text);
            text[at] = (char)c;
            buf_reset(&g_out);
            json_out_string(&g_out, (struct span){text + at, 1});
            size_t alone = g_out.n - 2; /* without the quotes */
            memset(want, 0x80, sizeof want);
            memcpy(want + 1 + at, g_out.p + 1, alone);
            want[0] = want[N + alone] = '"';
            buf_reset(&g_out);
            json_out_string(&g_out, (struct span){text, N});
            CHECK(g_out.n == N + alone + 1 && memcmp(g_out.p, want, g_out.n) == 0);
        }
}

CHECK_MAIN(CHECK_TEST(the_contracts_example), CHECK_TEST(numbers_are_shortest),
           CHECK_TEST(every_four_decimal_number_reads_back), CHECK_TEST(random_doubles_read_back),
           CHECK_TEST(strings_are_escaped), CHECK_TEST(every_byte_is_escaped_at_every_place))
