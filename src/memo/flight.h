/* flight: the templates that some worker is deciding just now. Whoever meets one of them meanwhile does not decide it
 * again, and does not wait either: its record is parked, and the one who decides the template settles it. Any number of
 * threads; one lock, taken once for a template that costs an encoding. */
#ifndef MEMO_FLIGHT_H
#define MEMO_FLIGHT_H

#include "data/question.h"

struct flights;

enum { FLIGHT_PARKED_MAX = 1 << 16 }; /* records parked at a time; beyond them a template is decided again */

/* keys: templates that may be in flight at a time; more are decided without a mark. */
struct flights *flight_open(size_t keys);
void flight_close(struct flights *f); /* nothing may be in flight; NULL is fine */

/* True: the caller decides the template of `key`, and must say flight_land when the memo has the answer. False: another
 * does; p was copied and is settled by that one. p->key is the key. */
bool flight_board(struct flights *f, const struct pending *p);

/* The template is decided: those who were parked for it, one after another; false: there are no more, and the mark is
 * gone. Who asks the memo after that finds the answer. */
bool flight_land(struct flights *f, struct memo_key key, struct pending *out);

#endif
