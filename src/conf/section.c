#include "conf/section.h"

#include "base/must.h"
#include "conf/row.h"

#include <stdio.h>
#include <string.h>

/* Kinds as bits, for the table's `kinds` column. */
enum {
#define SECTION_KIND(id, ...) id = 1 << SECTION_##id,
#include "conf/section.def"
};

static const struct option_row KEYS[] = {
#define SECTION_KEY(field, type, preset, min, max, unit, kinds, help) \
    {#field, type, preset, min, max, unit, kinds, COMMON, CONF_START, help, offsetof(struct section, field)},
#include "conf/section.def"
};
enum { KEYS_N = sizeof KEYS / sizeof KEYS[0] };
_Static_assert((int)KEYS_N <= 64, "section.given has a bit for each key");

static const struct {
    const char *type;
    enum section_side side;
    const char *key, *help;
} KINDS[SECTION_KIND_COUNT] = {
#define SECTION_KIND(id, side, type, key, help) [SECTION_##id] = {type, SECTION_##side, #key, help},
#include "conf/section.def"
};

enum { RDKAFKA_BYTES_MAX = 65536 };

static const char *const SIDE[] = {"source", "sink"};

enum section_kind section_kind_find(enum section_side side, const char *type) {
    for (enum section_kind k = 1; k < SECTION_KIND_COUNT; k++)
        if (KINDS[k].side == side && strcmp(KINDS[k].type, type) == 0) return k;
    return SECTION_UNKNOWN;
}

const char *section_kind_name(enum section_kind kind) {
    return kind ? KINDS[kind].type : "none";
}

const char *section_kind_key(enum section_kind kind) {
    return KINDS[kind].key;
}

static unsigned kinds_of(enum section_side side) {
    unsigned all = 0;
    for (enum section_kind k = 1; k < SECTION_KIND_COUNT; k++)
        if (KINDS[k].side == side) all |= 1u << k;
    return all;
}

static void list_types(enum section_side side, char *out, size_t size) {
    size_t n = 0;
    out[0] = '\0';
    for (enum section_kind k = 1; k < SECTION_KIND_COUNT && n < size; k++)
        if (KINDS[k].side == side) n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", KINDS[k].type);
}

static const struct option_row *section_key(enum section_side side, const char *name) {
    for (size_t i = 0; i < KEYS_N; i++)
        if (row_is_named(&KEYS[i], name, strlen(name)) && (KEYS[i].commands & kinds_of(side))) return &KEYS[i];
    return NULL;
}

bool section_has_key(enum section_side side, const char *key) {
    return section_key(side, key) != NULL;
}

bool section_takes(const struct section *s, const char *key) {
    const struct option_row *r = section_key(s->side, key);
    return r && r->commands >> s->kind & 1;
}

bool section_is_given(const struct section *s, const char *key) {
    const struct option_row *r = section_key(s->side, key);
    MUST(r != NULL);
    return s->given >> (r - KEYS) & 1;
}

bool section_key_is_flag(const char *key) {
    for (size_t i = 0; i < KEYS_N; i++)
        if (row_is_named(&KEYS[i], key, strlen(key))) return KEYS[i].type == BOOL;
    return false;
}

/* ---- one section ---- */

static bool section_name_is_fine(const char *name) {
    size_t n = strlen(name);
    return n > 0 && n < SECTION_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

struct section *section_add(struct section_list *l, enum section_side side, const char *name, const char *place,
                            struct err *e) {
    if (!section_name_is_fine(name)) {
        err_set(e, ERR_USAGE, "%s: [%s %.80s]: expected a name of 1 to %d letters, digits, '.', '_' and '-'", place,
                SIDE[side], name, SECTION_NAME_MAX - 1);
        return NULL;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (l->v[i].side != side || strcmp(l->v[i].name, name) != 0) continue;
        err_set(e, ERR_USAGE, "%s: [%s %s] is there already, at %s", place, SIDE[side], name, l->v[i].place);
        return NULL;
    }
    if (l->n == SECTIONS_MAX) {
        err_set(e, ERR_LIMIT, "%s: more than %d sources and sinks", place, SECTIONS_MAX);
        return NULL;
    }
    if (!l->v) l->v = must_calloc(SECTIONS_MAX, sizeof *l->v);
    struct section *s = &l->v[l->n++];
    *s = (struct section){.side = side};
    snprintf(s->name, sizeof s->name, "%s", name);
    snprintf(s->place, sizeof s->place, "%s", place);
    for (size_t i = 0; i < KEYS_N; i++) MUST(row_assign(s, &KEYS[i], KEYS[i].preset, "section.def", e));
    return s;
}

static bool section_set_type(struct section *s, const char *value, const char *from, struct err *e) {
    char types[256];
    list_types(s->side, types, sizeof types);
    s->kind = section_kind_find(s->side, value);
    return s->kind || err_set(e, ERR_USAGE, "%s: type is '%s': a %s is one of %s", from, value, SIDE[s->side], types);
}

/* "rdkafka.NAME = VALUE": a line more in the text of all of them. */
static bool section_set_rdkafka(struct section *s, const char *key, const char *value, const char *from,
                                struct err *e) {
    const struct option_row *r = section_key(s->side, "rdkafka");
    struct buf all;
    MUST(r != NULL);
    buf_init(&all, RDKAFKA_BYTES_MAX);
    buf_printf(&all, "%s%s=%s\n", s->rdkafka, key + strlen("rdkafka."), value);
    buf_putc(&all, '\0');
    s->given |= UINT64_C(1) << (r - KEYS);
    bool ok = !all.failed
                  ? row_assign(s, r, all.p, from, e)
                  : err_set(e, ERR_LIMIT, "%s: more than %d bytes of rdkafka settings", from, RDKAFKA_BYTES_MAX);
    buf_release(&all);
    return ok;
}

bool section_set(struct section *s, const char *key, const char *value, const char *from, struct err *e) {
    if (strcmp(key, "type") == 0) return section_set_type(s, value, from, e);
    if (strncmp(key, "rdkafka.", strlen("rdkafka.")) == 0) return section_set_rdkafka(s, key, value, from, e);
    const struct option_row *r = section_key(s->side, key);
    if (!r)
        return err_set(e, ERR_USAGE, "%s: a %s has no key '%s'; see 'logclass config doc'", from, SIDE[s->side], key);
    uint64_t bit = UINT64_C(1) << (r - KEYS);
    bool again = r->type == LIST && (s->given & bit);
    s->given |= bit;
    return again ? row_append(s, r, value, from, e) : row_assign(s, r, value, from, e);
}

static bool section_check(const struct section *s, struct err *e) {
    char types[256], flag[ROW_NAME_BYTES];
    list_types(s->side, types, sizeof types);
    if (!s->kind)
        return err_set(e, ERR_USAGE, "%s: [%s %s] has no type: expected one of %s", s->place, SIDE[s->side], s->name,
                       types);
    for (size_t i = 0; i < KEYS_N; i++) {
        bool given = s->given >> i & 1, takes = KEYS[i].commands >> s->kind & 1;
        if (given && !takes)
            return err_set(e, ERR_USAGE, "%s: [%s %s]: a %s of type %s has no key '%s'", s->place, SIDE[s->side],
                           s->name, SIDE[s->side], KINDS[s->kind].type, row_flag(&KEYS[i], flag));
        bool needed = strcmp(KEYS[i].name, KINDS[s->kind].key) == 0 && (KEYS[i].type == TEXT || KEYS[i].type == LIST);
        if (needed && !**(char *const *)((const char *)s + KEYS[i].offset))
            return err_set(e, ERR_USAGE, "%s: [%s %s] needs '%s': %s", s->place, SIDE[s->side], s->name,
                           row_flag(&KEYS[i], flag), KEYS[i].help);
    }
    return true;
}

/* ---- all of them ---- */

bool section_list_check(const struct section_list *l, struct err *e) {
    for (size_t i = 0; i < l->n; i++)
        if (!section_check(&l->v[i], e)) return false;
    return true;
}

bool section_list_is_same(const struct section_list *a, const struct section_list *b) {
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct section *x = &a->v[i], *y = &b->v[i];
        if (x->side != y->side || x->kind != y->kind || strcmp(x->name, y->name) != 0) return false;
        for (size_t k = 0; k < KEYS_N; k++)
            if (!row_has_same(x, y, &KEYS[k])) return false;
    }
    return true;
}

void section_list_release(struct section_list *l) {
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < KEYS_N; k++) row_release(&l->v[i], &KEYS[k]);
    free(l->v);
    *l = (struct section_list){0};
}

