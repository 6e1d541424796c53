#include "llm/llm_response.h"

#include "base/buf.h"

#include <math.h>
#include <stdio.h>
#include <yyjson.h>

/* ---- the label ---- */

static struct span str(yyjson_val *v) {
    return yyjson_is_str(v) ? (struct span){yyjson_get_str(v), yyjson_get_len(v)} : (struct span){"", 0};
}

/* The last member of that name. */
static yyjson_val *member(yyjson_val *object, const char *name) {
    size_t i, n;
    yyjson_val *key, *value, *found = NULL;
    if (!yyjson_is_obj(object)) return NULL;
    yyjson_obj_foreach(object, i, n, key, value) if (yyjson_equals_str(key, name)) found = value;
    return found;
}

/* s without `open` before it and what comes up to `close`; s itself when it is not so. */
static struct span without_block(struct span s, struct span open, const char *close) {
    if (!span_starts(s, open)) return s;
    const char *end = memmem(s.p, s.n, close, strlen(close));
    return end ? span_trim(span_sub(s, (size_t)(end - s.p) + strlen(close), s.n)) : s;
}

static struct span without_fence(struct span s) {
    if (!span_starts(s, SPAN_LIT("```")) || s.n < 6 || memcmp(s.p + s.n - 3, "```", 3) != 0) return s;
    s = span_sub(s, 3, s.n - 3);
    if (span_starts(s, SPAN_LIT("json"))) s = span_sub(s, 4, s.n);
    return span_trim(s);
}

int llm_response_label(struct span content, const struct label_set *labels) {
    struct span s = without_block(span_trim(content), SPAN_LIT("<think>"), "</think>");
    s = without_fence(s);
    if (s.n == 0 || s.p[0] != '{') return label_find(labels, s);
    yyjson_doc *doc = yyjson_read(s.p, s.n, YYJSON_READ_NOFLAG);
    int label = label_find(labels, str(member(yyjson_doc_get_root(doc), "label_id")));
    yyjson_doc_free(doc);
    return label;
}

/* ---- its confidence ---- */

enum { SAID_BYTES_MAX = 65536 };

/* What is told about a value's tokens: the labels, what they have of the mass so far, and the mass still on the way. */
struct likelihoods {
    const struct label_set *labels;
    double *of; /* [labels] */
    double rest;
};

/* May the label go on from value[n] (what stands after the opening quote) with these bytes? */
static bool is_possible(const struct label *l, struct span value, struct span more) {
    struct span id = span_of(l->id);
    if (more.n == 0 || value.n > id.n || memcmp(value.p, id.p, value.n) != 0) return false;
    struct span rest = span_sub(id, value.n, id.n);
    size_t common = rest.n < more.n ? rest.n : more.n;
    if (memcmp(rest.p, more.p, common) != 0) return false;
    return more.n <= rest.n || more.p[rest.n] == '"';
}

static unsigned count_possible(const struct label_set *labels, struct span value, struct span more) {
    unsigned n = 0;
    for (unsigned i = 0; i < labels->n; i++) n += is_possible(&labels->label[i], value, more);
    return n;
}

/* Gives the labels that lie that way equal parts of the mass: which of them it would have become is not told. */
static void spread(const struct likelihoods *l, struct span value, struct span more, double mass) {
    unsigned n = count_possible(l->labels, value, more);
    for (unsigned i = 0; i < l->labels->n; i++)
        if (is_possible(&l->labels->label[i], value, more)) l->of[i] += mass / n;
}

static double response_probability(yyjson_val *token) {
    yyjson_val *logprob = member(token, "logprob");
    double p = yyjson_is_num(logprob) ? exp(yyjson_get_num(logprob)) : NAN;
    return p >= 0 && p <= 1.0001 ? p : NAN;
}

/* An alternative to the token, and what it puts behind the lead (what the token has before the value). */
struct alternative {
    double p; /* 0: it leads to no label */
    struct span more;
};

static struct alternative alternative_of(const struct likelihoods *l, yyjson_val *other, struct span token,
                                         struct span value, struct span lead) {
    struct span t = str(member(other, "token"));
    double p = response_probability(other);
    struct alternative a = {.more = span_sub(t, lead.n, t.n)};
    bool leads = p >= 0 && !span_eq(t, token) && span_starts(t, lead) && count_possible(l->labels, value, a.more) > 0;
    a.p = leads ? p : 0;
    return a;
}

/* Parts the mass between the chosen token, which keeps it on the way, and the alternatives that lead to a label. */
static void part(struct likelihoods *l, yyjson_val *token, struct span value, struct span lead) {
    double chosen = response_probability(token), sum = chosen;
    struct span text = str(member(token, "token"));
    size_t i, n;
    yyjson_val *other, *others = member(token, "top_logprobs");
    yyjson_arr_foreach(others, i, n, other) sum += alternative_of(l, other, text, value, lead).p;
    yyjson_arr_foreach(others, i, n, other) {
        struct alternative a = alternative_of(l, other, text, value, lead);
        if (a.p > 0) spread(l, value, a.more, l->rest * a.p / sum);
    }
    l->rest *= chosen / sum;
}

