#include "rules/rules_file.h"

#include "base/must.h"
#include "text/ini.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX     ((size_t)RULES_FILE_BYTES_MAX * 2 + (1 << 20))
#define CONFIDENCE_DEFAULT 0.95

enum { SHOWN_MAX = 40 }; /* bytes of the user's text repeated in a message */

struct parser {
    const struct label_set *labels;
    struct rules_list *list;
    const char *path;  /* the list's copy */
    size_t from;       /* rules of files before this one */
    struct rule *rule; /* the block we are in; NULL before the first */
    unsigned line;
    unsigned seen; /* bit k: KEYS[k] stood in this block */
};

static int shown(struct span s) {
    return (int)(s.n < SHOWN_MAX ? s.n : SHOWN_MAX);
}

static bool rules_file_keep(struct parser *p, struct span s, char **out, struct err *e) {
    struct span copy = arena_copy(&p->list->text, s);
    if (!copy.p) return err_set(e, ERR_MEMORY, "no memory for the rules");
    *out = (char *)(uintptr_t)copy.p;
    return true;
}

static bool set_label(struct parser *p, struct span v, struct err *e) {
    int i = label_find(p->labels, v);
    if (i < 0) return err_set(e, ERR_RULE, "no label is called '%.*s'", shown(v), v.p);
    p->rule->label = (unsigned)i;
    return true;
}

/* A plain decimal such as 0.95. strtod alone would take "nan", "1e-2" and hexadecimal too. */
static bool set_confidence(struct parser *p, struct span v, struct err *e) {
    char text[24], *end = text;
    snprintf(text, sizeof text, "%.*s", shown(v), v.p);
    double x = strtod(text, &end);
    if (v.n >= sizeof text || strspn(text, "0123456789.") != v.n || *end != '\0' || !(x >= 0 && x <= 1))
        return err_set(e, ERR_RULE, "confidence is '%.*s': expected a number from 0 to 1", shown(v), v.p);
    p->rule->confidence = x;
    return true;
}

static bool keep_pattern(struct parser *p, struct span v, char **out, struct err *e) {
    if (v.n > RULES_PATTERN_MAX)
        return err_set(e, ERR_LIMIT, "the pattern has %zu bytes, at most %d are allowed", v.n, RULES_PATTERN_MAX);
    return rules_file_keep(p, v, out, e);
}

static bool set_pattern(struct parser *p, struct span v, struct err *e) {
    p->rule->pattern_line = p->line;
    return keep_pattern(p, v, &p->rule->pattern, e);
}

static bool set_source(struct parser *p, struct span v, struct err *e) {
    p->rule->source_line = p->line;
    return keep_pattern(p, v, &p->rule->source, e);
}

/* To add a key: a row here, a function above, a line in docs/rules.md. */
static const struct {
    const char *name;
    bool required;
    bool (*set)(struct parser *p, struct span value, struct err *e);
} KEYS[] = {
    {"label", true, set_label},
    {"confidence", false, set_confidence},
    {"pattern", true, set_pattern},
    {"source", false, set_source},
};
enum { KEY_COUNT = sizeof KEYS / sizeof KEYS[0] };

/* Before the next block or the end: does this one hold what a rule needs? */
static bool end_block(struct parser *p, struct err *e) {
    if (!p->rule) return true;
    for (unsigned k = 0; k < KEY_COUNT; k++) {
        if (!KEYS[k].required || p->seen >> k & 1) continue;
        p->line = p->rule->line;
        return err_set(e, ERR_RULE, "rule '%s' has no '%s = …' line", p->rule->name, KEYS[k].name);
    }
    return true;
}

static bool rules_file_append(struct rules_list *l, struct err *e) {
    if (l->n == RULES_MAX) return err_set(e, ERR_LIMIT, "more than %d rules", RULES_MAX);
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        struct rule *bigger = realloc(l->rule, cap * sizeof *bigger);
        if (!bigger) return err_set(e, ERR_MEMORY, "no memory for %zu rules", cap);
        l->rule = bigger, l->cap = cap;
    }
    l->rule[l->n++] = (struct rule){.confidence = CONFIDENCE_DEFAULT};
    return true;
}

