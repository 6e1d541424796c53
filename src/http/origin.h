/* origin: which names this server answers to, and whose web pages may use it. A browser on the same machine runs pages
 * of strangers: without these checks one could post log lines, or read answers after pointing its own name at 127.0.0.1
 * (DNS rebinding). Any thread. */
#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include "base/span.h"

#include <stdbool.h>

struct server_opts;

/* Whether value stands in the list, separated by commas, blanks around them ignored; "*" alone is every value. The case
 * of letters counts. NULL is an empty list. */
bool origin_in_list(const char *list, struct span value);

/* Whether a request for `host` (the value of Host, its port included) is meant for this server. Where it listens on
 * loopback only: an empty value, localhost, loopback addresses, the address it listens on and what allowed_hosts lists;
 * everything where it listens elsewhere. */
bool origin_serves_host(const struct server_opts *o, struct span host);

/* The same for the page and what it asks, wherever the server listens: localhost, loopback addresses, the address it
 * listens on (all addresses: any address, for only names can be made to point elsewhere) and what page.hosts lists. The
 * whole value is parsed. */
bool origin_serves_page(const struct server_opts *o, struct span host);

/* Whether a page of this origin (http://name:port) came from the host that the request is for. */
bool origin_is_host(struct span origin, struct span host);

/* Whether a browser sends this Content-Type across sites without asking first (Fetch, 2.2.2). */
bool origin_is_simple_type(struct span content_type);

#endif
