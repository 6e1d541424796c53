/* rule_suggest: a pattern from examples: what several templates have in common, as a regular expression. Pure. */
#ifndef RULES_RULE_SUGGEST_H
#define RULES_RULE_SUGGEST_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum { RULE_SUGGEST_TEMPLATES_MAX = 32, RULE_SUGGEST_NAME_MAX = 60 };

/* Writes to pattern the longest sequence of words that all templates (template[n], 1 to RULE_SUGGEST_TEMPLATES_MAX of
 * them, messages without a source) have in this order: words quoted, placeholders as what they stand for, other words
 * between them as .{0,80}. name gets its plain words, at most RULE_SUGGEST_NAME_MAX bytes. Whether it matches the lines
 * behind the templates is the caller's to try. False: they have no word in common. */
bool rule_suggest(const struct span *template, size_t n, struct buf *pattern, struct buf *name, struct err *e);

#endif
