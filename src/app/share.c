#include "app/share_internal.h"

#include "app/options.h"
#include "app/state_dir.h"
#include "base/clock.h"
#include "base/deflate.h"
#include "base/log.h"
#include "base/must.h"
#include "base/thread.h"
#include "llm/key.h"
#include "metrics/metrics.h"
#include "review/corrections.h"
#include "rules/page_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    TURN_MS = 200,
    QUIET_BYTES = 128, /* an answer without records */
    KINDS_EVERY_MS = 10000,
    ASK_TIMEOUT_MS = 40000, /* the desk waits up to 25 s for news */
    TELL_TIMEOUT_MS = 15000,
    RETRY_FIRST_MS = 500, /* doubles up to RETRY_MAX_MS; a random part of it is waited */
    RETRY_MAX_MS = 8000,
    REPLY_BYTES_MAX = 8 << 20,
    REQUEST_BYTES_MAX = 8 << 20,
};

static const char *const PATH_OF[SHARE_JOBS] = {"/api/share/words", "/api/share/words", "/api/share/kinds",
                                                "/api/share/rules", "/api/share/head"};

/* ---- requests ---- */

/* A name as a part of a query. */
static void share_escape(struct buf *b, const char *name) {
    for (; *name; name++) {
        bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                     (*name >= '0' && *name <= '9') || *name == '-' || *name == '.';
        if (plain)
            buf_putc(b, *name);
        else
            buf_printf(b, "%%%02X", (unsigned char)*name);
    }
}

static struct http_endpoint *share_endpoint(struct share *s, enum share_job job, struct err *e) {
    struct buf url;
    size_t n = strlen(s->desk);
    buf_init(&url, 8192);
    while (n > 0 && s->desk[n - 1] == '/') n--;
    buf_printf(&url, "%.*s%s", (int)n, s->desk, PATH_OF[job]);
    if (job == SHARE_ASK) {
        /* without a wait while ours is not sent: what the desk has by then is enough */
        buf_printf(&url, "?after=%u&run=%016" PRIx64 "&instance=", s->state.desk_id, s->run);
        share_escape(&url, s->name);
        if (s->job[SHARE_ASK].failures > 0 || s->heard_ns == 0) buf_puts(&url, "&wait=0");
    }
    buf_putc(&url, '\0');
    struct http_endpoint_opts o = {.url = url.p,
                                   .key = s->token,
                                   .proxy = s->proxy,
                                   .ca_file = s->ca_file,
                                   .get = job != SHARE_TELL_WORDS && job != SHARE_TELL_KINDS,
                                   .type = job == SHARE_TELL_WORDS ? "application/x-ndjson" : NULL,
                                   .encoding = job == SHARE_TELL_KINDS ? "gzip" : NULL};
    struct http_endpoint *to = url.failed ? NULL : http_endpoint_open(&o, e);
    if (url.failed) err_set(e, ERR_USAGE, "desk: the URL is too long");
    buf_release(&url);
    return to;
}

static void put_sender(struct share *s, struct buf *b) {
    buf_printf(b, "{\"log\":\"%016" PRIx64 "\",\"now\":%lld", s->state.log, (long long)time(NULL));
    corrections_member(b, "instance", span_of(s->name));
}

static void put_parcel(struct share *s, struct buf *out) {
    struct buf b;
    buf_init(&b, REQUEST_BYTES_MAX);
    buf_printf(&b, "{\"run\":\"%016" PRIx64 "\",\"seq\":%" PRIu64, s->run, s->seq);
    corrections_member(&b, "instance", span_of(s->name));
    buf_puts(&b, ",\"kinds\":");
    buf_put(&b, s->parcel.body.p, s->parcel.body.n);
    buf_putc(&b, '}');
    if (b.failed || !deflate_gzip(buf_span(&b), out)) out->failed = true;
    buf_release(&b);
}

static void fill_request(struct share *s, enum share_job job, struct buf *b) {
    b->max = REQUEST_BYTES_MAX;
    if (job == SHARE_TELL_KINDS) put_parcel(s, b);
    if (job != SHARE_TELL_WORDS) return;
    put_sender(s, b);
    s->telling = s->state.last;
    buf_puts(b, "}\n");
    buf_put(b, s->lines.p, s->lines.n);
}

static void share_wait(struct share *s, enum share_job job, uint64_t wait_ms) {
    s->job[job].next_ns = clock_now_ns(NULL) + clock_ns_of_ms(wait_ms);
}

/* It did not work: why is said once, each time is counted, and it is tried again after a random wait. */
static void share_failed(struct share *s, enum share_job job, const struct err *e) {
    unsigned n = s->job[job].failures++;
    uint64_t most = (uint64_t)RETRY_FIRST_MS << (n < 4 ? n : 4);
    metrics_add(METRIC_SHARE_FAILURES, 0, 0, 0, 1);
    share_wait(s, job, rng_below(&s->rng, (uint32_t)(most < RETRY_MAX_MS ? most : RETRY_MAX_MS)) + 1);
    if (s->told != e->code)
        log_warn("share.failed", "desk %s: %s; what is said here counts here, and is sent when it can be", s->desk,
                 e->msg);
    s->told = e->code;
}

