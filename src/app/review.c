#include "app/review.h"

#include "app/state_dir.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/thread.h"
#include "review/corrections.h"

#include <pthread.h>
#include <sys/stat.h>

enum { LOOK_MS = 250 };

struct review {
    struct pipeline *pipeline;
    struct book *book;         /* NULL: nobody looks */
    pthread_mutex_t look_lock; /* one looks at a time */
    bool looked;
    uint32_t own_id, desk_id; /* of the log when it was last read */
    char path[PATH_MAX];
    struct stat seen; /* of the log as it was read; zero: it was not there */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ending;
    pthread_t thread;
};

bool review_path(char *out) {
    return state_dir_path("corrections.jsonl", out, PATH_MAX);
}

static bool review_same(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Whether a word was there when the log was last read. */
static bool review_knew(const struct review *r, const struct correction *word, const struct corrections *now) {
    return word->id <= (now->log && word->id > now->desk_id ? r->own_id : r->desk_id);
}

/* Was it there, and in force? */
static bool was_in_force(const struct words *before, uint32_t id) {
    const struct corrections *c = before ? words_log(before) : NULL;
    for (size_t i = c ? c->n : 0; i-- > 0;)
        if (c->row[i].id == id) return !c->row[i].undone;
    return false;
}

/* A state that was taken back, here or elsewhere, is not what it was before but known. */
static void take_back_states(struct review *r, const struct corrections *c) {
    struct words *before = r->looked ? book_words(r->book) : NULL;
    for (size_t i = 0; before && i < c->n; i++) {
        const struct correction *word = &c->row[i];
        if (word->undone && !word->lost && kind_state_find(span_of(word->state)) == KIND_MUTED &&
            was_in_force(before, word->id))
            kinds_set_state(r->book->kinds, word->kind, KIND_KNOWN, 0);
    }
    words_unref(before);
}

/* Kinds that somebody said something about are not dropped; states that were said elsewhere since the last look are
 * taken over, those of before are in the inventory's file. */
static void review_tell(struct review *r, struct words *w) {
    const struct corrections *c = words_log(w);
    struct kinds *k = r->book->kinds;
    if (k) take_back_states(r, c);
    for (size_t i = 0; k && i < c->n; i++) {
        const struct correction *word = &c->row[i];
        if (!word->kind || word->undone) continue;
        kinds_keep(k, word->kind, true);
        int state = kind_state_find(span_of(word->state));
        if (r->looked && !review_knew(r, word, c) && state >= 0)
            kinds_set_state(k, word->kind, (enum kind_state)state, word->until);
    }
    for (size_t i = 0; k && i < c->forgotten_n; i++) book_forget(r->book, c->forgotten[i].kind, c->forgotten[i].at);
    r->own_id = c->own_id, r->desk_id = c->desk_id;
    book_set_words(r->book, w);
}

static void look_locked(struct review *r) {
    struct stat now = {0};
    struct corrections c;
    struct err e = {0};
    if (stat(r->path, &now) != 0) now = (struct stat){0};
    if (review_same(&now, &r->seen)) return;
    r->seen = now; /* before it is read: what is written meanwhile is another change */
    if (corrections_read(&c, r->path, &e)) {
        if (c.broken > 0)
            log_warn("review.broken", "%s: %u lines can't be read and are passed over", r->path, c.broken);
        pipeline_review(r->pipeline, overlay_open(&c));
        if (r->book) review_tell(r, words_open(&c));
    } else {
        log_warn("review.unread", "what was said before stays in force: %s", e.msg);
    }
    corrections_release(&c);
}

static void review_look(struct review *r) {
    pthread_mutex_lock(&r->look_lock);
    look_locked(r);
    pthread_mutex_unlock(&r->look_lock);
}

static void refresh_book(void *self) {
    review_look(self);
}

static void *review_main(void *arg) {
    struct review *r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->ending) {
        struct timespec until = clock_deadline(LOOK_MS);
        pthread_cond_timedwait(&r->changed, &r->lock, &until);
        if (r->ending) break;
        pthread_mutex_unlock(&r->lock);
        review_look(r);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

struct review *review_open(struct pipeline *p, struct book *book) {
    struct review *r = must_calloc(1, sizeof *r);
    r->pipeline = p;
    r->book = book;
    if (!review_path(r->path)) {
        free(r);
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->look_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (book) book->corrections = r->path, book->refresh = refresh_book, book->refresh_self = r;
    review_look(r);
    r->looked = true; /* there may be no log yet: what comes is news */
    r->thread = thread_start(review_main, r);
    return r;
}

void review_close(struct review *r) {
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->ending = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->look_lock);
    free(r);
}
