#include "train/values.h"

#include "base/file.h"

#include <ctype.h>

#define FILE_BYTES_MAX ((size_t)4 << 20)

static size_t name_length(struct span s) {
    size_t n = 0;
    while (n < s.n && (isalnum((unsigned char)s.p[n]) || s.p[n] == '_')) n++;
    return n;
}

bool values_next(struct span *template, struct values_piece *piece) {
    struct span t = *template;
    if (t.n == 0) return false;
    const char *brace = memchr(t.p, '{', t.n);
    size_t n = brace ? (size_t)(brace - t.p) : t.n;
    piece->is_slot = false;
    if (n == 0 && t.n > 1 && t.p[1] == '{') {
        piece->text = span_sub(t, 0, 1);
        n = 2;
    } else if (n == 0) {
        size_t name = name_length(span_sub(t, 1, t.n));
        piece->is_slot = true;
        piece->text = span_sub(t, 1, 1 + name);
        n = name + 1 < t.n && t.p[name + 1] == '}' ? name + 2 : name + 1;
    } else {
        piece->text = span_sub(t, 0, n);
    }
    *template = span_sub(t, n, t.n);
    return true;
}

const struct values_slot *values_find(const struct values *v, struct span name) {
    for (unsigned i = 0; i < v->n; i++)
        if (span_eq(v->slot[i].name, name)) return &v->slot[i];
    return NULL;
}

bool values_check(const struct values *v, struct span template, struct err *e) {
    struct values_piece piece;
    while (values_next(&template, &piece)) {
        if (!piece.is_slot) continue;
        if (piece.text.n == 0 || piece.text.p[piece.text.n] != '}')
            return err_set(e, ERR_INPUT, "a '{' that opens no slot: write '{{' for the character");
        if (!values_find(v, piece.text))
            return err_set(e, ERR_INPUT, "unknown slot {%.*s}: VALUES has no such line, write '{{' for the character",
                           (int)piece.text.n, piece.text.p);
    }
    return true;
}

/* `%[lo-hi]` at the front of s: a whole number from lo to hi. Returns its length, 0: it is none. */
static size_t put_range(struct span s, struct rng *rng, struct buf *out) {
    unsigned bound[2] = {0};
    size_t i = 2;
    for (unsigned k = 0; k < 2; k++, i++) {
        size_t from = i;
        for (; i < s.n && i < from + 9 && isdigit((unsigned char)s.p[i]); i++)
            bound[k] = bound[k] * 10 + (unsigned)(s.p[i] - '0');
        if (i == from || i == s.n || s.p[i] != (k == 0 ? '-' : ']')) return 0;
    }
    if (bound[1] < bound[0]) return 0;
    buf_printf(out, "%u", bound[0] + rng_below(rng, bound[1] - bound[0] + 1));
    return i;
}

/* The plain text of a value, with its % codes. */
static void put_coded(struct span s, struct rng *rng, struct buf *out) {
    for (size_t i = 0, used; i < s.n; i += used) {
        char code = s.p[i] == '%' && i + 1 < s.n ? s.p[i + 1] : '\0';
        used = code ? 2 : 1;
        switch (code) {
        case 'd': buf_putc(out, (char)('0' + rng_below(rng, 10))); break;
        case 'D': buf_putc(out, (char)('1' + rng_below(rng, 9))); break;
        case 'x': buf_putc(out, "0123456789abcdef"[rng_below(rng, 16)]); break;
        case 'a': buf_putc(out, (char)('a' + rng_below(rng, 26))); break;
        case '[': used = put_range(span_sub(s, i, s.n), rng, out); break;
        default: used = 0;
        }
        if (used == 0) buf_putc(out, s.p[i]), used = 1;
    }
}

static void expand(const struct values *v, struct span text, unsigned depth, struct rng *rng, struct buf *out) {
    struct values_piece piece;
    while (values_next(&text, &piece)) {
        if (!piece.is_slot) {
            if (depth > 0)
                put_coded(piece.text, rng, out);
            else
                buf_put(out, piece.text.p, piece.text.n);
            continue;
        }
        const struct values_slot *s = values_find(v, piece.text);
        if (s && depth < VALUES_DEPTH_MAX) expand(v, s->choice[rng_below(rng, s->n)], depth + 1, rng, out);
    }
}

