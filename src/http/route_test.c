#include "http/route.h"

#include "base/check.h"
#include "http/auth.h"
#include "api/openapi.h"
#include "http/http_metrics.h"
#include "http/request.h"

#include <llhttp.h>
#include <unistd.h>
#include <yyjson.h>

static void rows_are_found(void) {
    bool known;
    CHECK(route_find(SERVER_CLASSIFIER, SPAN_LIT("/classify"), HTTP_POST, &known) == &route_table[ROUTE_CLASSIFY] &&
          known);
    CHECK(route_find(SERVER_SERVICE, SPAN_LIT("/classify"), HTTP_POST, &known) == &route_table[ROUTE_QUESTION]);
    CHECK(route_find(SERVER_CLASSIFIER, SPAN_LIT("/classify"), HTTP_GET, &known) == NULL && known);
    CHECK(route_find(SERVER_CLASSIFIER, SPAN_LIT("/health"), HTTP_GET, &known) == &route_table[ROUTE_HEALTH]);
    CHECK(route_find(SERVER_CLASSIFIER, SPAN_LIT("/health"), HTTP_HEAD, &known) == &route_table[ROUTE_HEALTH]);
    CHECK(route_find(SERVER_CLASSIFIER, SPAN_LIT("/Health"), HTTP_GET, &known) == NULL && !known);
    CHECK(route_find(SERVER_CLASSIFIER, SPAN_LIT(""), HTTP_GET, &known) == NULL && !known);
    struct buf allow = {.max = 100};
    route_allow(SERVER_ANY, SPAN_LIT("/health"), &allow);
    CHECK_SPAN(buf_span(&allow), "GET, HEAD");
    buf_release(&allow);
}

/* Aborts when a status, reason or path has no label value in metrics.def. */
static void everything_that_happens_can_be_counted(void) {
    struct http_metrics t;
    http_metrics_init(&t);
    CHECK(t.endpoint[ROUTE_CLASSIFY] != t.endpoint[ROUTE_COUNT]);
    CHECK(t.status[200] != t.status[404] && t.status[404] != t.status[503]);
    CHECK(t.method[HTTP_POST] != t.method[HTTP_GET] && t.method[HTTP_MERGE] == t.method[HTTP_LOCK]);
}

static void the_description_is_json_and_complete(void) {
    static const enum server_kind KIND[] = {SERVER_CLASSIFIER, SERVER_SERVICE};
    for (unsigned k = 0; k < 2; k++) {
        struct server_opts o = SERVER_OPTS_DEFAULT;
        struct buf text = {.max = 1 << 20};
        o.kind = KIND[k];
        openapi_write(&text, &o, label_default());
        CHECK(!text.failed);
        yyjson_doc *doc = yyjson_read(text.p, text.n, 0);
        CHECK(doc != NULL);
        yyjson_val *paths = yyjson_obj_get(yyjson_doc_get_root(doc), "paths");
        for (unsigned i = 0; i < ROUTE_COUNT; i++) {
            if (!(route_table[i].kinds & o.kind)) continue;
            yyjson_val *path = yyjson_obj_get(paths, route_table[i].path);
            CHECK(yyjson_obj_get(path, route_table[i].method == HTTP_POST ? "post" : "get") != NULL);
        }
        yyjson_doc_free(doc);
        buf_release(&text);
    }
}

static void encodings_have_names(void) {
    static const struct {
        const char *value;
        bool known;
        enum inflate_format format;
    } ROW[] = {{"", true, INFLATE_PLAIN},         {" identity ", true, INFLATE_PLAIN},
               {"GZip", true, INFLATE_GZIP},      {"x-gzip", true, INFLATE_GZIP},
               {"zstd", true, INFLATE_ZSTD},      {"zstd, gzip", false, INFLATE_PLAIN},
               {"deflate", false, INFLATE_PLAIN}, {"gzi", false, INFLATE_PLAIN}};
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        enum inflate_format format = INFLATE_PLAIN;
        CHECK_INT(request_encoding(span_of(ROW[i].value), &format), ROW[i].known);
        CHECK_INT(format, ROW[i].format);
    }
}

static bool tokens_are_read(const char *text, struct auth *a, struct err *e) {
    char path[] = "/tmp/logclass_auth_XXXXXX";
    int fd = mkstemp(path);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    bool ok = auth_open(a, path, e);
    unlink(path);
    return ok;
}

static void token_files(void) {
    struct auth a;
    struct err e = {0};
    CHECK(tokens_are_read("# x\n\naaaaaaaaaaaaaaaa\nbbbbbbbbbbbbbbbb-._~+/=", &a, &e));
    CHECK_INT(a.n, 2);
    CHECK(auth_check(&a, SPAN_LIT("Bearer bbbbbbbbbbbbbbbb-._~+/=")));
    CHECK(!auth_check(&a, SPAN_LIT("Bearer aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))); /* the token, twice */
    CHECK(!auth_check(&a, SPAN_LIT("Bearer")) && !auth_check(&a, SPAN_LIT("")));
    auth_close(&a);
    CHECK(!tokens_are_read("", &a, &e) && e.code == ERR_INPUT);
    CHECK(!tokens_are_read("short\n", &a, &e) && strstr(e.msg, ":1: a token of 5 bytes"));
    CHECK(!tokens_are_read("with a space in it\n", &a, &e));
    CHECK(!auth_open(&a, "/nonexistent", &e) && e.code == ERR_IO);
}

CHECK_MAIN(CHECK_TEST(rows_are_found), CHECK_TEST(everything_that_happens_can_be_counted),
           CHECK_TEST(the_description_is_json_and_complete), CHECK_TEST(encodings_have_names), CHECK_TEST(token_files))
