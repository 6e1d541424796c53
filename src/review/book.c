#include "review/book.h"

#include "base/must.h"
#include "review/news.h"

#include <string.h>

void book_init(struct book *b) {
    *b = (struct book){.corrections = ""};
    b->news = must_calloc(1, sizeof *b->news);
    told_init(&b->told);
    pthread_mutex_init(&b->lock, NULL);
}

void book_open(struct book *b, const struct kinds_opts *o) {
    b->kinds = kinds_open(o);
    b->totals = totals_open();
    b->ruled = ruled_open();
    b->marks = marks_open();
}

void book_release(struct book *b) {
    kinds_close(b->kinds);
    totals_close(b->totals);
    ruled_close(b->ruled);
    marks_close(b->marks);
    told_release(&b->told);
    words_unref(b->words);
    b->words = NULL;
    free(b->news);
    pthread_mutex_destroy(&b->lock);
}

struct words *book_words(struct book *b) {
    pthread_mutex_lock(&b->lock);
    struct words *w = words_ref(b->words);
    pthread_mutex_unlock(&b->lock);
    return w;
}

void book_set_words(struct book *b, struct words *w) {
    pthread_mutex_lock(&b->lock);
    struct words *old = b->words;
    b->words = w;
    pthread_mutex_unlock(&b->lock);
    words_unref(old);
    atomic_fetch_add(&b->words_seq, 1);
}

void book_note_loaded(struct book *b) {
    kinds_count_entered(b->kinds);
    atomic_store(&b->loaded, true);
    struct words *w = book_words(b);
    const struct corrections *c = w ? words_log(w) : NULL;
    for (size_t i = 0; c && i < c->n; i++)
        if (c->row[i].kind && !c->row[i].undone) kinds_keep(b->kinds, c->row[i].kind, true);
    words_unref(w);
}

void book_news(struct book *b, struct news *to) {
    pthread_mutex_lock(&b->lock);
    *to = *b->news;
    pthread_mutex_unlock(&b->lock);
}

void book_set_news(struct book *b, const struct news *n) {
    pthread_mutex_lock(&b->lock);
    bool changed = b->news->kinds != n->kinds || b->news->waiting != n->waiting || b->news->rising != n->rising;
    *b->news = *n;
    pthread_mutex_unlock(&b->lock);
    if (changed) atomic_fetch_add(&b->kinds_seq, 1);
}

void book_forget(struct book *b, uint64_t id, uint32_t until_s) {
    struct kind_view v;
    char text[KINDS_TEXT_MAX];
    if (!kinds_find(b->kinds, id, &v, text) || v.first > until_s) return;
    examples_forget(b->examples, v.number);
    kinds_forget(b->kinds, id);
    memset(text, 0, sizeof text);
}
