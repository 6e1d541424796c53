#include "conf/conf.h"

#include "base/file.h"
#include "base/must.h"
#include "conf/row.h"
#include "text/ini.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    O = CONF_CLASSIFY, /* only classify: a stream says these in its sections */
    C = CONF_CLASSIFY | CONF_FOLLOW,
    S = CONF_SERVE | CONF_RUN,
    R = CONF_RUN | CONF_FOLLOW,
    E = CONF_SERVICE_BERT,
    L = CONF_SERVICE_LLM,
    H = S | E | L,
    B = CONF_BENCH,
    ALL = CONF_ALL
};

static const struct option_row ROWS[] = {
#define GROUP(title) {.name = title, .type = ROW_TITLE},
#define OPTION(field, type, preset, min, max, unit, commands, show, reload, help) \
    {#field, type, preset, min, max, unit, commands, show, CONF_##reload, help, offsetof(struct conf, field)},
#include "conf/conf.def"
};
enum { ROWS_N = sizeof ROWS / sizeof ROWS[0] };

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

static const struct option_row *conf_find(const char *name, size_t n) {
    for (size_t i = 0; i < ROWS_N; i++)
        if (row_is_named(&ROWS[i], name, n)) return &ROWS[i];
    return NULL;
}

static const char *env_name(const struct option_row *r, char out[ROW_NAME_BYTES]) {
    snprintf(out, ROW_NAME_BYTES, "LOGCLASS_%s", r->name);
    for (char *c = out; *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
    return out;
}

/* ---- one value ---- */

bool conf_set(struct conf *c, const char *name, const char *value, const char *from, struct err *e) {
    const struct option_row *r = conf_find(name, strlen(name));
    if (!r) return err_set(e, ERR_USAGE, "%s: there is no option '%s'; see 'logclass config doc'", from, name);
    return row_assign(c, r, value, from, e);
}

/* ---- the four places values come from ---- */

static bool load_presets(struct conf *c, enum conf_command command, struct err *e) {
    for (size_t i = 0; i < ROWS_N; i++)
        if (ROWS[i].type != ROW_TITLE && !row_assign(c, &ROWS[i], preset_of(&ROWS[i], command), "conf.def", e))
            return false;
    return true;
}

/* A name or value as a C string in text[size]. */
static const char *conf_text(struct span s, char *text, size_t size) {
    snprintf(text, size, "%.*s", (int)(s.n < size ? s.n : size - 1), s.p);
    return text;
}

/* One "key = value", of a section or, outside, of the options. */
static bool conf_read_pair(struct conf *c, struct section *section, const struct ini *i, const char *from,
                           struct err *e) {
    char name[ROW_NAME_BYTES], value[CONF_VALUE_BYTES_MAX];
    const char *comment = memmem(i->value.p, i->value.n, " ;", 2);
    if (comment || (i->value.n > 0 && i->value.p[0] == ';'))
        return err_set(e, ERR_USAGE, "%.*s has a comment in its line: put it into a line of its own", (int)i->key.n,
                       i->key.p);
    if (i->value.n >= sizeof value)
        return err_set(e, ERR_INPUT, "a value of %zu bytes, at most %zu are read", i->value.n, sizeof value - 1);
    conf_text(i->key, name, sizeof name);
    conf_text(i->value, value, sizeof value);
    return section ? section_set(section, name, value, from, e) : conf_set(c, name, value, from, e);
}

/* [source NAME] and [sink NAME] begin a section; others only group. */
static bool conf_read_section(struct conf *c, struct section **section, const struct ini *i, const char *from,
                              struct err *e) {
    char name[2 * SECTION_NAME_MAX];
    bool source = span_eq(i->kind, SPAN_LIT("source")), sink = span_eq(i->kind, SPAN_LIT("sink"));
    *section = NULL;
    if (!source && !sink) return true;
    conf_text(i->name, name, sizeof name);
    *section = section_add(&c->sections, source ? SECTION_SOURCE : SECTION_SINK, name, from, e);
    return *section != NULL;
}

bool conf_read(struct conf *c, struct span text, const char *from, struct err *e) {
    struct ini i = ini_open(text);
    struct section *section = NULL;
    char place[256];
    for (enum ini_item item; (item = ini_next(&i, e)) != INI_END;) {
        snprintf(place, sizeof place, "%.200s:%u", from, i.line);
        bool ok = item == INI_SECTION ? conf_read_section(c, &section, &i, place, e)
                                      : item == INI_PAIR && conf_read_pair(c, section, &i, place, e);
        if (!ok) return strncmp(e->msg, place, strlen(place)) == 0 ? false : err_prefix(e, "%s", place);
    }
    return section_list_check(&c->sections, e);
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
        char name[ROW_NAME_BYTES];
        const char *value = ROWS[i].type != ROW_TITLE ? getenv(env_name(&ROWS[i], name)) : NULL;
        if (value && !row_assign(c, &ROWS[i], value, name, e)) return false;
    }
    return true;
}

/* One "--name=value", "--name value", "--flag" or "--no-flag" at argv[*i]; *i moves to the last word used. */
static bool load_flag(struct conf *c, enum conf_command command, int argc, char **argv, int *i, struct err *e) {
    const char *arg = argv[*i] + 2, *eq = strchr(arg, '=');
    size_t n = eq ? (size_t)(eq - arg) : strlen(arg);
    const struct option_row *r = conf_find(arg, n);
    if (r && !(r->commands & command)) r = NULL;
    if (!r && !eq && strncmp(arg, "no-", 3) == 0 && (r = conf_find(arg + 3, n - 3)) && r->type == BOOL)
        return row_assign(c, r, "no", argv[*i], e);
    if (!r) return err_set(e, ERR_USAGE, "unknown option '%s'; see 'logclass %s --help'", argv[*i], argv[0]);
    const char *value = eq ? eq + 1 : "yes";
    if (!eq && r->type != BOOL) {
        if (*i + 1 >= argc) return err_set(e, ERR_USAGE, "%s needs a value (%s)", argv[*i], r->unit);
        value = argv[++*i];
    }
    char from[ROW_NAME_BYTES];
    snprintf(from, sizeof from, "--%.*s", (int)n, arg);
    return row_assign(c, r, value, from, e);
}

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

int conf_changed(const struct conf *a, const struct conf *b, enum conf_reload reload, int from) {
    for (int i = from; i < ROWS_N; i++)
        if (ROWS[i].type != ROW_TITLE && ROWS[i].reload == reload && !row_has_same(a, b, &ROWS[i])) return i;
    return -1;
}

const char *conf_name(int option) {
    MUST(option >= 0 && option < ROWS_N && ROWS[option].type != ROW_TITLE);
    return ROWS[option].name;
}

void conf_release(struct conf *c) {
    for (size_t i = 0; i < ROWS_N; i++) row_release(c, &ROWS[i]);
    section_list_release(&c->sections);
    *c = (struct conf){0};
}

/* ---- what people read ---- */

void conf_help(struct buf *out, enum conf_command command, bool all) {
    const char *title = "";
    bool hidden = false;
    for (size_t i = 0; i < ROWS_N; i++) {
        const struct option_row *r = &ROWS[i];
        if (r->type == ROW_TITLE) title = r->name;
        if (!(r->commands & command)) continue;
        hidden |= r->show == ADVANCED && !all;
        if (r->show == ADVANCED && !all) continue;
        if (title[0]) buf_printf(out, "\n%s\n", title);
        title = "";
        row_help(out, r, preset_of(r, command));
    }
    if (hidden) buf_puts(out, "\n--help-all also lists the options that hardly anybody sets.\n");
}

void conf_show(struct buf *out, const struct conf *c) {
    for (size_t i = 0; i < ROWS_N; i++)
        if (ROWS[i].type != ROW_TITLE) row_show(out, c, &ROWS[i]);
    section_list_show(out, &c->sections);
}

static void doc_commands(struct buf *out, unsigned commands) {
    static const struct {
        unsigned command;
        const char *name;
    } NAMES[] = {{O, "classify"},     {CONF_FOLLOW, "follow"}, {CONF_SERVE, "serve"}, {CONF_RUN, "run"},
                 {E, "service bert"}, {L, "service llm"},      {B, "bench"}};
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

static void doc_row(struct buf *out, const struct option_row *r) {
    static const char *const AT_RELOAD[] = {
        [CONF_LIVE] = "at once", [CONF_NETWORK] = "calls begin anew", [CONF_START] = "needs a restart"};
    char flag[ROW_NAME_BYTES], env[ROW_NAME_BYTES];
    buf_printf(out, "| `%s` | `%s` | `%s` | ", row_flag(r, flag), env_name(r, env), r->preset);
    row_range(out, r);
    buf_puts(out, " | ");
    doc_commands(out, r->commands);
    buf_printf(out, " | %s | %s%s |\n", r->commands & H ? AT_RELOAD[r->reload] : "", r->help,
               r->show == ADVANCED ? " (advanced)" : "");
}

void conf_doc(struct buf *out) {
    buf_puts(
        out,
        "# Configuration\n\nGenerated from `src/conf/conf.def` by `logclass config doc`.\n\n"
        "A value comes from, the later wins: default, config file (`--config FILE`, lines of `key = value`), "
        "environment,\n"
        "command line. A yes/no option is `--name` or `--no-name` as a flag. Advanced options are not in `--help`, but "
        "in\n`--help-all`. \"Reload\" tells when a change is in force after `kill -HUP`.\n");
    for (size_t i = 0; i < ROWS_N; i++) {
        if (ROWS[i].type != ROW_TITLE) {
            doc_row(out, &ROWS[i]);
            continue;
        }
        buf_printf(out,
                   "\n## %s\n| flag and key | environment | default | range, unit | commands | reload | meaning "
                   "|\n|---|---|---|---|---|---|---|\n",
                   ROWS[i].name);
    }
    section_doc(out);
}
