/* head_versions: the heads that were retrained here, in a folder of their own: NAME.json each, NAME.taught beside it
 * (the feedback it was trained on), and current.json, a link to the one in use. Names are times, so that their order is
 * that of age. A change of the head in use is one step: whoever opens current.json gets the old one or the new one. */
#ifndef TRAIN_HEAD_VERSIONS_H
#define TRAIN_HEAD_VERSIONS_H

#include "base/err.h"
#include "base/span.h"
#include "encoder/head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEAD_VERSIONS_MAX = 32 /* older ones are removed, but for the one in use */,
    HEAD_VERSIONS_NAME_MAX = 40,
    HEAD_VERSIONS_TAUGHT_MAX = 1 << 20
};

struct head_versions_entry {
    char name[HEAD_VERSIONS_NAME_MAX];
    bool current;
};

/* The path of the head in use. False: none that was learnt; the shipped one is. */
bool head_versions_current(const char *folder, char *out, size_t size);

/* Writes a head and makes it the one in use; name[HEAD_VERSIONS_NAME_MAX] gets its name. taught[n]: hashes of what it
 * was taught beyond the corpus, at most HEAD_VERSIONS_TAUGHT_MAX. now_s: seconds since the epoch. The folder must be
 * there. */
struct head_versions_lesson {
    const struct head_content *content;
    const uint64_t *taught;
    size_t n;
    int64_t now_s;
};
bool head_versions_install(const char *folder, const struct head_versions_lesson *l, char *name, struct err *e);

/* The candidate: a head that was made, but waits for a person's yes. Not in the list, and never in use as such. There
 * is one at most; another takes its place. keep writes it, accept makes it the one in use under a name of its own. */
#define HEAD_VERSIONS_CANDIDATE "candidate"
bool head_versions_keep(const char *folder, const struct head_versions_lesson *l, struct err *e);
bool head_versions_accept(const char *folder, int64_t now_s, char *name, struct err *e);
bool head_versions_discard(const char *folder, struct err *e); /* fine where there is none */

/* Makes an earlier head the one in use; "shipped": none that was learnt. */
bool head_versions_restore(const char *folder, const char *name, struct err *e);

/* The file of the head in use, as text (file_free), and a hash of its bytes; the shipped one: empty, 0. */
bool head_versions_read(const char *folder, struct span *text, uint64_t *mark, struct err *e);

/* A head that was learnt elsewhere, as text of its file: checked against what it must belong to (head_check), it
 * becomes the one in use. ERR_MODEL: it does not belong. */
struct head_versions_fit {
    const struct label_set *labels;
    uint64_t model_hash;
};
bool head_versions_receive(const char *folder, struct span text, const struct head_versions_fit *fit, int64_t now_s,
                           struct err *e);

/* Newest first; returns how many there are in out[HEAD_VERSIONS_MAX + 1]. No such folder: 0. */
unsigned head_versions_list(const char *folder, struct head_versions_entry *out);

/* The file of a head of the list, or of the candidate. False also where it is not there. */
bool head_versions_path(const char *folder, const char *name, char *out, size_t size);

/* What the head in use was taught: *out[*n], to be freed; nothing for the shipped one, or when it is not known. */
void head_versions_taught(const char *folder, uint64_t **out, size_t *n);

#endif
