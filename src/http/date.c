#include "http/date.h"

const char *date_now(struct date *d) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != d->second) {
        struct tm utc;
        gmtime_r(&now.tv_sec, &utc);
        strftime(d->text, sizeof d->text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
        d->second = now.tv_sec;
    }
    return d->text;
}
