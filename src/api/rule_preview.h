/* rule_preview: what a rule would change, before it is saved: tried on all kinds of line that are known, on the lines
 * that are kept as examples, and on lines that somebody pasted. */
#ifndef API_RULE_PREVIEW_H
#define API_RULE_PREVIEW_H

#include "api/ask.h"
#include "pipeline/engine.h"
#include "rules/page_rules.h"

/* The rule in a request: {"name","label_id","pattern","source","confidence","replaces"}. Borrowed from it. */
struct rule_draft rule_preview_draft(const struct ask *f);

/* Of exactly this rule, on top of this revision of the page's rules: save takes only what a preview was made of. */
uint64_t rule_preview_hash(const struct rule_draft *d, uint64_t revision);

/* What is in force, and the page's part of it. */
struct rule_now {
    struct engine *eng;
    struct span text; /* of the page's rules */
    uint64_t revision;
};

/* Writes the preview into x->out and returns the status. On the desk's thread. */
unsigned rule_preview(struct exchange *x, const struct ask *f, const struct rule_now *now);

#endif
