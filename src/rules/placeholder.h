/* placeholder: what the placeholders of a template (text/mask.def) stand for, as those need it who make patterns and
 * lines of templates. Pure. */
#ifndef RULES_PLACEHOLDER_H
#define RULES_PLACEHOLDER_H

#include "base/span.h"

struct placeholder {
    const char *text;    /* as it stands in a template */
    const char *pattern; /* matches the values that it stands for; alternatives stand in no group */
    const char *between; /* matches what stands between those of a list; NULL: too long a pattern for lists */
    bool is_named;       /* a key in the line may tell it, and its value may stand in quotes */
    const char *sample;  /* one of them */
};

/* The placeholder that s begins with; NULL: it begins with none. */
const struct placeholder *placeholder_at(struct span s);

#endif
