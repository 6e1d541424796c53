#include "api/instances.h"

#include "api/json_put.h"

#include <stdlib.h>
#include <string.h>

void instances_init(struct instances *in) {
    *in = (struct instances){0};
    pthread_mutex_init(&in->lock, NULL);
}

void instances_release(struct instances *in) {
    pthread_mutex_destroy(&in->lock);
}

/* Locked: its place, taken from the one that was silent for longest where there is none. */
static struct instance *instance_place(struct instances *in, uint64_t run, struct span name) {
    struct instance *oldest = &in->at[0];
    for (unsigned i = 0; i < INSTANCES_MAX; i++) {
        if (in->at[i].run == run) return &in->at[i];
        if (in->at[i].heard_s < oldest->heard_s) oldest = &in->at[i];
    }
    *oldest = (struct instance){.run = run};
    if (name.n >= INSTANCES_NAME_MAX) name.n = INSTANCES_NAME_MAX - 1;
    if (name.n > 0) memcpy(oldest->name, name.p, name.n);
    return oldest;
}

void instances_hear(struct instances *in, uint64_t run, struct span name, bool has_all, uint32_t now_s) {
    pthread_mutex_lock(&in->lock);
    struct instance *i = instance_place(in, run, name);
    i->heard_s = now_s;
    if (has_all)
        i->behind_s = 0;
    else if (!i->behind_s)
        i->behind_s = now_s;
    pthread_mutex_unlock(&in->lock);
}

void instances_note(struct instances *in, uint64_t run, struct span name, uint32_t now_s) {
    pthread_mutex_lock(&in->lock);
    instance_place(in, run, name)->heard_s = now_s;
    pthread_mutex_unlock(&in->lock);
}

static bool instance_silent(const struct instance *i, uint32_t now_s) {
    return now_s > i->heard_s && now_s - i->heard_s > INSTANCES_SILENT_S;
}

static bool instance_replaced(const struct instance *all, unsigned n, const struct instance *one, uint32_t now_s) {
    for (unsigned i = 0; i < n && instance_silent(one, now_s); i++)
        if (strcmp(all[i].name, one->name) == 0 && all[i].heard_s > one->heard_s) return true;
    return false;
}

static int by_name(const void *a, const void *b) {
    const struct instance *x = a, *y = b;
    return strcmp(x->name, y->name);
}

void instances_put(struct instances *in, struct buf *out, uint32_t now_s) {
    struct instance *all = malloc(sizeof in->at);
    unsigned n = 0;
    pthread_mutex_lock(&in->lock);
    for (unsigned i = 0; all && i < INSTANCES_MAX; i++)
        if (in->at[i].run) all[n++] = in->at[i];
    pthread_mutex_unlock(&in->lock);
    if (n > 0) qsort(all, n, sizeof *all, by_name);
    const char *before = "{\"name\":";
    buf_putc(out, '[');
    for (unsigned i = 0; i < n; i++) {
        if (instance_replaced(all, n, &all[i], now_s)) continue;
        buf_puts(out, before);
        json_put_text(out, span_of(all[i].name));
        buf_printf(out, ",\"heard\":%u,\"lag_s\":%u,\"silent\":%s}", all[i].heard_s,
                   all[i].behind_s ? now_s - all[i].behind_s : 0, instance_silent(&all[i], now_s) ? "true" : "false");
        before = ",{\"name\":";
    }
    buf_putc(out, ']');
    free(all);
}
