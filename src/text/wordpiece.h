/* wordpiece: BERT's tokenizer (basic tokenizer + WordPiece), equal to the reference implementation of the uncased
 * models: clean-up, CJK spacing, lower-casing, accent stripping (NFD, Mn dropped), punctuation splitting, greedy
 * longest match. */
#ifndef TEXT_WORDPIECE_H
#define TEXT_WORDPIECE_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wordpiece; /* immutable after open: any number of threads may use one */

/* Reads DIR/vocab.txt (and tokenizer_config.json's do_lower_case / strip_accents where there is one, and the prompt:
 * text/encoder_prompt.h). */
struct wordpiece *wordpiece_open(const char *model_dir, struct err *e);
void wordpiece_close(struct wordpiece *w); /* NULL is fine */

uint32_t wordpiece_vocab_size(const struct wordpiece *w);

/* Token ids of text, [CLS] and the prompt first and [SEP] last, cut to ids_max >= 2 as the reference cuts (the first
 * ids_max - 2 tokens are kept). Special tokens spelled out in the text ("[MASK]") map to their ids. Allocates nothing.
 * Returns the count. */
size_t wordpiece_encode(const struct wordpiece *w, struct span text, uint32_t *ids, size_t ids_max);

/* The same with words of their own between the prompt and the text. */
size_t wordpiece_encode_after(const struct wordpiece *w, struct span words, struct span text, uint32_t *ids,
                              size_t ids_max);

#endif
