#include "api/openapi.h"

#include "base/json_out.h"
#include "api/routes.h"
#include "data/decider.h"
#include "http/response.h"

#include <llhttp.h>

static const struct {
    const char *name; /* of the component; NULL: no schema */
    const char *type; /* media type */
} SCHEMAS[] = {
    [ROUTES_NONE] = {NULL, NULL},
    [ROUTES_Entries] = {"Entries", RESPONSE_JSON},
    [ROUTES_Results] = {"Results", RESPONSE_JSON},
    [ROUTES_Question] = {"Question", RESPONSE_JSON},
    [ROUTES_Answer] = {"Answer", RESPONSE_JSON},
    [ROUTES_Health] = {"Health", RESPONSE_JSON},
    [ROUTES_Text] = {NULL, RESPONSE_TEXT},
    [ROUTES_Any] = {NULL, RESPONSE_JSON},
    [ROUTES_Page] = {NULL, "text/html"},
};

static void put_content(struct buf *out, enum routes_schema s) {
    buf_printf(out, "\"content\":{\"%s\":{\"schema\":", SCHEMAS[s].type);
    if (SCHEMAS[s].name)
        buf_printf(out, "{\"$ref\":\"#/components/schemas/%s\"}}", SCHEMAS[s].name);
    else
        buf_printf(out, "{\"type\":\"%s\"}}", s == ROUTES_Text ? "string" : "object");
    if (s == ROUTES_Entries || s == ROUTES_Results)
        buf_puts(out, ",\"" RESPONSE_NDJSON "\":{\"schema\":{\"type\":\"string\"}}");
    buf_putc(out, '}');
}

static void put_operation(struct buf *out, const struct routes_row *r) {
    const char *method = r->route.method == HTTP_POST ? "post" : "get";
    buf_printf(out, "\"%s\":{\"operationId\":\"", method);
    for (const char *c = r->id; *c; c++) buf_putc(out, *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c);
    buf_puts(out, "\",\"summary\":");
    json_out_string(out, span_of(r->summary));
    if (r->route.who) buf_puts(out, ",\"security\":[{},{\"token\":[]}]");
    if (r->request != ROUTES_NONE) {
        if (r->request == ROUTES_Entries)
            buf_puts(out, ",\"parameters\":[{\"name\":\"explain\",\"in\":\"query\",\"schema\":{\"type\":\"string\","
                          "\"enum\":[\"0\",\"1\",\"true\",\"false\"]},\"description\":\"1 adds reasons to each answer, "
                          "of at most "
                          "1000 entries\"}]");
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

static bool same_path(const struct routes_row *a, const struct routes_row *b) {
    return strcmp(a->route.path, b->route.path) == 0;
}

/* The operations of row i's path, at its first row; the path is written once, however many methods it has. */
static void put_path(struct buf *out, const struct routes_row *row, unsigned n, unsigned i) {
    for (unsigned k = 0; k < i; k++)
        if (same_path(&row[k], &row[i])) return;
    buf_printf(out, "%s\"%s\":{", i ? "," : "", row[i].route.path);
    for (unsigned k = i; k < n; k++) {
        if (!same_path(&row[k], &row[i])) continue;
        if (k > i) buf_putc(out, ',');
        put_operation(out, &row[k]);
    }
    buf_putc(out, '}');
}

void openapi_write_paths(struct buf *out, const struct routes_row *row, unsigned n) {
    for (unsigned i = 0; i < n; i++) put_path(out, row, n, i);
}

static void put_label_id(struct buf *out, const struct label_set *labels) {
    buf_puts(out, "\"label_id\":{\"type\":\"string\",\"enum\":[");
    for (unsigned i = 0; i < labels->n; i++) buf_printf(out, "%s\"%s\"", i ? "," : "", labels->label[i].id);
    buf_puts(out, "]},\"label\":{\"type\":\"string\"},");
}

static void put_array_schemas(struct buf *out, const struct api_opts *o, const struct label_set *labels) {
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
    buf_puts(
        out,
        "]},\"confidence\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1},\"explain\":{\"type\":\"object\","
        "\"properties\":{\"rule\":{\"type\":\"string\"},\"span\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},"
        "\"matched\":{\"type\":\"string\"},\"memo\":{\"type\":\"boolean\"},\"nearest\":{\"type\":\"object\"},"
        "\"threshold\":{\"type\":\"number\"},\"reason\":{\"type\":\"string\"},\"template\":{\"type\":\"string\"}}}}}}"
        ",");
}

static void put_message_schemas(struct buf *out, const struct api_opts *o, const struct label_set *labels) {
    buf_printf(out,
               "\"Question\":{\"type\":\"object\",\"required\":[\"message\"],\"properties\":{\"message\":{\"type\":"
               "\"string\",\"maxLength\":%zu},\"source\":{\"type\":\"string\",\"maxLength\":%zu}}},",
               o->line_bytes_max, o->line_bytes_max);
    buf_puts(out, "\"Answer\":{\"type\":\"object\",\"required\":[\"label_id\",\"label\",\"confidence\"],"
                  "\"properties\":{");
    put_label_id(out, labels);
    buf_puts(out,
             "\"confidence\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1},\"source\":{\"type\":\"string\"}}},");
}

static void put_schemas(struct buf *out, const struct api_opts *o, const struct label_set *labels) {
    (o->kind == API_SERVICE ? put_message_schemas : put_array_schemas)(out, o, labels);
    buf_puts(
        out,
        "\"Health\":{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{\"status\":{\"type\":\"string\"}}},"
        "\"Error\":{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"error\":{\"type\":\"string\"}}}");
}

void openapi_write(struct buf *out, const struct api_opts *o, const struct label_set *labels) {
    buf_puts(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"logclass\",\"version\":\"1\"},\"paths\":{");
    struct routes_row row[ROUTE_COUNT];
    unsigned n = 0;
    for (unsigned i = 0; i < ROUTE_COUNT; i++)
        if ((routes_all[i].kind & o->kind) && routes_all[i].answer != ROUTES_Page) row[n++] = routes_all[i];
    openapi_write_paths(out, row, n);
    buf_puts(
        out,
        "},\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}},\"schemas\":{");
    put_schemas(out, o, labels);
    buf_puts(out, "}}}");
}
