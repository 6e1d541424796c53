/* log_lines: the log of corrections as text, a record a line. Private to the folder.
 *
 * A log that follows a desk's (review/shared_log.h) holds two kinds of record: the desk's, as they stand there,
 * numbered there; and what was said here, numbered from LOG_OWN_FROM on, until the desk has it: then its line of the
 * desk counts instead, which names the line of here as its origin. Members are found by their bytes: a quote within a
 * text is escaped, so that no text can look like a member. */
#ifndef REVIEW_LOG_LINES_H
#define REVIEW_LOG_LINES_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define LOG_OWN_FROM UINT32_C(0x80000000)

/* The id that a line begins with; 0: none. */
uint32_t log_lines_id(struct span line);

/* Whether a line has this member, written as ,"name": */
bool log_lines_has(struct span line, const char *member);

/* What a log is called that follows a desk's, by its text; 0: it follows none. */
uint64_t log_lines_follows(struct span text);

/* Which of the records that were said here the desk has. Zero-filled: none. */
struct log_settled {
    unsigned char *own; /* [n], by id - LOG_OWN_FROM; 1: settled */
    size_t n;
};

void log_settled_find(struct log_settled *s, struct span text, uint64_t log);
void log_settled_release(struct log_settled *s);
bool log_settled_has(const struct log_settled *s, uint32_t id);

/* "HEX:ID", as a member named origin has it. False: it is not of that form. */
bool log_lines_origin(const char *text, uint64_t *log, uint32_t *id);

#endif
