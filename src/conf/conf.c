#include "conf/conf.h"

#include "base/file.h"
#include "base/must.h"
#include "text/ini.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum conf_type { TEXT, WHOLE, REAL, FLAG };

struct option_row {
    const char *name; /* the field: words joined by '_' */
    enum conf_type type;
    const char *preset;
    double min, max;
    const char *unit;
    unsigned commands;
    const char *help;
    size_t offset; /* in struct conf */
};

enum {
    C = CONF_CLASSIFY,
    S = CONF_SERVE,
    E = CONF_SERVICE_BERT,
    L = CONF_SERVICE_LLM,
    H = S | E | L,
    B = CONF_BENCH,
    ALL = CONF_ALL
};

static const struct option_row ROWS[] = {
#define OPTION(field, type, preset, min, max, unit, commands, help) \
    {#field, type, preset, min, max, unit, commands, help, offsetof(struct conf, field)},
#include "conf/conf.def"
#undef OPTION
};
enum { ROWS_N = sizeof ROWS / sizeof ROWS[0], NAME_MAX_BYTES = 64 };

/* Where a command's default is not the table's. */
static const struct {
    enum conf_command command;
    const char *name, *preset;
} OTHER_PRESETS[] = {{CONF_SERVICE_BERT, "port", "5000"}, {CONF_SERVICE_LLM, "port", "5001"}};
enum { OTHER_PRESETS_N = sizeof OTHER_PRESETS / sizeof OTHER_PRESETS[0] };

static const char *preset_of(const struct option_row *r, enum conf_command command) {
    for (size_t i = 0; i < OTHER_PRESETS_N; i++)
        if (OTHER_PRESETS[i].command == command && strcmp(OTHER_PRESETS[i].name, r->name) == 0)
            return OTHER_PRESETS[i].preset;
    return r->preset;
}

/* ---- names: bert_threshold, --bert-threshold, LOGCLASS_BERT_THRESHOLD ---- */

static bool name_eq(const char *field, const char *name, size_t n) {
    if (strlen(field) != n) return false;
    for (size_t i = 0; i < n; i++)
        if (field[i] != (name[i] == '-' ? '_' : name[i])) return false;
    return true;
}

static const struct option_row *conf_find(const char *name, size_t n) {
    for (size_t i = 0; i < ROWS_N; i++)
        if (name_eq(ROWS[i].name, name, n)) return &ROWS[i];
    return NULL;
}

static const char *flag_name(const struct option_row *r, char out[NAME_MAX_BYTES]) {
    snprintf(out, NAME_MAX_BYTES, "%s", r->name);
    for (char *c = out; *c; c++)
        if (*c == '_') *c = '-';
    return out;
}

static const char *env_name(const struct option_row *r, char out[NAME_MAX_BYTES]) {
    snprintf(out, NAME_MAX_BYTES, "LOGCLASS_%s", r->name);
    for (char *c = out; *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
    return out;
}

/* ---- one value ---- */

static bool conf_bad_value(const struct option_row *r, const char *value, const char *from, struct err *e) {
    char flag[NAME_MAX_BYTES];
    flag_name(r, flag);
    if (r->type == FLAG) return err_set(e, ERR_USAGE, "%s: %s is '%s': expected yes or no", from, flag, value);
    return err_set(e, ERR_USAGE, "%s: %s is '%s': expected a %s from %.12g to %.12g", from, flag, value,
                   r->type == WHOLE ? "whole number" : "number", r->min, r->max);
}

static bool parse_number(const struct option_row *r, const char *value, double *out) {
    char *end;
    errno = 0;
    *out = r->type == WHOLE ? (double)strtoll(value, &end, 10) : strtod(value, &end);
    return errno == 0 && end != value && *end == '\0' && isfinite(*out) && *out >= r->min && *out <= r->max;
}

static int parse_flag(const char *value) {
    static const char *const words[2][4] = {{"no", "false", "off", "0"}, {"yes", "true", "on", "1"}};
    for (int v = 0; v < 2; v++)
        for (int i = 0; i < 4; i++)
            if (strcmp(value, words[v][i]) == 0) return v;
    return -1;
}

static bool conf_assign(struct conf *c, const struct option_row *r, const char *value, const char *from,
                        struct err *e) {
    void *at = (char *)c + r->offset;
    double number = 0;
    int flag = 0;
    switch (r->type) {
    case TEXT:
        free(*(char **)at);
        *(char **)at = strdup(value);
        MUST(*(char **)at != NULL);
        return true;
    case WHOLE:
        if (!parse_number(r, value, &number)) return conf_bad_value(r, value, from, e);
        *(long long *)at = (long long)number;
        return true;
    case REAL:
        if (!parse_number(r, value, &number)) return conf_bad_value(r, value, from, e);
        *(double *)at = number;
        return true;
    case FLAG:
        if ((flag = parse_flag(value)) < 0) return conf_bad_value(r, value, from, e);
        *(bool *)at = flag == 1;
        return true;
    default: MUST(false && "a known type");
    }
    return false;
}

bool conf_set(struct conf *c, const char *name, const char *value, const char *from, struct err *e) {
    const struct option_row *r = conf_find(name, strlen(name));
    if (!r) return err_set(e, ERR_USAGE, "%s: there is no option '%s'; see 'logclass config doc'", from, name);
    return conf_assign(c, r, value, from, e);
}

/* ---- the four places values come from ---- */

static bool load_presets(struct conf *c, enum conf_command command, struct err *e) {
    for (size_t i = 0; i < ROWS_N; i++)
        if (!conf_assign(c, &ROWS[i], preset_of(&ROWS[i], command), "conf.def", e)) return false;
    return true;
}

/* A name or value as a C string in text[size]. */
static const char *conf_text(struct span s, char *text, size_t size) {
    snprintf(text, size, "%.*s", (int)(s.n < size ? s.n : size - 1), s.p);
    return text;
}

/* One "key = value". Sections only group. */
static bool conf_read_pair(struct conf *c, const struct ini *i, const char *from, struct err *e) {
    char name[NAME_MAX_BYTES], value[CONF_VALUE_BYTES_MAX];
    const char *comment = memmem(i->value.p, i->value.n, " ;", 2);
    if (comment || (i->value.n > 0 && i->value.p[0] == ';'))
        return err_set(e, ERR_USAGE, "%.*s has a comment in its line: put it into a line of its own", (int)i->key.n,
                       i->key.p);
    if (i->value.n >= sizeof value)
        return err_set(e, ERR_INPUT, "a value of %zu bytes, at most %zu are read", i->value.n, sizeof value - 1);
    return conf_set(c, conf_text(i->key, name, sizeof name), conf_text(i->value, value, sizeof value), from, e);
}

bool conf_read(struct conf *c, struct span text, const char *from, struct err *e) {
    struct ini i = ini_open(text);
    char place[256];
    for (enum ini_item item; (item = ini_next(&i, e)) != INI_END;) {
        snprintf(place, sizeof place, "%.200s:%u", from, i.line);
        if (item == INI_BROKEN) return err_prefix(e, "%s", place);
        if (item == INI_PAIR && !conf_read_pair(c, &i, place, e))
            return strncmp(e->msg, place, strlen(place)) == 0 ? false : err_prefix(e, "%s", place);
    }
    return true;
}

static bool load_file(struct conf *c, struct err *e) {
    if (!c->config[0]) return true;
    char path[4096];
    snprintf(path, sizeof path, "%s", c->config); /* a `config` key inside must not free the name in use */
    struct span text;
    if (!file_read(path, CONF_FILE_BYTES_MAX, &text, e)) return false;
    bool ok = conf_read(c, text, path, e);
    file_free(&text);
    return ok;
}

static bool load_env(struct conf *c, struct err *e) {
    for (size_t i = 0; i < ROWS_N; i++) {
        char name[NAME_MAX_BYTES];
        const char *value = getenv(env_name(&ROWS[i], name));
        if (value && !conf_assign(c, &ROWS[i], value, name, e)) return false;
    }
    return true;
}

/* One "--name=value", "--name value", "--flag" or "--no-flag" at argv[*i]; *i moves to the last word used. */
static bool load_flag(struct conf *c, enum conf_command command, int argc, char **argv, int *i, struct err *e) {
    const char *arg = argv[*i] + 2, *eq = strchr(arg, '=');
    size_t n = eq ? (size_t)(eq - arg) : strlen(arg);
    const struct option_row *r = conf_find(arg, n);
    if (r && !(r->commands & command)) r = NULL;
    if (!r && !eq && strncmp(arg, "no-", 3) == 0 && (r = conf_find(arg + 3, n - 3)) && r->type == FLAG)
        return conf_assign(c, r, "no", argv[*i], e);
    if (!r) return err_set(e, ERR_USAGE, "unknown option '%s'; see 'logclass %s --help'", argv[*i], argv[0]);
    const char *value = eq ? eq + 1 : "yes";
    if (!eq && r->type != FLAG) {
        if (*i + 1 >= argc) return err_set(e, ERR_USAGE, "%s needs a value (%s)", argv[*i], r->unit);
        value = argv[++*i];
    }
    char from[NAME_MAX_BYTES];
    snprintf(from, sizeof from, "--%.*s", (int)n, arg);
    return conf_assign(c, r, value, from, e);
}

/* only_config: looks for --config alone, before the file it names is read. */
static bool load_args(struct conf *c, enum conf_command command, int argc, char **argv, int *operands, struct err *e) {
    *operands = 0;
    bool only_operands = false;
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (!only_operands && strcmp(arg, "--") == 0) {
            only_operands = true;
        } else if (only_operands || arg[0] != '-' || arg[1] == '\0') {
            argv[1 + (*operands)++] = arg;
        } else if (arg[1] != '-') {
            return err_set(e, ERR_USAGE, "unknown option '%s'; options have long names, see 'logclass %s --help'", arg,
                           argv[0]);
        } else if (!load_flag(c, command, argc, argv, &i, e)) {
            return false;
        }
    }
    return true;
}

static bool find_config(struct conf *c, int argc, char **argv, struct err *e) {
    const char *env = getenv("LOGCLASS_CONFIG");
    if (env && !conf_set(c, "config", env, "LOGCLASS_CONFIG", e)) return false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *value = strncmp(argv[i], "--config=", 9) == 0              ? argv[i] + 9
                            : strcmp(argv[i], "--config") == 0 && i + 1 < argc ? argv[i + 1]
                                                                               : NULL;
        if (value && !conf_set(c, "config", value, "--config", e)) return false;
    }
    return true;
}

