#include "llm/llm.h"

#include "base/log.h"
#include "base/must.h"
#include "llm/key.h"
#include "llm/ensemble.h"
#include "llm/prompt.h"
#include "llm/llm_response.h"
#include "metrics/metrics.h"
#include "remote/service_json.h"
#include "text/mask.h"

#include <stdio.h>
#include <xxhash.h>

enum { SYSTEM_BYTES_MAX = 65536, BYTES_PER_TOKEN = 3, TOKENS_OVERHEAD = 32 };

/* For estimates that should be right rather than safe. A prompt of 2,029 bytes was 521 tokens to Qwen2.5 and 589 to
 * SmolLM2, an answer 7 to 18; of thinking nothing is known. */
enum { TYPICAL_BYTES_PER_TOKEN = 4, TYPICAL_OVERHEAD = 16, TYPICAL_ANSWER = 12 };

static const char GROQ_URL[] = "https://api.groq.com/openai/v1";
static const char GROQ_MODEL[] = "llama-3.3-70b-versatile";

struct llm {
    char about[LLM_URL_MAX + 256];
    struct service service;
    struct http_endpoint *endpoint;
    const struct label_set *labels;
    enum openai_dialect dialect;
    char model[LLM_MODEL_MAX];
    struct buf system; /* the constant part of the prompt */
    struct redact *redact;
    struct store *store;
    struct store_origin origin;
    struct budget budget;
    struct openai_form first, form; /* what was tried first, what works as far as we know */
    bool proven;                    /* `form` has brought an answer */
    double mix;                     /* weight of the LLM beside the head */
    struct llm_spent spent;
};

/* What a request leaves for the reader of its reply. */
struct note {
    struct openai_form form;
    struct budget_call budget;
};
_Static_assert(sizeof(struct note) <= HTTP_NOTE_BYTES, "a note fits into a call");

/* ---- asking ---- */

/* What the call may cost at most, roughly: log text has some 3 to 4 bytes a token. */
static uint64_t estimate(const struct http_call *call, unsigned tokens_max) {
    return call->request.n / BYTES_PER_TOKEN + TOKENS_OVERHEAD + tokens_max;
}

static void write_chat(struct llm *l, struct span line, struct buf *body) {
    char nonce[PROMPT_NONCE_MAX];
    struct buf user;
    prompt_nonce(nonce);
    buf_init(&user, PROMPT_LINE_MAX + 256);
    prompt_user(line, nonce, &user);
    struct openai_request r = {l->model, buf_span(&l->system), buf_span(&user), l->labels, l->form};
    openai_write(&r, body);
    if (user.failed) body->failed = true;
    buf_release(&user);
}

static bool write_body(struct llm *l, struct span template, struct buf *body, struct err *e) {
    struct buf line;
    buf_init(&line, PROMPT_LINE_MAX);
    prompt_line(l->redact, template, &line);
    if (line.failed)
        body->failed = true;
    else if (l->dialect == OPENAI_SERVICE)
        service_json_write_question(body, buf_span(&line), (struct span){0});
    else
        write_chat(l, buf_span(&line), body);
    buf_release(&line);
    return !body->failed || err_set(e, ERR_MEMORY, "no memory for a request");
}

static bool llm_write_request(void *self, const struct question *q, struct http_call *call, struct err *e) {
    struct llm *l = self;
    struct note note = {.form = l->form};
    if (!write_body(l, q->template, &call->request, e)) return false;
    if (!budget_reserve(&l->budget, estimate(call, l->form.tokens_max), &note.budget, e)) {
        metrics_add(METRIC_LLM_REFUSED, 0, 0, 0, 1);
        return false;
    }
    l->spent.calls++;
    memcpy(call->note, &note, sizeof note);
    return true;
}

/* ---- what is known ---- */

/* What the answer is for a record: the label that the LLM named, or, where its endpoint told what it thinks of every
 * label, that and the head's probabilities combined. So it is a function of template, head and LLM, the same whether
 * the answer has just come or was kept. */
static enum service_verdict llm_decide(const struct llm *l, const struct question *q, const struct store_answer *a,
                                       struct answer *out) {
    int label = label_find(l->labels, span_of(a->label));
    if (label < 0) return SERVICE_UNSURE;
    *out = (struct answer){.decider = DECIDER_LLM, .label = (uint8_t)label, .confidence = a->confidence};
    if (l->mix > 0 && q->head && a->labels == l->labels->n && q->labels == l->labels->n) {
        out->label = (uint8_t)ensemble_run(q->head, a->likelihood, a->labels, l->mix, &out->confidence);
        metrics_add(METRIC_LLM_MIXED, out->label == label, 0, 0, 1);
    }
    return SERVICE_ANSWERED;
}

