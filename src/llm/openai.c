#include "llm/openai.h"

#include "remote/service_json.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What each endpoint is known to take. A part it refuses after all is given up at the first refusal.
 * Groq: logprobs are refused, JSON schemas are taken for some models only. OpenAI: newer models want
 * max_completion_tokens. vLLM: guided_choice was removed and is ignored in silence, a schema is not. llama-server:
 * ignores what it does not know. */
static const struct {
    const char *name, *host; /* part of the host that tells the dialect; NULL: none does */
    struct openai_form form;
} DIALECT[OPENAI_DIALECTS] = {
    [OPENAI_AUTO] = {"auto", NULL, {OPENAI_SCHEMA, .logprobs = true, .temperature = true}},
    [OPENAI_OPENAI] = {"openai",
                       "openai.com",
                       {OPENAI_SCHEMA, .logprobs = true, .temperature = true, .completion_tokens = true}},
    [OPENAI_GROQ] = {"groq", "groq.com", {OPENAI_SCHEMA, .temperature = true, .completion_tokens = true}},
    [OPENAI_VLLM] = {"vllm", NULL, {OPENAI_SCHEMA, .logprobs = true, .temperature = true}},
    [OPENAI_LLAMA] = {"llama", NULL, {OPENAI_SCHEMA, .logprobs = true, .temperature = true}},
    [OPENAI_OLLAMA] = {"ollama", ":11434", {OPENAI_SCHEMA, .logprobs = true, .temperature = true}},
    [OPENAI_SERVICE] = {"service", NULL, {.constraint = OPENAI_FREE}},
};

/* ---- dialects and URLs ---- */

int openai_dialect_find(const char *name) {
    for (int d = 0; d < OPENAI_DIALECTS; d++)
        if (strcmp(DIALECT[d].name, name) == 0) return d;
    return -1;
}

/* host:port, and what follows it: "" or "/…". */
static struct span openai_split(const char *url, const char **path) {
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t n = strcspn(host, "/?#");
    *path = host + n;
    return (struct span){host, n};
}

static bool ends_with(struct span s, const char *end) {
    size_t n = strlen(end);
    return s.n >= n && strncasecmp(s.p + s.n - n, end, n) == 0;
}

/* "api.groq.com", with or without a port, is at groq.com; "groq.com.example" is not. */
static bool openai_is_at(struct span host, const char *known) {
    const char *colon = memchr(host.p, ':', host.n);
    if (known[0] != ':' && colon) host.n = (size_t)(colon - host.p);
    if (!ends_with(host, known)) return false;
    size_t n = strlen(known);
    return known[0] == ':' || host.n == n || host.p[host.n - n - 1] == '.';
}

enum openai_dialect openai_dialect_of(const char *url) {
    const char *path;
    struct span host = openai_split(url, &path);
    if (ends_with(span_of(path), "/classify")) return OPENAI_SERVICE;
    for (int d = 0; d < OPENAI_DIALECTS; d++)
        if (DIALECT[d].host && openai_is_at(host, DIALECT[d].host)) return (enum openai_dialect)d;
    return OPENAI_AUTO;
}

bool openai_url(const char *url, enum openai_dialect d, char *out, size_t size) {
    const char *path, *more = "";
    openai_split(url, &path);
    size_t n = strlen(url);
    if (d != OPENAI_SERVICE) {
        if (path[0] == '\0' || strcmp(path, "/") == 0)
            more = "/v1/chat/completions";
        else if (ends_with(span_of(path), "/v1") || ends_with(span_of(path), "/v1/"))
            more = "/chat/completions";
    }
    if (more[0] && n > 0 && url[n - 1] == '/') n--;
    int written = snprintf(out, size, "%.*s%s", (int)n, url, more);
    return written >= 0 && (size_t)written < size;
}

/* ---- forms ---- */

/* Models that think before they answer, by their names: they are asked to think little, and need room to. */
static bool is_reasoning(const char *model) {
    static const char *const PART[] = {"gpt-oss", "gpt-5", "o1", "o3", "o4", "deepseek-r1", "qwq", "magistral"};
    const char *slash = strrchr(model, '/'), *name = slash ? slash + 1 : model;
    for (size_t i = 0; i < sizeof PART / sizeof PART[0]; i++)
        if (strncasecmp(name, PART[i], strlen(PART[i])) == 0) return true;
    return false;
}

