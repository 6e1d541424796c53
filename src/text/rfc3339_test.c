#include "text/rfc3339.h"

#include "base/check.h"

#include <time.h>

static void times_are_written_with_the_digits_they_have(void) {
    static const struct {
        uint64_t ns;
        const char *text;
    } ROW[] = {
        {0, "1970-01-01T00:00:00Z"},
        {1769853600000000000u, "2026-01-31T10:00:00Z"},
        {1769853600120000000u, "2026-01-31T10:00:00.120Z"},
        {1769853600000120000u, "2026-01-31T10:00:00.000120Z"},
        {1769853600000000001u, "2026-01-31T10:00:00.000000001Z"},
        {UINT64_MAX, "2554-07-21T23:34:33.709551615Z"},
    };
    char text[RFC3339_BYTES];
    uint64_t ns;
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        struct span s = {text, rfc3339_write(ROW[i].ns, text)};
        CHECK_SPAN(s, ROW[i].text);
        if (ROW[i].ns != UINT64_MAX) CHECK(rfc3339_read(s, &ns) && ns == ROW[i].ns);
    }
}

static void zones_and_other_spellings_are_read(void) {
    static const char *const SAME[] = {
        "2026-01-31T10:00:00Z",     "2026-01-31 10:00:00z",   "2026-01-31T11:00:00+01:00",  "2026-01-31T06:30:00-0330",
        "2026-01-31T10:00:00.000Z", "2026-01-31T12:00:00+02", "2026-01-31T10:00:00,0+00:00"};
    static const char *const NONE[] = {"",
                                       "2026-01-31",
                                       "2026-01-31T10:00:00",
                                       "2026-13-31T10:00:00Z",
                                       "2026-01-32T10:00:00Z",
                                       "2026-01-31T24:00:00Z",
                                       "2026-01-31T10:00:00Zx",
                                       "2026-01-31T10:00:00+1",
                                       "2026-01-31T10:00:00+25:00",
                                       "1969-12-31T23:59:59Z",
                                       "9999-01-01T00:00:00Z",
                                       "Jan 31 10:00:00"};
    uint64_t ns;
    for (size_t i = 0; i < sizeof SAME / sizeof SAME[0]; i++)
        CHECK(rfc3339_read(span_of(SAME[i]), &ns) && ns == 1769853600000000000u);
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++) CHECK(!rfc3339_read(span_of(NONE[i]), &ns));
}

static void every_day_is_the_calendars(void) {
    char text[RFC3339_BYTES], want[RFC3339_BYTES];
    struct tm tm;
    for (time_t s = 0; s < (time_t)(UINT64_MAX / 1000000000u); s += 86400 - 1) {
        size_t n = rfc3339_write((uint64_t)s * 1000000000u, text);
        gmtime_r(&s, &tm);
        strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ", &tm);
        struct span got = {text, n};
        if (!span_eq(got, span_of(want))) CHECK_SPAN(got, want);
    }
}

CHECK_MAIN(CHECK_TEST(every_day_is_the_calendars), CHECK_TEST(times_are_written_with_the_digits_they_have),
           CHECK_TEST(zones_and_other_spellings_are_read))
