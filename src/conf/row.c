#include "conf/row.h"

#include "base/must.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

bool row_is_named(const struct option_row *r, const char *name, size_t n) {
    if (r->type == ROW_TITLE || strlen(r->name) != n) return false;
    for (size_t i = 0; i < n; i++)
        if (r->name[i] != (name[i] == '-' ? '_' : name[i])) return false;
    return true;
}

const char *row_flag(const struct option_row *r, char out[ROW_NAME_BYTES]) {
    snprintf(out, ROW_NAME_BYTES, "%s", r->name);
    for (char *c = out; *c; c++)
        if (*c == '_') *c = '-';
    return out;
}

/* ---- one value ---- */

static bool row_bad_value(const struct option_row *r, const char *value, const char *from, struct err *e) {
    char flag[ROW_NAME_BYTES], what[2 * ROW_NAME_BYTES + 256], wanted[256];
    row_flag(r, flag);
    if (from[0] == '-') /* the flag's own name is where it is from */
        snprintf(what, sizeof what, "%.200s", from);
    else
        snprintf(what, sizeof what, "%.200s: %s", from, flag);
    const char *units = strcmp(r->unit, "ms") == 0      ? " ms, or such as 2s"
                        : strcmp(r->unit, "bytes") == 0 ? " bytes, or such as 4M"
                                                        : "";
    snprintf(wanted, sizeof wanted, "a %s from %.12g to %.12g%s", r->type == INT ? "whole number" : "number", r->min,
             r->max, units);
    return err_set(e, ERR_USAGE, "%s is '%s': expected %s", what, value,
                   r->type == BOOL   ? "yes or no"
                   : r->type == ENUM ? r->unit
                                     : wanted);
}

/* What a suffix multiplies by: sizes in k, M, G, times in s and min; 0: it is none. */
static double unit_factor(const char *unit, const char *suffix) {
    static const struct {
        const char *unit, *suffix;
        double factor;
    } UNITS[] = {{"bytes", "k", 1 << 10}, {"bytes", "K", 1 << 10}, {"bytes", "M", 1 << 20}, {"bytes", "G", 1 << 30},
                 {"ms", "ms", 1},         {"ms", "s", 1000},       {"ms", "min", 60000}};
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
        if (strcmp(UNITS[i].unit, unit) == 0 && strcmp(UNITS[i].suffix, suffix) == 0) return UNITS[i].factor;
    return 0;
}

static bool parse_number(const struct option_row *r, const char *value, double *out) {
    char *end;
    errno = 0;
    *out = r->type == INT ? (double)strtoll(value, &end, 10) : strtod(value, &end);
    double factor = end != value && *end ? unit_factor(r->unit, end) : 0;
    if (factor > 0) *out *= factor, end = strchr(end, '\0');
    return errno == 0 && end != value && *end == '\0' && isfinite(*out) && *out >= r->min && *out <= r->max;
}

static int parse_flag(const char *value) {
    static const char *const words[2][4] = {{"no", "false", "off", "0"}, {"yes", "true", "on", "1"}};
    for (int v = 0; v < 2; v++)
        for (int i = 0; i < 4; i++)
            if (strcmp(value, words[v][i]) == 0) return v;
    return -1;
}

