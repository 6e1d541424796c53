#include "api/api.h"

#include "api/context.h"
#include "api/near.h"
#include "api/learner.h"
#include "api/intake.h"
#include "api/openapi.h"
#include "api/page.h"
#include "base/must.h"
#include "http/settings.h"

#include <stdio.h>
#include <unistd.h>

static const char PROGRAM[] = "/proc/self/exe";

enum {
    OPENAPI_BYTES_MAX = 256 * 1024,
    LARGE_BYTES_MIN = 32 * 1024, /* larger bodies are refused before they are read while the queue takes nothing */
};

/* ---- settings ---- */

static bool api_check(const struct api_opts *o, struct err *e) {
    return settings_in_range("line-bytes-max", o->line_bytes_max, 1, 1 << 20, e) &&
           settings_in_range("entries-max", o->entries_max, 1, API_ENTRIES_MAX, e) &&
           settings_in_range("depth-max", o->depth_max, 2, 1024, e) &&
           settings_in_range("client-entries-max", o->client_entries_max, o->entries_max, UINT32_MAX, e);
}

static struct api_settings *new_settings(const struct api_opts *o, const struct label_set *labels) {
    struct api_settings *set = must_calloc(1, sizeof *set);
    set->limits = (struct record_json_limits){o->entries_max, o->depth_max, o->line_bytes_max};
    set->client_entries_max = o->client_entries_max;
    set->has_llm = o->has_llm;
    memcpy(set->instance, o->instance, sizeof set->instance);
    buf_init(&set->openapi, OPENAPI_BYTES_MAX);
    openapi_write(&set->openapi, o, labels);
    if (set->openapi.failed) must_lack("memory", "the text of /openapi.json");
    return set;
}

static void close_settings(void *settings) {
    struct api_settings *set = settings;
    buf_release(&set->openapi);
    free(set);
}

struct settings *api_open_settings(const struct server *s, const struct api_opts *o, const struct label_set *labels,
                                   struct err *e) {
    const struct api *api = server_site_of(s);
    struct api_opts next = *o;
    next.kind = api->kind;
    return api_check(&next, e) ? server_settings_open(s, &next.http, new_settings(&next, labels), e) : NULL;
}

/* ---- threads ---- */

static void close_thread(void *thread) {
    struct api_thread *t = thread;
    fast_path_close(t->fast_path);
    record_json_reader_release(&t->reader);
    free(t);
}

static void *open_thread(void *self) {
    const struct api *api = self;
    struct api_thread *t = must_calloc(1, sizeof *t);
    t->fast_path = fast_path_open(api->pipeline);
    if (t->fast_path && record_json_reader_init(&t->reader)) return t;
    close_thread(t);
    return NULL;
}

/* ---- the site ---- */

/* Small requests are read in any case: they may be answered without the queue. */
static bool api_admit(struct exchange *x) {
    struct err e = {0};
    if (intake_is_for(x)) return intake_admit(x);
    if (x->req.encoding_unknown) return exchange_refuse(x, REFUSE_ENCODING, "Content-Encoding: expected gzip or zstd");
    if (exchange_streams(x) || x->req.content_length <= LARGE_BYTES_MIN || !pipeline_busy(api_of(x)->pipeline, &e))
        return true;
    return exchange_refuse(x, REFUSE_QUEUE_FULL, "busy: %s", e.msg);
}

static void api_close(void *self) {
    struct api *api = self;
    learner_close(api->learner);
    client_quota_release(&api->quota);
    instances_release(&api->instances);
    near_close(api->near);
    free(api);
}

struct server *api_open_server(const struct api_opts *o, const struct label_set *labels, struct pipeline *p,
                               struct err *e) {
    if (!api_check(o, e)) return NULL;
    struct api *api = must_calloc(1, sizeof *api);
    api->kind = o->kind;
    api->pipeline = p;
    api->places = o->places;
    if (o->places.heads) api->learner = learner_open(&(struct learner_opts){PROGRAM, o->places.learn_args});
    api->is_ready = o->is_ready;
    api->ready_self = o->ready_self;
    for (unsigned i = 0; o->push && i < PUSH_KINDS; i++) api->push[i] = o->push[i];
    api->book = o->book;
    api->has_llm = o->has_llm;
    api->near = o->book ? near_open() : NULL;
    instances_init(&api->instances);
    client_quota_init(&api->quota, o->http.connections_max);
    struct server_site site = {.routes = {api->route, routes_of(o->kind, api->route), routes_is_page},
                               .self = api,
                               .thread_open = open_thread,
                               .thread_close = close_thread,
                               .admit = api_admit,
                               .refusal = intake_refusal,
                               .settings_close = close_settings,
                               .close = api_close};
    struct server *s = server_open(&o->http, &site, new_settings(o, labels), e);
    if (!s) api_close(api);
    return s;
}
