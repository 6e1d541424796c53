#include "encoder/sample.h"

#include "base/must.h"
#include "text/wordpiece.h"

static const struct span LINE[SAMPLE_LINES] = {
#define SAMPLE(text) {text, sizeof(text) - 1},
#include "encoder/sample.def"
#undef SAMPLE
};

static unsigned line_most(const struct shape *shape) {
    return shape->positions < SAMPLE_TOKENS ? shape->positions : SAMPLE_TOKENS;
}

/* By a linear congruential generator. */
static void sample_draw(struct sample *s, const struct shape *shape) {
    uint32_t state = 1;
    unsigned most = line_most(shape);
    for (s->lines = 0; s->lines < SAMPLE_LINES; s->lines++) s->tokens[s->lines] = most;
    for (unsigned i = 0; i < SAMPLE_LINES * most; i++) {
        state = state * 1664525 + 1013904223; /* Numerical Recipes */
        s->ids[i] = (uint32_t)((uint64_t)state * shape->vocab >> 32);
    }
}

void sample_make(struct sample *s, const char *model_dir, const struct shape *shape) {
    struct err ignored;
    struct wordpiece *w = wordpiece_open(model_dir, &ignored);
    if (!w || wordpiece_vocab_size(w) > shape->vocab || line_most(shape) < 2) {
        sample_draw(s, shape);
    } else {
        size_t rows = 0;
        for (s->lines = 0; s->lines < SAMPLE_LINES; s->lines++) {
            size_t n = wordpiece_encode(w, LINE[s->lines], s->ids + rows, line_most(shape));
            s->tokens[s->lines] = (unsigned)n;
            rows += n;
        }
    }
    wordpiece_close(w);
}

void sample_run(const struct sample *s, unsigned lines, const struct model *m, struct forward_watch *watch) {
    struct forward_scratch scratch;
    unsigned rows = 0;
    if (lines > s->lines) lines = s->lines;
    for (unsigned i = 0; i < lines; i++) rows += s->tokens[i];
    float *out = must_calloc((size_t)lines * m->shape.hidden, sizeof *out);
    forward_scratch_init(&scratch, m, rows);
    scratch.watch = watch;
    forward_run(m, &scratch, s->ids, s->tokens, lines, out);
    forward_scratch_release(&scratch);
    free(out);
}
