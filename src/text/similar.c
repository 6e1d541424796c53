#include "text/similar.h"

#include <stdio.h>

enum { WORD_MAX = 48 };

static unsigned char similar_fold(char c) {
    if (c >= 'A' && c <= 'Z') return (unsigned char)(c - 'A' + 'a');
    return (unsigned char)(c == '_' ? '-' : c);
}

static unsigned least(unsigned a, unsigned b) {
    return a < b ? a : b;
}

/* Insertions, deletions, changes and swaps of neighbours that make a into b. */
static unsigned similar_distance(struct span a, struct span b) {
    unsigned row[3][WORD_MAX + 1];
    for (unsigned j = 0; j <= b.n; j++) row[0][j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned *now = row[i % 3], *before = row[(i + 2) % 3], *two = row[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            unsigned char x = similar_fold(a.p[i - 1]), y = similar_fold(b.p[j - 1]);
            now[j] = least(least(before[j], now[j - 1]) + 1, before[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == similar_fold(b.p[j - 2]) && similar_fold(a.p[i - 2]) == y)
                now[j] = least(now[j], two[j - 2] + 1);
        }
    }
    return row[a.n % 3][b.n];
}

static bool similar_begins(struct span name, struct span word) {
    if (word.n < 3 || word.n > name.n) return false;
    for (size_t i = 0; i < word.n; i++)
        if (similar_fold(name.p[i]) != similar_fold(word.p[i])) return false;
    return true;
}

struct similar similar_to(struct span word) {
    return (struct similar){.word = word, .distance = (unsigned)(word.n / 3 + (word.n > 2 ? 2 : 1))};
}

void similar_consider(struct similar *s, const char *name) {
    struct span n = span_of(name);
    if (n.n > WORD_MAX || s->word.n > WORD_MAX || s->word.n == 0) return;
    unsigned d = similar_begins(n, s->word) ? 1 : similar_distance(s->word, n);
    if (d >= s->distance) return;
    s->best = name;
    s->distance = d;
}

const char *similar_hint(const struct similar *s, char *text, unsigned size) {
    text[0] = '\0';
    if (s->best) snprintf(text, size, "; did you mean '%s'?", s->best);
    return text;
}
