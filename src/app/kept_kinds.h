/* kept_kinds: what is kept in the state folder about kinds of line and what people said, for commands: read once, not
 * followed. */
#ifndef APP_KEPT_KINDS_H
#define APP_KEPT_KINDS_H

#include "base/err.h"
#include "review/book.h"
#include "review/kinds_store.h"

#include <limits.h>

struct kept_kinds {
    struct book book;
    struct kinds_store *store;
    char corrections[PATH_MAX];
};

/* False: there is no state folder, or its files can't be read. Close in any case. */
bool kept_kinds_open(struct kept_kinds *k, struct err *e);
void kept_kinds_close(struct kept_kinds *k);

/* Reads what people said anew. */
bool kept_kinds_read_words(struct kept_kinds *k, struct err *e);

#endif