/* The store knows answers by what was sent, so that no secret of a template is kept. False: no memory. */
static bool sent_of(const struct llm *l, struct span template, struct buf *sent) {
    buf_init(sent, PROMPT_LINE_MAX);
    prompt_line(l->redact, template, sent);
    return !sent->failed;
}

static enum service_verdict llm_recall_answer(void *self, const struct question *q, struct answer *out) {
    struct llm *l = self;
    struct store_answer a;
    struct buf sent;
    bool known = sent_of(l, q->template, &sent) && store_find(l->store, &l->origin, buf_span(&sent), &a);
    buf_release(&sent);
    if (!known) return SERVICE_FAILED;
    if (a.label[0] && label_find(l->labels, span_of(a.label)) < 0) return SERVICE_FAILED;
    metrics_add(METRIC_LLM_RECALLED, 0, 0, 0, 1);
    return llm_decide(l, q, &a, out);
}

static void llm_keep(struct llm *l, struct span template, int label, struct store_answer *a) {
    a->negative = label < 0 || label == (int)l->labels->unclassified;
    if (label >= 0) snprintf(a->label, sizeof a->label, "%s", l->labels->label[label].id);
    struct buf sent;
    if (sent_of(l, template, &sent)) store_put(l->store, &l->origin, buf_span(&sent), a);
    buf_release(&sent);
}

static void llm_flush(void *self) {
    struct llm *l = self;
    struct err e;
    if (!store_flush(l->store, &e)) store_tell(l->store, &e);
}

/* ---- answers of a chat endpoint ---- */

static void account(struct llm *l, const struct note *note, const struct llm_response *r) {
    if (r->tokens_in + r->tokens_out == 0) return;
    budget_charge(&l->budget, &note->budget, r->tokens_in, r->tokens_out);
    metrics_add(METRIC_LLM_TOKENS, 0, 0, 0, r->tokens_in);
    metrics_add(METRIC_LLM_TOKENS, 1, 0, 0, r->tokens_out);
    l->spent.tokens_in += r->tokens_in;
    l->spent.tokens_out += r->tokens_out;
    l->spent.cost += budget_price(&l->budget.opts, r->tokens_in, r->tokens_out);
    metrics_gauge_set(METRIC_LLM_COST, 0, l->spent.cost);
}

/* The form of the request that got this reply is out of use by now: others were told the same before. */
static bool is_outdated(const struct llm *l, const struct note *note) {
    return !openai_form_is_equal(&l->form, &note->form);
}

static enum service_verdict read_completion(struct llm *l, const struct question *q, const struct http_call *call,
                                            const struct note *note, struct answer *out, struct err *e) {
    struct llm_response r;
    struct store_answer a = {0};
    llm_response_read(buf_span(&call->reply), l->labels, &r, e);
    account(l, note, &r);
    switch (r.kind) {
    case LLM_RESPONSE_LABEL:
        l->proven = true;
        e->code = ERR_OK;
        if (r.measured) {
            a.labels = l->labels->n;
            memcpy(a.likelihood, r.likelihood, sizeof a.likelihood);
        }
        a.confidence = r.confidence;
        llm_keep(l, q->template, (int)r.label, &a);
        return llm_decide(l, q, &a, out);
    case LLM_RESPONSE_CUT:
        if (is_outdated(l, note) || openai_form_widen(&l->form)) return SERVICE_AGAIN;
        break;
    case LLM_RESPONSE_NO_LABEL: break;
    case LLM_RESPONSE_BROKEN: return SERVICE_FAILED;
    }
    /* The endpoint works, but this line does not: it is not asked again for a while. */
    llm_keep(l, q->template, -1, &a);
    return SERVICE_UNSURE;
}

static bool is_one_of(const char *code, const char *const *known, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(code, known[i]) == 0) return true;
    return false;
}

static bool is_about_the_model(const char *code) {
    static const char *const KNOWN[] = {"model_decommissioned", "model_not_found", "model_not_active", "invalid_model",
                                        "model_terms_required"};
    return is_one_of(code, KNOWN, sizeof KNOWN / sizeof KNOWN[0]);
}