bool section_next_item(const char **at, char *item, size_t size) {
    for (;;) {
        *at += strspn(*at, ", \t");
        size_t n = strcspn(*at, ",");
        if (n == 0) return false;
        struct span s = span_trim((struct span){*at, n});
        *at += n;
        if (s.n >= size) continue; /* no path and no address is that long */
        memcpy(item, s.p, s.n);
        item[s.n] = '\0';
        return true;
    }
}

/* ---- what people read ---- */

void section_help(struct buf *out, enum section_side side, enum section_kind kind) {
    unsigned kinds = kind ? 1u << kind : kinds_of(side);
    for (size_t i = 0; i < KEYS_N; i++)
        if (KEYS[i].commands & kinds) row_help(out, &KEYS[i], KEYS[i].preset);
}

void section_list_show(struct buf *out, const struct section_list *l) {
    for (size_t i = 0; i < l->n; i++) {
        const struct section *s = &l->v[i];
        buf_printf(out, "[%s %s]\n", SIDE[s->side], s->name);
        if (s->kind) buf_printf(out, "type = %s\n\n", KINDS[s->kind].type);
        for (size_t k = 0; k < KEYS_N; k++)
            if (s->given >> k & 1 || (s->kind && KEYS[k].commands >> s->kind & 1)) row_show(out, s, &KEYS[k]);
    }
}

