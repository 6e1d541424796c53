/* selftest: a few milliseconds before rules are compiled that ask the regex engine questions whose answers are known.
 * An engine that misses or invents matches is refused, whoever supplies it: wrong labels would follow silently. */
#ifndef RULES_SELFTEST_H
#define RULES_SELFTEST_H

#include "base/err.h"

/* Every question is asked with its text at each offset from 0 to beyond the widest vector (64 bytes), because that is
 * where engines go wrong. The message names pattern and text of the first wrong answer. Takes 20 ms. */
bool selftest_run(struct err *e);

#endif
