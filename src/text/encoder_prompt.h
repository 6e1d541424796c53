/* encoder_prompt: the words that an encoder wants before every line, as its directory says. */
#ifndef TEXT_ENCODER_PROMPT_H
#define TEXT_ENCODER_PROMPT_H

#include "base/err.h"

#include <stdbool.h>

enum { ENCODER_PROMPT_BYTES = 64 };

/* Reads DIR/config_sentence_transformers.json, sentence-transformers' own file: of "prompts" the one that
 * "default_prompt_name" names, such as "query: " for the E5 encoders, into prompt, with a NUL. A directory without that
 * file or without a default has none, "". False where the file is broken, names a prompt that it lacks, or where the
 * prompt is longer than ENCODER_PROMPT_BYTES - 1. */
bool encoder_prompt_read(char prompt[ENCODER_PROMPT_BYTES], const char *model_dir, struct err *e);

#endif