static void section_doc_side(struct buf *out, enum section_side side) {
    char flag[ROW_NAME_BYTES];
    buf_printf(out, "\n## [%s NAME]\n| type | what it is |\n|---|---|\n", SIDE[side]);
    for (enum section_kind k = 1; k < SECTION_KIND_COUNT; k++)
        if (KINDS[k].side == side) buf_printf(out, "| `%s` | %s |\n", KINDS[k].type, KINDS[k].help);
    buf_puts(out, "\n| key | types | default | range, unit | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < KEYS_N; i++) {
        const char *before = "";
        if (!(KEYS[i].commands & kinds_of(side))) continue;
        buf_printf(out, "| `%s` | ", row_flag(&KEYS[i], flag));
        for (enum section_kind k = 1; k < SECTION_KIND_COUNT; k++) {
            if (!(KEYS[i].commands >> k & 1)) continue;
            buf_printf(out, "%s%s", before, KINDS[k].type);
            before = ", ";
        }
        buf_printf(out, " | `%s` | ", KEYS[i].preset);
        row_range(out, &KEYS[i]);
        buf_printf(out, " | %s |\n", KEYS[i].help);
    }
}

void section_doc(struct buf *out) {
    buf_puts(out, "\n# Sections\n\nFor `logclass run` (docs/streams.md). A section ends where the next one begins; "
                  "lines in front of the first "
                  "`[source NAME]`\nor `[sink NAME]` are the options above. A change needs a restart.\n");
    section_doc_side(out, SECTION_SOURCE);
    section_doc_side(out, SECTION_SINK);
}
