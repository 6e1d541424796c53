#include "review/news.h"

#include <string.h>

struct finding {
    struct book *book;
    const struct words *words;
    struct news *news;
};

static void look_for_news(void *self, struct kind_view *v) {
    struct finding *f = self;
    struct news *n = f->news;
    if (f->words) v->family = kinds_id_of(span_sub(v->text, v->message_at, v->text.n));
    struct kind_decision d = kind_decide(f->book->kinds, f->words, v);
    n->kinds++;
    n->lines_24h += v->lines_24h;
    n->lines_1h += v->lines_1h;
    n->once += v->lines_24h == 1;
    n->rising += v->state == KIND_RISING;
    n->returned += v->state == KIND_RETURNED;
    n->muted += v->state == KIND_MUTED;
    if (v->state == KIND_NEW) n->new_24h++, n->new_1h += n->at - v->first < 3600;
    if (d.property & KINDS_UNDECIDED) n->undecided_lines_24h += v->lines_24h;
    if (d.property & KINDS_WAITING) n->waiting++, n->waiting_lines_24h += v->lines_24h;
}

/* Good 1953: the share of lines that belong to kinds seen once estimates the chance of an unseen one. */
void news_find(struct book *b, const struct words *w, struct news *n) {
    struct finding f = {b, w, n};
    memset(n, 0, sizeof *n);
    n->at = kinds_now(b->kinds);
    kinds_each(b->kinds, look_for_news, &f);
    n->unseen = n->lines_24h ? (double)n->once / (double)n->lines_24h : 1;
}
