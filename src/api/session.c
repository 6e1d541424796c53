/* GET /api/session: what the page asks first. */
#include "api/context.h"
#include "api/handlers.h"
#include "api/json_put.h"
#include "http/response.h"

#include "build_info.h"

static void put_labels(struct buf *out, const struct label_set *labels) {
    buf_puts(out, ",\"labels\":[");
    for (unsigned i = 0; i < labels->n; i++) {
        buf_puts(out, i ? ",{\"label_id\":" : "{\"label_id\":");
        json_put_text(out, span_of(labels->label[i].id));
        json_put_member(out, "label", span_of(labels->label[i].name));
        json_put_member(out, "description", span_of(labels->label[i].description));
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static const char *has_route(const char *path) {
    for (unsigned i = 0; i < ROUTE_COUNT; i++)
        if (strcmp(routes_all[i].route.path, path) == 0) return "true";
    return "false";
}

static void put_features(struct buf *out, const struct api_settings *set) {
    buf_printf(out, ",\"features\":{\"llm\":%s,\"learn\":%s,\"rules\":%s,\"share\":%s}",
               set->has_llm ? "true" : "false", has_route("/api/learn"), has_route("/api/rules"),
               has_route("/api/share/words"));
}

/* How lines are shown as examples. */
static const char *examples_of_site(const struct exchange *x) {
    const struct book *b = api_of(x)->book;
    if (!b || !b->examples) return "none";
    return b->redact ? "redacted" : "raw";
}

enum step api_session(struct exchange *x) {
    const struct api_settings *set = api_settings_of(x);
    struct engine *eng = pipeline_engine(api_of(x)->pipeline);
    struct buf *out = &x->out;
    bool known = x->req.own != AUTH_OPEN;
    buf_puts(out, "{\"name\":");
    if (known)
        json_put_text(out, exchange_user(x));
    else
        buf_puts(out, "null");
    buf_printf(out, known ? ",\"role\":\"%s\"" : ",\"role\":null", auth_role_word(x->req.own));
    buf_printf(out, ",\"needs_token\":%s", known ? "false" : "true");
    put_labels(out, eng ? &eng->labels : label_default());
    put_features(out, set);
    json_put_member(out, "build", SPAN_LIT(BUILD_COMMIT));
    json_put_member(out, "instance", span_of(set->instance));
    json_put_member(out, "examples", span_of(examples_of_site(x)));
    buf_putc(out, '}');
    engine_unref(eng);
    return response_send(x, 200, RESPONSE_JSON);
}