static void share_start(struct share *s, enum share_job job) {
    struct share_call *j = &s->job[job];
    struct err e = {0};
    j->to = share_endpoint(s, job, &e);
    j->call = j->to ? http_client_take(s->client) : NULL;
    if (j->call) {
        j->call->user = j;
        j->call->reply.max = REPLY_BYTES_MAX;
        fill_request(s, job, &j->call->request);
        if (http_client_start(s->client, j->call, j->to, job == SHARE_ASK ? ASK_TIMEOUT_MS : TELL_TIMEOUT_MS, &e))
            return;
        http_client_give_back(s->client, j->call);
        j->call = NULL;
    }
    http_endpoint_close(j->to);
    j->to = NULL;
    share_failed(s, job, &e);
}

/* ---- what is to be done ---- */

/* Looks at our log when it has changed. False: it can't be read. */
static void look_at_log(struct share *s) {
    struct stat now = {0};
    struct err e = {0};
    if (stat(s->log, &now) != 0) now = (struct stat){0};
    bool same = now.st_ino == s->seen.st_ino && now.st_size == s->seen.st_size &&
                now.st_mtim.tv_sec == s->seen.st_mtim.tv_sec && now.st_mtim.tv_nsec == s->seen.st_mtim.tv_nsec;
    if (same && s->state.log) return;
    bool ok = shared_look(s->log, &s->state, &e);
    if (!ok && e.code == ERR_USAGE) { /* it is new, or was removed */
        e = (struct err){0};
        ok = state_dir_make_folders(s->log, &e) && shared_follow(s->log, &e) && shared_look(s->log, &s->state, &e);
        now = (struct stat){0};
        s->told_last = 0;
    }
    s->seen = now;
    if (ok) return;
    s->state.log = 0;
    share_failed(s, SHARE_ASK, &e);
}

static bool is_due(const struct share *s, enum share_job job) {
    return !s->job[job].call && clock_now_ns(NULL) >= s->job[job].next_ns;
}

static void begin_kinds(struct share *s) {
    if (!s->book || !is_due(s, SHARE_TELL_KINDS)) return;
    if (s->parcel.n == 0) {
        if (kinds_parcel_pack(s->book->kinds, &s->parcel, s->parcel_max) == 0) {
            share_wait(s, SHARE_TELL_KINDS, KINDS_EVERY_MS);
            return;
        }
        s->seq++;
    }
    share_start(s, SHARE_TELL_KINDS);
}

/* Ours goes first, so that the desk's answer is the order of all. */
static void begin_jobs(struct share *s) {
    look_at_log(s);
    if (s->state.log == 0) return;
    bool sends = s->state.waiting > 0 && s->state.last > s->told_last;
    if (sends && is_due(s, SHARE_TELL_WORDS)) share_start(s, SHARE_TELL_WORDS);
    if (is_due(s, SHARE_ASK) && (!sends || s->job[SHARE_TELL_WORDS].failures > 0)) share_start(s, SHARE_ASK);
    if (s->want_rules && is_due(s, SHARE_FETCH_RULES)) share_start(s, SHARE_FETCH_RULES);
    if (s->want_head && is_due(s, SHARE_FETCH_HEAD)) share_start(s, SHARE_FETCH_HEAD);
    begin_kinds(s);
}

/* ---- answers ---- */

static bool share_status(const struct share *s, const struct http_call *call, struct err *e) {
    if (call->err.code != ERR_OK) {
        *e = call->err;
        return false;
    }
    if (call->status == 200) return true;
    if (call->status == 401 || call->status == 403)
        return err_set(e, ERR_HTTP_STATUS, "status %ld: the token is refused (desk-token-file%s)", call->status,
                       s->token ? "; it must have the role share" : " is not set");
    return err_set(e, http_status_code(call->status), "status %ld: %.*s", call->status,
                   (int)(call->reply.n < 160 ? call->reply.n : 160), call->reply.n ? call->reply.p : "");
}

/* A desk that takes smaller requests gets smaller ones. */
static void share_split(struct share *s, const struct http_call *call) {
    if (call->status != 413 || s->parcel.n < 2) return;
    s->parcel_max = s->parcel.n / 2;
    kinds_parcel_undo(s->book->kinds, &s->parcel);
    s->parcel.n = 0;
}

