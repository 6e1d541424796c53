/* rfc3339: times as logs and their protocols write them, "2026-01-31T10:00:00.123456789Z". Pure. */
#ifndef TEXT_RFC3339_H
#define TEXT_RFC3339_H

#include "base/span.h"

#include <stdint.h>

enum { RFC3339_BYTES = 40 };

/* Writes nanoseconds since the epoch, as many digits of the second as there are (none, 3, 6 or 9). Returns how many
 * bytes; there is no NUL. */
size_t rfc3339_write(uint64_t ns, char to[RFC3339_BYTES]);

/* Reads a time that has a zone; a blank instead of the T is fine. False: it is none, or not between 1970 and 2554. */
bool rfc3339_read(struct span text, uint64_t *ns);

#endif
