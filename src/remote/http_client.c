#include "remote/http_client.h"

#include "base/must.h"
#include "remote/retry_after.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct http_endpoint {
    char *url, *proxy, *ca_file;
    bool get;
    struct curl_slist *headers;
};

struct http_transfer {
    struct http_call call;
    CURL *easy;
    size_t header_bytes;
    bool in_flight, too_large;
    char error[CURL_ERROR_SIZE];
    struct http_transfer *next; /* in the list of idle ones */
};

struct http_client {
    CURLM *multi;
    unsigned n;
    struct http_transfer *transfer; /* [n] */
    struct http_transfer *idle;
};

/* ---- endpoint ---- */

static bool http_no_memory(const char *url, struct err *e) {
    return err_set(e, ERR_MEMORY, "service URL '%s': no memory to read it", url);
}

/* Nothing may point elsewhere than it says: no user and password (they belong in a key file), no fragment. */
static bool check_url(CURLU *u, const char *url, struct err *e) {
    static const CURLUPart UNWANTED[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT};
    CURLUcode got = curl_url_set(u, CURLUPART_URL, url, 0);
    if (got == CURLUE_OUT_OF_MEMORY) return http_no_memory(url, e);
    if (got) return err_set(e, ERR_USAGE, "service URL: %s", curl_url_strerror(got));
    char *part = NULL;
    for (size_t i = 0; i < sizeof UNWANTED / sizeof UNWANTED[0]; i++) {
        got = curl_url_get(u, UNWANTED[i], &part, 0);
        if (got == CURLUE_OUT_OF_MEMORY) return http_no_memory(url, e); /* it may be there */
        if (got) continue;
        curl_free(part);
        return err_set(e, ERR_USAGE, "service URL: it must not hold a user, password or fragment");
    }
    got = curl_url_get(u, CURLUPART_SCHEME, &part, 0);
    if (got == CURLUE_OUT_OF_MEMORY) return http_no_memory(url, e);
    bool http = !got && (strcmp(part, "http") == 0 || strcmp(part, "https") == 0);
    curl_free(part);
    return http || err_set(e, ERR_USAGE, "service URL '%s': expected http:// or https://", url);
}

