#include "train/attribution.h"

#include "base/must.h"
#include "text/template.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN = 3 };
static const double LEAST = 0.02; /* smaller losses say nothing */

struct word {
    struct span text;
    double loss;
};

static int most_first(const void *a, const void *b) {
    const struct word *x = a, *y = b;
    if (x->loss != y->loss) return x->loss < y->loss ? 1 : -1;
    return x->text.p < y->text.p ? -1 : 1;
}

static unsigned attribution_split(struct span s, struct word word[REASON_WORDS_MAX]) {
    unsigned n = 0;
    for (size_t i = 0; i < s.n && n < REASON_WORDS_MAX;) {
        size_t from = i;
        while (i < s.n && s.p[i] != ' ') i++;
        if (i > from) word[n++].text = span_sub(s, from, i);
        i++;
    }
    return n;
}

/* The template without one of its words. */
static struct span without(struct span s, struct span word, char *out) {
    size_t head = (size_t)(word.p - s.p), tail = s.n - head - word.n;
    memcpy(out, s.p, head);
    memcpy(out + head, word.p + word.n, tail);
    return (struct span){out, head + tail};
}

static double attribution_probability(const struct head *h, const float *vector, unsigned label) {
    float p[LABEL_MAX];
    head_run(h, vector, p);
    return (double)p[label];
}

void attribution_put(struct buf *out, const struct encoder *enc, struct encoder_scratch *scratch, const struct head *h,
                     struct span template, unsigned label) {
    struct word word[REASON_WORDS_MAX] = {0};
    struct span text[REASON_WORDS_MAX + 1] = {template};
    unsigned n = attribution_split(template, word), dim = encoder_dim(enc);
    char *room = must_calloc((size_t)n + 1, TEMPLATE_MAX);
    float *vector = must_calloc((size_t)(n + 1) * dim, sizeof *vector);
    for (unsigned i = 0; i < n; i++) text[i + 1] = without(template, word[i].text, room + (size_t)i * TEMPLATE_MAX);
    encoder_embed(enc, scratch, text, n + 1, vector);
    double whole = attribution_probability(h, vector, label);
    for (unsigned i = 0; i < n; i++)
        word[i].loss = whole - attribution_probability(h, vector + (size_t)(i + 1) * dim, label);
    qsort(word, n, sizeof *word, most_first);
    for (unsigned i = 0; i < n && i < SHOWN && word[i].loss >= LEAST; i++) {
        buf_puts(out, i ? ", " : "");
        buf_put(out, word[i].text.p, word[i].text.n);
        buf_printf(out, " -%.2f", word[i].loss);
    }
    free(room), free(vector);
}
