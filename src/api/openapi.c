#include "api/openapi.h"

#include "base/json_out.h"
#include "http/response.h"
#include "http/route.h"

#include <llhttp.h>

static const struct {
    const char *name; /* of the component; NULL: no schema */
    const char *type; /* media type */
} SCHEMAS[] = {
    [ROUTE_NONE] = {NULL, NULL},
    [ROUTE_Entries] = {"Entries", RESPONSE_JSON},
    [ROUTE_Results] = {"Results", RESPONSE_JSON},
    [ROUTE_Question] = {"Question", RESPONSE_JSON},
    [ROUTE_Answer] = {"Answer", RESPONSE_JSON},
    [ROUTE_Health] = {"Health", RESPONSE_JSON},
    [ROUTE_Text] = {NULL, RESPONSE_TEXT},
    [ROUTE_Any] = {NULL, RESPONSE_JSON},
};

static void put_content(struct buf *out, enum route_schema s) {
    buf_printf(out, "\"content\":{\"%s\":{\"schema\":", SCHEMAS[s].type);
    if (SCHEMAS[s].name)
        buf_printf(out, "{\"$ref\":\"#/components/schemas/%s\"}}", SCHEMAS[s].name);
    else
        buf_printf(out, "{\"type\":\"%s\"}}", s == ROUTE_Text ? "string" : "object");
    if (s == ROUTE_Entries || s == ROUTE_Results)
        buf_puts(out, ",\"" RESPONSE_NDJSON "\":{\"schema\":{\"type\":\"string\"}}");
    buf_putc(out, '}');
}

static void put_operation(struct buf *out, const struct route *r, const char *method, const char *id) {
    buf_printf(out, "\"%s\":{\"operationId\":\"%s_%s\",\"summary\":", method, method, id);
    json_out_string(out, span_of(r->summary));
    if (r->needs_token) buf_puts(out, ",\"security\":[{},{\"token\":[]}]");
    if (r->request != ROUTE_NONE) {
        if (r->request == ROUTE_Entries)
            buf_puts(out, ",\"parameters\":[{\"name\":\"explain\",\"in\":\"query\",\"schema\":{\"type\":\"string\"},"
                          "\"description\":\"1 adds reasons to each answer\"}]");
        buf_puts(out, ",\"requestBody\":{\"required\":true,");
        put_content(out, r->request);
        buf_putc(out, '}');
    }
    buf_puts(out, ",\"responses\":{\"200\":{\"description\":\"OK\",");
    put_content(out, r->answer);
    buf_puts(out,
             "},\"default\":{\"description\":\"Refused; the text names the reason or the "
             "limit\",\"content\":{\"" RESPONSE_JSON "\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}}}}}");
}

static void put_paths(struct buf *out, enum server_kind kind) {
    static const char *const IDS[] = {
#define ROUTE(id, ...) #id,
#include "http/route.def"
#undef ROUTE
    };
    const char *before = "";
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        const struct route *r = &route_table[i];
        if (!(r->kinds & kind)) continue;
        buf_printf(out, "%s\"%s\":{", before, r->path);
        before = ",";
        put_operation(out, r, r->method == HTTP_POST ? "post" : "get", IDS[i]);
        buf_putc(out, '}');
    }
}

static void put_label_id(struct buf *out, const struct label_set *labels) {
    buf_puts(out, "\"label_id\":{\"type\":\"string\",\"enum\":[");
    for (unsigned i = 0; i < labels->n; i++) buf_printf(out, "%s\"%s\"", i ? "," : "", labels->label[i].id);
    buf_puts(out, "]},\"label\":{\"type\":\"string\"},");
}

static void put_array_schemas(struct buf *out, const struct server_opts *o, const struct label_set *labels) {
    buf_printf(
        out,
        "\"Entries\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":%u,\"items\":{\"type\":\"object\",\"properties\":{"
        "\"source\":{\"type\":\"string\",\"maxLength\":%zu},\"log_message\":{\"type\":\"string\",\"maxLength\":%zu}}}}"
        ",",
        o->entries_max, o->line_bytes_max, o->line_bytes_max);
    buf_puts(out, "\"Results\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"label_id\",\"label\","
                  "\"source\",\"confidence\"],\"properties\":{");
    put_label_id(out, labels);
    buf_puts(out, "\"source\":{\"type\":\"string\",\"enum\":[");
    for (int s = 0; s < DECIDER_COUNT; s++) buf_printf(out, "%s\"%s\"", s ? "," : "", decider_name((enum decider)s));
    buf_puts(out, "]},\"confidence\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1},\"explain\":{\"type\":\"object\""
                  "}}}},");
}

static void put_message_schemas(struct buf *out, const struct server_opts *o, const struct label_set *labels) {
    buf_printf(out,
               "\"Question\":{\"type\":\"object\",\"required\":[\"message\"],\"properties\":{\"message\":{\"type\":"
               "\"string\",\"maxLength\":%zu},\"source\":{\"type\":\"string\",\"maxLength\":%zu}}},",
               o->line_bytes_max, o->line_bytes_max);
    buf_puts(out, "\"Answer\":{\"type\":\"object\",\"required\":[\"label_id\",\"label\",\"confidence\"],"
                  "\"properties\":{");
    put_label_id(out, labels);
    buf_puts(out, "\"confidence\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1}}},");
}

static void put_schemas(struct buf *out, const struct server_opts *o, const struct label_set *labels) {
    (o->kind == SERVER_SERVICE ? put_message_schemas : put_array_schemas)(out, o, labels);
    buf_puts(
        out,
        "\"Health\":{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{\"status\":{\"type\":\"string\"}}},"
        "\"Error\":{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"error\":{\"type\":\"string\"}}}");
}

void openapi_write(struct buf *out, const struct server_opts *o, const struct label_set *labels) {
    buf_puts(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"logclass\",\"version\":\"1\"},\"paths\":{");
    put_paths(out, o->kind);
    buf_puts(
        out,
        "},\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}},\"schemas\":{");
    put_schemas(out, o, labels);
    buf_puts(out, "}}}");
}
