/* Who may use which resource, from where, and what every answer of the page carries: from the route table. */
#include "api/fixture.h"
#include "api/routes.h"
#include "http/auth.h"

#include <llhttp.h>

static const struct {
    const char *token; /* "": none is shown */
    unsigned may;
} WHO[] = {
    {"", 0},
    {"wrongwrongwrongwrong", 0},
    {"oldtokenoldtoken", AUTH_INGEST | AUTH_SCRAPE},
    {"ingestingestingest", AUTH_INGEST},
    {"viewviewviewviewview", AUTH_VIEW | AUTH_SCRAPE},
    {"labellabellabellabel", AUTH_LABEL | AUTH_VIEW | AUTH_SCRAPE},
    {"adminadminadminadmin", AUTH_ADMIN | AUTH_LABEL | AUTH_VIEW | AUTH_SCRAPE},
    {"shareshareshareshare", AUTH_SHARE},
};
static const char TOKENS[] = "oldtokenoldtoken\ningest:shipper:ingestingestingest\nview:vera:viewviewviewviewview\n"
                             "label:lena:labellabellabellabel\nadmin:ada:adminadminadminadmin\n"
                             "share:other:shareshareshareshare\n";

static char tokens_path[sizeof "/tmp/logclass_guard_XXXXXX"];

static struct api_opts guard_opts(bool tokens) {
    struct api_opts o = fix_opts();
    snprintf(tokens_path, sizeof tokens_path, "/tmp/logclass_guard_XXXXXX");
    if (tokens) fix_temporary(tokens_path, TOKENS);
    if (tokens) o.http.token_file = tokens_path;
    return o;
}

static bool guard_start(const struct api_opts *o) {
    bool ok = fix_start(o);
    if (o->http.token_file) unlink(tokens_path);
    return ok;
}

static int guard_ask(const char *method, const char *path, const char *fields) {
    char text[2000];
    bool post = strcmp(method, "POST") == 0;
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\n%s%s\r\n%s", method, path, fields,
             post ? "Content-Type: application/json\r\nX-Logclass: 1\r\nContent-Length: 2\r\n" : "", post ? "[]" : "");
    return fix_ask(text);
}

static int guard_ask_as(const struct routes_row *r, const char *token) {
    char fields[200];
    snprintf(fields, sizeof fields, "Host: localhost\r\n%s%s%s", token[0] ? "Authorization: Bearer " : "", token,
             token[0] ? "\r\n" : "");
    return guard_ask(llhttp_method_name((llhttp_method_t)r->route.method), r->route.path, fields);
}

/* Refused by role, which a handler never does itself. */
static bool guard_refused(int status) {
    return status == 401 || (status == 403 && strstr(fix.answer, "this needs the role"));
}

static void each_route_takes_the_roles_of_its_row(void) {
    struct api_opts o = guard_opts(true);
    if (!guard_start(&o)) return;
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        const struct routes_row *r = &routes_all[i];
        if (!(r->kind & API_CLASSIFIER)) continue;
        for (unsigned k = 0; k < sizeof WHO / sizeof WHO[0]; k++) {
            int status = guard_ask_as(r, WHO[k].token);
            bool may = !r->route.who || (WHO[k].may & r->route.who);
            CHECK_INT(guard_refused(status), !may);
            if (!may) CHECK_INT(status, k < 2 ? 401 : 403);
        }
    }
    fix_end();
}

/* The roles of /api/ are the page's: a token of before has none of them. */
static void an_old_token_has_no_part_of_the_page(void) {
    for (unsigned i = 0; i < ROUTE_COUNT; i++) {
        const struct routes_row *r = &routes_all[i];
        if (r->route.door != DOOR_PAGE || !r->route.who) continue;
        CHECK((r->route.who & (AUTH_INGEST | AUTH_SCRAPE)) == 0);
        CHECK(strncmp(r->route.path, "/api/", 5) == 0 && strcmp(r->route.cache, "no-store") == 0);
        if (r->route.method == HTTP_POST) CHECK(r->route.who != AUTH_OPEN);
    }
}

static bool guard_may_all(void) {
    bool yes = true;
    for (unsigned i = 0; i < ROUTE_COUNT; i++)
        if (routes_all[i].kind & API_CLASSIFIER) yes = !guard_refused(guard_ask_as(&routes_all[i], "")) && yes;
    return yes;
}

