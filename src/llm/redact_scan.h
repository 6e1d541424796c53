/* redact_scan: finds secrets by how they stand in a text: behind a name in any usual syntax, in a URL, after a scheme
 * of authorization, by a vendor's prefix, or because their letters are random. The tables are redact_word.def. Time is
 * linear in the text, but for a constant. Pure. */
#ifndef LLM_REDACT_SCAN_H
#define LLM_REDACT_SCAN_H

#include "base/span.h"

/* USER and HOST are pseudonym.h's. */
enum redact_mark { REDACT_KEEP, REDACT_SECRET, REDACT_EMAIL, REDACT_CARD, REDACT_USER, REDACT_HOST };

/* Writes an enum redact_mark for each byte of text to mark[text.n]. */
void redact_scan(struct span text, unsigned char *mark);

#endif