static bool is_this_machine(const char *host) {
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

bool http_url_is_in_clear(const char *url) {
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL;
    MUST(u != NULL);
    bool in_clear = curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
                    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcmp(scheme, "http") == 0 &&
                    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && !is_this_machine(host);
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(u);
    return in_clear;
}

static char *copy_or_null(const char *s) {
    if (!s || !s[0]) return NULL;
    char *copy = strdup(s);
    MUST_MEMORY(copy);
    return copy;
}

enum { LINE_MAX_BYTES = 4096 };

static void add_header(struct http_endpoint *p, const char *line) {
    struct curl_slist *longer = curl_slist_append(p->headers, line);
    MUST_MEMORY(longer);
    p->headers = longer;
}

static bool add_key(struct http_endpoint *p, const char *key, struct err *e) {
    enum { KEY_MAX = 8192 };
    char line[KEY_MAX + 32];
    for (const char *c = key; *c; c++)
        if (*c <= ' ' || *c > '~') return err_set(e, ERR_USAGE, "the key holds a space or a control character");
    if (strlen(key) > KEY_MAX) return err_set(e, ERR_LIMIT, "the key is longer than %d bytes", KEY_MAX);
    snprintf(line, sizeof line, "Authorization: Bearer %s", key);
    add_header(p, line);
    explicit_bzero(line, sizeof line);
    return true;
}

static void add_named(struct http_endpoint *p, const char *name, const char *value) {
    char line[LINE_MAX_BYTES];
    snprintf(line, sizeof line, "%s: %s", name, value);
    add_header(p, line);
}

static bool add_further(struct http_endpoint *p, const char *headers, struct err *e) {
    char line[LINE_MAX_BYTES];
    for (struct span list = span_of(headers); list.n > 0;) {
        const char *comma = memchr(list.p, ',', list.n);
        size_t n = comma ? (size_t)(comma - list.p) : list.n;
        struct span item = span_trim(span_sub(list, 0, n));
        list = span_sub(list, n + 1, list.n);
        if (item.n == 0) continue;
        if (item.n >= sizeof line || !memchr(item.p, ':', item.n))
            return err_set(e, ERR_USAGE, "headers: '%.*s': expected \"Name: value\"", item.n < 80 ? (int)item.n : 80,
                           item.p);
        for (size_t i = 0; i < item.n; i++)
            if ((unsigned char)item.p[i] < ' ') return err_set(e, ERR_USAGE, "headers: there is a control character");
        snprintf(line, sizeof line, "%.*s", (int)item.n, item.p);
        add_header(p, line);
    }
    return true;
}

static void global_init(void) {
    MUST(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static void global_init_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
}

struct http_endpoint *http_endpoint_open(const struct http_endpoint_opts *o, struct err *e) {
    global_init_once();
    CURLU *u = curl_url();
    MUST_MEMORY(u);
    bool ok = check_url(u, o->url, e);
    curl_url_cleanup(u);
    if (!ok) return NULL;
    struct http_endpoint *p = must_calloc(1, sizeof *p);
    p->url = copy_or_null(o->url);
    p->get = o->get;
    p->proxy = copy_or_null(o->proxy);
    p->ca_file = copy_or_null(o->ca_file);
    add_named(p, "Content-Type", o->type ? o->type : "application/json");
    add_named(p, "Accept", o->type ? o->type : "application/json");
    if (o->encoding) add_named(p, "Content-Encoding", o->encoding);
    add_header(p, "User-Agent: logclass");
    add_header(p, "Expect:"); /* no round trip before the body */
    if ((o->key && o->key[0] && !add_key(p, o->key, e)) || !add_further(p, o->headers ? o->headers : "", e)) {
        http_endpoint_close(p);
        return NULL;
    }
    return p;
}

void http_endpoint_close(struct http_endpoint *p) {
    if (!p) return;
    for (struct curl_slist *h = p->headers; h; h = h->next) explicit_bzero(h->data, strlen(h->data));
    curl_slist_free_all(p->headers);
    free(p->url);
    free(p->proxy);
    free(p->ca_file);
    free(p);
}

const char *http_endpoint_url(const struct http_endpoint *p) {
    return p->url;
}

void http_endpoint_show_headers(const struct http_endpoint *p, struct buf *out) {
    for (const struct curl_slist *h = p->headers; h; h = h->next) {
        size_t name = strcspn(h->data, ":"), n = strlen(h->data);
        bool secret = span_eq((struct span){h->data, name}, SPAN_LIT("Authorization"));
        if (n > name + 1) buf_printf(out, "%s\n", secret ? "Authorization: Bearer (the key)" : h->data);
    }
}

/* ---- what curl calls ---- */

static size_t take_body(char *data, size_t size, size_t n, void *user) {
    struct http_transfer *t = user;
    buf_put(&t->call.reply, data, size * n);
    if (!t->call.reply.failed) return size * n;
    t->too_large = true;
    return 0;
}

static size_t take_header(char *data, size_t size, size_t n, void *user) {
    (void)data;
    struct http_transfer *t = user;
    t->header_bytes += size * n;
    if (t->header_bytes <= HTTP_HEADER_BYTES_MAX) return size * n;
    t->too_large = true;
    return 0;
}

/* ---- client ---- */

/* What holds for every call. */
static bool open_transfer(struct http_transfer *t) {
    t->easy = curl_easy_init();
    if (!t->easy) return false;
    t->call.transfer = t;
    buf_init(&t->call.request, HTTP_REQUEST_BYTES_MAX);
    buf_init(&t->call.reply, HTTP_REPLY_BYTES_MAX);
    CURL *h = t->easy;
    return !(curl_easy_setopt(h, CURLOPT_PRIVATE, t) || curl_easy_setopt(h, CURLOPT_ERRORBUFFER, t->error) ||
             curl_easy_setopt(h, CURLOPT_POST, 1L) || curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) ||
             curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L) || curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L) ||
             curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https") ||
             curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) ||
             curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L) || /* giving up a call never waits for a name server */
             curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body) || curl_easy_setopt(h, CURLOPT_WRITEDATA, t) ||
             curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header) || curl_easy_setopt(h, CURLOPT_HEADERDATA, t));
}

