/* dataset: labelled records in memory, read from CSV or JSON lines, and their division into folds. Filled by one
 * thread, then read by any. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "base/arena.h"
#include "base/index.h"
#include "base/err.h"
#include "base/span.h"
#include "data/label.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DATASET_ROWS_MAX = 4 * 1000 * 1000,
    DATASET_GROUPS_MAX = 65536,
    DATASET_FOLDS_MAX = 255,
};

struct dataset_row {
    struct span source, message; /* in the dataset's arena */
    uint32_t group;              /* index into group[]: the system the row is from */
    uint32_t line;               /* where it stands in its file, from 1 */
    uint8_t label;               /* index into the label set it was read with */
    bool sure;                   /* its `confidence` column says "high"; true where there is no such column */
};

struct dataset {
    struct arena arena;
    struct dataset_row *row;
    size_t n, cap;
    struct span *group; /* names, in order of first appearance */
    unsigned groups, groups_cap;
    struct index by_name; /* of group[] */
    bool has_group;       /* a `system` column stood there (else the group is the source) */
    bool has_sure;        /* a `confidence` column stood there */
};

void dataset_init(struct dataset *d);
void dataset_release(struct dataset *d); /* zero-filled is fine */

/* Adds a copy of a row; row->group is taken from the name `group`. */
bool dataset_add(struct dataset *d, const struct dataset_row *row, struct span group, struct err *e);

/* Reads a CSV with a header line, or JSON lines (found out by the first byte, '{'), and adds its rows. Columns, by any
 * of their names: the text (log_message, message, text, line), the label (label, label_id, target_label, category), and
 * optionally source, system and confidence. Labels are matched by id, or by their text brought to the form of an id
 * ("HTTP Status" → HTTP_STATUS). Labels that `labels` lacks are added to it when `grow`, else they are an error. Errors
 * name file and line. */
bool dataset_read(struct dataset *d, const char *path, struct label_set *labels, bool grow, struct err *e);

/* Adds the example messages of a labels file (label.h), which must have been loaded into `labels` without errors. */
bool dataset_read_examples(struct dataset *d, const char *path, const struct label_set *labels, struct err *e);

/* Deals the rows into k folds, fold[n] in 0..k-1, the same for the same seed on every machine. Labels are spread
 * evenly, row by row. */
void dataset_fold_rows(const struct dataset *d, unsigned k, uint64_t seed, uint8_t *fold);

/* The same with whole groups: no group is in two folds. Large groups are dealt first, each to the fold with the fewest
 * rows. */
void dataset_fold_groups(const struct dataset *d, unsigned k, uint64_t seed, uint8_t *fold);

#endif
