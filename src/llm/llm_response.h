/* llm_response: what a chat-completions endpoint answered, read strictly: a label of the set or nothing. Pure. */
#ifndef LLM_LLM_RESPONSE_H
#define LLM_LLM_RESPONSE_H

#include "base/err.h"
#include "base/span.h"
#include "data/label.h"

#include <stdbool.h>
#include <stdint.h>

/* The confidence of an answer whose endpoint gives no token probabilities. A constant, not a measurement. */
#define REPLY_CONFIDENCE_CONSTANT 0.70

/* Above it an endpoint's count of tokens is not believed; contexts end far below. */
enum { LLM_RESPONSE_TOKENS_MAX = 1 << 20 };

enum llm_response_kind {
    LLM_RESPONSE_LABEL,    /* label and confidence are set */
    LLM_RESPONSE_NO_LABEL, /* a whole answer, but it names no label of the set */
    LLM_RESPONSE_CUT,      /* the answer was cut at its length limit */
    LLM_RESPONSE_BROKEN,   /* no chat completion at all */
};

struct llm_response {
    enum llm_response_kind kind;
    unsigned label;
    double confidence; /* 0..1, 4 decimals: the label's share among the labels, or REPLY_CONFIDENCE_CONSTANT */
    bool measured;     /* confidence and likelihood come from token probabilities */
    double likelihood[LABEL_MAX];   /* when measured: of each label, among the labels, with 6 decimals; they sum to 1 */
    uint64_t tokens_in, tokens_out; /* as the endpoint counts them; 0: it does not say */
};

/* err is set (ERR_DECODE) for every kind but LABEL. */
void llm_response_read(struct span body, const struct label_set *labels, struct llm_response *out, struct err *e);

/* The text that an answer may consist of: {"label_id":"X"} or X alone, in a code fence or behind a <think> block or
 * not. -1: anything else. */
int llm_response_label(struct span content, const struct label_set *labels);

/* The "code" (or "type") of an error body, e.g. "model_not_found"; "" when it has none. */
void llm_response_error_code(struct span body, char *out, size_t size);

#endif
