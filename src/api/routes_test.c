/* The route table of the API and its description. */
#include "api/routes.h"

#include "api/openapi.h"
#include "http/auth.h"
#include "base/check.h"

#include <llhttp.h>
#include <yyjson.h>

static void a_server_has_the_routes_of_its_kind(void) {
    static const enum api_kind KIND[] = {API_CLASSIFIER, API_SERVICE, API_STREAMS};
    static const enum route_id CLASSIFY[] = {ROUTE_CLASSIFY, ROUTE_QUESTION, ROUTE_CLASSIFY};
    for (unsigned k = 0; k < 3; k++) {
        struct route route[ROUTE_COUNT];
        struct route_table t = {route, routes_of(KIND[k], route), NULL};
        bool known;
        unsigned of_kind = 0;
        for (unsigned i = 0; i < ROUTE_COUNT; i++) of_kind += (routes_all[i].kind & KIND[k]) != 0;
        CHECK_INT(t.n, of_kind);
        CHECK((route_find(&t, SPAN_LIT("/v1/logs"), HTTP_POST, &known) != NULL) == (KIND[k] == API_STREAMS));
        const struct route *r = route_find(&t, SPAN_LIT("/classify"), HTTP_POST, &known);
        CHECK(r && r->run == routes_all[CLASSIFY[k]].route.run && r->who == AUTH_INGEST);
        CHECK_INT(r->streams, KIND[k] != API_SERVICE);
        CHECK(route_find(&t, SPAN_LIT("/livez"), HTTP_HEAD, &known) != NULL);
    }
}

static void the_description_is_json_and_complete(void) {
    static const enum api_kind KIND[] = {API_CLASSIFIER, API_SERVICE};
    for (unsigned k = 0; k < 2; k++) {
        struct api_opts o = API_OPTS_DEFAULT;
        struct buf text = {.max = 1 << 20};
        o.kind = KIND[k];
        openapi_write(&text, &o, label_default());
        CHECK(!text.failed);
        yyjson_doc *doc = yyjson_read(text.p, text.n, 0);
        CHECK(doc != NULL);
        yyjson_val *paths = yyjson_obj_get(yyjson_doc_get_root(doc), "paths");
        for (unsigned i = 0; i < ROUTE_COUNT; i++) {
            if (!(routes_all[i].kind & o.kind) || routes_all[i].answer == ROUTES_Page) continue;
            yyjson_val *path = yyjson_obj_get(paths, routes_all[i].route.path);
            CHECK(yyjson_obj_get(path, routes_all[i].route.method == HTTP_POST ? "post" : "get") != NULL);
        }
        yyjson_doc_free(doc);
        buf_release(&text);
    }
}

/* JSON forbids nothing, but of duplicate keys readers keep one. */
static void a_path_with_two_methods_is_written_once(void) {
    struct routes_row row[4] = {routes_all[ROUTE_CLASSIFY], routes_all[ROUTE_HEALTH], routes_all[ROUTE_LIVEZ],
                                routes_all[ROUTE_CLASSIFY]};
    row[2].route.path = "/classify"; /* GET */
    row[3].route.path = "/last";
    struct buf text = {.max = 1 << 20};
    buf_putc(&text, '{');
    openapi_write_paths(&text, row, 4);
    buf_putc(&text, '}');
    yyjson_doc *doc = yyjson_read(text.p, text.n, 0);
    CHECK(doc != NULL);
    yyjson_val *paths = yyjson_doc_get_root(doc), *path = yyjson_obj_get(paths, "/classify");
    CHECK_INT(yyjson_obj_size(paths), 3);
    CHECK_INT(yyjson_obj_size(path), 2);
    CHECK(yyjson_obj_get(path, "post") && yyjson_obj_get(path, "get"));
    yyjson_doc_free(doc);
    buf_release(&text);
}

CHECK_MAIN(CHECK_TEST(a_server_has_the_routes_of_its_kind), CHECK_TEST(the_description_is_json_and_complete),
           CHECK_TEST(a_path_with_two_methods_is_written_once))
