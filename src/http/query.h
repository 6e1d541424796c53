/* query: the parameters behind the '?' of a target: NAME=VALUE, separated by '&'. Names and values are compared as they
 * were sent: no parameter so far has a value that would need percent-decoding. */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include "base/span.h"

/* Takes the first parameter off *query; one without '=' has an empty value, and empty ones are left out. False: there
 * is none left. */
bool query_next(struct span *query, struct span *name, struct span *value);

/* Whether one of the parameters is NAME=VALUE. */
bool query_has(struct span query, struct span name, struct span value);

#endif
