/* llm: the last stage that decides: a language model behind an OpenAI-compatible endpoint or the described service. It
 * is asked once per template, gets nothing but the masked and redacted template, and can answer nothing but a label.
 * What it said is kept in the store; what it may cost is bounded. Where the endpoint tells how likely each label is,
 * its answer is combined with the probabilities of the encoder's head (mix.h). The dispatcher (remote/dispatcher.h)
 * does the asking. */
#ifndef LLM_LLM_H
#define LLM_LLM_H

#include "llm/budget.h"
#include "llm/openai.h"
#include "remote/service.h"

struct llm; /* used by one thread at a time: the dispatcher's, once there is one */

enum { LLM_MODEL_MAX = 256, LLM_URL_MAX = 2048 };

struct llm_opts {
    const char *url;      /* endpoint; "": Groq's when GROQ_API_KEY is set, else none; "off": none */
    const char *model;    /* "" where the endpoint has only one */
    const char *key_file; /* "": see key.h */
    bool key_in_clear;    /* the key may go to another machine over http:// */
    const char *env_file; /* NULL: ".env" */
    const char *dialect;  /* "auto" or a name of openai.h */
    const char *proxy, *ca_file;
    const char *redact_file; /* more patterns to redact; "": none */
    bool pseudonyms;         /* instead of user and host names, made with pseudonym_key */
    uint64_t pseudonym_key;
    struct store_opts store;
    struct budget_opts budget;
    uint64_t timeout_ms; /* of a call, its retries included */
    uint64_t wait_ms;    /* how long a record waits; 0: timeout_ms */
    unsigned calls_max;  /* in flight at once */
    bool logprobs;       /* ask for token probabilities where the endpoint has them */
    double mix;          /* weight of what the LLM thinks of the labels beside the head (mix.h); 0: the LLM alone */
    struct breaker_opts breaker;
    struct retry_opts retry;
};

/* No LLM; time limits and breaker as docs/contract.md has them. */
#define LLM_DEFAULT                                                         \
    ((struct llm_opts){                                                     \
        .url = "",                                                          \
        .model = "",                                                        \
        .key_file = "",                                                     \
        .dialect = "auto",                                                  \
        .timeout_ms = 2000,                                                 \
        .calls_max = 8,                                                     \
        .logprobs = true,                                                   \
        .mix = 0.25,                                                        \
        .breaker = {.failures_max = 3, .reset_ms = 5000, .probe_ms = 2000}, \
        .retry = {.retries_max = 2, .wait_ms = 100},                        \
    })

/* Is there anything to ask? Reads the environment; opens no socket. */
bool llm_is_configured(const struct llm_opts *o);

/* labels must outlive it. Opens the store, reads the key; no socket is opened before the first question. */
struct llm *llm_open(const struct llm_opts *o, const struct label_set *labels, struct err *e);
void llm_close(struct llm *l); /* NULL is fine */

const struct service *llm_service(const struct llm *l);

/* What answers depend on beside the template: labels, prompt, model, masking. */
uint64_t llm_version(const struct llm *l);

/* What a question about the template would cost, without asking anybody: nothing when the store knows the answer. */
struct llm_estimate {
    bool known;
    uint64_t tokens_in, tokens_out;
    double cost;
};
struct llm_estimate llm_estimate(struct llm *l, struct span template);

/* The exact request for a template, as text: method, URL, headers (the key is not shown), body. The marks around the
 * line are new for every request. */
bool llm_show(struct llm *l, struct span template, struct buf *out, struct err *e);

/* "http://…/v1/chat/completions, model m, key from ./.env": what is asked, for people. */
const char *llm_about(const struct llm *l);

/* Spent by this process so far. */
struct llm_spent {
    uint64_t calls, tokens_in, tokens_out;
    double cost;
};
struct llm_spent llm_spent(const struct llm *l);

#endif