void values_expand(const struct values *v, struct span template, struct rng *rng, struct buf *out) {
    expand(v, template, 0, rng, out);
}

/* How deep slots lie in each other at most; more than VALUES_DEPTH_MAX: too deep, or a circle. */
static unsigned depth_of(const struct values *v, const struct values_slot *s, unsigned depth) {
    unsigned most = depth;
    for (unsigned i = 0; i < s->n && most <= VALUES_DEPTH_MAX; i++) {
        struct span rest = s->choice[i];
        for (struct values_piece piece; values_next(&rest, &piece) && most <= VALUES_DEPTH_MAX;) {
            unsigned d = piece.is_slot ? depth_of(v, values_find(v, piece.text), depth + 1) : depth;
            if (d > most) most = d;
        }
    }
    return most;
}

static bool values_check_slots(const struct values *v, unsigned *line, struct err *e) {
    for (unsigned i = 0; i < v->n; i++) {
        *line = v->slot[i].line;
        for (unsigned k = 0; k < v->slot[i].n; k++)
            if (!values_check(v, v->slot[i].choice[k], e)) return false;
    }
    for (unsigned i = 0; i < v->n; i++) {
        *line = v->slot[i].line;
        if (depth_of(v, &v->slot[i], 1) > VALUES_DEPTH_MAX)
            return err_set(e, ERR_INPUT, "slot {%.*s} contains itself, or others more than %d deep",
                           (int)v->slot[i].name.n, v->slot[i].name.p, VALUES_DEPTH_MAX);
    }
    return true;
}

static bool add_choices(struct values *v, struct values_slot *s, struct span text, struct err *e) {
    struct span choice[VALUES_CHOICES_MAX];
    for (bool more = true; more;) {
        size_t at = 0;
        while (at < text.n && !(text.p[at] == '|' && at > 0 && text.p[at - 1] == ' ')) at++;
        if (s->n == VALUES_CHOICES_MAX) return err_set(e, ERR_LIMIT, "more than %d values", VALUES_CHOICES_MAX);
        choice[s->n] = span_trim(span_sub(text, 0, at));
        if (choice[s->n++].n == 0) return err_set(e, ERR_INPUT, "an empty value");
        more = at < text.n;
        text = span_sub(text, at + 1, text.n);
    }
    s->choice = arena_alloc(&v->arena, s->n * sizeof *s->choice);
    if (!s->choice) return err_set(e, ERR_MEMORY, "no memory");
    memcpy(s->choice, choice, s->n * sizeof *s->choice);
    return true;
}

static bool add_slot(struct values *v, struct span line, unsigned line_no, struct err *e) {
    size_t name = name_length(line);
    struct values_slot *s = &v->slot[v->n];
    if (name == 0 || name == line.n || line.p[name] != ':')
        return err_set(e, ERR_INPUT, "expected 'name: value | value'");
    if (v->n == VALUES_SLOTS_MAX) return err_set(e, ERR_LIMIT, "more than %d slots", VALUES_SLOTS_MAX);
    *s = (struct values_slot){.name = span_sub(line, 0, name), .line = line_no};
    if (values_find(v, s->name)) return err_set(e, ERR_INPUT, "slot {%.*s} stands there twice", (int)name, line.p);
    v->n++;
    return add_choices(v, s, span_sub(line, name + 1, line.n), e);
}

bool values_read(struct values *v, const char *path, struct err *e) {
    *v = (struct values){0};
    arena_init(&v->arena, FILE_BYTES_MAX);
    if (!file_read(path, FILE_BYTES_MAX, &v->file, e)) return false;
    struct span rest = v->file;
    bool ok = true;
    unsigned line_no = 0;
    while (ok && rest.n > 0) {
        struct span line = span_trim(span_take_line(&rest));
        line_no++;
        if (line.n > 0 && line.p[0] != '#') ok = add_slot(v, line, line_no, e);
    }
    ok = ok && values_check_slots(v, &line_no, e);
    return ok || err_prefix(e, "%s:%u", path, line_no);
}

void values_release(struct values *v) {
    arena_release(&v->arena);
    file_free(&v->file);
    v->n = 0;
}