/* What a status means, and which setting to look at. */
static enum service_verdict llm_fail(const struct llm *l, long status, const char *code, struct err *e) {
    if (is_about_the_model(code) || status == 404)
        err_set(e, ERR_HTTP_STATUS,
                "status %ld: the endpoint has no model '%s' (llm-model), or nothing at this URL (llm-url)", status,
                l->model);
    else if (status == 401 || status == 403)
        err_set(e, ERR_HTTP_STATUS, "status %ld: the key is refused (llm-key-file)", status);
    else if (status == 429 && strcmp(code, "insufficient_quota") == 0)
        err_set(e, ERR_HTTP_STATUS, "status 429: the account's quota is used up");
    else
        err_set(e, http_status_code(status), "status %ld", status);
    return SERVICE_FAILED;
}

static enum service_verdict read_refusal(struct llm *l, const struct http_call *call, const struct note *note,
                                         struct err *e) {
    char code[64];
    struct span body = buf_span(&call->reply);
    llm_response_error_code(body, code, sizeof code);
    bool about_form = (call->status == 400 || call->status == 422) && !is_about_the_model(code);
    if (about_form && (is_outdated(l, note) || openai_form_reduce(&l->form, body, !l->proven))) return SERVICE_AGAIN;
    if (about_form && !l->proven) l->form = l->first; /* so it was not the form */
    return llm_fail(l, call->status, code, e);
}

static enum service_verdict read_chat(void *self, const struct question *q, const struct http_call *call,
                                      struct answer *out, struct err *e) {
    struct note note;
    memcpy(&note, call->note, sizeof note);
    if (call->status == 200) return read_completion(self, q, call, &note, out, e);
    return read_refusal(self, call, &note, e);
}

/* ---- answers of the described service ---- */

static enum service_verdict read_service(void *self, const struct question *q, const struct http_call *call,
                                         struct answer *out, struct err *e) {
    struct llm *l = self;
    struct service_json_answer w;
    if (call->status != 200) return llm_fail(l, call->status, "", e);
    if (!service_json_read_answer(buf_span(&call->reply), l->labels, &w, e)) return SERVICE_FAILED;
    struct store_answer a = {.confidence = w.confidence};
    llm_keep(l, q->template, (int)w.label, &a);
    return llm_decide(l, q, &a, out);
}

/* ---- open ---- */

static bool is_off(const struct llm_opts *o) {
    return strcmp(o->url, "off") == 0 || strcmp(o->url, "none") == 0;
}

bool llm_is_configured(const struct llm_opts *o) {
    char key[KEY_BYTES_MAX];
    struct err e;
    if (is_off(o)) return false;
    if (o->url[0] || o->key_file[0]) return true;
    bool has_key = key_find("", OPENAI_GROQ, o->env_file, key, &e) && key[0];
    explicit_bzero(key, sizeof key);
    return has_key;
}

static bool open_endpoint(struct llm *l, const struct llm_opts *o, const char *url, struct err *e) {
    char full[LLM_URL_MAX], key[KEY_BYTES_MAX];
    if (!openai_url(url, l->dialect, full, sizeof full)) return err_set(e, ERR_LIMIT, "llm-url is too long");
    if (!key_find(o->key_file, l->dialect, o->env_file, key, e)) return false;
    if (key[0] && !o->key_in_clear && http_url_is_in_clear(full)) {
        explicit_bzero(key, sizeof key);
        return err_set(e, ERR_USAGE,
                       "llm-url is %s: the key would go there unencrypted; use https, or say llm-key-in-clear = yes",
                       full);
    }
    struct http_endpoint_opts eo = {.url = full, .key = key, .proxy = o->proxy, .ca_file = o->ca_file};
    l->endpoint = http_endpoint_open(&eo, e);
    if (key[0]) key_guard();
    explicit_bzero(key, sizeof key);
    return l->endpoint != NULL;
}

static bool choose_dialect(struct llm *l, const struct llm_opts *o, const char *url, struct err *e) {
    int d = openai_dialect_find(o->dialect);
    if (d < 0)
        return err_set(e, ERR_USAGE, "llm-dialect is '%s': expected auto, openai, groq, vllm, llama, ollama or service",
                       o->dialect);
    l->dialect = d == OPENAI_AUTO ? openai_dialect_of(url) : (enum openai_dialect)d;
    const char *model = o->model[0] || l->dialect != OPENAI_GROQ ? o->model : GROQ_MODEL;
    if (strlen(model) >= sizeof l->model) return err_set(e, ERR_LIMIT, "llm-model is too long");
    snprintf(l->model, sizeof l->model, "%s", model);
    l->first = openai_form_first(l->dialect, l->model);
    l->first.logprobs = l->first.logprobs && o->logprobs;
    l->form = l->first;
    return true;
}