bool conf_load(struct conf *c, enum conf_command command, int argc, char **argv, int *operands, struct err *e) {
    *c = (struct conf){0};
    return load_presets(c, command, e) && find_config(c, argc, argv, e) && load_file(c, e) && load_env(c, e) &&
           load_args(c, command, argc, argv, operands, e);
}

bool conf_same(const struct conf *a, const struct conf *b, const char *field) {
    const struct option_row *r = conf_find(field, strlen(field));
    MUST(r != NULL);
    const char *x = (const char *)a + r->offset, *y = (const char *)b + r->offset;
    switch (r->type) {
    case TEXT: return strcmp(*(char *const *)(const void *)x, *(char *const *)(const void *)y) == 0;
    case WHOLE: return memcmp(x, y, sizeof(long long)) == 0;
    case REAL: return memcmp(x, y, sizeof(double)) == 0;
    case FLAG: return memcmp(x, y, sizeof(bool)) == 0;
    }
    return false;
}

void conf_release(struct conf *c) {
    for (size_t i = 0; i < ROWS_N; i++)
        if (ROWS[i].type == TEXT) free(*(char **)((char *)c + ROWS[i].offset));
    *c = (struct conf){0};
}

/* ---- what people read ---- */

void conf_help(struct buf *out, enum conf_command command) {
    for (size_t i = 0; i < ROWS_N; i++) {
        const struct option_row *r = &ROWS[i];
        char flag[NAME_MAX_BYTES], left[2 * NAME_MAX_BYTES];
        if (!(r->commands & command)) continue;
        snprintf(left, sizeof left, "--%s%s%s", flag_name(r, flag), r->unit[0] ? " " : "", r->unit);
        buf_printf(out, "  %-38s %s", left, r->help);
        if (r->type != TEXT || r->preset[0]) buf_printf(out, " [%s]", preset_of(r, command));
        buf_putc(out, '\n');
    }
}

