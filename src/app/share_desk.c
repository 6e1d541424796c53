#include "app/share_desk.h"

#include "app/state_dir.h"
#include "base/clock.h"
#include "base/deflate.h"
#include "base/log.h"
#include "base/must.h"
#include "llm/key.h"
#include "review/corrections.h"
#include "rules/page_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUIET_BYTES = 128, /* an answer without records */
    KINDS_EVERY_MS = 10000,
    ASK_TIMEOUT_MS = 40000, /* the desk waits up to 25 s for news */
    TELL_TIMEOUT_MS = 15000,
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

static struct http_endpoint *share_endpoint(struct share_desk *d, enum share_job job, struct err *e) {
    struct buf url;
    size_t n = strlen(d->desk);
    buf_init(&url, 8192);
    while (n > 0 && d->desk[n - 1] == '/') n--;
    buf_printf(&url, "%.*s%s", (int)n, d->desk, PATH_OF[job]);
    if (job == SHARE_ASK) {
        /* without a wait while ours is not sent: what the desk has by then is enough */
        buf_printf(&url, "?after=%u&run=%016" PRIx64 "&instance=", d->s->state.desk_id, d->s->run);
        share_escape(&url, d->s->name);
        if (d->job[SHARE_ASK].failures > 0 || d->s->heard_ns == 0) buf_puts(&url, "&wait=0");
    }
    buf_putc(&url, '\0');
    struct http_endpoint_opts o = {.url = url.p,
                                   .key = d->token,
                                   .proxy = d->proxy,
                                   .ca_file = d->ca_file,
                                   .get = job != SHARE_TELL_WORDS && job != SHARE_TELL_KINDS,
                                   .type = job == SHARE_TELL_WORDS ? "application/x-ndjson" : NULL,
                                   .encoding = job == SHARE_TELL_KINDS ? "gzip" : NULL};
    struct http_endpoint *to = url.failed ? NULL : http_endpoint_open(&o, e);
    if (url.failed) err_set(e, ERR_USAGE, "desk: the URL is too long");
    buf_release(&url);
    return to;
}

static void put_parcel(struct share_desk *d, struct buf *out) {
    struct buf b;
    buf_init(&b, REQUEST_BYTES_MAX);
    buf_printf(&b, "{\"run\":\"%016" PRIx64 "\",\"seq\":%" PRIu64, d->s->run, d->seq);
    corrections_member(&b, "instance", span_of(d->s->name));
    buf_puts(&b, ",\"kinds\":");
    buf_put(&b, d->parcel.body.p, d->parcel.body.n);
    buf_putc(&b, '}');
    if (b.failed || !deflate_gzip(buf_span(&b), out)) out->failed = true;
    buf_release(&b);
}

static void fill_request(struct share_desk *d, enum share_job job, struct buf *b) {
    b->max = REQUEST_BYTES_MAX;
    if (job == SHARE_TELL_KINDS) put_parcel(d, b);
    if (job != SHARE_TELL_WORDS) return;
    share_put_sender(d->s, b);
    d->s->telling = d->s->state.last;
    buf_puts(b, "}\n");
    buf_put(b, d->s->lines.p, d->s->lines.n);
}

static void share_wait(struct share_desk *d, enum share_job job, uint64_t wait_ms) {
    d->job[job].next_ns = clock_now_ns(NULL) + clock_ns_of_ms(wait_ms);
}

static void job_failed(struct share_desk *d, enum share_job job, const struct err *e) {
    share_wait(d, job, share_failed(d->s, d->job[job].failures++, e));
}

static void share_start(struct share_desk *d, enum share_job job) {
    struct share_call *j = &d->job[job];
    struct err e = {0};
    j->to = share_endpoint(d, job, &e);
    j->call = j->to ? http_client_take(d->client) : NULL;
    if (j->call) {
        j->call->user = j;
        j->call->reply.max = REPLY_BYTES_MAX;
        fill_request(d, job, &j->call->request);
        if (http_client_start(d->client, j->call, j->to, job == SHARE_ASK ? ASK_TIMEOUT_MS : TELL_TIMEOUT_MS, &e))
            return;
        http_client_give_back(d->client, j->call);
        j->call = NULL;
    }
    http_endpoint_close(j->to);
    j->to = NULL;
    job_failed(d, job, &e);
}

/* ---- what is to be done ---- */

static bool is_due(const struct share_desk *d, enum share_job job) {
    return !d->job[job].call && clock_now_ns(NULL) >= d->job[job].next_ns;
}

static void begin_kinds(struct share_desk *d) {
    if (!d->s->book || !is_due(d, SHARE_TELL_KINDS)) return;
    if (d->parcel.n == 0) {
        if (kinds_parcel_pack(d->s->book->kinds, &d->parcel, d->parcel_max) == 0) {
            share_wait(d, SHARE_TELL_KINDS, KINDS_EVERY_MS);
            return;
        }
        d->seq++;
    }
    share_start(d, SHARE_TELL_KINDS);
}

