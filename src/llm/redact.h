/* redact: takes secrets and personal data out of a text before it is sent to somebody else. The built-in rules are
 * found by how they stand in the text (redact_scan.h); a file of patterns can add more. Immutable once open; any thread
 * may use it. */
#ifndef LLM_REDACT_H
#define LLM_REDACT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

enum { REDACT_RULES_MAX = 64, REDACT_PATTERN_MAX = 1024, REDACT_FILE_BYTES_MAX = 65536 };

struct redact;

/* path: one POSIX extended pattern a line, each match becomes "<redacted>"; '#' starts a comment line. "" or NULL: the
 * built-in rules only. */
struct redact *redact_open(const char *path, struct err *e);
void redact_close(struct redact *r); /* NULL is fine */

/* From now on user and host names become pseudonyms as well (llm/pseudonym.h); before r is in use. */
void redact_pseudonyms(struct redact *r, uint64_t key);

/* Appends text, redacted. text must not hold NUL bytes (they end it). */
void redact_run(const struct redact *r, struct span text, struct buf *out);

#endif
