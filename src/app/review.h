/* review: keeps what people said (review/corrections.h) in force in this process: the log of the state folder is read
 * at the start, and again within a second of each change, whoever wrote it. */
#ifndef APP_REVIEW_H
#define APP_REVIEW_H

#include "pipeline/pipeline.h"
#include "review/book.h"

#include <limits.h>

struct review;

/* book takes what was said as well, or is NULL. NULL: there is no state folder, so nobody can have said anything. p and
 * book must outlive it. */
struct review *review_open(struct pipeline *p, struct book *book);

void review_close(struct review *r); /* NULL is fine */

/* The log's path into out[PATH_MAX]. False: there is no state folder. */
bool review_path(char *out);

#endif
