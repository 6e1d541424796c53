#include "encoder/encoder.h"

#include "base/must.h"
#include "base/parallel_for.h"
#include "encoder/forward.h"
#include "encoder/load.h"
#include "encoder/packed.h"
#include "text/program.h"
#include "text/wordpiece.h"

#include <stdio.h>
#include <string.h>

enum { TOKENS_DEFAULT = 256, TOKENS_LEAST = 2 };

struct encoder {
    struct model model;
    struct wordpiece *wordpiece;
    unsigned tokens_max; /* of a line, [CLS] and [SEP] counted */
};

struct encoder_scratch {
    struct forward_scratch forward;
    uint32_t *ids;    /* [rows_max + tokens_max]: a pass, and the line that may not fit any more */
    unsigned *tokens; /* [rows_max]: of each line of the pass */
};

static const struct kern *choose_kernel(const char *name, struct err *e) {
    const struct kern *k = kern_select(name);
    if (k) return k;
    char names[256] = "";
    for (unsigned i = 0; kern_at(i); i++) {
        size_t used = strlen(names);
        if (kern_usable(kern_at(i))) snprintf(names + used, sizeof names - used, ", %s", kern_at(i)->name);
    }
    err_set(e, ERR_USAGE, "kernel \"%.40s\" is unknown or not for this CPU; expected auto%s", name, names);
    return NULL;
}

static bool settle_tokens(struct encoder *enc, unsigned wanted, struct err *e) {
    unsigned positions = enc->model.shape.positions;
    enc->tokens_max = wanted ? wanted : positions < TOKENS_DEFAULT ? positions : TOKENS_DEFAULT;
    if (enc->tokens_max >= TOKENS_LEAST && enc->tokens_max <= positions) return true;
    return err_set(e, ERR_USAGE, "tokens_max %u: expected %d to %u, the model's positions", wanted, TOKENS_LEAST,
                   positions);
}

static bool check_vocab(struct encoder *enc, const char *model_dir, struct err *e) {
    uint32_t have = wordpiece_vocab_size(enc->wordpiece), rows = enc->model.shape.vocab;
    return have <= rows ||
           err_set(e, ERR_MODEL, "%s: vocab.txt has %u tokens, the model %u embeddings", model_dir, have, rows);
}

/* The weights and the vocabulary are read at the same time. */
struct encoder_load {
    struct encoder *enc;
    const struct encoder_opts *o;
    const struct kern *k;
};

static bool encoder_load_weights(void *self, struct err *e) {
    struct encoder_load *l = self;
    return load_model(&l->enc->model, l->o->model_dir, l->o->adapter_path, l->k, e);
}

static bool encoder_load_vocab(void *self, struct err *e) {
    struct encoder_load *l = self;
    return (l->enc->wordpiece = wordpiece_open(l->o->model_dir, e)) != NULL;
}

struct encoder *encoder_open(const struct encoder_opts *o, struct err *e) {
    const struct kern *k = choose_kernel(o->kernel, e);
    if (!k) return NULL;
    struct encoder *enc = must_calloc(1, sizeof *enc);
    struct encoder_load l = {enc, o, k};
    if (parallel_both(encoder_load_weights, encoder_load_vocab, &l, e) && settle_tokens(enc, o->tokens_max, e) &&
        check_vocab(enc, o->model_dir, e))
        return enc;
    encoder_close(enc);
    return NULL;
}

void encoder_close(struct encoder *enc) {
    if (!enc) return;
    wordpiece_close(enc->wordpiece);
    model_close(&enc->model);
    free(enc);
}

unsigned encoder_dim(const struct encoder *enc) {
    return enc->model.shape.hidden;
}

uint64_t encoder_hash(const struct encoder *enc) {
    return enc->model.hash;
}

uint64_t encoder_vector_hash(const struct encoder *enc) {
    return packed_key(&enc->model);
}

const char *encoder_kernel_name(const struct encoder *enc) {
    return enc->model.kern->name;
}

struct encoder_scratch *encoder_scratch_open(const struct encoder *enc) {
    struct encoder_scratch *s = must_calloc(1, sizeof *s);
    unsigned rows_max = enc->tokens_max > FORWARD_TOKENS ? enc->tokens_max : FORWARD_TOKENS;
    forward_scratch_init(&s->forward, &enc->model, rows_max);
    s->ids = must_calloc(rows_max + enc->tokens_max, sizeof *s->ids);
    s->tokens = must_calloc(rows_max, sizeof *s->tokens);
    return s;
}

void encoder_scratch_close(struct encoder_scratch *s) {
    if (!s) return;
    forward_scratch_release(&s->forward);
    free(s->ids);
    free(s->tokens);
    free(s);
}

void encoder_embed(const struct encoder *enc, struct encoder_scratch *s, const struct span *text, size_t n,
                   float *out) {
    size_t rows = 0, lines = 0; /* of the pass being gathered */
    for (size_t i = 0; i < n; i++) {
        struct span trade = enc->model.programs ? program_trade(text[i]) : (struct span){0};
        size_t tokens = wordpiece_encode_after(enc->wordpiece, trade, text[i], s->ids + rows, enc->tokens_max);
        if (rows + tokens > s->forward.rows_max) {
            forward_run(&enc->model, &s->forward, s->ids, s->tokens, lines, out);
            out += lines * encoder_dim(enc);
            memmove(s->ids, s->ids + rows, tokens * sizeof *s->ids);
            rows = lines = 0;
        }
        s->tokens[lines++] = (unsigned)tokens;
        rows += tokens;
    }
    if (lines > 0) forward_run(&enc->model, &s->forward, s->ids, s->tokens, lines, out);
}
