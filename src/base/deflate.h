/* deflate: packs bytes as gzip (RFC 1952), fast rather than small. Pure. */
#ifndef BASE_DEFLATE_H
#define BASE_DEFLATE_H

#include "base/buf.h"

/* Appends s, packed. False: there is no memory, or out has no room. */
bool deflate_gzip(struct span s, struct buf *out);

#endif
