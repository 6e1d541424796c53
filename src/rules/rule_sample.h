/* rule_sample: a line as a template may have come from: its placeholders filled with values. Rules look at lines, and
 * of most kinds only the template is kept. Pure. */
#ifndef RULES_RULE_SAMPLE_H
#define RULES_RULE_SAMPLE_H

#include "base/buf.h"
#include "base/span.h"

/* Appends the line to out: the same for the same template, always. */
void rule_sample(struct span template, struct buf *out);

#endif
