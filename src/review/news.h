/* news: what is going on among the kinds of line, found in one pass over them, every few seconds: how many are new,
 * rise or wait, and how complete the picture is. Any thread reads the last findings. */
#ifndef REVIEW_NEWS_H
#define REVIEW_NEWS_H

#include "review/kinds_query.h"

struct news {
    uint32_t at;
    uint64_t kinds, waiting, rising, returned, muted;
    uint64_t new_24h, new_1h; /* kinds that were first seen, and are announced */
    uint64_t waiting_lines_24h, undecided_lines_24h, lines_24h, lines_1h; /* by kinds */
    uint64_t once; /* kinds of which there was one line in 24 hours */
    double unseen; /* chance that the next line is of a kind never seen: Good-Turing */
};

/* One pass. w may be NULL. */
void news_find(struct book *b, const struct words *w, struct news *n);

#endif
