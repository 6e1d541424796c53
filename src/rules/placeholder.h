/* placeholder: what the placeholders of a template (text/mask.def) stand for, as those need it who make patterns and
 * lines of templates. Pure. */
#ifndef RULES_PLACEHOLDER_H
#define RULES_PLACEHOLDER_H

#include "base/span.h"

struct placeholder {
    const char *text;    /* as it stands in a template */
    const char *pattern; /* matches the values that it stands for */
    const char *sample;  /* one of them */
};

/* The placeholder that s begins with; NULL: it begins with none. */
const struct placeholder *placeholder_at(struct span s);

#endif
