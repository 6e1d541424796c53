#include "review/kinds_texts.h"

#include "review/kinds.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16 };

void kinds_texts_release(struct kinds_texts *t) {
    for (uint32_t i = 0; i < t->room; i++) free(t->chunk[i]);
    free(t->chunk);
    *t = (struct kinds_texts){0};
}

static bool texts_grow(struct kinds_texts *t, uint32_t room) {
    if (room <= t->room) return true;
    char **chunk = realloc(t->chunk, room * sizeof *chunk);
    if (!chunk) return false;
    t->chunk = chunk;
    while (t->room < room && (t->chunk[t->room] = malloc(CHUNK))) t->room++;
    return t->room == room;
}

char *kinds_texts_put(struct kinds_texts *t, struct span text) {
    if (t->chunks == 0 || text.n > CHUNK - t->fill) {
        if (!texts_grow(t, t->chunks + 1)) return NULL;
        t->chunks++;
        t->fill = 0;
    }
    char *copy = t->chunk[t->chunks - 1] + t->fill;
    if (text.n > 0) memcpy(copy, text.p, text.n);
    t->fill += (uint32_t)text.n;
    t->live += text.n;
    return copy;
}

void kinds_texts_let_go(struct kinds_texts *t, char *text, size_t n) {
    memset(text, 0, n);
    t->live -= n;
}

bool kinds_texts_wasteful(const struct kinds_texts *t) {
    size_t held = (size_t)t->chunks * CHUNK;
    return held > t->live + t->live / 3 + 2 * CHUNK;
}

bool kinds_texts_reserve(struct kinds_texts *t, size_t bytes) {
    return texts_grow(t, (uint32_t)(bytes / (CHUNK - KINDS_TEXT_MAX)) + 1);
}