struct http_client *http_client_open(unsigned calls_max, struct err *e) {
    MUST(calls_max >= 1 && calls_max <= HTTP_CALLS_MAX);
    global_init_once();
    struct http_client *c = must_calloc(1, sizeof *c);
    c->n = calls_max;
    c->transfer = must_calloc(calls_max, sizeof *c->transfer);
    c->multi = curl_multi_init();
    bool ok = c->multi && curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)calls_max) == CURLM_OK;
    for (unsigned i = 0; ok && i < calls_max; i++) {
        ok = open_transfer(&c->transfer[i]);
        c->transfer[i].next = c->idle;
        c->idle = &c->transfer[i];
    }
    if (!ok)
        err_set(e, ERR_MEMORY, "no memory or no descriptor for an HTTP client of %u calls", calls_max);
    else if (curl_multi_wakeup(c->multi) != CURLM_OK) /* curl_multi_init does without them and says nothing */
        ok = err_set(e, ERR_IO, "no descriptors left to wake an HTTP client with: raise the limit (ulimit -n)");
    if (ok) return c;
    http_client_close(c);
    return NULL;
}

void http_client_close(struct http_client *c) {
    if (!c) return;
    for (unsigned i = 0; i < c->n; i++) {
        struct http_transfer *t = &c->transfer[i];
        if (t->in_flight) curl_multi_remove_handle(c->multi, t->easy);
        curl_easy_cleanup(t->easy);
        buf_release(&t->call.request);
        buf_release(&t->call.reply);
    }
    if (c->multi) curl_multi_cleanup(c->multi);
    free(c->transfer);
    free(c);
}

struct http_call *http_client_take(struct http_client *c) {
    struct http_transfer *t = c->idle;
    if (!t) return NULL;
    c->idle = t->next;
    buf_reset(&t->call.request);
    t->call.request.max = HTTP_REQUEST_BYTES_MAX;
    buf_reset(&t->call.reply);
    t->call.reply.max = HTTP_REPLY_BYTES_MAX;
    t->call.status = 0;
    t->call.retry_after_ms = RETRY_AFTER_NONE;
    t->call.err = (struct err){0};
    t->call.user = NULL;
    t->header_bytes = 0;
    t->too_large = false;
    t->error[0] = '\0';
    return &t->call;
}

/* What depends on the endpoint. An empty proxy string overrules the environment. */
static bool aim(struct http_transfer *t, const struct http_endpoint *to, uint64_t timeout_ms) {
    CURL *h = t->easy;
    return !(curl_easy_setopt(h, CURLOPT_URL, to->url) || curl_easy_setopt(h, CURLOPT_HTTPHEADER, to->headers) ||
             curl_easy_setopt(h, CURLOPT_PROXY, to->proxy ? to->proxy : "") ||
             (to->ca_file && curl_easy_setopt(h, CURLOPT_CAINFO, to->ca_file)) ||
             curl_easy_setopt(h, CURLOPT_POSTFIELDS, t->call.request.p ? t->call.request.p : "") ||
             curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->call.request.n) ||
             curl_easy_setopt(h, to->get ? CURLOPT_HTTPGET : CURLOPT_POST, 1L) ||
             curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)timeout_ms) ||
             curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms));
}

bool http_client_start(struct http_client *c, struct http_call *call, const struct http_endpoint *to,
                       uint64_t timeout_ms, struct err *e) {
    struct http_transfer *t = call->transfer;
    MUST(!t->in_flight);
    if (call->request.failed) return err_set(e, ERR_LIMIT, "the request is larger than %zu bytes", call->request.max);
    bool ok = aim(t, to, timeout_ms > 0 ? timeout_ms : 1) && /* 0 would mean no limit to curl */
              curl_multi_add_handle(c->multi, t->easy) == CURLM_OK;
    if (!ok) return err_set(e, ERR_MEMORY, "no memory for a request");
    t->in_flight = true;
    return true;
}

