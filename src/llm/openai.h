/* openai: the chat-completions wire of OpenAI and of the many who speak it too, in the forms that they understand.
 * Pure. */
#ifndef LLM_OPENAI_H
#define LLM_OPENAI_H

#include "base/buf.h"
#include "data/label.h"

#include <stdbool.h>

/* SERVICE is the described LLM service (a service of our own: docs/operations.md), which speaks no chat at all. */
enum openai_dialect {
    OPENAI_AUTO,
    OPENAI_OPENAI,
    OPENAI_GROQ,
    OPENAI_VLLM,
    OPENAI_LLAMA,
    OPENAI_OLLAMA,
    OPENAI_SERVICE,
    OPENAI_DIALECTS
};

enum { OPENAI_TOKENS_FIRST = 64, OPENAI_TOKENS_MAX = 2048, OPENAI_ALTERNATIVES = 10 };

/* How the answer is held to the label set. Only the form changes: what comes back is checked in any case. */
enum openai_constraint { OPENAI_SCHEMA, OPENAI_JSON, OPENAI_FREE };

/* What a request says beside the text. Found out by trying: an endpoint that refuses a part gets requests without it.
 */
struct openai_form {
    enum openai_constraint constraint;
    bool logprobs;          /* ask for the probabilities of tokens */
    bool temperature;       /* say that it is 0 */
    bool completion_tokens; /* "max_completion_tokens", else "max_tokens" */
    bool effort;            /* "reasoning_effort": "low" */
    unsigned tokens_max;    /* room for the answer, and for the reasoning before it */
};

struct openai_request {
    const char *model;
    struct span system, user;
    const struct label_set *labels;
    struct openai_form form;
};

/* -1: no dialect of that name. */
int openai_dialect_find(const char *name);

/* The dialect that the URL tells: by path (/classify) or host. */
enum openai_dialect openai_dialect_of(const char *url);

/* The URL to post to: a base such as http://host:8000 or …/v1 becomes …/v1/chat/completions; anything else stays.
 * False: no room in out[size]. */
bool openai_url(const char *url, enum openai_dialect d, char *out, size_t size);

/* What to try first. model: "" is fine. */
struct openai_form openai_form_first(enum openai_dialect d, const char *model);

/* Gives up the part of the form that a refusal (status 400 or 422) names; when it names none and we may guess, the
 * least needed one. False: nothing is given up. */
bool openai_form_reduce(struct openai_form *form, struct span refusal, bool guess);

/* Makes more room for an answer that was cut. False: it has all the room there is. */
bool openai_form_widen(struct openai_form *form);

bool openai_form_is_equal(const struct openai_form *a, const struct openai_form *b);

void openai_write(const struct openai_request *r, struct buf *out);

#endif
