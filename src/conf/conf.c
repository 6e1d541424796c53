#include "conf/conf_rows.h"

#include "base/file.h"
#include "base/must.h"
#include "text/ini.h"
#include "text/similar.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct option_row conf_row[] = {
#define GROUP(title) {.name = title, .type = ROW_TITLE},
#define OPTION(field, type, preset, min, max, unit, commands, show, reload, help) \
    {#field, type, preset, min, max, unit, commands, show, CONF_##reload, help, offsetof(struct conf, field)},
#include "conf/conf.def"
};
enum { ROWS_N = sizeof conf_row / sizeof conf_row[0] };
const size_t conf_rows = ROWS_N;

/* Where a command's default is not the table's. */
static const struct {
    enum conf_command command;
    const char *name, *preset;
} OTHER_PRESETS[] = {{CONF_SERVICE_BERT, "port", "5000"},
                     {CONF_SERVICE_LLM, "port", "5001"},
                     {CONF_LIBRARY, "offline", "yes"},
                     {CONF_LIBRARY, "memo_store", "off"},
                     {CONF_LIBRARY, "llm_store", "none"}};
enum { OTHER_PRESETS_N = sizeof OTHER_PRESETS / sizeof OTHER_PRESETS[0] };

const char *conf_preset(const struct option_row *r, enum conf_command command) {
    for (size_t i = 0; i < OTHER_PRESETS_N; i++)
        if (OTHER_PRESETS[i].command == command && strcmp(OTHER_PRESETS[i].name, r->name) == 0)
            return OTHER_PRESETS[i].preset;
    return r->preset;
}

/* ---- names: bert_threshold, --bert-threshold, LOGCLASS_BERT_THRESHOLD ---- */

/* What people also call an option. */
static const struct {
    const char *other, *name;
} OTHER_NAMES[] = {
    {"colour", "color"}, {"threshold", "bert_classifier_threshold"}, {"with-message", "message"}, {"label", "only"}};
enum { OTHER_NAMES_N = sizeof OTHER_NAMES / sizeof OTHER_NAMES[0] };

static const struct {
    char letter;
    const char *name;
} LETTERS[] = {{'o', "output"},  {'n', "rows"},   {'b', "by"},     {'q', "quiet"}, {'v', "verbose"},
               {'e', "explain"}, {'c', "config"}, {'s', "source"}, {'l', "only"},  {'p', "port"}};
enum { LETTERS_N = sizeof LETTERS / sizeof LETTERS[0] };

char conf_letter(const struct option_row *r) {
    for (size_t i = 0; i < LETTERS_N; i++)
        if (strcmp(LETTERS[i].name, r->name) == 0) return LETTERS[i].letter;
    return '\0';
}

bool conf_is_switch(const struct option_row *r) {
    return r->type == BOOL || (r->type == ENUM && strcmp(r->unit, "auto|yes|no") == 0);
}

static const struct option_row *conf_find(const char *name, size_t n) {
    for (size_t i = 0; i < OTHER_NAMES_N; i++)
        if (strlen(OTHER_NAMES[i].other) == n && memcmp(OTHER_NAMES[i].other, name, n) == 0)
            return conf_find(OTHER_NAMES[i].name, strlen(OTHER_NAMES[i].name));
    for (size_t i = 0; i < ROWS_N; i++)
        if (row_is_named(&conf_row[i], name, n)) return &conf_row[i];
    return NULL;
}

const char *conf_env_name(const struct option_row *r, char out[ROW_NAME_BYTES]) {
    snprintf(out, ROW_NAME_BYTES, "LOGCLASS_%s", r->name);
    for (char *c = out; *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
    return out;
}

/* ---- one value ---- */

/* The place of an option among all of them: that of its row, less the titles before it. */
static size_t conf_index(const struct option_row *r) {
    size_t n = 0;
    for (const struct option_row *at = conf_row; at < r; at++) n += at->type != ROW_TITLE;
    return n;
}

/* conf_assign, and where the value came from. */
static bool conf_take(struct conf *c, const struct option_row *r, const char *value, const char *from, struct err *e) {
    if (!row_assign(c, r, value, from, e)) return false;
    char **at = &c->from[conf_index(r)];
    char *copy = strdup(from);
    MUST_MEMORY(copy);
    free(*at);
    *at = copy;
    return true;
}

/* "; did you mean 'port'?" */
static const char *conf_hint(const char *name, size_t n, unsigned commands, char *text, unsigned size) {
    char flags[ROWS_N][ROW_NAME_BYTES];
    struct similar s = similar_to((struct span){name, n});
    for (size_t i = 0; i < ROWS_N; i++)
        if (conf_row[i].type != ROW_TITLE && (conf_row[i].commands & commands))
            similar_consider(&s, row_flag(&conf_row[i], flags[i]));
    return similar_hint(&s, text, size);
}

bool conf_set(struct conf *c, const char *name, const char *value, const char *from, struct err *e) {
    char hint[2 * ROW_NAME_BYTES];
    const struct option_row *r = conf_find(name, strlen(name));
    if (r) return conf_take(c, r, value, from, e);
    conf_hint(name, strlen(name), ALL, hint, sizeof hint);
    return err_set(e, ERR_USAGE, "%s: there is no option '%s'%s", from, name,
                   hint[0] ? hint : "; see 'logclass config doc'");
}

/* ---- the four places values come from ---- */

static bool load_presets(struct conf *c, enum conf_command command, struct err *e) {
    for (size_t i = 0; i < ROWS_N; i++)
        if (conf_row[i].type != ROW_TITLE &&
            !row_assign(c, &conf_row[i], conf_preset(&conf_row[i], command), "conf.def", e))
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
        if (ok) continue;
        if (strncmp(e->msg, place, strlen(place)) != 0) err_prefix(e, "%s", place);
        e->code = ERR_CONFIG;
        return false;
    }
    if (section_list_check(&c->sections, e)) return true;
    e->code = ERR_CONFIG;
    return false;
}

