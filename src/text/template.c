#include "text/template.h"

size_t template_write(struct span source, struct span message, bool use_source, char *out) {
    size_t n = 0;
    if (use_source && source.n > 0) {
        n = mask_line(span_sub(source, 0, TEMPLATE_SOURCE_MAX), out);
        if (n > 0) {
            out[n++] = ':';
            out[n++] = ' ';
        }
    }
    return n + mask_line(message, out + n);
}
