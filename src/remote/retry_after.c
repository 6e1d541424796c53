#include "remote/retry_after.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { DIGITS_MAX = 15 };

/* Reads "12" or "12.345" and moves *s behind it. */
static bool take_number(const char **s, double *out) {
    double value = 0, scale = 1;
    unsigned digits = 0;
    bool fraction = false;
    for (; digits <= DIGITS_MAX; (*s)++) {
        if (**s == '.' && !fraction) {
            fraction = true;
        } else if (**s >= '0' && **s <= '9') {
            value = value * 10 + (**s - '0');
            if (fraction) scale *= 10;
            digits++;
        } else {
            break;
        }
    }
    *out = value / scale;
    return digits > 0 && digits <= DIGITS_MAX;
}

static bool take_unit(const char **s, double *unit_ms) {
    static const struct {
        const char *name;
        double ms;
    } UNIT[] = {{"ms", 1}, {"h", 3600e3}, {"m", 60e3}, {"s", 1e3}};
    for (size_t i = 0; i < sizeof UNIT / sizeof UNIT[0]; i++) {
        if (strncmp(*s, UNIT[i].name, strlen(UNIT[i].name)) != 0) continue;
        *s += strlen(UNIT[i].name);
        *unit_ms = UNIT[i].ms;
        return true;
    }
    return false;
}

static int64_t clamp(double ms) {
    return ms >= RETRY_AFTER_MS_MAX ? RETRY_AFTER_MS_MAX : ms <= 0 ? 0 : (int64_t)ms;
}

int64_t retry_after_duration_ms(const char *value) {
    double total = 0, number, unit;
    const char *s = value;
    if (!*s) return RETRY_AFTER_NONE;
    while (*s) {
        if (!take_number(&s, &number)) return RETRY_AFTER_NONE;
        if (!*s && total == 0) return clamp(number * 1e3);
        if (!take_unit(&s, &unit)) return RETRY_AFTER_NONE;
        total += number * unit;
    }
    return clamp(total);
}

int64_t retry_after_ms(const char *value, int64_t now_s) {
    const char *s = value;
    double seconds;
    if (take_number(&s, &seconds) && !*s) return clamp(seconds * 1e3);
    time_t date = curl_getdate(value, NULL);
    return date == (time_t)-1 ? RETRY_AFTER_NONE : clamp((double)(date - now_s) * 1e3);
}
