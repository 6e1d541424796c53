#include "text/rfc3339.h"

#include <stdio.h>
#include <time.h>

static const uint64_t SECOND = 1000000000u;
enum { SECONDS_MAX_E3 = 18446744, MINUTE = 60, HOUR = 3600, DAY = 86400 };

size_t rfc3339_write(uint64_t ns, char to[RFC3339_BYTES]) {
    time_t s = (time_t)(ns / SECOND);
    unsigned rest = (unsigned)(ns % SECOND);
    struct tm tm;
    gmtime_r(&s, &tm); /* the year is at most 2554 */
    size_t n = strftime(to, RFC3339_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    int width = rest == 0 ? 0 : rest % 1000000 == 0 ? 3 : rest % 1000 == 0 ? 6 : 9;
    for (int i = width; i > 0 && i < 9; i++) rest /= 10;
    if (width) n += (size_t)snprintf(to + n, RFC3339_BYTES - n, ".%0*u", width, rest);
    to[n++] = 'Z';
    return n;
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