static bool load_file(struct conf *c, struct err *e) {
    if (!c->config[0]) return true;
    char path[4096];
    snprintf(path, sizeof path, "%s", c->config); /* a `config` key inside must not free the name in use */
    struct span text;
    if (!file_read(path, CONF_FILE_BYTES_MAX, &text, e)) {
        e->code = ERR_CONFIG;
        return false;
    }
    bool ok = conf_read(c, text, path, e);
    file_free(&text);
    return ok;
}

static bool load_env(struct conf *c, struct err *e) {
    for (size_t i = 0; i < ROWS_N; i++) {
        char name[ROW_NAME_BYTES];
        const char *value = conf_row[i].type != ROW_TITLE ? getenv(conf_env_name(&conf_row[i], name)) : NULL;
        if (value && !conf_take(c, &conf_row[i], value, name, e)) {
            e->code = ERR_CONFIG;
            return false;
        }
    }
    return true;
}

/* Of a switch: what stands behind it, where that is plainly its value and no operand. */
static const char *switch_value(const char *next) {
    static const char *const VALUES[] = {"yes", "no", "true", "false", "on", "off"};
    for (size_t i = 0; next && i < sizeof VALUES / sizeof VALUES[0]; i++)
        if (strcmp(next, VALUES[i]) == 0) return VALUES[i];
    return NULL;
}

static bool conf_unknown_flag(const char *arg, size_t n, enum conf_command command, const char *name, struct err *e) {
    char hint[2 * ROW_NAME_BYTES], more[sizeof hint + ROW_NAME_BYTES];
    conf_hint(arg, n, command, hint, sizeof hint);
    snprintf(more, sizeof more, "; see 'logclass %s --help'", name);
    return err_set(e, ERR_USAGE, "unknown option '--%.*s'%s", (int)n, arg, hint[0] ? hint : more);
}

struct words {
    enum conf_command command;
    int argc;
    char **argv;
    int i; /* the word in hand; the last one used, when it is done */
};

/* The option's value: behind '=', or the next word. */
static bool load_value(struct conf *c, const struct option_row *r, const char *given, const char *from, struct words *w,
                       struct err *e) {
    const char *next = w->i + 1 < w->argc ? w->argv[w->i + 1] : NULL, *value = given;
    if (!value && conf_is_switch(r)) {
        value = switch_value(next);
        w->i += value != NULL;
        if (!value) value = "yes";
    } else if (!value) {
        if (!next) return err_set(e, ERR_USAGE, "%s needs a value (%s)", from, r->unit[0] ? r->unit : "a number");
        value = next;
        w->i++;
    }
    return conf_take(c, r, value, from, e);
}

/* One "--name=value", "--name value", "--flag" or "--no-flag". */
static bool load_flag(struct conf *c, struct words *w, struct err *e) {
    const char *arg = w->argv[w->i] + 2, *eq = strchr(arg, '=');
    size_t n = eq ? (size_t)(eq - arg) : strlen(arg);
    char from[ROW_NAME_BYTES];
    const struct option_row *r = conf_find(arg, n);
    snprintf(from, sizeof from, "--%.*s", (int)n, arg);
    if (r && !(r->commands & w->command)) r = NULL;
    if (!r && !eq && strncmp(arg, "no-", 3) == 0 && (r = conf_find(arg + 3, n - 3)) && conf_is_switch(r))
        return conf_take(c, r, "no", from, e);
    if (!eq && strncmp(arg, "no-", 3) == 0 && r && !conf_is_switch(r))
        return err_set(e, ERR_USAGE, "%s: only yes/no options have a --no-NAME", from);
    return r ? load_value(c, r, eq ? eq + 1 : NULL, from, w, e) : conf_unknown_flag(arg, n, w->command, w->argv[0], e);
}

