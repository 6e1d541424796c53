/* encoder: a BERT-family sentence encoder (all-MiniLM-L6-v2 and its kin). Text in, one L2-normalised vector out. */
#ifndef ENCODER_ENCODER_H
#define ENCODER_ENCODER_H

#include "base/err.h"
#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

struct encoder;         /* immutable after open: weights, tokenizer, kernel table; shared by all workers */
struct encoder_scratch; /* one per worker */

struct encoder_opts {
    const char *model_dir;    /* Hugging Face layout: config.json, vocab.txt, model.safetensors */
    const char *adapter_path; /* low-rank update merged into the weights at load; NULL or "": none */
    const char *kernel;       /* NULL or "auto": the best this CPU has; else a name from the kernel ladder */
    unsigned tokens_max;      /* 0: 256; at most the model's positions */
};

struct encoder *encoder_open(const struct encoder_opts *o, struct err *e);
void encoder_close(struct encoder *enc); /* NULL is fine */

unsigned encoder_dim(const struct encoder *enc);  /* width of a vector: 384 */
uint64_t encoder_hash(const struct encoder *enc); /* identifies model + adapter, not the kernel: stored in heads */
uint64_t encoder_vector_hash(const struct encoder *enc); /* of all that a vector's bits depend on besides the text: the
                                                          * kernel and the source code too */
const char *encoder_kernel_name(const struct encoder *enc);

struct encoder_scratch *encoder_scratch_open(const struct encoder *enc);
void encoder_scratch_close(struct encoder_scratch *s);

/* Embeds text[n] into out[n][dim] (float, unit length). Allocates nothing. The bits of a line's vector depend on its
 * text, the model and the kernel only: not on its neighbours, their order or the number of workers. */
void encoder_embed(const struct encoder *enc, struct encoder_scratch *s, const struct span *text, size_t n, float *out);

#endif