static void without_tokens_it_depends_on_who_can_come(void) {
    struct api_opts o = guard_opts(false);
    if (!guard_start(&o)) return;
    CHECK(guard_may_all());
    CHECK_INT(guard_ask("GET", "/api/session", "Host: localhost\r\n"), 200);
    CHECK(fix_says("{\"name\":\"local\",\"role\":\"admin\",\"needs_token\":false,"));
    CHECK(fix_says("{\"label_id\":\"USER_ACTION\",\"label\":\"User Action\",\"description\":"));
    fix_end();
    o.http.allow_open = true;
    if (!guard_start(&o)) return;
    CHECK_INT(guard_ask("GET", "/api/session", "Host: localhost\r\n"), 200);
    CHECK(fix_says("{\"name\":\"open\",\"role\":\"view\",\"needs_token\":false,"));
    fix_end();
    o.http.page.open_write = true;
    if (!guard_start(&o)) return;
    CHECK(guard_may_all());
    fix_end();
    o.http.page.mode = SERVER_PAGE_VIEW;
    if (!guard_start(&o)) return;
    CHECK_INT(guard_ask("GET", "/api/session", "Host: localhost\r\n"), 200);
    CHECK(fix_says("\"role\":\"view\""));
    fix_end();
    o.http.page.mode = SERVER_PAGE_OFF;
    if (!guard_start(&o)) return;
    CHECK_INT(guard_ask("GET", "/api/session", "Host: localhost\r\n"), 404);
    CHECK(fix_says("turned off (ui)"));
    CHECK_INT(guard_ask("GET", "/health", "Host: localhost\r\n"), 200);
    fix_end();
}

static void a_session_names_who_asks(void) {
    struct api_opts o = guard_opts(true);
    if (!guard_start(&o)) return;
    CHECK_INT(guard_ask("GET", "/api/session", "Host: localhost\r\n"), 200);
    CHECK(fix_says("{\"name\":null,\"role\":null,\"needs_token\":true,"));
    CHECK_INT(guard_ask("GET", "/api/session", "Host: localhost\r\nAuthorization: Bearer labellabellabellabel\r\n"),
              200);
    CHECK(fix_says("{\"name\":\"lena\",\"role\":\"label\",\"needs_token\":false,"));
    fix_end();
    o = guard_opts(false);
    o.http.page.user_header = "X-Forwarded-User";
    o.http.page.proxies = "10.1.2.3";
    if (!guard_start(&o)) return;
    CHECK_INT(guard_ask("GET", "/api/session", "Host: localhost\r\nX-Forwarded-User: alice\r\n"), 200);
    CHECK(fix_says("{\"name\":\"local\"")); /* said by somebody who is not believed */
    fix_end();
    o.http.page.proxies = "10.1.2.3, 127.0.0.1";
    if (!guard_start(&o)) return;
    CHECK_INT(guard_ask("GET", "/api/session", "Host: localhost\r\nx-forwarded-user: alice\r\n"), 200);
    CHECK(fix_says("{\"name\":\"alice\""));
    fix_end();
}