/* Ours goes first, so that the desk's answer is the order of all. */
static void begin_jobs(struct share_desk *d) {
    struct err e = {0};
    if (!share_look(d->s, &e)) {
        job_failed(d, SHARE_ASK, &e);
        return;
    }
    bool sends = share_has_to_send(d->s);
    if (sends && is_due(d, SHARE_TELL_WORDS)) share_start(d, SHARE_TELL_WORDS);
    if (is_due(d, SHARE_ASK) && (!sends || d->job[SHARE_TELL_WORDS].failures > 0)) share_start(d, SHARE_ASK);
    if (d->want_rules && is_due(d, SHARE_FETCH_RULES)) share_start(d, SHARE_FETCH_RULES);
    if (d->want_head && is_due(d, SHARE_FETCH_HEAD)) share_start(d, SHARE_FETCH_HEAD);
    begin_kinds(d);
}

/* ---- answers ---- */

static bool share_status(const struct share_desk *d, const struct http_call *call, struct err *e) {
    if (call->err.code != ERR_OK) {
        *e = call->err;
        return false;
    }
    if (call->status == 200) return true;
    if (call->status == 401 || call->status == 403)
        return err_set(e, ERR_HTTP_STATUS, "status %ld: the token is refused (desk-token-file%s)", call->status,
                       d->token ? "; it must have the role share" : " is not set");
    return err_set(e, http_status_code(call->status), "status %ld: %.*s", call->status,
                   (int)(call->reply.n < 160 ? call->reply.n : 160), call->reply.n ? call->reply.p : "");
}

/* A desk that takes smaller requests gets smaller ones. */
static void share_split(struct share_desk *d, const struct http_call *call) {
    if (call->status != 413 || d->parcel.n < 2) return;
    d->parcel_max = d->parcel.n / 2;
    kinds_parcel_undo(d->s->book->kinds, &d->parcel);
    d->parcel.n = 0;
}

static void share_done(struct share_desk *d, struct http_call *call) {
    struct share_call *j = call->user;
    enum share_job job = (enum share_job)(j - d->job);
    struct err e = {0};
    bool ok = share_status(d, call, &e) && share_desk_take(d, job, buf_span(&call->reply), &e);
    size_t reply_n = call->reply.n;
    if (!ok && job == SHARE_TELL_KINDS) share_split(d, call);
    http_client_give_back(d->client, call);
    http_endpoint_close(j->to);
    j->call = NULL, j->to = NULL;
    if (!ok) {
        job_failed(d, job, &e);
        return;
    }
    j->failures = 0;
    if (job == SHARE_ASK && reply_n < QUIET_BYTES)
        share_wait(d, job, SHARE_TURN_MS); /* no news: one that never waits is not asked at once */
    if (job == SHARE_TELL_KINDS) share_wait(d, job, d->parcel_max < KINDS_SHARE_MAX ? 0 : KINDS_EVERY_MS);
    bool well = true;
    for (unsigned i = 0; i < SHARE_JOBS; i++) well = well && d->job[i].failures == 0;
    if (well) share_works(d->s);
}

static void desk_turn(struct share *s) {
    struct share_desk *d = s->own;
    struct http_call *call;
    begin_jobs(d);
    while ((call = http_client_step(d->client)) != NULL) share_done(d, call);
    http_client_wait(d->client, SHARE_TURN_MS);
}

/* ---- open and close ---- */

static bool open_token(struct share_desk *d, const struct conf *c, struct err *e) {
    if (!c->desk_token_file[0]) return true;
    d->token = must_calloc(1, KEY_BYTES_MAX);
    if (!key_find(c->desk_token_file, OPENAI_OPENAI, NULL, d->token, e)) return err_prefix(e, "desk-token-file");
    key_guard();
    if (http_url_is_in_clear(c->desk)) log_warn("share.clear", "the token goes to %s unencrypted", c->desk);
    return true;
}

static bool open_client(struct share_desk *d, struct err *e) {
    struct http_endpoint *probe = share_endpoint(d, SHARE_TELL_WORDS, e); /* says what is wrong with URL or token */
    http_endpoint_close(probe);
    if (!probe) return err_prefix(e, "desk");
    d->client = http_client_open(SHARE_JOBS, e);
    return d->client != NULL;
}

static bool desk_open(struct share *s, const struct conf *c, struct err *e) {
    struct share_desk *d = s->own = must_calloc(1, sizeof *d);
    *d = (struct share_desk){
        .s = s, .desk = c->desk, .proxy = c->proxy, .ca_file = c->ca_file, .parcel_max = KINDS_SHARE_MAX};
    snprintf(s->where, sizeof s->where, "desk %.280s", c->desk);
    kinds_parcel_init(&d->parcel);
    bool ok = state_dir_path(PAGE_RULES_FILE, d->page_rules, sizeof d->page_rules) &&
              state_dir_path("heads", d->heads, sizeof d->heads);
    MUST(ok); /* the log is there, too */
    if (!open_token(d, c, e) || !open_client(d, e)) return false;
    if (s->book) kinds_share_begin(s->book->kinds);
    return true;
}

static void desk_wake(struct share *s) {
    http_client_wake(((struct share_desk *)s->own)->client);
}

static void desk_close(struct share *s) {
    struct share_desk *d = s->own;
    if (!d) return;
    http_client_close(d->client);
    for (unsigned i = 0; i < SHARE_JOBS; i++) http_endpoint_close(d->job[i].to);
    kinds_parcel_release(&d->parcel);
    if (d->token) explicit_bzero(d->token, KEY_BYTES_MAX);
    free(d->token);
    free(d);
}

const struct share_way share_by_desk = {desk_open, desk_turn, desk_wake, desk_close};
