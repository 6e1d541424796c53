#include "api/json_put.h"

#include "base/json_out.h"
#include "text/utf8.h"

void json_put_text(struct buf *out, struct span text) {
    char fixed[3 * JSON_PUT_MAX];
    json_out_string(out, (struct span){fixed, utf8_repair(span_sub(text, 0, JSON_PUT_MAX), fixed)});
}

void json_put_member(struct buf *out, const char *name, struct span text) {
    buf_printf(out, ",\"%s\":", name);
    json_put_text(out, text);
}
