/* guard: who comes in, and from where. A browser on the same machine runs pages of strangers; the page of this server
 * can change what is decided, so nothing but itself may ask for that. By the header alone, before a body is read.
 * Private to the folder. */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include "http/exchange.h"

/* Whether the request is for the page or what that asks; with a route or without. */
bool guard_is_page(const struct exchange *x);

/* For requests that come before a route is looked for. False: x is refused; its Host is not one of this server's, or a
 * page of an origin that may not use it sends it. */
bool guard_origin(struct exchange *x);

/* With the route: who asks, and whether the role is enough. False: x is refused. */
bool guard_role(struct exchange *x);

/* Header fields that name who asks. */
void guard_take_token(struct exchange *x, struct span value);
void guard_take_proxied(struct exchange *x, struct span value);

#endif