static void share_done(struct share *s, struct http_call *call) {
    struct share_call *j = call->user;
    enum share_job job = (enum share_job)(j - s->job);
    struct err e = {0};
    bool ok = share_status(s, call, &e) && share_take(s, job, buf_span(&call->reply), &e);
    size_t reply_n = call->reply.n;
    if (!ok && job == SHARE_TELL_KINDS) share_split(s, call);
    http_client_give_back(s->client, call);
    http_endpoint_close(j->to);
    j->call = NULL, j->to = NULL;
    if (!ok) {
        share_failed(s, job, &e);
        return;
    }
    j->failures = 0;
    if (job == SHARE_ASK && reply_n < QUIET_BYTES)
        share_wait(s, job, TURN_MS); /* no news: one that never waits is not asked at once */
    if (job == SHARE_TELL_KINDS) share_wait(s, job, s->parcel_max < KINDS_SHARE_MAX ? 0 : KINDS_EVERY_MS);
    bool well = true;
    for (unsigned i = 0; i < SHARE_JOBS; i++) well = well && s->job[i].failures == 0;
    if (s->told && well) log_info("share.back", "desk %s: it answers again, and what waited is sent", s->desk);
    if (well) s->told = ERR_OK;
}

/* ---- the thread ---- */

static void share_publish(struct share *s, uint64_t begun_ns) {
    uint64_t since = s->heard_ns ? s->heard_ns : begun_ns;
    metrics_gauge_set(METRIC_SHARE_LAG, 0, (double)(clock_now_ns(NULL) - since) * 1e-9);
    metrics_gauge_set(METRIC_SHARE_WAITING, 0, (double)s->state.waiting);
}

static void *share_main(void *arg) {
    struct share *s = arg;
    uint64_t begun_ns = clock_now_ns(NULL);
    while (!atomic_load(&s->ending)) {
        struct http_call *call;
        begin_jobs(s);
        while ((call = http_client_step(s->client)) != NULL) share_done(s, call);
        share_publish(s, begun_ns);
        http_client_wait(s->client, TURN_MS);
    }
    return NULL;
}

/* ---- open and close ---- */

static bool open_token(struct share *s, const struct conf *c, struct err *e) {
    if (!c->desk_token_file[0]) return true;
    s->token = must_calloc(1, KEY_BYTES_MAX);
    if (!key_find(c->desk_token_file, OPENAI_OPENAI, NULL, s->token, e)) return err_prefix(e, "desk-token-file");
    key_guard();
    if (http_url_is_in_clear(c->desk)) log_warn("share.clear", "the token goes to %s unencrypted", c->desk);
    return true;
}

static bool open_places(struct share *s, struct err *e) {
    return (review_path(s->log) && state_dir_path(PAGE_RULES_FILE, s->page_rules, sizeof s->page_rules) &&
            state_dir_path("heads", s->heads, sizeof s->heads)) ||
           err_set(e, ERR_USAGE,
                   "desk: there is no folder to keep its words in: set STATE_DIRECTORY, XDG_STATE_HOME or HOME");
}

static bool open_client(struct share *s, struct err *e) {
    struct http_endpoint *probe = share_endpoint(s, SHARE_TELL_WORDS, e); /* says what is wrong with URL or token */
    http_endpoint_close(probe);
    if (!probe) return err_prefix(e, "desk");
    s->client = http_client_open(SHARE_JOBS, e);
    return s->client != NULL;
}

bool share_open(const struct conf *c, struct classifier *k, struct places *p, struct share **out, struct err *e) {
    *out = NULL;
    if (!c->desk[0]) return true;
    if (c->offline) return err_set(e, ERR_USAGE, "desk is '%s', but offline forbids every connection", c->desk);
    struct share *s = *out = must_calloc(1, sizeof *s);
    s->desk = c->desk, s->proxy = c->proxy, s->ca_file = c->ca_file;
    s->classifier = k, s->places = p;
    s->book = k->inventory ? inventory_book(k->inventory) : NULL;
    s->parcel_max = KINDS_SHARE_MAX;
    options_instance(c, s->name);
    buf_init(&s->lines, SHARED_BYTES_MAX);
    s->state.lines = &s->lines;
    kinds_parcel_init(&s->parcel);
    while (s->run == 0)
        if (getrandom(&s->run, sizeof s->run, 0) != sizeof s->run) s->run = (uint64_t)time(NULL);
    s->rng.state = s->run;
    bool ok = open_token(s, c, e) && open_places(s, e) && open_client(s, e);
    if (ok) {
        if (s->book) kinds_share_begin(s->book->kinds);
        s->thread = thread_start(share_main, s);
        return true;
    }
    atomic_store(&s->ending, true); /* it has no thread */
    return false;
}

void share_close(struct share *s) {
    if (!s) return;
    if (!atomic_exchange(&s->ending, true)) {
        http_client_wake(s->client);
        pthread_join(s->thread, NULL);
    }
    http_client_close(s->client);
    for (unsigned i = 0; i < SHARE_JOBS; i++) http_endpoint_close(s->job[i].to);
    kinds_parcel_release(&s->parcel);
    buf_release(&s->lines);
    if (s->token) explicit_bzero(s->token, KEY_BYTES_MAX);
    free(s->token);
    free(s);
}
