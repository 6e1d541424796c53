#include "api/body.h"

yyjson_doc *body_read(struct exchange *x) {
    if (x->req.encoding != INFLATE_PLAIN) {
        exchange_refuse(x, REFUSE_ENCODING, "Content-Encoding: a request of the page is not compressed");
        return NULL;
    }
    if (x->body.n > BODY_BYTES_MAX) {
        exchange_refuse(x, REFUSE_BODY_BYTES, "the body is larger than %d bytes", BODY_BYTES_MAX);
        return NULL;
    }
    yyjson_read_err why;
    yyjson_doc *doc = x->body.n ? yyjson_read_opts(x->body.p, x->body.n, YYJSON_READ_NOFLAG, NULL, &why) : NULL;
    if (doc && yyjson_is_obj(yyjson_doc_get_root(doc))) return doc;
    if (doc || !x->body.n)
        exchange_refuse(x, REFUSE_MALFORMED, "the body is no JSON object");
    else
        exchange_refuse(x, REFUSE_MALFORMED, "the body is not JSON: byte %zu: %s", why.pos, why.msg);
    yyjson_doc_free(doc);
    return NULL;
}

bool body_text(struct exchange *x, yyjson_val *object, const char *name, size_t max, struct span *out) {
    yyjson_val *v = yyjson_obj_get(object, name);
    *out = SPAN_LIT("");
    if (!v || yyjson_is_null(v)) return true;
    if (!yyjson_is_str(v)) return exchange_refuse(x, REFUSE_MALFORMED, "%s: expected a text", name);
    *out = (struct span){yyjson_get_str(v), yyjson_get_len(v)};
    return out->n <= max || exchange_refuse(x, REFUSE_LINE_BYTES, "%s has %zu bytes, at most %zu", name, out->n, max);
}

bool body_number(struct exchange *x, yyjson_val *object, const char *name, uint64_t max, uint64_t none, uint64_t *out) {
    yyjson_val *v = yyjson_obj_get(object, name);
    *out = none;
    if (!v || yyjson_is_null(v)) return true;
    if (!yyjson_is_uint(v) || yyjson_get_uint(v) > max)
        return exchange_refuse(x, REFUSE_MALFORMED, "%s: expected a whole number up to %llu", name,
                               (unsigned long long)max);
    *out = yyjson_get_uint(v);
    return true;
}
