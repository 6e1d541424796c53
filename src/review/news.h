/* news: what is going on among the kinds of line, found in one pass over them, every few seconds: how many are new,
 * rise or wait, and how complete the picture is. Any thread reads the last findings. */
#ifndef REVIEW_NEWS_H
#define REVIEW_NEWS_H

#include "review/drift.h"
#include "review/kinds_query.h"

enum { NEWS_SOURCES = 8, NEWS_SOURCE_BYTES = 64, NEWS_RISER_BYTES = 96, NEWS_RISING_S = 3600 };

struct news {
    uint32_t at;
    uint64_t kinds, waiting, rising, returned, muted, silent;
    uint64_t new_24h, new_1h; /* kinds that were first seen */
    uint64_t announced_1h;    /* of those of the last hour, those that came when enough was known */
    uint32_t warm_at;         /* since when enough is known that new kinds are news; 0: not yet */
    uint64_t waiting_lines_24h, undecided_lines_24h, words_lines_24h, lines_24h, lines_1h; /* by kinds */
    uint64_t once;   /* kinds of which there was one line in 24 hours */
    uint32_t oldest; /* when the first of the kinds was first seen */
    struct news_source {
        char name[NEWS_SOURCE_BYTES];
        uint32_t new_1h;
    } source[NEWS_SOURCES]; /* those with most new kinds of the last hour, most first; new_1h 0: there are no more */
    uint64_t
        sure[10];    /* lines of 24 hours that the encoder decided, by its probability from 0.50 on, in steps of 0.05 */
    uint32_t risers; /* kinds that began to rise within NEWS_RISING_S, and are not muted */
    struct news_riser {
        uint64_t id; /* 0: there is none */
        uint32_t lines, busiest;
        char text[NEWS_RISER_BYTES];
    } riser;            /* the one of them with most lines */
    struct drift drift; /* by news_drift */
    double unseen;      /* chance that the next line is of a kind never seen: Good-Turing */
};

/* One pass. w may be NULL. What was found before (book_set_news) tells since when enough is known. */
void news_find(struct book *b, const struct words *w, struct news *n);

/* Compares the hours of the totals with each other: n->drift. Some milliseconds. */
void news_drift(struct book *b, struct news *n);

/* What is to be said of it, in a sentence; "" where there is no alarm. which: 0 new kinds, 1 labels, 2 undecided, 3
 * kinds that rise. */
enum { NEWS_ALARMS = 4, NEWS_TEXT_MAX = 256 };
void news_alarm(const struct news *n, unsigned which, char text[NEWS_TEXT_MAX]);
extern const char *const news_alarm_name[NEWS_ALARMS]; /* "new_kinds", … */

#endif
