/* head_compare: which kinds of line another head would answer differently. By the vectors that are kept, so that kinds
 * by the thousand take milliseconds; of kinds without one only a few are encoded. The desk's thread. */
#ifndef API_HEAD_COMPARE_H
#define API_HEAD_COMPARE_H

#include "api/context.h"

/* Writes ,"differs":[…],"compared":N,"skipped":N: kinds with most lines first, each with both answers. Corrected ones
 * and those of rules are left out, since no head decides them. was, is: files of heads. False: one can't be used, e
 * says why.
 */
bool head_compare_put(struct exchange *x, const char *was, const char *is, struct err *e);

#endif
