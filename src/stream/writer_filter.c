#include "stream/writer_filter.h"

#include "data/reason.h"
#include "text/similar.h"

#include <strings.h>

enum { WORD_OTHER = 1, WORD_UNSURE = 2, HINT_BYTES = 128 };

_Static_assert(LABEL_MAX <= 64, "a bit for each label");

static uint8_t filter_word(struct span word) {
    if (span_eq(word, span_of(reason_word(REASON_OTHER)))) return WORD_OTHER;
    return span_eq(word, span_of(reason_word(REASON_UNSURE))) ? WORD_UNSURE : 0;
}

static int filter_label(const struct label_set *labels, struct span word) {
    for (unsigned i = 0; i < labels->n; i++)
        if (strlen(labels->label[i].id) == word.n && strncasecmp(labels->label[i].id, word.p, word.n) == 0)
            return (int)i;
    return -1;
}

static bool filter_no_label(struct span word, const struct label_set *labels, struct err *e) {
    char hint[HINT_BYTES];
    struct similar s = similar_to(word);
    for (unsigned i = 0; i < labels->n; i++) similar_consider(&s, labels->label[i].id);
    similar_hint(&s, hint, sizeof hint);
    return err_set(e, ERR_USAGE, "no label is called '%.*s'%s", (int)(word.n < 80 ? word.n : 80), word.p,
                   hint[0] ? hint : "; 'logclass labels' lists them");
}

static bool fit_words(const char *list, const struct label_set *labels, uint64_t *bits, uint8_t *words, struct err *e) {
    struct span rest = span_of(list ? list : "");
    *bits = 0, *words = 0;
    while (rest.n > 0) {
        const char *comma = memchr(rest.p, ',', rest.n);
        size_t n = comma ? (size_t)(comma - rest.p) : rest.n;
        struct span word = span_trim(span_sub(rest, 0, n));
        rest = span_sub(rest, n + 1, rest.n);
        uint8_t special = filter_word(word);
        int label = special || word.n == 0 ? -1 : filter_label(labels, word);
        if (!special && word.n > 0 && label < 0) return filter_no_label(word, labels, e);
        *words |= special;
        if (label >= 0) *bits |= UINT64_C(1) << label;
    }
    return true;
}

bool writer_filter_fit(struct writer_filter *f, const struct label_set *labels, struct err *e) {
    if (!fit_words(f->only, labels, &f->only_labels, &f->only_words, e) ||
        !fit_words(f->except, labels, &f->except_labels, &f->except_words, e))
        return false;
    f->on = f->only_labels || f->only_words || f->except_labels || f->except_words || f->confidence_min > 0;
    return true;
}

static bool filter_names(uint64_t bits, uint8_t words, const struct result *r, const struct label_set *labels) {
    if (bits >> r->label & 1) return true;
    return words && r->label == labels->unclassified &&
           (filter_word(span_of(reason_word(reason_of(r, labels)))) & words);
}

bool writer_filter_takes(const struct writer_filter *f, const struct result *r, const struct label_set *labels) {
    if (!f->on) return true;
    bool only = f->only_labels || f->only_words;
    return r->confidence >= f->confidence_min && (!only || filter_names(f->only_labels, f->only_words, r, labels)) &&
           !filter_names(f->except_labels, f->except_words, r, labels);
}
