#include "text/rfc3339.h"

#include <time.h>

static const uint64_t SECOND = 1000000000u;
enum { SECONDS_MAX_E3 = 18446744, MINUTE = 60, HOUR = 3600, DAY = 86400 };

/* Days since 1970 → the date, by counting from a March, behind which the leap days stand (400 years are 146,097 days).
 */
static void date_of(unsigned days, unsigned *y, unsigned *m, unsigned *d) {
    unsigned at = days + 719468, era = at / 146097, of_era = at % 146097;
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    *d = of_year - (153 * month + 2) / 5 + 1;
    *m = month < 10 ? month + 3 : month - 9;
    *y = year + era * 400 + (*m <= 2);
}

/* Millions of times a minute, hence by hand. */
static void put_digits(char *to, unsigned width, unsigned v, char behind) {
    to[width] = behind;
    while (width-- > 0) to[width] = (char)('0' + v % 10), v /= 10;
}

size_t rfc3339_write(uint64_t ns, char to[RFC3339_BYTES]) {
    unsigned seconds = (unsigned)(ns / SECOND % DAY), rest = (unsigned)(ns % SECOND), y, m, d;
    date_of((unsigned)(ns / SECOND / DAY), &y, &m, &d);
    put_digits(to, 4, y, '-');
    put_digits(to + 5, 2, m, '-');
    put_digits(to + 8, 2, d, 'T');
    put_digits(to + 11, 2, seconds / HOUR, ':');
    put_digits(to + 14, 2, seconds / MINUTE % MINUTE, ':');
    put_digits(to + 17, 2, seconds % MINUTE, 'Z');
    if (rest == 0) return 20;
    unsigned width = rest % 1000000 == 0 ? 3 : rest % 1000 == 0 ? 6 : 9;
    for (unsigned i = width; i < 9; i++) rest /= 10;
    to[19] = '.';
    put_digits(to + 20, width, rest, 'Z');
    return 20 + width + 1;
}

/* `digits` digits of the text; false: there are not so many. */
static bool rfc3339_number(struct span *s, unsigned digits, int *v) {
    *v = 0;
    if (s->n < digits) return false;
    for (unsigned i = 0; i < digits; i++) {
        if (s->p[i] < '0' || s->p[i] > '9') return false;
        *v = 10 * *v + (s->p[i] - '0');
    }
    *s = span_sub(*s, digits, s->n);
    return true;
}

static bool take_char(struct span *s, const char *any) {
    if (s->n == 0 || !s->p[0] || !strchr(any, s->p[0])) return false;
    *s = span_sub(*s, 1, s->n);
    return true;
}

static unsigned take_fraction(struct span *s) {
    unsigned v = 0, scale = 100000000;
    if (!take_char(s, ".,")) return 0;
    for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9'; *s = span_sub(*s, 1, s->n), scale /= 10)
        v += (unsigned)(s->p[0] - '0') * scale;
    return v;
}

/* "Z", "+01:00", "-0330", "+01"; in seconds east. */
static bool take_zone(struct span *s, int *seconds) {
    int hour, minute = 0;
    *seconds = 0;
    if (take_char(s, "Zz")) return s->n == 0;
    bool west = s->n > 0 && s->p[0] == '-';
    if (!take_char(s, "+-") || !rfc3339_number(s, 2, &hour)) return false;
    take_char(s, ":");
    if (s->n > 0 && !rfc3339_number(s, 2, &minute)) return false;
    *seconds = (west ? -1 : 1) * (hour * HOUR + minute * MINUTE);
    return s->n == 0 && hour < 24 && minute < 60;
}

bool rfc3339_read(struct span text, uint64_t *ns) {
    struct tm tm = {0};
    int zone, year, month;
    struct span s = text;
    bool ok = rfc3339_number(&s, 4, &year) && take_char(&s, "-") && rfc3339_number(&s, 2, &month) &&
              take_char(&s, "-") && rfc3339_number(&s, 2, &tm.tm_mday) && take_char(&s, "Tt ") &&
              rfc3339_number(&s, 2, &tm.tm_hour) && take_char(&s, ":") && rfc3339_number(&s, 2, &tm.tm_min) &&
              take_char(&s, ":") && rfc3339_number(&s, 2, &tm.tm_sec);
    if (!ok || month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31) return false;
    if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60) return false;
    unsigned fraction = take_fraction(&s);
    if (!take_zone(&s, &zone)) return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    int64_t seconds = (int64_t)timegm(&tm) - zone;
    if (seconds < 0 || seconds / 1000 >= SECONDS_MAX_E3) return false;
    *ns = (uint64_t)seconds * SECOND + fraction;
    return true;
}