static bool name_check(struct span name, struct err *e) {
    if (name.n == 0) return err_set(e, ERR_RULE, "the rule has no name: expected [rule NAME]");
    if (name.n > RULES_NAME_MAX)
        return err_set(e, ERR_LIMIT, "the rule's name has %zu bytes, at most %d are allowed", name.n, RULES_NAME_MAX);
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
            return err_set(e, ERR_RULE, "the rule's name holds a control character");
    return true;
}

static bool begin_block(struct parser *p, const struct ini *i, struct err *e) {
    if (!end_block(p, e)) return false;
    p->line = i->line;
    if (!span_eq(i->kind, SPAN_LIT("rule")))
        return err_set(e, ERR_RULE, "[%.*s] does not start a rule: expected [rule NAME]", shown(i->kind), i->kind.p);
    if (!name_check(i->name, e) || !rules_file_append(p->list, e)) return false;
    p->rule = &p->list->rule[p->list->n - 1];
    p->rule->line = p->line;
    p->rule->path = p->path;
    p->seen = 0;
    return rules_file_keep(p, i->name, &p->rule->name, e);
}

static bool take_pair(struct parser *p, struct span key, struct span value, struct err *e) {
    if (!p->rule) return err_set(e, ERR_RULE, "'%.*s' stands before the first [rule NAME]", shown(key), key.p);
    for (unsigned k = 0; k < KEY_COUNT; k++) {
        if (!span_eq(key, span_of(KEYS[k].name))) continue;
        if (p->seen >> k & 1) return err_set(e, ERR_RULE, "rule '%s' has two '%s' lines", p->rule->name, KEYS[k].name);
        if (value.n == 0) return err_set(e, ERR_RULE, "'%s' has no value", KEYS[k].name);
        p->seen |= 1u << k;
        return KEYS[k].set(p, value, e);
    }
    return err_set(e, ERR_RULE, "unknown key '%.*s': expected label, pattern, confidence or source", shown(key), key.p);
}

static bool take_items(struct parser *p, struct span text, struct err *e) {
    struct ini i = ini_open(text);
    for (enum ini_item item; (item = ini_next(&i, e)) != INI_END;) {
        bool ok = item == INI_SECTION && begin_block(p, &i, e);
        if (item != INI_SECTION) p->line = i.line;
        if (item == INI_BROKEN) e->code = ERR_RULE;
        if (item == INI_PAIR) ok = take_pair(p, i.key, i.value, e);
        if (!ok) return false;
    }
    return end_block(p, e);
}

static int by_name_and_line(const void *a, const void *b) {
    const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
    int c = strcmp(x->name, y->name);
    return c ? c : (x->line > y->line) - (x->line < y->line);
}

/* Sorted copies of the pointers: 10,000 names are compared in milliseconds. */
static bool names_are_unique(struct parser *p, struct err *e) {
    size_t n = p->list->n - p->from;
    const struct rule **sorted = must_calloc(n + 1, sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = &p->list->rule[p->from + i];
    qsort(sorted, n, sizeof *sorted, by_name_and_line);
    bool ok = true;
    for (size_t i = 1; i < n && ok; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) != 0) continue;
        p->line = sorted[i]->line;
        ok = err_set(e, ERR_RULE, "a rule '%s' stands in line %u already", sorted[i]->name, sorted[i - 1]->line);
    }
    free(sorted);
    return ok;
}

bool rules_file_parse(struct span text, const char *path, const struct label_set *labels, struct rules_list *out,
                      struct err *e) {
    if (!out->begun) arena_init(&out->text, TEXT_BYTES_MAX);
    out->begun = true;
    struct span copy = arena_copy(&out->text, (struct span){path, strlen(path) + 1});
    struct parser p = {.labels = labels, .list = out, .path = copy.p, .from = out->n, .line = 1};
    if (!copy.p) return err_set(e, ERR_MEMORY, "no memory for the rules");
    return (take_items(&p, text, e) && names_are_unique(&p, e)) || err_prefix(e, "%s:%u", path, p.line);
}

void rules_file_release(struct rules_list *l) {
    free(l->rule);
    if (l->begun) arena_release(&l->text);
    *l = (struct rules_list){0};
}
