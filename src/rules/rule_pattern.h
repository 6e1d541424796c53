/* rule_pattern: a regular expression from a template: words quoted, placeholders as what masking takes for them. Pure.
 */
#ifndef RULES_RULE_PATTERN_H
#define RULES_RULE_PATTERN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* Appends a piece of a template; each placeholder stands for one value. */
void rule_pattern_put(struct buf *out, struct span piece);

/* Writes to out the pattern of the whole line: where masking makes one placeholder of a list of values, a list is
 * matched too, unless the pattern would get too long. False: no rule can have it, it is longer or bigger than rules may
 * be; e says so. */
bool rule_pattern_whole(struct buf *out, struct span template, struct err *e);

#endif
