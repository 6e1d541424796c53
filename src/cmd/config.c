#include "app/about.h"
#include "app/options.h"
#include "app/shipped.h"
#include "app/state_dir.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char USAGE[] = "Usage: logclass config show|check|doc [OPTIONS]\n\n"
                            "  show    print the values in force as a commented config file, after file,\n"
                            "          environment and flags: where each is from, and what it comes to\n"
                            "  check   load all that they name, as at a start; says what is wrong and where\n"
                            "  doc     print the table of all options (docs/configuration.md)\n\n"
                            "Exit status: 0, 2 wrong usage, 78 the configuration can't be used.\n";

/* ---- show ---- */

struct config_notes {
    const struct conf *conf;
    char text[PATH_MAX + 64];
};

/* The shipped file that stands for an empty value. */
static const char *note_shipped(struct config_notes *n, const char *value, const char *name) {
    char path[PATH_MAX];
    if (value[0] || !shipped_find(n->conf->data_dir, name, path, sizeof path)) return NULL;
    snprintf(n->text, sizeof n->text, "in force: %s", path);
    return n->text;
}

static const char *note_state(struct config_notes *n, const char *value, const char *name) {
    char path[PATH_MAX];
    if (value[0] || !state_dir_path(name, path, sizeof path)) return NULL;
    snprintf(n->text, sizeof n->text, "in force: %s", path);
    return n->text;
}

static const char *config_note(void *self, const char *name) {
    struct config_notes *n = self;
    const struct conf *c = n->conf;
    char head[PATH_MAX];
    if (strcmp(name, "rules") == 0) return note_shipped(n, c->rules, "rules.conf");
    if (strcmp(name, "model") == 0) return note_shipped(n, c->model, "model");
    if (strcmp(name, "adapter") == 0) return note_shipped(n, c->adapter, "adapter.safetensors");
    if (strcmp(name, "llm_store") == 0) return note_state(n, c->llm_store, "answers.db");
    if (strcmp(name, "head") == 0 && !c->head[0]) {
        about_head_path(c, true, head);
        snprintf(n->text, sizeof n->text, "in force: %s", head);
        return n->text;
    }
    if (strcmp(name, "llm_url") != 0 || c->llm_url[0]) return NULL;
    return network_has_llm(c) ? "in force: Groq's, since there is GROQ_API_KEY in the environment or in ./.env"
                              : "in force: none";
}

/* ---- check ---- */

static bool is_named_file(const char *value) {
    static const char *const WORDS[] = {"", "none", "off", "ops", "auto"};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        if (strcmp(value, WORDS[i]) == 0) return false;
    return true;
}

/* Each file that an option names can be read. */
static bool check_files(const struct conf *c, struct err *e) {
    const struct {
        const char *name, *value;
        enum conf_option option;
    } FILES[] = {{"rules", c->rules, CONF_AT_rules},
                 {"labels", c->labels, CONF_AT_labels},
                 {"model", c->model, CONF_AT_model},
                 {"head", c->head, CONF_AT_head},
                 {"adapter", c->adapter, CONF_AT_adapter},
                 {"token-file", c->token_file, CONF_AT_token_file},
                 {"ca-file", c->ca_file, CONF_AT_ca_file},
                 {"llm-key-file", c->llm_key_file, CONF_AT_llm_key_file},
                 {"desk-token-file", c->desk_token_file, CONF_AT_desk_token_file},
                 {"corrections-kafka-file", c->corrections_kafka_file, CONF_AT_corrections_kafka_file},
                 {"llm-redact", c->llm_redact, CONF_AT_llm_redact}};
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        const char *from = c->from[FILES[i].option];
        if (is_named_file(FILES[i].value) && access(FILES[i].value, R_OK) != 0)
            return err_set(e, ERR_CONFIG, "%s: %s is '%s': %s", from ? from : "default", FILES[i].name, FILES[i].value,
                           strerror(errno));
    }
    return true;
}

static bool config_check(const struct conf *c, struct err *e) {
    struct classifier k = {0};
    struct buf text;
    if (!check_files(c, e)) return false;
    buf_init(&text, 1 << 16);
    bool ok = classifier_open(&k, c, CLASSIFIER_REQUESTS, e);
    if (ok) about_write(&text, &k, c);
    if (ok)
        printf("%s: fine: %u labels; %.*s\n", c->config[0] ? c->config : "options", k.engine->labels.n, (int)text.n,
               text.p);
    classifier_close(&k);
    buf_release(&text);
    if (!ok) e->code = ERR_CONFIG;
    return ok;
}

/* A start would go on with a warning; a check does not. */
static bool check_environment(struct err *e) {
    char name[128];
    return !conf_unknown_env(0, name, sizeof name) ||
           err_set(e, ERR_CONFIG, "%s is no option; 'logclass config doc' lists them", name);
}

/* ---- */

static bool config_run(const char *word, struct conf *c, struct buf *out, struct err *e) {
    struct config_notes notes = {.conf = c};
    if (strcmp(word, "check") == 0) return check_environment(e) && config_check(c, e);
    conf_show(out, c, config_note, &notes);
    return true;
}

int cmd_config(int argc, char **argv) {
    struct conf c = {0};
    struct err e = {0};
    struct buf out;
    int operands;
    if (argc < 2 || cmd_help(argc, argv, USAGE, CONF_ALL, "")) {
        if (argc < 2) fputs(USAGE, stderr);
        return argc < 2 ? CMD_USAGE : CMD_OK;
    }
    buf_init(&out, 1 << 18);
    bool ok = true;
    if (strcmp(argv[1], "doc") == 0) {
        conf_doc(&out);
    } else if (strcmp(argv[1], "show") != 0 && strcmp(argv[1], "check") != 0) {
        ok = err_set(&e, ERR_USAGE, "unexpected argument '%s'; expected show, check or doc", argv[1]);
    } else {
        const char *word = argv[1];
        ok = conf_load(&c, CONF_ALL, argc - 1, argv + 1, &operands, &e) && config_run(word, &c, &out, &e);
    }
    if (out.n > 0) fwrite(out.p, 1, out.n, stdout);
    buf_release(&out);
    conf_release(&c);
    return ok ? CMD_OK : cmd_fail(&e);
}
