#include "review/marks.h"

#include "base/must.h"
#include "text/utf8.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct marks {
    pthread_mutex_t lock;
    struct mark at[MARKS_MAX]; /* by time, oldest first */
    unsigned n;
};

struct marks *marks_open(void) {
    struct marks *m = must_calloc(1, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

void marks_close(struct marks *m) {
    if (!m) return;
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* Locked. */
static bool marks_hold(const struct marks *m, const struct mark *one) {
    for (unsigned i = 0; i < m->n; i++)
        if (m->at[i].at == one->at && strcmp(m->at[i].text, one->text) == 0) return true;
    return false;
}

/* Of one second those of the file, which are of the process before, come first. */
static bool marks_follows(const struct mark *a, const struct mark *b) {
    return a->at != b->at ? a->at > b->at : !a->written && b->written;
}

/* Puts it in its place, unless it is there; without room the oldest goes, which may be this one. */
static void marks_insert(struct marks *m, const struct mark *new) {
    pthread_mutex_lock(&m->lock);
    unsigned i = m->n;
    while (i > 0 && marks_follows(&m->at[i - 1], new)) i--;
    bool full = m->n == MARKS_MAX, takes = !marks_hold(m, new) && !(full && i == 0);
    if (takes && full) {
        memmove(&m->at[0], &m->at[1], --i * sizeof m->at[0]);
    } else if (takes) {
        memmove(&m->at[i + 1], &m->at[i], (m->n - i) * sizeof m->at[0]);
        m->n++;
    }
    if (takes) m->at[i] = *new;
    pthread_mutex_unlock(&m->lock);
}

/* What was cut in the middle of a character, or is none, goes. */
static void marks_clean(char *text) {
    text[utf8_valid(span_of(text))] = '\0';
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ') *p = ' ';
}

void marks_add(struct marks *m, uint32_t at, const char *format, ...) {
    struct mark new = {.at = at};
    va_list args;
    if (!m) return;
    va_start(args, format);
    vsnprintf(new.text, sizeof new.text, format, args);
    va_end(args);
    marks_clean(new.text);
    marks_insert(m, &new);
}

void marks_restore(struct marks *m, uint32_t at, struct span text) {
    struct mark old = {.at = at, .written = true};
    snprintf(old.text, sizeof old.text, "%.*s", (int)(text.n < MARKS_TEXT_MAX ? text.n : MARKS_TEXT_MAX), text.p);
    marks_clean(old.text);
    marks_insert(m, &old);
}

unsigned marks_since(struct marks *m, uint32_t since_s, struct mark *out) {
    unsigned n = 0;
    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < m->n; i++)
        if (m->at[i].at >= since_s) out[n++] = m->at[i];
    pthread_mutex_unlock(&m->lock);
    return n;
}

unsigned marks_take_unwritten(struct marks *m, struct mark *out) {
    unsigned n = 0;
    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < m->n; i++) {
        if (!m->at[i].written) out[n++] = m->at[i];
        m->at[i].written = true;
    }
    pthread_mutex_unlock(&m->lock);
    return n;
}

void marks_give_back(struct marks *m, const struct mark *mark, unsigned n) {
    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < m->n; j++)
            if (m->at[j].at == mark[i].at && strcmp(m->at[j].text, mark[i].text) == 0) m->at[j].written = false;
    pthread_mutex_unlock(&m->lock);
}