/* Is the word one of "a|b|c"? */
static bool is_word_of(const char *words, const char *word) {
    size_t n = strlen(word);
    for (const char *w = words; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
        if (strncmp(w, word, n) == 0 && (w[n] == '|' || w[n] == '\0')) return true;
    return false;
}

bool row_assign(void *base, const struct option_row *r, const char *value, const char *from, struct err *e) {
    void *at = (char *)base + r->offset;
    double number = 0;
    int flag = 0;
    switch (r->type) {
    case ENUM:
        if (!is_word_of(r->unit, value)) return row_bad_value(r, value, from, e); /* fall through */
    case LIST:
    case TEXT:
        free(*(char **)at);
        *(char **)at = strdup(value);
        MUST_MEMORY(*(char **)at);
        return true;
    case INT:
        if (!parse_number(r, value, &number)) return row_bad_value(r, value, from, e);
        *(long long *)at = (long long)number;
        return true;
    case FLOAT:
        if (!parse_number(r, value, &number)) return row_bad_value(r, value, from, e);
        *(double *)at = number;
        return true;
    case BOOL:
        if ((flag = parse_flag(value)) < 0) return row_bad_value(r, value, from, e);
        *(bool *)at = flag == 1;
        return true;
    case ROW_TITLE: break;
    }
    MUST(false && "an option");
    return false;
}

bool row_append(void *base, const struct option_row *r, const char *value, const char *from, struct err *e) {
    char **at = (char **)((char *)base + r->offset), *all = NULL;
    MUST(r->type == LIST);
    if (strlen(*at) + strlen(value) > ROW_LIST_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "%s: %s has more than %d bytes", from, r->name, ROW_LIST_BYTES_MAX);
    if (asprintf(&all, "%s, %s", *at, value) < 0) return err_set(e, ERR_MEMORY, "%s: no memory", from);
    free(*at);
    *at = all;
    return true;
}

void row_release(void *base, const struct option_row *r) {
    if (r->type == TEXT || r->type == ENUM || r->type == LIST) free(*(char **)((char *)base + r->offset));
}

bool row_has_same(const void *a, const void *b, const struct option_row *r) {
    const void *x = (const char *)a + r->offset, *y = (const char *)b + r->offset;
    switch (r->type) {
    case TEXT:
    case LIST:
    case ENUM: return strcmp(*(char *const *)x, *(char *const *)y) == 0;
    case INT: return memcmp(x, y, sizeof(long long)) == 0;
    case FLOAT: return memcmp(x, y, sizeof(double)) == 0;
    case BOOL: return memcmp(x, y, sizeof(bool)) == 0;
    case ROW_TITLE: break;
    }
    return true;
}

/* ---- what people read ---- */

/* "--llm-mix number", "--memo, --no-memo". */
static void row_help_flag(const struct option_row *r, char *out, size_t size) {
    char flag[ROW_NAME_BYTES];
    const char *value = r->unit[0] ? r->unit : r->type == INT || r->type == FLOAT ? "number" : "";
    int n = snprintf(out, size, "--%s%s%s", row_flag(r, flag), value[0] ? " " : "", value);
    if (r->type == BOOL && strcmp(r->preset, "yes") == 0) snprintf(out + n, size - (size_t)n, ", --no-%s", flag);
}

void row_help(struct buf *out, const struct option_row *r, const char *preset) {
    char left[2 * ROW_NAME_BYTES + 64];
    row_help_flag(r, left, sizeof left);
    if (strlen(left) > 37)
        buf_printf(out, "  %s\n%41s%s", left, "", r->help);
    else
        buf_printf(out, "  %-38s %s", left, r->help);
    if (r->type != BOOL && ((r->type != TEXT && r->type != LIST) || r->preset[0])) buf_printf(out, " [%s]", preset);
    buf_putc(out, '\n');
}

static void show_value(struct buf *out, const struct option_row *r, const void *base) {
    const void *at = (const char *)base + r->offset;
    if (r->type == TEXT || r->type == ENUM || r->type == LIST) buf_puts(out, *(char *const *)at);
    if (r->type == INT) buf_printf(out, "%lld", *(const long long *)at);
    if (r->type == FLOAT) buf_printf(out, "%g", *(const double *)at);
    if (r->type == BOOL) buf_puts(out, *(const bool *)at ? "yes" : "no");
}

/* Whether the line means the same when it is read: the format has no quotes, and " ;" is refused as a comment. */
static bool is_readable(struct span line) {
    struct span value = span_sub(line, (size_t)((const char *)memchr(line.p, '=', line.n) - line.p) + 2, line.n);
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] == '\n' || (value.p[i] == ';' && (i == 0 || value.p[i - 1] <= ' '))) return false;
    return value.n < CONF_VALUE_BYTES_MAX && span_trim(value).n == value.n;
}

void row_show(struct buf *out, const void *base, const struct option_row *r) {
    char flag[ROW_NAME_BYTES];
    buf_printf(out, "; %s\n", r->help);
    size_t at = out->n;
    buf_printf(out, "%s = ", row_flag(r, flag));
    show_value(out, r, base);
    if (!out->failed && !is_readable(span_sub(buf_span(out), at, out->n))) {
        out->n = at;
        buf_printf(out, "; %s has a value that no config file can hold", flag);
    }
    buf_puts(out, "\n\n");
}

void row_range(struct buf *out, const struct option_row *r) {
    if (r->type == INT || r->type == FLOAT) buf_printf(out, "%.12g to %.12g ", r->min, r->max);
    for (const char *u = r->unit; *u; u++) *u == '|' ? buf_puts(out, "\\|") : buf_putc(out, *u);
}
