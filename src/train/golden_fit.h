/* A reader of the files of tests/golden that scripts/make-golden-train writes: words and numbers. For tests. */
#ifndef TRAIN_GOLDEN_FIT_H
#define TRAIN_GOLDEN_FIT_H

#include "base/file.h"
#include "base/must.h"

#include <stdlib.h>

struct golden_fit {
    struct span text;
    char *at; /* what is still to be read */
};

static inline struct golden_fit golden_fit_open(const char *path) {
    struct golden_fit g;
    struct err e;
    MUST(file_read(path, 1 << 20, &g.text, &e));
    g.at = (char *)(uintptr_t)g.text.p;
    return g;
}

static inline void golden_fit_close(struct golden_fit *g) {
    file_free(&g->text);
}

static inline double golden_fit_number(struct golden_fit *g) {
    char *end;
    double v = strtod(g->at, &end);
    MUST(end != g->at);
    g->at = end;
    return v;
}

/* Skips the word w when it is next. */
static inline bool golden_fit_word(struct golden_fit *g, const char *w) {
    while (*g->at == ' ' || *g->at == '\n') g->at++;
    if (strncmp(g->at, w, strlen(w)) != 0) return false;
    g->at += strlen(w);
    return true;
}

#endif