/* "-q", "-ocsv", "-o csv", "-qe". */
static bool load_letters(struct conf *c, struct words *w, struct err *e) {
    for (const char *at = w->argv[w->i] + 1; *at; at++) {
        const struct option_row *r = NULL;
        char from[] = {'-', *at, '\0'};
        for (size_t i = 0; i < ROWS_N && !r; i++)
            if (conf_row[i].type != ROW_TITLE && conf_letter(&conf_row[i]) == *at &&
                (conf_row[i].commands & w->command))
                r = &conf_row[i];
        if (!r) return err_set(e, ERR_USAGE, "unknown option '-%c'; see 'logclass %s -h'", *at, w->argv[0]);
        if (!conf_is_switch(r)) return load_value(c, r, at[1] ? at + 1 : NULL, from, w, e);
        if (!conf_take(c, r, "yes", from, e)) return false;
    }
    return true;
}

static bool load_args(struct conf *c, enum conf_command command, int argc, char **argv, int *operands, struct err *e) {
    *operands = 0;
    bool only_operands = false;
    for (struct words w = {command, argc, argv, 1}; w.i < argc; w.i++) {
        char *arg = argv[w.i];
        if (!only_operands && strcmp(arg, "--") == 0) {
            only_operands = true;
        } else if (only_operands || arg[0] != '-' || arg[1] == '\0') {
            argv[1 + (*operands)++] = arg;
        } else if (!(arg[1] == '-' ? load_flag : load_letters)(c, &w, e)) {
            return false;
        }
    }
    return true;
}

static bool find_config(struct conf *c, int argc, char **argv, struct err *e) {
    const char *env = getenv("LOGCLASS_CONFIG");
    if (env && !conf_set(c, "config", env, "LOGCLASS_CONFIG", e)) return false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        bool alone = strcmp(argv[i], "--config") == 0 || strcmp(argv[i], "-c") == 0;
        const char *value = strncmp(argv[i], "--config=", 9) == 0 ? argv[i] + 9
                            : alone && i + 1 < argc               ? argv[i + 1]
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

/* One "name=value". */
static bool load_setting(struct conf *c, enum conf_command command, const char *setting, struct err *e) {
    const char *eq = strchr(setting, '=');
    if (!eq) return err_set(e, ERR_USAGE, "'%.80s' is no setting: expected NAME=VALUE", setting);
    char hint[2 * ROW_NAME_BYTES];
    const struct option_row *r = conf_find(setting, (size_t)(eq - setting));
    if (r && (r->commands & command)) return conf_take(c, r, eq + 1, "a setting", e);
    conf_hint(setting, (size_t)(eq - setting), command, hint, sizeof hint);
    return err_set(e, ERR_USAGE, "there is no setting '%.*s'%s", (int)(eq - setting < 80 ? eq - setting : 80), setting,
                   hint[0] ? hint : "; see 'logclass config doc'");
}

bool conf_load_settings(struct conf *c, enum conf_command command, const char *const *setting, struct err *e) {
    *c = (struct conf){0};
    bool ok = load_presets(c, command, e);
    for (size_t i = 0; ok && setting && setting[i]; i++) ok = load_setting(c, command, setting[i], e);
    return ok;
}

int conf_changed(const struct conf *a, const struct conf *b, enum conf_reload reload, int from) {
    for (int i = from; i < ROWS_N; i++)
        if (conf_row[i].type != ROW_TITLE && conf_row[i].reload == reload && !row_has_same(a, b, &conf_row[i]))
            return i;
    return -1;
}

const char *conf_name(int option) {
    MUST(option >= 0 && option < ROWS_N && conf_row[option].type != ROW_TITLE);
    return conf_row[option].name;
}

void conf_release(struct conf *c) {
    for (size_t i = 0; i < ROWS_N; i++) row_release(c, &conf_row[i]);
    section_list_release(&c->sections);
    for (size_t i = 0; i < CONF_OPTIONS; i++) free(c->from[i]);
    *c = (struct conf){0};
}

const char *conf_unknown_env(unsigned number, char *text, size_t size) {
    for (char **at = environ; *at; at++) {
        const char *eq = strchr(*at, '=');
        char name[ROW_NAME_BYTES];
        bool known = !eq || strncmp(*at, "LOGCLASS_", 9) != 0;
        for (size_t i = 0; !known && i < ROWS_N; i++)
            known = conf_row[i].type != ROW_TITLE && strlen(conf_env_name(&conf_row[i], name)) == (size_t)(eq - *at) &&
                    memcmp(name, *at, strlen(name)) == 0;
        if (known || number-- > 0) continue;
        snprintf(text, size, "%.*s", (int)(eq - *at), *at);
        return text;
    }
    return NULL;
}
