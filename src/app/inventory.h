/* inventory: the book of a process (review/book.h), opened from the options, and the thread that keeps it: once a
 * second it takes what the memo counted, every ten it writes what has changed. */
#ifndef APP_INVENTORY_H
#define APP_INVENTORY_H

#include "conf/conf.h"
#include "pipeline/pipeline.h"
#include "review/book.h"

struct inventory;

/* NULL: kinds_max is 0. A redaction file that can't be read is told, and the built-in rules count. */
struct inventory *inventory_open(const struct conf *c);
struct book *inventory_book(struct inventory *v);

/* Begins to keep it: loads what the file knows, in the background. p must outlive inventory_stop. */
void inventory_run(struct inventory *v, struct pipeline *p);

/* Takes and writes what is left. NULL and again are fine. */
void inventory_stop(struct inventory *v);
void inventory_close(struct inventory *v); /* NULL is fine; when nothing uses it any more */

/* The file's path into out[PATH_MAX]. False: there is no state folder. */
bool inventory_path(char *out);

#endif
