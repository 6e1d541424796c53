#include "rules/rule_sample.h"

#include "rules/placeholder.h"

void rule_sample(struct span template, struct buf *out) {
    while (template.n > 0) {
        const struct placeholder *p = placeholder_at(template);
        if (p)
            buf_puts(out, p->sample);
        else
            buf_putc(out, template.p[0]);
        template = span_sub(template, p ? strlen(p->text) : 1, template.n);
    }
}
