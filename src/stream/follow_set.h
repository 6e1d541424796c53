/* follow_set: all files that a source follows: found by path, by name and by identity; the queue of those that want a
 * turn; and their rows in the checkpoint. One thread. */
#ifndef STREAM_FOLLOW_SET_H
#define STREAM_FOLLOW_SET_H

#include "base/buf.h"
#include "stream/follow_file.h"

enum { FOLLOW_BUCKETS = 16384, FOLLOW_FILES_MAX = 65536 };

struct follow_set {
    struct follow_file *all;
    struct follow_file *index[FOLLOW_INDICES][FOLLOW_BUCKETS];
    struct follow_file *queue, **queue_end;
    struct follow_file *used, *used_last; /* those that are open: used lately, and longest ago */
    unsigned n, open_n, open_max;
    bool full_said;
};

void follow_set_init(struct follow_set *s, unsigned open_max);
void follow_set_release(struct follow_set *s);

/* A file whose identity is known; nothing is opened. NULL: FOLLOW_FILES_MAX are there already (said once). */
struct follow_file *follow_set_add(struct follow_set *s, const char *name, const char *path, struct follow_id id,
                                   enum follow_state state);
void follow_set_remove(struct follow_set *s, struct follow_file *f);

void follow_set_move(struct follow_set *s, struct follow_file *f, const char *path); /* it has another path now */
void follow_set_identify(struct follow_set *s, struct follow_file *f, struct follow_id id); /* another identity */

/* NULL: there is none. By path: what was last seen there, and is live. */
struct follow_file *follow_set_by_path(const struct follow_set *s, const char *path);
struct follow_file *follow_set_by_id(const struct follow_set *s, struct follow_id id);

/* The file that was followed under this name last, other than `but`. */
struct follow_file *follow_set_newest(const struct follow_set *s, const char *name, const struct follow_file *but);

/* Did the checkpoint have a row of a file that is followed under this name? */
bool follow_set_is_kept(const struct follow_set *s, const char *name);

/* f is read after `before`; NULL: after nobody. */
void follow_set_chain(struct follow_file *f, struct follow_file *before);

void follow_set_queue(struct follow_set *s, struct follow_file *f); /* it wants a turn; twice is fine */
struct follow_file *follow_set_next(struct follow_set *s);          /* takes it off the queue; NULL: nobody */

/* Opens f for a turn. When open_max are open, one of them is shut: the one that was not used for longest of those that
 * have nothing to read, live ones first, for a rotated one may be deleted at any moment; else one that its path still
 * leads to. More than open_max are open only while all of them are deleted or packed, and being read. */
bool follow_set_open(struct follow_set *s, struct follow_file *f, struct err *e);

/* known_ns: since the epoch; what was made before is in the set. */
void follow_set_write_rows(const struct follow_set *s, int64_t known_ns, struct buf *out);

/* Adds the rows' files as FOLLOW_ORPHAN; what is no row is passed over. Returns known_ns; 0: nobody said. */
int64_t follow_set_read_rows(struct follow_set *s, struct span rows);

uint64_t follow_set_lag(const struct follow_set *s); /* bytes that are not settled */

#endif
