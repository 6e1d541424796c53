/* corrections: the log of what people said about kinds of line: append-only JSON lines, each a word or the undoing of
 * one. It holds templates, never lines as they came. Processes may append at the same time; whoever reads sees whole
 * words only: a line that was cut off by a kill or a full disk is passed over, and the next begins a line of its own.
 */
#ifndef REVIEW_CORRECTIONS_H
#define REVIEW_CORRECTIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "data/label.h"

#include <stdbool.h>
#include <stdint.h>

enum { CORRECTIONS_FILE_BYTES_MAX = 64 << 20, CORRECTIONS_MAX = 100000, CORRECTIONS_NOTE_MAX = 512 };

/* One word. Spans lie in the log that it was read into. */
struct correction {
    uint32_t id;
    char label[LABEL_ID_MAX];
    struct span source;  /* it counts for lines of this source only; empty: of all */
    struct span message; /* the template; of words by earlier versions the line itself */
    struct span by, at, note;
    bool undone;
};

struct corrections {
    struct correction *row; /* [n], in the order in which they were said */
    size_t n, cap;
    uint32_t last_id;
    unsigned broken; /* lines that could not be read */
    struct arena text;
};

/* A file that is not there is an empty log. False: it can't be read, or is too large. Release in any case. */
bool corrections_read(struct corrections *c, const char *path, struct err *e);
void corrections_release(struct corrections *c); /* zero-filled is fine */

/* Adds a word: label, source, message (masked here), note. The file is made where it is missing, and the word is on
 * disk when this returns. *id: its number. */
bool corrections_append(const char *path, const struct correction *word, uint32_t *id, struct err *e);

/* Takes word number `id` back. False also where there is none, or it was taken back before. */
bool corrections_undo(const char *path, uint32_t id, struct err *e);

#endif
