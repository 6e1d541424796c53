#include "http/settings.h"

#include "base/must.h"
#include "http/exchange.h"
#include "http/listener.h"

#include <stdlib.h>
#include <string.h>

bool settings_in_range(const char *name, size_t value, size_t min, size_t max, struct err *e) {
    return (value >= min && value <= max) ||
           err_set(e, ERR_USAGE, "%s is %zu: expected %zu to %zu", name, value, min, max);
}

static bool check_opts(const struct server_opts *o, struct err *e) {
    if (strlen(o->page.user_header) >= REQUEST_FIELD_MAX)
        return err_set(e, ERR_USAGE, "ui-user-header: a name of at most %d bytes", REQUEST_FIELD_MAX - 1);
    if (o->page.user_header[0] && !o->page.proxies[0])
        return err_set(e, ERR_USAGE, "ui-user-header needs ui-proxy: the addresses that are believed");
    return settings_in_range("loops", o->threads, 1, SERVER_THREADS_MAX, e) &&
           settings_in_range("header-bytes-max", o->header_bytes_max, 256, 1 << 20, e) &&
           settings_in_range("body-bytes-max", o->body_bytes_max, 1, 1 << 30, e) &&
           settings_in_range("connections-max", o->connections_max, 1, 1000000, e);
}

/* Who may connect from elsewhere must show a token, unless the operator has said that it is meant to be open. */
static bool open_auth(struct settings *set, struct err *e) {
    const struct server_opts *o = &set->o;
    bool has_token = o->token_file && o->token_file[0];
    if (!has_token && !o->allow_open && !listener_is_loopback(o->host))
        return err_set(e, ERR_USAGE, "%s can be reached from elsewhere: give a token-file, or say allow-open", o->host);
    return !has_token || auth_open(&set->auth, o->token_file, e);
}

/* The options' strings, which the settings own. */
static void settings_texts(struct server_opts *o, const char **at[SETTINGS_TEXTS]) {
    const char **all[SETTINGS_TEXTS] = {&o->host,       &o->token_file,       &o->cors_origin, &o->allowed_hosts,
                                        &o->page.hosts, &o->page.user_header, &o->page.proxies};
    memcpy(at, all, sizeof all);
}

static void settings_copy(struct settings *set) {
    const char **at[SETTINGS_TEXTS];
    settings_texts(&set->o, at);
    for (unsigned i = 0; i < SETTINGS_TEXTS; i++) {
        set->text[i] = strdup(*at[i] ? *at[i] : "");
        MUST_MEMORY(set->text[i]);
        *at[i] = set->text[i];
    }
}

struct settings *settings_open(const struct server_opts *o, void *site, void (*site_close)(void *), struct err *e) {
    struct settings *set = must_calloc(1, sizeof *set);
    atomic_init(&set->refs, 1);
    set->o = *o;
    settings_copy(set);
    set->site = site;
    set->site_close = site_close;
    if (check_opts(&set->o, e) && open_auth(set, e)) return set;
    settings_unref(set);
    return NULL;
}

struct settings *settings_ref(struct settings *set) {
    atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void settings_unref(struct settings *set) {
    if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1) return;
    auth_close(&set->auth);
    if (set->site_close) set->site_close(set->site);
    for (unsigned i = 0; i < SETTINGS_TEXTS; i++) free(set->text[i]);
    free(set);
}
