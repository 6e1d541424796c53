#include "api/ask.h"

#include "api/body.h"
#include "api/json_put.h"
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

bool ask_open(struct exchange *x, struct ask *a) {
    *a = (struct ask){.doc = body_read(x)};
    if (a->doc) a->root = yyjson_doc_get_root(a->doc);
    return a->doc != NULL;
}

void ask_close(struct ask *a) {
    yyjson_doc_free(a->doc);
    *a = (struct ask){0};
}

static struct span ask_span(yyjson_val *v) {
    return yyjson_is_str(v) ? (struct span){yyjson_get_str(v), yyjson_get_len(v)} : (struct span){0};
}

struct span ask_text(const struct ask *a, const char *name) {
    return ask_span(yyjson_obj_get(a->root, name));
}

double ask_number(const struct ask *a, const char *name, double otherwise) {
    yyjson_val *v = yyjson_obj_get(a->root, name);
    return yyjson_is_num(v) ? yyjson_get_num(v) : otherwise;
}

bool ask_flag(const struct ask *a, const char *name) {
    return yyjson_is_true(yyjson_obj_get(a->root, name));
}

size_t ask_texts(const struct ask *a, const char *name, struct span *out) {
    yyjson_val *list = yyjson_obj_get(a->root, name), *item;
    size_t n = 0, i, max;
    yyjson_arr_foreach(list, i, max, item) if (yyjson_is_str(item) && n < ASK_LIST_MAX) out[n++] = ask_span(item);
    return n;
}

uint64_t ask_hash(const struct ask *a, const char *name) {
    struct span text = ask_text(a, name);
    return text.n > 0 ? strtoull(text.p, NULL, 16) : 0; /* yyjson ends strings with a NUL */
}

unsigned ask_error(struct exchange *x, unsigned status, const char *fmt, ...) {
    char text[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buf_reset(&x->out);
    buf_puts(&x->out, "{\"error\":");
    json_put_text(&x->out, span_of(text));
    buf_putc(&x->out, '}');
    return status;
}