static void show_value(struct buf *out, const struct option_row *r, const struct conf *c) {
    const void *at = (const char *)c + r->offset;
    if (r->type == TEXT) buf_puts(out, *(char *const *)at);
    if (r->type == WHOLE) buf_printf(out, "%lld", *(const long long *)at);
    if (r->type == REAL) buf_printf(out, "%g", *(const double *)at);
    if (r->type == FLAG) buf_puts(out, *(const bool *)at ? "yes" : "no");
}

/* Whether the line means the same when it is read: the format has no quotes, and " ;" is refused as a comment. */
static bool is_readable(struct span line) {
    struct span value = span_sub(line, (size_t)((const char *)memchr(line.p, '=', line.n) - line.p) + 2, line.n);
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] == '\n' || (value.p[i] == ';' && (i == 0 || value.p[i - 1] <= ' '))) return false;
    return value.n < CONF_VALUE_BYTES_MAX && span_trim(value).n == value.n;
}

void conf_show(struct buf *out, const struct conf *c) {
    for (size_t i = 0; i < ROWS_N; i++) {
        char flag[NAME_MAX_BYTES];
        buf_printf(out, "; %s\n", ROWS[i].help);
        size_t at = out->n;
        buf_printf(out, "%s = ", flag_name(&ROWS[i], flag));
        show_value(out, &ROWS[i], c);
        if (!out->failed && !is_readable(span_sub(buf_span(out), at, out->n))) {
            out->n = at;
            buf_printf(out, "; %s has a value that no config file can hold", flag);
        }
        buf_puts(out, "\n\n");
    }
}

