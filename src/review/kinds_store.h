/* kinds_store: the inventory's file, an SQLite database of its own that can be deleted at any time. Several processes
 * may share it: counts are added, not replaced. What can't be read or written is counted and told, and harms nothing
 * but the file. One thread. */
#ifndef REVIEW_KINDS_STORE_H
#define REVIEW_KINDS_STORE_H

#include "base/err.h"
#include "review/book.h"

struct kinds_store;

enum { KINDS_STORE_ROWS = 10000, KINDS_STORE_COUNTS = 4096, KINDS_STORE_FORM = 1 };

/* Opens or makes the file, for its owner only; one that is damaged or somebody else's is set aside as PATH.damaged.
 * NULL: it can't be opened, e says why. */
struct kinds_store *kinds_store_open(const char *path, struct err *e);
bool kinds_store_was_damaged(const struct kinds_store *s); /* and is set aside */
void kinds_store_close(struct kinds_store *s);             /* NULL is fine */

/* Enters what the file knows: the kinds that were seen last, as many as there is room for; the rest is deleted from it.
 * Of b only kinds, totals, counts of rules and marks are looked at, of which all but the kinds may be NULL.
 * Lines may flow meanwhile. False: it can't be read. */
bool kinds_store_load(struct kinds_store *s, struct book *b, struct err *e);

/* Writes what has changed, at most KINDS_STORE_ROWS kinds at a time; *more: there are others. all: also the long
 * memory, which is large. False: nothing was written, and will be next time. */
bool kinds_store_write(struct kinds_store *s, struct book *b, bool all, bool *more, struct err *e);

/* Deletes one kind from the file, and what SQLite keeps of deleted rows. */
bool kinds_store_forget(struct kinds_store *s, uint64_t id, struct err *e);

#endif
