/* history_put: what people said, as the page shows it. */
#ifndef API_HISTORY_PUT_H
#define API_HISTORY_PUT_H

#include "base/buf.h"
#include "review/kinds_query.h"

/* One word as an object: id, batch, at, by, label_id, was, state, scope, source, template, note, undone_by. */
void history_put(struct buf *out, const struct correction *c);

/* The words about one kind, newest first, at most 50. */
void history_put_kind(struct buf *out, const struct words *w, const struct kind_view *v);

#endif
