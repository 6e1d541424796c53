/* retry_after: how long a service asks us to stay away, in the forms that services use. Pure. */
#ifndef REMOTE_RETRY_AFTER_H
#define REMOTE_RETRY_AFTER_H

#include <stdint.h>

enum { RETRY_AFTER_NONE = -1, RETRY_AFTER_MS_MAX = 60 * 1000 }; /* longer wishes are cut to a minute */

/* The value of a Retry-After header: whole or decimal seconds ("2", "0.5") or an HTTP date, which is compared with
 * now_s (seconds since the epoch). RETRY_AFTER_NONE: it is neither. */
int64_t retry_after_ms(const char *value, int64_t now_s);

/* A duration such as "2m59.56s", "1h", "7.66s", "120ms" or plain seconds. RETRY_AFTER_NONE: it is none. */
int64_t retry_after_duration_ms(const char *value);

#endif
