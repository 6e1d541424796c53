/* share: an instance that follows a desk (option desk): one thread with connections of its own, which brings the desk's
 * words, rules and head in force here, and tells the desk what was said and counted here. It keeps nobody waiting: with
 * the desk away everything goes on, and what it misses is sent when it is back. */
#ifndef APP_SHARE_H
#define APP_SHARE_H

#include "app/classifier.h"
#include "app/places.h"

struct share;

/* *out: NULL where no desk is configured. False: e says what is wrong with the options, or that there is no state
 * folder. classifier and places must outlive it. */
bool share_open(const struct conf *c, struct classifier *k, struct places *p, struct share **out, struct err *e);

/* Ends the thread. Nobody may wait for a reload that never comes: after RELOAD_END was asked for. NULL is fine. */
void share_close(struct share *s);

#endif
