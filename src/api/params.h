/* params: the query of the page's requests: names that are known, values decoded. */
#ifndef API_PARAMS_H
#define API_PARAMS_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct exchange;

/* A parameter that a request may have. value: decoded, in the exchange's arena; unset: NULL. */
struct param {
    const char *name;
    struct span value;
};

/* Reads the query into the table; the last of equal names counts. False: x is refused, an unknown name or a value that
 * is not percent-encoded text. */
bool params_read(struct exchange *x, struct param *table, unsigned n);

/* A whole number; `none` where the value is unset. False: x is refused, it is none or not from min to max. */
bool params_number(struct exchange *x, const struct param *p, uint64_t min, uint64_t max, uint64_t none, uint64_t *out);

/* A kind's id, 16 hexadecimal digits. False: it is none. */
bool params_id(struct span text, uint64_t *id);

/* Decodes one value into to[n of it]; returns the length; SIZE_MAX: it is not percent-encoded. '+' is a blank. */
size_t params_decode(struct span value, char *to);

#endif
