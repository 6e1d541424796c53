/* prompt: what the LLM is told. The system text is a function of the label set; the log line stands in the user text,
 * as data between two marks that nobody can know beforehand. */
#ifndef LLM_PROMPT_H
#define LLM_PROMPT_H

#include "base/buf.h"
#include "data/label.h"
#include "llm/redact.h"

#include <stdint.h>

enum { PROMPT_LINE_MAX = 2048, PROMPT_NONCE_MAX = 24 };

/* The system text: the task, the labels with their descriptions, examples for the built-in labels, the form of the
 * answer. */
void prompt_system(const struct label_set *labels, struct buf *out);

/* Changes whenever the same line may be asked about in other words: part of what answers are kept by. */
uint64_t prompt_version(const struct label_set *labels);

/* A fresh mark, 16 hexadecimal digits. */
void prompt_nonce(char out[PROMPT_NONCE_MAX]);

/* Appends the template as it may leave the machine: repaired UTF-8, without control and invisible characters, redacted,
 * at most PROMPT_LINE_MAX bytes. */
void prompt_line(const struct redact *redact, struct span template, struct buf *out);

/* Appends the user text: the line between the marks. */
void prompt_user(struct span line, const char *nonce, struct buf *out);

#endif
