#include "app/options.h"

#include "base/log.h"
#include "base/must.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void options_apply_log(const struct conf *c) {
    static const char *const LEVEL[] = {"debug", "info", "warn", "error"};
    unsigned i = 0;
    while (i < sizeof LEVEL / sizeof LEVEL[0] && strcmp(c->log_level, LEVEL[i]) != 0) i++;
    MUST(i < sizeof LEVEL / sizeof LEVEL[0]); /* conf.def lists the same words */
    log_setup(i, c->log_json);
}

void options_instance(const struct conf *c, char name[OPTIONS_INSTANCE_MAX]) {
    snprintf(name, OPTIONS_INSTANCE_MAX, "%s", c->instance);
    if (!name[0] && gethostname(name, OPTIONS_INSTANCE_MAX - 1) != 0) snprintf(name, OPTIONS_INSTANCE_MAX, "unnamed");
    name[OPTIONS_INSTANCE_MAX - 1] = '\0';
}

bool options_load(struct conf *c, enum conf_command command, int argc, char **argv, int *operands, struct err *e) {
    if (!conf_load(c, command, argc, argv, operands, e)) return false;
    options_apply_log(c);
    char name[128];
    for (unsigned i = 0; conf_unknown_env(i, name, sizeof name); i++)
        log_warn("env.unknown", "%s is no option; 'logclass config doc' lists them", name);
    return true;
}
