/* rules_file: the rule file as text (docs/rules.md): blocks of `[rule NAME]` and `key = value` lines. Knows labels and
 * limits, not what a pattern means. */
#ifndef RULES_RULES_FILE_H
#define RULES_RULES_FILE_H

#include "base/arena.h"
#include "rules/rules.h"

struct rules_list {
    struct rule *rule; /* in the order of the file */
    size_t n, cap;
    bool begun;
    struct arena text; /* holds the names, patterns and paths */
};

/* Adds the rules of a text to *out, which is zero-filled before the first. Errors begin with "path:line: ". Any bytes
 * are safe. Release the list also when this fails. */
bool rules_file_parse(struct span text, const char *path, const struct label_set *labels, struct rules_list *out,
                      struct err *e);

void rules_file_release(struct rules_list *l); /* zero-filled is fine */

#endif
