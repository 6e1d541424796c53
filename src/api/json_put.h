/* json_put: JSON members from texts of others: names, templates, notes. Whatever bytes they hold, UTF-8 comes out. */
#ifndef API_JSON_PUT_H
#define API_JSON_PUT_H

#include "base/buf.h"
#include "base/span.h"

enum { JSON_PUT_MAX = 4096 }; /* of a text; the rest is left out */

/* "text", escaped and repaired. */
void json_put_text(struct buf *out, struct span text);

/* ,"name":"text": one member behind others. */
void json_put_member(struct buf *out, const char *name, struct span text);

#endif
