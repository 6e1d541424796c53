#include "cmd/flags.h"

#include "cmd/cmd.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_BYTES_MAX = 1 << 16 };

static bool takes_value(const struct flag *f) {
    return f->kind != FLAG_TRUE && f->kind != FLAG_FALSE;
}

static bool flags_bad_value(const struct flag *f, const char *value, struct err *e) {
    if (f->kind == FLAG_FRACTION)
        return err_set(e, ERR_USAGE, "--%s is '%s': expected a share such as 0.05 or 5%%", f->name, value);
    return err_set(e, ERR_USAGE, "--%s is '%s': expected a %snumber from %g to %g", f->name, value,
                   f->kind == FLAG_INT ? "whole " : "", f->min, f->max);
}

static bool set_number(const struct flag *f, const char *value, struct err *e) {
    char *end;
    double v = strtod(value, &end), min = f->kind == FLAG_FRACTION ? 0 : f->min,
           max = f->kind == FLAG_FRACTION ? 1 : f->max;
    if (f->kind == FLAG_FRACTION && end != value && *end == '%') v /= 100, end++;
    if (end == value || *end || !(v >= min && v <= max)) return flags_bad_value(f, value, e);
    if (f->kind == FLAG_INT && v != floor(v)) return flags_bad_value(f, value, e);
    if (f->kind == FLAG_INT)
        *(unsigned *)f->to = (unsigned)v;
    else
        *(double *)f->to = v;
    return true;
}

static bool flags_set(const struct flag *f, const char *value, struct err *e) {
    switch (f->kind) {
    case FLAG_TRUE: *(bool *)f->to = true; return true;
    case FLAG_FALSE: *(bool *)f->to = false; return true;
    case FLAG_TEXT: *(const char **)f->to = value; return true;
    case FLAG_INT:
    case FLAG_FLOAT:
    case FLAG_FRACTION: break;
    }
    return set_number(f, value, e);
}

static const struct flag *flags_find(const struct flag *flag, size_t n, const char *name, size_t name_n) {
    for (size_t i = 0; i < n; i++)
        if (strlen(flag[i].name) == name_n && memcmp(flag[i].name, name, name_n) == 0) return &flag[i];
    return NULL;
}

bool flags_parse(const struct flag *flag, size_t n, int argc, char **argv, int *operands, struct err *e) {
    bool only_operands = false;
    *operands = 0;
    for (int i = 1; i < argc; i++) {
        if (only_operands || strncmp(argv[i], "--", 2) != 0) {
            argv[1 + (*operands)++] = argv[i];
            continue;
        }
        const char *name = argv[i] + 2, *equals = strchr(name, '=');
        only_operands = *name == '\0';
        if (only_operands) continue;
        const struct flag *f = flags_find(flag, n, name, equals ? (size_t)(equals - name) : strlen(name));
        if (!f) return err_set(e, ERR_USAGE, "unknown option '%s'; see 'logclass %s --help'", argv[i], argv[0]);
        if (equals && !takes_value(f)) return err_set(e, ERR_USAGE, "--%s takes no value", f->name);
        if (takes_value(f) && !equals && i + 1 == argc) return err_set(e, ERR_USAGE, "--%s needs a value", f->name);
        const char *value = equals ? equals + 1 : takes_value(f) ? argv[++i] : NULL;
        if (!flags_set(f, value, e)) return false;
    }
    return true;
}

void flags_help(const struct flag *flag, size_t n, struct buf *out) {
    for (size_t i = 0; i < n; i++) {
        size_t from = out->n;
        buf_printf(out, "  --%s%s%s", flag[i].name, flag[i].value ? " " : "", flag[i].value ? flag[i].value : "");
        int used = (int)(out->n - from);
        buf_printf(out, "%*s%s\n", used < 28 ? 28 - used : 1, "", flag[i].help);
    }
}

bool flags_show_help(int argc, char **argv, const char *text, const struct flag *flag, size_t n, const char *more) {
    if (!cmd_help(argc, argv, text, 0, "")) return false;
    struct buf out;
    buf_init(&out, HELP_BYTES_MAX);
    flags_help(flag, n, &out);
    buf_puts(&out, more);
    buf_putc(&out, '\0');
    if (!out.failed) cmd_print(out.p);
    buf_release(&out);
    return true;
}
