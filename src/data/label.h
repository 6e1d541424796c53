/* label: the set of answers a line can get. Read-only once loaded; shared by all threads. A label is an index into its
 * set. */
#ifndef DATA_LABEL_H
#define DATA_LABEL_H

#include "base/err.h"
#include "base/span.h"

#include <stdint.h>

enum { LABEL_MAX = 64, LABEL_ID_MAX = 64, LABEL_NAME_MAX = 96, LABEL_TEXT_MAX = 512 };

struct label {
    char id[LABEL_ID_MAX];            /* "AUTH_ERROR", "web", "日本": see label_id_is_valid */
    char name[LABEL_NAME_MAX];        /* "Authentication Error" */
    char description[LABEL_TEXT_MAX]; /* for prompts and docs */
};

struct label_set {
    struct label label[LABEL_MAX];
    unsigned n;
    unsigned unclassified; /* index of UNCLASSIFIED: the fallback */
    uint64_t parts;        /* bit k: label k is a part of UNCLASSIFIED; only the ops set has any */
};

const struct label_set *label_default(void);
const struct label_set *label_ops(void); /* the second set: UNCLASSIFIED taken apart */

/* path "ops": label_ops. Else a labels file: YAML-free and small, one label a line, `ID | Display Name | description`;
 * '#' starts a comment. Lines that begin with '-' are example messages of the label above them: dataset_read_examples.
 * UNCLASSIFIED is added when the file has none. Errors name the line. */
bool label_load(struct label_set *set, const char *path, struct err *e);

/* Whether a text can be an id, as its author wrote it: UTF-8 of 1 to 63 bytes without control characters, quotes,
 * backslashes and '|', which neither begins nor ends with a blank, nor begins with '#' or '-'. Ids need no escapes in
 * JSON. */
bool label_id_is_valid(struct span id);

/* Index of the label with this id, exactly; -1: none. */
int label_find(const struct label_set *set, struct span id);

/* Index in `set` of the label with this id; where the set has no such label but the ops set has it as a part of
 * UNCLASSIFIED, the index of UNCLASSIFIED: so an ops label is exactly one of the built-in nine. -1: neither. */
int label_fold(const struct label_set *set, struct span id);

/* The bits of `parts` for a set that was read from somewhere: those of the ops set where the ids are its ids. */
uint64_t label_parts(const struct label_set *set);

/* 64-bit hash of ids in order: stored in heads and memo keys, so that answers never cross label sets. */
uint64_t label_hash(const struct label_set *set);

#endif
