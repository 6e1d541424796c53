#include "llm/reply.h"

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

int reply_label(struct span content, const struct label_set *labels) {
    struct span s = without_block(span_trim(content), SPAN_LIT("<think>"), "</think>");
    s = without_fence(s);
    if (s.n == 0 || s.p[0] != '{') return label_find(labels, s);
    yyjson_doc *doc = yyjson_read(s.p, s.n, YYJSON_READ_NOFLAG);
    int label = label_find(labels, str(member(yyjson_doc_get_root(doc), "label_id")));
    yyjson_doc_free(doc);
    return label;
}

/* ---- its confidence ---- */

/* May the label set's answers go on from value[n] (what stands after the opening quote) with these bytes? */
static bool is_possible(const struct label_set *labels, struct span value, struct span more) {
    for (unsigned i = 0; i < labels->n; i++) {
        struct span id = span_of(labels->label[i].id);
        if (value.n > id.n || memcmp(value.p, id.p, value.n) != 0) continue;
        struct span rest = span_sub(id, value.n, id.n);
        size_t common = rest.n < more.n ? rest.n : more.n;
        if (memcmp(rest.p, more.p, common) != 0) continue;
        if (more.n <= rest.n || more.p[rest.n] == '"') return true;
    }
    return false;
}

static double probability(yyjson_val *token) {
    yyjson_val *logprob = member(token, "logprob");
    double p = yyjson_is_num(logprob) ? exp(yyjson_get_num(logprob)) : NAN;
    return p >= 0 && p <= 1.0001 ? p : NAN;
}

/* The chosen token's share among the alternatives that lead to a label. lead: what the token has before the value. */
static double share(const struct label_set *labels, yyjson_val *token, struct span value, struct span lead) {
    double chosen = probability(token), sum = chosen;
    struct span text = str(member(token, "token"));
    size_t i, n;
    yyjson_val *other, *others = member(token, "top_logprobs");
    yyjson_arr_foreach(others, i, n, other) {
        struct span t = str(member(other, "token"));
        double p = probability(other);
        if (span_eq(t, text) || !(p >= 0) || !span_starts(t, lead)) continue;
        struct span more = span_sub(t, lead.n, t.n);
        if (more.n > 0 && is_possible(labels, value, more)) sum += p;
    }
    return chosen / sum;
}

/* The product over the tokens that make up content[from, to). NAN: the tokens do not make up the content. */
static double share_of_tokens(const struct label_set *labels, yyjson_val *tokens, struct span content, size_t from,
                              size_t to) {
    double product = 1;
    size_t at = 0, i, n;
    yyjson_val *token;
    yyjson_arr_foreach(tokens, i, n, token) {
        struct span t = str(member(token, "token"));
        if (t.n == 0) continue;
        if (t.n > content.n - at || memcmp(t.p, content.p + at, t.n) != 0) return NAN;
        size_t end = at + t.n, lead = at < from ? from - at : 0;
        if (end > from && at < to) {
            struct span value = span_sub(content, from, at > from ? at : from);
            product *= share(labels, token, value, span_sub(t, 0, lead));
        }
        at = end;
    }
    return at >= to ? product : NAN;
}

/* The label's probability among all labels, from the token probabilities; NAN: they do not tell. */
static double measured_confidence(const struct label_set *labels, yyjson_val *choice, struct span content,
                                  unsigned label) {
    yyjson_val *tokens = member(member(choice, "logprobs"), "content");
    struct span id = span_of(labels->label[label].id);
    if (!yyjson_is_arr(tokens)) return NAN;
    const char *at = NULL; /* the last place where it stands: reasoning may name it before */
    for (size_t i = 0; id.n <= content.n && i <= content.n - id.n; i++)
        if (memcmp(content.p + i, id.p, id.n) == 0) at = content.p + i;
    if (!at) return NAN;
    size_t from = (size_t)(at - content.p);
    return share_of_tokens(labels, tokens, content, from, from + id.n);
}

/* ---- the reply ---- */

static uint64_t count(yyjson_val *usage, const char *name) {
    yyjson_val *v = member(usage, name);
    return yyjson_is_uint(v) ? yyjson_get_uint(v) : 0;
}

static void read_choice(yyjson_val *choice, const struct label_set *labels, struct reply *out, struct err *e) {
    struct span content = str(member(member(choice, "message"), "content"));
    if (span_eq(str(member(choice, "finish_reason")), SPAN_LIT("length"))) {
        out->kind = REPLY_CUT;
        err_set(e, ERR_DECODE, "the answer was cut at its length limit");
        return;
    }
    int label = reply_label(content, labels);
    if (label < 0) {
        out->kind = REPLY_NO_LABEL;
        err_set(e, ERR_DECODE, "the answer names no label of the set");
        return;
    }
    double p = measured_confidence(labels, choice, content, (unsigned)label);
    out->kind = REPLY_LABEL;
    out->label = (unsigned)label;
    out->measured = p >= 0;
    out->confidence = out->measured ? round(fmin(p, 1) * 1e4) / 1e4 : REPLY_CONFIDENCE_CONSTANT;
}

void reply_read(struct span body, const struct label_set *labels, struct reply *out, struct err *e) {
    *out = (struct reply){.kind = REPLY_BROKEN};
    yyjson_doc *doc = body.n ? yyjson_read(body.p, body.n, YYJSON_READ_NOFLAG) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc), *usage = member(root, "usage");
    yyjson_val *choice = yyjson_arr_get_first(member(root, "choices"));
    out->tokens_in = count(usage, "prompt_tokens");
    out->tokens_out = count(usage, "completion_tokens");
    if (yyjson_is_obj(member(choice, "message")))
        read_choice(choice, labels, out, e);
    else
        err_set(e, ERR_DECODE, "the answer is no chat completion: expected choices[0].message");
    yyjson_doc_free(doc);
}

void reply_error_code(struct span body, char *out, size_t size) {
    yyjson_doc *doc = body.n ? yyjson_read(body.p, body.n, YYJSON_READ_NOFLAG) : NULL;
    yyjson_val *error = member(yyjson_doc_get_root(doc), "error");
    struct span code = str(member(error, "code"));
    if (code.n == 0) code = str(member(error, "type"));
    snprintf(out, size, "%.*s", (int)(code.n < size ? code.n : size - 1), code.p);
    yyjson_doc_free(doc);
}
