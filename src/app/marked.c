#include "app/marked.h"

#include "app/about.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool rules_alike(const struct rule *a, const struct rule *b) {
    const char *x = a->source ? a->source : "", *y = b->source ? b->source : "";
    return strcmp(a->name, b->name) == 0 && strcmp(a->path, b->path) == 0 && strcmp(a->pattern, b->pattern) == 0 &&
           strcmp(x, y) == 0 && a->label == b->label && !(a->confidence < b->confidence) &&
           !(b->confidence < a->confidence);
}

/* What is neither the same from the front nor from the back is what has changed. */
static void mark_rules(struct marks *m, uint32_t now, const struct rules *was, const struct rules *is) {
    size_t was_n = was ? rules_count(was) : 0, is_n = is ? rules_count(is) : 0, front = 0, back = 0;
    while (front < was_n && front < is_n && rules_alike(rules_get(was, front), rules_get(is, front))) front++;
    while (back + front < was_n && back + front < is_n &&
           rules_alike(rules_get(was, was_n - 1 - back), rules_get(is, is_n - 1 - back)))
        back++;
    size_t gone = was_n - front - back, come = is_n - front - back;
    bool same_name = gone == 1 && come == 1 && strcmp(rules_get(was, front)->name, rules_get(is, front)->name) == 0;
    if (gone == 0 && come == 0) return;
    if (gone == 0 && come == 1)
        marks_add(m, now, "rule added: %s", rules_get(is, front)->name);
    else if (gone == 1 && come == 0)
        marks_add(m, now, "rule removed: %s", rules_get(was, front)->name);
    else if (same_name)
        marks_add(m, now, "rule changed: %s", rules_get(is, front)->name);
    else
        marks_add(m, now, "other rules: %zu, before %zu", is_n, was_n);
}

static void mark_head(struct marks *m, uint32_t now, const struct conf *conf) {
    char path[PATH_MAX];
    about_head_path(conf, true, path);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    marks_add(m, now, "head in use: %s", strcmp(name, "head.json") == 0 ? "the shipped one" : name);
}

void marked_engine(struct marks *m, const struct engine *was, const struct engine *is, const struct conf *conf) {
    uint32_t now = (uint32_t)time(NULL);
    if (!was) {
        marks_add(m, now, "started");
        return;
    }
    mark_rules(m, now, was->rules, is->rules);
    if ((was->head ? head_hash(was->head) : 0) != (is->head ? head_hash(is->head) : 0)) mark_head(m, now, conf);
    if (label_hash(&was->labels) != label_hash(&is->labels)) marks_add(m, now, "other labels");
}
