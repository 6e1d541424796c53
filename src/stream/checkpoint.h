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

#include <stdint.h>

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

/* ---- driven by a sink: places and the length of its output in one file ----
 * From checkpoint_drive on, checkpoint_write does nothing, and it is due in a round only. The sink makes records
 * durable, settles them, begins a round, and settles nothing further until each source that has joined has set its
 * lines in that round; then it sets its own line and commits. So places and length always belong together. */
void checkpoint_drive(struct checkpoint *c);
void checkpoint_begin_round(struct checkpoint *c);
bool checkpoint_is_confirmed(struct checkpoint *c);
bool checkpoint_commit(struct checkpoint *c, struct err *e);

/* The sources': the number of the round, which a source looks at before it looks at what is settled (0: there is none
 * so far, or nobody drives); its word that its lines are set; and the last word of one that ends. */
void checkpoint_join(struct checkpoint *c);
uint64_t checkpoint_round(struct checkpoint *c);
void checkpoint_confirm(struct checkpoint *c, uint64_t round);
void checkpoint_begin_leave(struct checkpoint *c); /* it is due now */
void checkpoint_leave(struct checkpoint *c, uint64_t confirmed);

void checkpoint_close(struct checkpoint *c); /* does not write; NULL is fine */

#endif