/* Follows the tokens that make up said[from, to). */
static void follow(struct likelihoods *l, yyjson_val *tokens, struct span said, size_t from, size_t to) {
    size_t at = 0, i, n;
    yyjson_val *token;
    yyjson_arr_foreach(tokens, i, n, token) {
        struct span t = str(member(token, "token"));
        size_t end = at + t.n, lead = at < from ? from - at : 0;
        if (t.n > 0 && end > from && at < to)
            part(l, token, span_sub(said, from, at > from ? at : from), span_sub(t, 0, lead));
        at = end;
    }
}

/* All that the model said. llama-server takes a code fence or thoughts away from the content, but not from the tokens.
 */
static void join_tokens(yyjson_val *tokens, struct buf *said) {
    size_t i, n;
    yyjson_val *token;
    yyjson_arr_foreach(tokens, i, n, token) {
        struct span t = str(member(token, "token"));
        buf_put(said, t.p, t.n);
    }
}

/* The last place where `id` stands: reasoning may name it before. NULL: nowhere. */
static const char *find_last(struct span content, struct span id) {
    const char *at = NULL;
    for (size_t i = 0; id.n <= content.n && i <= content.n - id.n; i++)
        if (memcmp(content.p + i, id.p, id.n) == 0) at = content.p + i;
    return at;
}

/* The probability of each label among all labels, from the token probabilities. False: they do not tell. */
static bool measure(const struct label_set *labels, yyjson_val *choice, struct span content, struct llm_response *out) {
    yyjson_val *tokens = member(member(choice, "logprobs"), "content");
    struct span id = span_of(labels->label[out->label].id);
    struct likelihoods l = {.labels = labels, .of = out->likelihood, .rest = 1};
    struct buf said;
    buf_init(&said, SAID_BYTES_MAX);
    if (yyjson_is_arr(tokens)) join_tokens(tokens, &said);
    const char *begin = content.n && !said.failed ? find_last(buf_span(&said), content) : NULL;
    const char *at = begin ? find_last((struct span){begin, content.n}, id) : NULL;
    if (at) follow(&l, tokens, buf_span(&said), (size_t)(at - said.p), (size_t)(at - said.p) + id.n);
    buf_release(&said);
    if (!at || !(l.rest >= 0)) return false;
    out->likelihood[out->label] += l.rest;
    for (unsigned i = 0; i < labels->n; i++) out->likelihood[i] = round(fmin(out->likelihood[i], 1) * 1e6) / 1e6;
    return true;
}

/* ---- the reply ---- */

static uint64_t response_count(yyjson_val *usage, const char *name) {
    yyjson_val *v = member(usage, name);
    return yyjson_is_uint(v) ? yyjson_get_uint(v) : 0;
}

/* Numbers that no call can have cost are as good as none: the budget keeps what it reserved. */
static void read_usage(yyjson_val *usage, struct llm_response *out) {
    uint64_t in = response_count(usage, "prompt_tokens"), said = response_count(usage, "completion_tokens");
    if (in > LLM_RESPONSE_TOKENS_MAX || said > LLM_RESPONSE_TOKENS_MAX) return;
    out->tokens_in = in;
    out->tokens_out = said;
}

static void read_choice(yyjson_val *choice, const struct label_set *labels, struct llm_response *out, struct err *e) {
    struct span content = str(member(member(choice, "message"), "content"));
    if (span_eq(str(member(choice, "finish_reason")), SPAN_LIT("length"))) {
        out->kind = LLM_RESPONSE_CUT;
        err_set(e, ERR_NO_LABEL, "the answer was cut at its length limit");
        return;
    }
    int label = llm_response_label(content, labels);
    if (label < 0) {
        out->kind = LLM_RESPONSE_NO_LABEL;
        err_set(e, ERR_NO_LABEL, "the answer does not name a label of the set");
        return;
    }
    out->kind = LLM_RESPONSE_LABEL;
    out->label = (unsigned)label;
    out->measured = measure(labels, choice, content, out);
    out->confidence = out->measured ? round(out->likelihood[label] * 1e4) / 1e4 : REPLY_CONFIDENCE_CONSTANT;
}

void llm_response_read(struct span body, const struct label_set *labels, struct llm_response *out, struct err *e) {
    *out = (struct llm_response){.kind = LLM_RESPONSE_BROKEN};
    yyjson_doc *doc = body.n ? yyjson_read(body.p, body.n, YYJSON_READ_NOFLAG) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc), *usage = member(root, "usage");
    yyjson_val *choice = yyjson_arr_get_first(member(root, "choices"));
    read_usage(usage, out);
    if (yyjson_is_obj(member(choice, "message")))
        read_choice(choice, labels, out, e);
    else
        err_set(e, ERR_DECODE, "the answer is not a chat completion: expected choices[0].message");
    yyjson_doc_free(doc);
}

void llm_response_error_code(struct span body, char *out, size_t size) {
    yyjson_doc *doc = body.n ? yyjson_read(body.p, body.n, YYJSON_READ_NOFLAG) : NULL;
    yyjson_val *error = member(yyjson_doc_get_root(doc), "error");
    struct span code = str(member(error, "code"));
    if (code.n == 0) code = str(member(error, "type"));
    snprintf(out, size, "%.*s", (int)(code.n < size ? code.n : size - 1), code.p);
    yyjson_doc_free(doc);
}
