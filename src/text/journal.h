/* journal: entries of systemd's journal export format, as `journalctl -o export` writes them. Pure. */
#ifndef TEXT_JOURNAL_H
#define TEXT_JOURNAL_H

#include "base/span.h"

#include <stdint.h>

/* What is not there is empty. */
struct journal_entry {
    struct span cursor, message, identifier, comm, host, unit, transport, pid, container, container_id, invocation;
    uint64_t time_us; /* since the epoch; 0: not told */
    int priority;     /* 0 to 7; -1: not told */
    int facility;     /* -1: not told */
};

/* Takes the first entry off data: used bytes. False: it is not whole yet. Any bytes are fine: what is no field is
 * passed over. */
bool journal_take(struct span data, struct journal_entry *out, size_t *used);

#endif
