/* Small parts of the server: its route table, its metrics, encodings, queries, tokens. */
#include "http/route.h"

#include "http/auth.h"
#include "http/http_metrics.h"
#include "http/query.h"
#include "http/request.h"
#include "http/site_fixture.h"

static const struct route_table TABLE = {FIX_ROUTE, sizeof FIX_ROUTE / sizeof FIX_ROUTE[0], NULL};

static const struct route *find(const char *path, unsigned method, bool *known) {
    return route_find(&TABLE, span_of(path), method, known);
}

static void a_row_with_a_star_takes_what_follows(void) {
    static const struct route ROW[] = {{.method = HTTP_GET, .path = "/ui/*"}, {.method = HTTP_GET, .path = "/ui"}};
    const struct route_table t = {ROW, 2, NULL};
    bool known;
    CHECK(route_find(&t, SPAN_LIT("/ui/"), HTTP_GET, &known) == &ROW[0]);
    CHECK(route_find(&t, SPAN_LIT("/ui/a.js"), HTTP_HEAD, &known) == &ROW[0]);
    CHECK(route_find(&t, SPAN_LIT("/ui"), HTTP_GET, &known) == &ROW[1]);
    CHECK(route_find(&t, SPAN_LIT("/uix"), HTTP_GET, &known) == NULL && !known);
    CHECK(route_find(&t, SPAN_LIT("/ui/a.js"), HTTP_POST, &known) == NULL && known);
}

static void rows_are_found(void) {
    bool known;
    CHECK(find("/classify", HTTP_POST, &known) == &FIX_ROUTE[0] && known);
    CHECK(find("/classify", HTTP_GET, &known) == NULL && known);
    CHECK(find("/health", HTTP_GET, &known) == &FIX_ROUTE[1]);
    CHECK(find("/health", HTTP_HEAD, &known) == &FIX_ROUTE[1]);
    CHECK(find("/Health", HTTP_GET, &known) == NULL && !known);
    CHECK(find("", HTTP_GET, &known) == NULL && !known);
    struct buf allow = {.max = 100};
    route_allow(&TABLE, SPAN_LIT("/health"), &allow);
    CHECK_SPAN(buf_span(&allow), "GET, HEAD");
    buf_release(&allow);
}

/* Aborts when a status or reason has no label value in metrics.def. */
static void everything_that_happens_can_be_counted(void) {
    struct http_metrics t;
    http_metrics_init(&t, &TABLE);
    CHECK(t.endpoint[0] != t.endpoint[ROUTES_MAX]);
    CHECK(t.status[200] != t.status[404] && t.status[404] != t.status[503] && t.status[204] != t.status[200]);
    CHECK(t.method[HTTP_POST] != t.method[HTTP_GET] && t.method[HTTP_MERGE] == t.method[HTTP_LOCK]);
}

static void queries_are_cut_into_parameters(void) {
    static const struct {
        const char *query, *all; /* each as name:value; */
    } ROW[] = {{"", ""},           {"a=1", "a:1;"},      {"a=1&b=2", "a:1;b:2;"},
               {"&&a&", "a:;"},    {"=x", ":x;"},        {"a==b&c", "a:=b;c:;"},
               {"a=&b", "a:;b:;"}, {"a&a=2", "a:;a:2;"}, {"explain=1&", "explain:1;"}};
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        struct span query = span_of(ROW[i].query), name, value;
        struct buf all = {.max = 100};
        while (query_next(&query, &name, &value))
            buf_printf(&all, "%.*s:%.*s;", (int)name.n, name.p, (int)value.n, value.p);
        CHECK_SPAN(buf_span(&all), ROW[i].all);
        buf_release(&all);
    }
    CHECK(query_has(SPAN_LIT("a=0&a=1"), SPAN_LIT("a"), SPAN_LIT("1")));
    CHECK(!query_has(SPAN_LIT("ba=1&a=11"), SPAN_LIT("a"), SPAN_LIT("1")));
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
    CHECK(auth_find(&a, SPAN_LIT("Bearer bbbbbbbbbbbbbbbb-._~+/=")) == &a.token[1]);
    CHECK(!auth_find(&a, SPAN_LIT("Bearer aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))); /* the token, twice */
    CHECK(!auth_find(&a, SPAN_LIT("Bearer")) && !auth_find(&a, SPAN_LIT("")));
    CHECK_INT(a.token[0].may, AUTH_INGEST | AUTH_SCRAPE);
    auth_close(&a);
    CHECK(!tokens_are_read("", &a, &e) && e.code == ERR_INPUT);
    CHECK(!tokens_are_read("short\n", &a, &e) && strstr(e.msg, ":1: a token of 5 bytes"));
    CHECK(!tokens_are_read("with a space in it\n", &a, &e));
    CHECK(!auth_open(&a, "/nonexistent", &e) && e.code == ERR_IO);
}

/* A name may hold anything but control characters and ':', which ends it. */
static void tokens_have_roles(void) {
    static const char *const WRONG[] = {
        "boss:a:bbbbbbbbbbbbbbbb\n", "view:bbbbbbbbbbbbbbbb\n",       "view::bbbbbbbbbbbbbbbb\n",   "view:a:short\n",
        ":a:bbbbbbbbbbbbbbbb\n",     "label:a\tb:bbbbbbbbbbbbbbbb\n", "view:a:b:bbbbbbbbbbbbbbbb\n"};
    struct auth a;
    struct err e = {0};
    CHECK(tokens_are_read(
        "label:<b>Ayse</b>:aaaaaaaaaaaaaaaa\nadmin:root:bbbbbbbbbbbbbbbb\ningest:x:cccccccccccccccc\n", &a, &e));
    const struct auth_token *t = auth_find(&a, SPAN_LIT("bearer  aaaaaaaaaaaaaaaa"));
    CHECK(t && span_eq(t->name, SPAN_LIT("<b>Ayse</b>")) && t->own == AUTH_LABEL);
    CHECK(t && t->may == (AUTH_LABEL | AUTH_VIEW | AUTH_SCRAPE));
    t = auth_find(&a, SPAN_LIT("Bearer bbbbbbbbbbbbbbbb"));
    CHECK(t && t->may == (AUTH_ADMIN | AUTH_LABEL | AUTH_VIEW | AUTH_SCRAPE) && span_eq(t->name, SPAN_LIT("root")));
    t = auth_find(&a, SPAN_LIT("Bearer cccccccccccccccc"));
    CHECK(t && t->may == AUTH_INGEST);
    auth_close(&a);
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) CHECK(!tokens_are_read(WRONG[i], &a, &e));
    CHECK_STR(auth_role_word(AUTH_ADMIN | AUTH_VIEW), "admin");
    CHECK_STR(auth_role_word(AUTH_OPEN), "nobody");
}

CHECK_MAIN(CHECK_TEST(rows_are_found), CHECK_TEST(a_row_with_a_star_takes_what_follows),
           CHECK_TEST(everything_that_happens_can_be_counted), CHECK_TEST(queries_are_cut_into_parameters),
           CHECK_TEST(encodings_have_names), CHECK_TEST(token_files), CHECK_TEST(tokens_have_roles))
