/* near: which kinds of line look like another, by the vectors of the encoder: what is shown beside a card, and what may
 * be labelled in one stroke. The vectors of NEAR_MAX kinds are kept in memory, filled from the store of vectors. The
 * desk's thread only. */
#ifndef API_NEAR_H
#define API_NEAR_H

#include "api/context.h"
#include "pipeline/trial.h"
#include "review/kinds_query.h"

struct near;

enum { NEAR_MAX = 20000, NEAR_HITS_MAX = 200 };
#define NEAR_ALIKE 0.90 /* cosine from which kinds look alike */

struct near *near_open(void);
void near_close(struct near *n); /* NULL is fine */

struct near_hit {
    uint64_t id;
    double similarity;
};

/* The kinds nearest to a template, at least min similar, best first, at most max (NEAR_HITS_MAX), without the one with
 * this id; returns how many. None where there is no encoder. */
struct near_to {
    uint64_t id;
    struct span template;
    double min;
    unsigned max;
};
unsigned near_find(struct near *n, struct book *b, struct trial *t, const struct near_to *to, struct near_hit *hit);

/* Those of them that are decided, as objects id, template, label_id, similarity, corrected_by; at most `max`. */
void near_put(struct buf *out, struct api *a, const struct words *w, const struct kind_view *v, struct trial *t,
              unsigned max);

/* Kinds that look like v and that the head answers alike. */
unsigned near_alike(struct api *a, const struct kind_view *v, struct trial *t, struct near_hit *hit);

#endif
