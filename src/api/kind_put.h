/* kind_put: a kind of line as the page's requests show it (docs/review.md, KIND). */
#ifndef API_KIND_PUT_H
#define API_KIND_PUT_H

#include "base/buf.h"
#include "review/kinds_query.h"

enum { KIND_PUT_TEXT_MAX = 512 }; /* of a template in lists */

/* The members of a KIND, without the braces around them. whole: the template is not cut. */
void kind_put_members(struct buf *out, struct kinds *k, const struct words *w, const struct kind_view *v, bool whole);

/* {"label_id":"INFO","p":0.3311}, or null for what nobody asked. */
void kind_put_likely(struct buf *out, const struct kinds *k, uint8_t label, uint16_t p);

/* "id": 16 hexadecimal digits in quotes. */
void kind_put_id(struct buf *out, uint64_t id);

/* All lines of the last 24 hours, by the totals: what shares are shares of. */
uint64_t kind_lines_24h(struct book *b);

#endif
