/* key: where the endpoint's secret comes from: a file, or the variable of the endpoint's provider in the environment or
 * in ./.env; never from argv. It is never logged, and no error holds any part of it. */
#ifndef LLM_KEY_H
#define LLM_KEY_H

#include "base/err.h"
#include "llm/openai.h"

enum { KEY_BYTES_MAX = 4096 };

/* Writes the key to out[KEY_BYTES_MAX], "" when there is none: the first line of the file at `path`; without a path,
 * the variable that belongs to the dialect (GROQ_API_KEY, OPENAI_API_KEY), so that a key goes only to whom it is for.
 * env_file: NULL for ".env". A file that can't be read or is readable by others fails or is warned about. */
bool key_find(const char *path, enum openai_dialect d, const char *env_file, char *out, struct err *e);

/* Where key_find would take the key from, for people, into text[size]: "the file k", "GROQ_API_KEY", "./.env"; "" where
 * there is none. */
void key_place(const char *path, enum openai_dialect d, const char *env_file, char *text, size_t size);

/* To be called once a key is in memory: from then on a crash leaves no core file, and other processes of the same user
 * can't look into this one. The HTTP library copies the key into buffers of its own, so single pages can't be guarded.
 */
void key_guard(void);

/* The name of the variable that holds the dialect's key; NULL: it has none. */
const char *key_variable(enum openai_dialect d);

#endif