static void doc_commands(struct buf *out, unsigned commands) {
    static const struct {
        unsigned command;
        const char *name;
    } NAMES[] = {{C, "classify"}, {S, "serve"}, {E, "service bert"}, {L, "service llm"}, {B, "bench"}};
    const char *before = "";
    if ((commands & ALL) == ALL) {
        buf_puts(out, "all");
        return;
    }
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (!(commands & NAMES[i].command)) continue;
        buf_printf(out, "%s%s", before, NAMES[i].name);
        before = ", ";
    }
}

void conf_doc(struct buf *out) {
    buf_puts(
        out,
        "# Configuration\n\nGenerated from `src/conf/conf.def` by `logclass config doc`.\n\n"
        "A value comes from, the later wins: default, config file (`--config FILE`, lines of `key = value`), "
        "environment,\n"
        "command line. A yes/no option is `--name` or `--no-name` as a flag.\n\n"
        "| flag and key | environment | default | range, unit | commands | meaning |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < ROWS_N; i++) {
        const struct option_row *r = &ROWS[i];
        char flag[NAME_MAX_BYTES], env[NAME_MAX_BYTES], range[96] = "";
        if (r->type == WHOLE || r->type == REAL) snprintf(range, sizeof range, "%.12g to %.12g ", r->min, r->max);
        buf_printf(out, "| `%s` | `%s` | `%s` | %s", flag_name(r, flag), env_name(r, env), r->preset, range);
        for (const char *u = r->unit; *u; u++) *u == '|' ? buf_puts(out, "\\|") : buf_putc(out, *u);
        buf_puts(out, " | ");
        doc_commands(out, r->commands);
        buf_printf(out, " | %s |\n", r->help);
    }
}
