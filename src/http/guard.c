#include "http/guard.h"

#include "http/internal.h"
#include "http/origin.h"

#include <llhttp.h>

bool guard_is_page(const struct exchange *x) {
    if (x->route) return x->route->door != DOOR_SITE;
    const struct route_table *t = &x->thread->server->site.routes;
    return t->is_page && t->is_page(x->req.path);
}

/* ---- from where ---- */

/* A page from elsewhere can't forge any of these: the browser sets them. X-Logclass it can send only when a preflight
 * was answered, which never happens here. */
static bool page_origin(struct exchange *x) {
    const struct request *r = &x->req;
    bool post = r->method == HTTP_POST, file = x->route && x->route->door == DOOR_FILE;
    if (r->hosts == 0) return exchange_refuse(x, REFUSE_MALFORMED, "Host is missing");
    if (!origin_serves_page(exchange_opts(x), span_of(r->host)))
        return exchange_refuse(x, REFUSE_HOST, "the page is not served as host '%.60s' (ui-hosts)", r->host);
    if (r->from_page && !origin_is_host(span_of(r->from), span_of(r->host)))
        return exchange_refuse(x, REFUSE_ORIGIN, "web pages of another origin may not use this");
    bool fetched = r->fetched == FETCHED_UNTOLD || r->fetched == FETCHED_HERE ||
                   (!post && r->fetched == FETCHED_BY_USER) || (file && r->navigates); /* a link that was sent */
    if (!fetched || r->preflight) return exchange_refuse(x, REFUSE_ORIGIN, "other web sites may not use this");
    if (!post) return true;
    if (!r->json_type) return exchange_refuse(x, REFUSE_TYPE, "Content-Type: expected application/json");
    return r->marked || exchange_refuse(x, REFUSE_ORIGIN, "expected the header field X-Logclass: 1");
}

/* It sends POST requests of strangers' pages without asking when they look harmless to it, and lets them read answers
 * of a server that it takes for theirs. */
static bool site_origin(struct exchange *x) {
    const struct request *r = &x->req;
    if (r->host_is_other)
        return exchange_refuse(x, REFUSE_HOST,
                               "this server listens on loopback only and does not serve host '%.60s' (allowed-hosts)",
                               r->host);
    if (!r->from_page || r->method != HTTP_POST) return true;
    if (!r->origin[0] && !origin_is_host(span_of(r->from), span_of(r->host)))
        return exchange_refuse(x, REFUSE_ORIGIN, "web pages of this origin may not use this server (cors-origin)");
    if (r->simple_type)
        return exchange_refuse(x, REFUSE_ORIGIN,
                               "Content-Type: web pages must send application/json or application/x-ndjson");
    return true;
}

bool guard_origin(struct exchange *x) {
    bool path_known;
    x->route = route_find(&x->thread->server->site.routes, x->req.path, x->req.method, &path_known);
    if (!guard_is_page(x)) return site_origin(x);
    x->req.origin[0] = '\0'; /* cors_origin is not for the page */
    if (exchange_opts(x)->page.mode == SERVER_PAGE_OFF)
        return exchange_refuse(x, REFUSE_ROUTE, "the page is turned off (ui)");
    return page_origin(x);
}

/* ---- who ---- */

static void guard_name(char to[REQUEST_USER_MAX], struct span name) {
    size_t n = name.n < REQUEST_USER_MAX ? name.n : REQUEST_USER_MAX - 1;
    if (n > 0) memcpy(to, name.p, n);
    to[n] = '\0';
}

void guard_take_token(struct exchange *x, struct span value) {
    const struct auth_token *t = auth_find(&x->thread->set->auth, value);
    x->req.has_token = t != NULL;
    if (!t) return;
    x->req.own = t->own;
    x->req.may = t->may;
    guard_name(x->req.user, t->name);
}

void guard_take_proxied(struct exchange *x, struct span value) {
    char address[LISTENER_ADDRESS_MAX];
    exchange_peer(x, address);
    x->req.proxied[0] = '\0';
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f) return;
    if (address[0] && origin_in_list(exchange_opts(x)->page.proxies, span_of(address)))
        guard_name(x->req.proxied, value);
}

/* Without tokens: who can reach a server on loopback is on this machine; elsewhere anybody is anybody. */
static void guard_grant(struct exchange *x) {
    const struct server_opts *o = exchange_opts(x);
    struct request *r = &x->req;
    if (x->thread->set->auth.n > 0) {
        if (!r->has_token) r->may = 0, r->own = AUTH_OPEN;
    } else {
        bool all = !o->allow_open || o->page.open_write;
        r->may = all ? AUTH_ALL : AUTH_INGEST | AUTH_SCRAPE | AUTH_VIEW;
        r->own = all ? AUTH_ADMIN : AUTH_VIEW;
        guard_name(r->user, span_of(o->allow_open ? "open" : "local"));
    }
    if (r->proxied[0]) memcpy(r->user, r->proxied, sizeof r->user);
    if (o->page.mode != SERVER_PAGE_VIEW) return;
    r->may &= ~(unsigned)(AUTH_LABEL | AUTH_ADMIN);
    if (r->own == AUTH_LABEL || r->own == AUTH_ADMIN) r->own = AUTH_VIEW;
}

bool guard_role(struct exchange *x) {
    const struct request *r = &x->req;
    unsigned who = x->route->who;
    guard_grant(x);
    if (!who || (r->may & who)) return true;
    if (x->thread->set->auth.n > 0 && !r->has_token)
        return exchange_refuse(x, REFUSE_AUTH, "a valid bearer token is required");
    return exchange_refuse(x, REFUSE_ROLE, "this needs the role %s; yours is %s", auth_role_word(who),
                           auth_role_word(r->own));
}