/* What a failed transfer means to the caller. All but the rows is trouble on the way: CONNECTION. */
static enum err_code code_of(CURLcode code, const struct http_transfer *t) {
    static const struct {
        CURLcode curl;
        enum err_code code;
    } ROW[] = {
        {CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT},  {CURLE_WEIRD_SERVER_REPLY, ERR_DECODE},
        {CURLE_UNSUPPORTED_PROTOCOL, ERR_DECODE}, {CURLE_BAD_CONTENT_ENCODING, ERR_DECODE},
        {CURLE_OUT_OF_MEMORY, ERR_MEMORY},
    };
    if (t->too_large) return ERR_DECODE;
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++)
        if (ROW[i].curl == code) return ROW[i].code;
    return ERR_CONNECTION;
}

/* The header's value; NULL: the reply has none. */
static const char *header(CURL *h, const char *name) {
    struct curl_header *found;
    return curl_easy_header(h, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : NULL;
}

/* Retry-After counts on refusals; the rate-limit headers also tell when the next call would be refused. */
static int64_t asked_to_wait_ms(CURL *h, long status) {
    static const char *const LIMIT[][2] = {{"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"},
                                           {"x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"}};
    const char *value = status == 200 ? NULL : header(h, "Retry-After");
    if (value) return retry_after_ms(value, (int64_t)time(NULL));
    int64_t wait_ms = RETRY_AFTER_NONE;
    for (size_t i = 0; i < sizeof LIMIT / sizeof LIMIT[0]; i++) {
        value = header(h, LIMIT[i][0]);
        if (!value || strcmp(value, "0") != 0) continue;
        value = header(h, LIMIT[i][1]);
        int64_t ms = value ? retry_after_duration_ms(value) : RETRY_AFTER_NONE;
        if (ms > wait_ms) wait_ms = ms;
    }
    return wait_ms;
}

static void conclude(struct http_transfer *t, CURLcode code) {
    struct http_call *call = &t->call;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &call->status);
    call->retry_after_ms = asked_to_wait_ms(t->easy, call->status);
    if (code == CURLE_OK) return;
    if (t->too_large)
        err_set(&call->err, ERR_DECODE, "the answer is larger than %zu bytes", call->reply.max);
    else
        err_set(&call->err, code_of(code, t), "%s", t->error[0] ? t->error : curl_easy_strerror(code));
}

/* The next message that curl has for us; NULL: none. */
static struct http_call *finished(struct http_client *c) {
    int left;
    CURLMsg *m = curl_multi_info_read(c->multi, &left);
    if (!m) return NULL;
    struct http_transfer *t = NULL;
    CURLcode code = m->data.result;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
    MUST(m->msg == CURLMSG_DONE && t != NULL && t->in_flight);
    conclude(t, code);
    curl_multi_remove_handle(c->multi, t->easy); /* m is gone now */
    t->in_flight = false;
    return &t->call;
}

struct http_call *http_client_step(struct http_client *c) {
    struct http_call *call = finished(c);
    if (call) return call;
    int running;
    curl_multi_perform(c->multi, &running); /* out of memory: the calls concerned end by their time-outs */
    return finished(c);
}

void http_client_give_back(struct http_client *c, struct http_call *call) {
    struct http_transfer *t = call->transfer;
    if (t->in_flight) curl_multi_remove_handle(c->multi, t->easy);
    t->in_flight = false;
    t->next = c->idle;
    c->idle = t;
}

void http_client_wait(struct http_client *c, int timeout_ms) {
    static const struct timespec PAUSE = {.tv_nsec = 10000000};
    if (curl_multi_poll(c->multi, NULL, 0, timeout_ms, NULL) != CURLM_OK) nanosleep(&PAUSE, NULL); /* out of memory */
}

void http_client_wake(struct http_client *c) {
    MUST(curl_multi_wakeup(c->multi) == CURLM_OK);
}

enum err_code http_status_code(long status) {
    if (status == 200) return ERR_OK;
    return status == 408 || status == 429 || status >= 500 ? ERR_HTTP_RETRY : ERR_HTTP_STATUS;
}