/* What a page from elsewhere, or a name that was made to point here, can send. */
static void nothing_from_elsewhere_is_served(void) {
    static const struct {
        const char *method, *fields;
        int status;
    } CASE[] = {
        {"GET", "Host: localhost\r\n", 200},
        {"GET", "Host: 127.0.0.1:80\r\nSec-Fetch-Site: same-origin\r\nOrigin: http://127.0.0.1:80\r\n", 200},
        {"GET", "Host: [::1]\r\nSec-Fetch-Site: none\r\n", 200},
        {"GET", "Host: logs.example:8\r\nOrigin: https://logs.example:8\r\n", 200},
        {"HEAD", "Host: localhost\r\n", 200},
        {"GET", "Host: rebind.example\r\n", 421},
        {"GET", "Host: 127.evil.example\r\n", 421},
        {"GET", "Host: localhost.evil.example\r\n", 421},
        {"GET", "Host: [::1].evil.example\r\n", 421},
        {"GET", "Host: localhost:80.evil.example\r\n", 421},
        {"GET", "Host: x\r\n", 421}, /* allowed-hosts is not ui-hosts */
        {"GET", "Host: \r\n", 421},
        {"GET", "", 400},
        {"GET", "Host: localhost\r\nHost: localhost\r\n", 400},
        {"GET", "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403},
        {"GET", "Host: localhost\r\nSec-Fetch-Site: same-site\r\n", 403},
        {"GET", "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", 403},
        {"GET", "Host: localhost\r\nOrigin: http://localhost:81\r\n", 403},
        {"GET", "Host: localhost\r\nOrigin: null\r\n", 403},
        {"GET", "Host: localhost\r\nOrigin: http://ours.example\r\n", 403}, /* cors-origin is not for the page */
        {"OPTIONS", "Host: localhost\r\nOrigin: http://localhost\r\nAccess-Control-Request-Method: GET\r\n", 403},
        {"OPTIONS", "Host: localhost\r\nOrigin: http://ours.example\r\nAccess-Control-Request-Method: GET\r\n", 403},
        {"OPTIONS", "Host: localhost\r\n", 405},
        {"PUT", "Host: localhost\r\n", 405},
    };
    struct api_opts o = guard_opts(false);
    o.http.cors_origin = "http://ours.example";
    o.http.page.hosts = "logs.example";
    if (!guard_start(&o)) return;
    for (unsigned i = 0; i < sizeof CASE / sizeof CASE[0]; i++) {
        int status = guard_ask(CASE[i].method, "/api/session", CASE[i].fields);
        if (status != CASE[i].status) fprintf(stderr, "%s %s\n%s\n", CASE[i].method, CASE[i].fields, fix.answer);
        CHECK_INT(status, CASE[i].status);
        CHECK(strstr(fix.answer, "Access-Control-") == NULL);
    }
    fix_end();
}

static void every_answer_of_the_page_has_its_fields(void) {
    static const char FIELDS[] =
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
        "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
        "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n"
        "Permissions-Policy: accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), usb=()\r\n";
    static const char *const REQUEST[] = {
        "GET /api/session HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "HEAD /api/session HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET http://localhost/api/session?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /api/session HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /api/session HTTP/1.1\r\n\r\n",
        "GET /api/session HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /api/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /ui/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "DELETE /api/session HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        "GET /api/session HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\n\r\n",
        "GET /api/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
    };
    struct api_opts o = guard_opts(false);
    o.http.cors_origin = "*";
    if (!guard_start(&o)) return;
    for (unsigned i = 0; i < sizeof REQUEST / sizeof REQUEST[0]; i++) {
        fix_ask(REQUEST[i]);
        CHECK(fix_says(FIELDS) && fix_says("X-Content-Type-Options: nosniff\r\n") &&
              fix_says("Cache-Control: no-store\r\n"));
    }
    fix_ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(strstr(fix.answer, "Content-Security-Policy") == NULL);
    fix_end();
}

/* Needs no preflight in a browser, so the mark and the type are what keeps forms and no-cors requests out. */
static void a_post_must_be_marked(void) {
    static const struct {
        const char *fields;
        int status;
    } CASE[] = {
        {"Content-Type: text/plain\r\nX-Logclass: 1\r\n", 415},
        {"Content-Type: application/x-www-form-urlencoded\r\nX-Logclass: 1\r\n", 415},
        {"X-Logclass: 1\r\n", 415},
        {"Content-Type: application/json\r\n", 403},
        {"Content-Type: application/json\r\nX-Logclass: 2\r\n", 403},
        {"Content-Type: application/json\r\nX-Logclass: 1\r\nSec-Fetch-Site: none\r\n", 403},
        {"Content-Type: application/json; charset=utf-8\r\nX-Logclass: 1\r\nSec-Fetch-Site: same-origin\r\n", 405},
    };
    struct api_opts o = guard_opts(false);
    if (!guard_start(&o)) return;
    for (unsigned i = 0; i < sizeof CASE / sizeof CASE[0]; i++) {
        char text[500];
        snprintf(text, sizeof text, "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n%s\r\n",
                 CASE[i].fields);
        CHECK_INT(fix_ask(text), CASE[i].status);
    }
    fix_end();
}

CHECK_MAIN(CHECK_TEST(each_route_takes_the_roles_of_its_row), CHECK_TEST(an_old_token_has_no_part_of_the_page),
           CHECK_TEST(without_tokens_it_depends_on_who_can_come), CHECK_TEST(a_session_names_who_asks),
           CHECK_TEST(nothing_from_elsewhere_is_served), CHECK_TEST(every_answer_of_the_page_has_its_fields),
           CHECK_TEST(a_post_must_be_marked))
