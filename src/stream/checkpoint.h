/* checkpoint: how far each source of a process is, in a file that outlives it. A file is replaced in one step and
 * carries a hash: at a start one sees a whole one, the one before it, or none, but never half of one.
 *
 *   {"logclass_checkpoint":1,"hash":"<XXH3-64 of the lines below>"}
 *   {"source":"NAME","seen":<seconds since the epoch>}
 *   <lines of that source, whatever it writes>
 *
 * Any thread may call; what waits for the disk holds up only other calls of the same checkpoint. */
#ifndef STREAM_CHECKPOINT_H
#define STREAM_CHECKPOINT_H

#include "base/err.h"
#include "base/span.h"

struct checkpoint;

enum { CHECKPOINT_BYTES_MAX = 64 << 20, CHECKPOINT_KEPT_S = 24 * 3600 /* of sources that are no longer there */ };

/* Opens and reads the file at path; there need not be one. A damaged one is set aside (path.damaged-TIME), counted and
 * said, and the one before it (path.1) is read. interval_ms: how often it is written at most. NULL: another process
 * holds it (ERR_USAGE), or its folder can't be written. */
struct checkpoint *checkpoint_open(const char *path, unsigned interval_ms, struct err *e);

/* The source's lines when the file was read; empty: none. Good until checkpoint_close. */
struct span checkpoint_rows(const struct checkpoint *c, const char *source);

/* What is to be kept for the source from now on; copied. */
void checkpoint_set(struct checkpoint *c, const char *source, struct span rows);

/* Is it time to set and write? So that nobody makes rows in vain. */
bool checkpoint_is_due(struct checkpoint *c);

/* Writes what was set. False: it could not be written (counted); what was set is kept and written the next time. */
bool checkpoint_write(struct checkpoint *c, struct err *e);

void checkpoint_close(struct checkpoint *c); /* does not write; NULL is fine */

#endif
