/* corpus: the training corpus as it is written (data/corpus/README.md): a folder of one file a system, templates in
 * sections of a label. Read-only once loaded. */
#ifndef TRAIN_CORPUS_H
#define TRAIN_CORPUS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "data/dataset.h"
#include "data/label.h"
#include "train/values.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CORPUS_SYSTEMS_MAX = 4096,
    CORPUS_TEMPLATES_MAX = 1000 * 1000,
    CORPUS_SOURCES_MAX = 32,
    CORPUS_PREFIXES_MAX = 32,
    CORPUS_ID_MAX = 96,
    CORPUS_COPIES_MAX = 1000,
};

struct corpus_system {
    char id[CORPUS_ID_MAX]; /* file name without ".log" */
    struct span name;
    struct span source[CORPUS_SOURCES_MAX];
    struct span prefix[CORPUS_PREFIXES_MAX];
    unsigned sources, prefixes;
    unsigned templates;
    struct span file;
};

struct corpus_template {
    struct span text; /* with its slots */
    uint32_t line;    /* in the system's file */
    uint16_t system;
    uint8_t label;
};

struct corpus {
    const struct label_set *labels;
    struct values values;
    struct corpus_system *system;     /* [systems], by id */
    struct corpus_template *template; /* [n], in the order of files and lines */
    size_t n, cap;
    unsigned systems;
    unsigned problems; /* lines that are not as the format says */
};

/* Reads DIR/VALUES and DIR/<system>.log. What is wrong with a line is appended to `problems` as "FILE:LINE: what", one
 * a line, and counted; reading goes on. False: the folder can't be used at all. Labels must outlive c, which is
 * released in any case. */
bool corpus_read(struct corpus *c, const char *dir, const struct label_set *labels, struct buf *problems,
                 struct err *e);
void corpus_release(struct corpus *c); /* zero-filled is fine */

/* Adds `copies` messages of each template to d, the group being the system. Each third copy gets one of its system's
 * prefixes. Of half of the templates only the first copy has a source: many lines come without one. A template's
 * messages depend on the seed, its system and its text only: what is added elsewhere in the corpus does not change
 * them. c must have no problems. */
bool corpus_generate(const struct corpus *c, unsigned copies, uint64_t seed, struct dataset *d, struct err *e);

#endif