struct openai_form openai_form_first(enum openai_dialect d, const char *model) {
    struct openai_form form = DIALECT[d].form;
    form.tokens_max = OPENAI_TOKENS_FIRST;
    if (is_reasoning(model)) {
        form.tokens_max = OPENAI_TOKENS_FIRST * 16;
        form.effort = d == OPENAI_OPENAI || d == OPENAI_GROQ;
        form.logprobs = false;
        form.temperature = d != OPENAI_OPENAI;
    }
    return form;
}

static bool names(struct span text, const char *word) {
    return text.n > 0 && memmem(text.p, text.n, word, strlen(word)) != NULL;
}

static bool loosen(struct openai_form *f) {
    if (f->constraint == OPENAI_FREE) return false;
    f->constraint++;
    return true;
}

static bool openai_drop(bool *part) {
    bool had = *part;
    *part = false;
    return had;
}

static bool name_tokens_otherwise(struct openai_form *f) {
    f->completion_tokens = !f->completion_tokens;
    return true;
}

bool openai_form_reduce(struct openai_form *f, struct span refusal, bool guess) {
    if (names(refusal, "logprobs") && openai_drop(&f->logprobs)) return true;
    if (names(refusal, "temperature") && openai_drop(&f->temperature)) return true;
    if (names(refusal, "reasoning") && openai_drop(&f->effort)) return true;
    if (names(refusal, "max_completion_tokens")) return name_tokens_otherwise(f);
    if ((names(refusal, "response_format") || names(refusal, "schema")) && loosen(f)) return true;
    return guess && (openai_drop(&f->logprobs) || openai_drop(&f->effort) || loosen(f) || openai_drop(&f->temperature));
}

bool openai_form_widen(struct openai_form *f) {
    if (f->tokens_max >= OPENAI_TOKENS_MAX) return false;
    f->tokens_max *= 4;
    if (f->tokens_max > OPENAI_TOKENS_MAX) f->tokens_max = OPENAI_TOKENS_MAX;
    return true;
}

bool openai_form_is_equal(const struct openai_form *a, const struct openai_form *b) {
    return a->constraint == b->constraint && a->logprobs == b->logprobs && a->temperature == b->temperature &&
           a->completion_tokens == b->completion_tokens && a->effort == b->effort && a->tokens_max == b->tokens_max;
}

/* ---- requests ---- */

static void openai_put_message(struct buf *out, const char *role, struct span text) {
    buf_printf(out, "{\"role\":\"%s\",\"content\":", role);
    service_json_write_string(out, text);
    buf_putc(out, '}');
}

static void put_schema(struct buf *out, const struct label_set *labels) {
    buf_puts(out, ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"label\",\"strict\":true,"
                  "\"schema\":{\"type\":\"object\",\"properties\":{\"label_id\":{\"type\":\"string\",\"enum\":[");
    for (unsigned i = 0; i < labels->n; i++) buf_printf(out, "%s\"%s\"", i ? "," : "", labels->label[i].id);
    buf_puts(out, "]}},\"required\":[\"label_id\"],\"additionalProperties\":false}}}");
}

static void put_constraint(struct buf *out, const struct openai_request *r) {
    switch (r->form.constraint) {
    case OPENAI_SCHEMA: put_schema(out, r->labels); break;
    case OPENAI_JSON: buf_puts(out, ",\"response_format\":{\"type\":\"json_object\"}"); break;
    case OPENAI_FREE: break;
    }
}

void openai_write(const struct openai_request *r, struct buf *out) {
    const struct openai_form *f = &r->form;
    buf_putc(out, '{');
    if (r->model[0]) {
        buf_puts(out, "\"model\":");
        service_json_write_string(out, span_of(r->model));
        buf_putc(out, ',');
    }
    buf_puts(out, "\"messages\":[");
    openai_put_message(out, "system", r->system);
    buf_putc(out, ',');
    openai_put_message(out, "user", r->user);
    buf_printf(out, "],\"stream\":false,\"%s\":%u", f->completion_tokens ? "max_completion_tokens" : "max_tokens",
               f->tokens_max);
    if (f->temperature) buf_puts(out, ",\"temperature\":0");
    if (f->effort) buf_puts(out, ",\"reasoning_effort\":\"low\"");
    if (f->logprobs) buf_printf(out, ",\"logprobs\":true,\"top_logprobs\":%d", OPENAI_ALTERNATIVES);
    put_constraint(out, r);
    buf_putc(out, '}');
}