static void set_origin(struct llm *l) {
    bool chat = l->dialect != OPENAI_SERVICE;
    uint64_t prompt = chat ? prompt_version(l->labels) : 0;
    l->origin =
        (struct store_origin){.prompt = prompt, .model = l->model[0] ? l->model : http_endpoint_url(l->endpoint)};
    uint64_t part[] = {label_hash(l->labels), prompt, XXH3_64bits(l->origin.model, strlen(l->origin.model)),
                       MASK_VERSION};
    l->origin.version = XXH3_64bits(part, sizeof part);
}

static void set_service(struct llm *l, const struct llm_opts *o) {
    l->service = (struct service){
        .decider = DECIDER_LLM,
        .endpoint = l->endpoint,
        .breaker = o->breaker,
        .retry = o->retry,
        .timeout_ms = o->timeout_ms,
        .wait_ms = o->wait_ms ? o->wait_ms : o->timeout_ms,
        .calls_max = o->calls_max,
        .by_template = true,
        .keeps = true,
        .self = l,
        .recall = llm_recall_answer,
        .write = llm_write_request,
        .read = l->dialect == OPENAI_SERVICE ? read_service : read_chat,
        .flush = llm_flush,
    };
}

static void set_about(struct llm *l, const struct llm_opts *o) {
    char place[128];
    key_place(o->key_file, l->dialect, o->env_file, place, sizeof place);
    snprintf(l->about, sizeof l->about, "%s%s%s, %s%s", http_endpoint_url(l->endpoint), l->model[0] ? ", model " : "",
             l->model, place[0] ? "key from " : "no key", place);
}

const char *llm_about(const struct llm *l) {
    return l->about;
}

struct llm *llm_open(const struct llm_opts *o, const struct label_set *labels, struct err *e) {
    const char *url = o->url[0] ? o->url : GROQ_URL;
    struct llm *l = must_calloc(1, sizeof *l);
    l->labels = labels;
    l->mix = o->mix;
    buf_init(&l->system, SYSTEM_BYTES_MAX);
    prompt_system(labels, &l->system);
    bool ok = choose_dialect(l, o, url, e) && open_endpoint(l, o, url, e) &&
              (l->redact = redact_open(o->redact_file, e)) != NULL &&
              (l->store = store_open_cache(&o->store, e)) != NULL;
    if (!ok) {
        llm_close(l);
        return NULL;
    }
    if (o->pseudonyms) redact_pseudonyms(l->redact, o->pseudonym_key);
    budget_init(&l->budget, &o->budget, l->store, NULL);
    set_origin(l);
    set_service(l, o);
    set_about(l, o);
    return l;
}

void llm_close(struct llm *l) {
    if (!l) return;
    store_close(l->store);
    redact_close(l->redact);
    http_endpoint_close(l->endpoint);
    buf_release(&l->system);
    free(l);
}

const struct service *llm_service(const struct llm *l) {
    return &l->service;
}

uint64_t llm_version(const struct llm *l) {
    return l->origin.version;
}

struct llm_estimate llm_estimate(struct llm *l, struct span template) {
    struct store_answer a;
    struct buf sent;
    struct llm_estimate est = {.known = sent_of(l, template, &sent) &&
                                        store_knows(l->store, l->origin.version, buf_span(&sent), &a)};
    buf_release(&sent);
    if (est.known || l->dialect == OPENAI_SERVICE) return est; /* the described service has a bill of its own */
    struct buf user;
    char nonce[PROMPT_NONCE_MAX];
    buf_init(&user, PROMPT_LINE_MAX + 256);
    prompt_nonce(nonce);
    prompt_user(span_sub(template, 0, PROMPT_LINE_MAX), nonce, &user);
    est.tokens_in = (l->system.n + user.n) / TYPICAL_BYTES_PER_TOKEN + TYPICAL_OVERHEAD;
    est.tokens_out = TYPICAL_ANSWER;
    est.cost = budget_price(&l->budget.opts, est.tokens_in, est.tokens_out);
    buf_release(&user);
    return est;
}

bool llm_show(struct llm *l, struct span template, struct buf *out, struct err *e) {
    buf_printf(out, "POST %s\n", http_endpoint_url(l->endpoint));
    http_endpoint_show_headers(l->endpoint, out);
    buf_putc(out, '\n');
    bool ok = write_body(l, template, out, e);
    buf_putc(out, '\n');
    return ok;
}

struct llm_spent llm_spent(const struct llm *l) {
    return l->spent;
}
