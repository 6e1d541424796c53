#include "app/options.h"

#include "base/log.h"

#include <string.h>

bool options_apply_log(const struct conf *c) {
    static const char *const LEVEL[] = {"debug", "info", "warn", "error"};
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(c->log_level, LEVEL[i]) != 0) continue;
        log_setup(i, c->log_json);
        return true;
    }
    return false;
}

bool options_load(struct conf *c, enum conf_command command, int argc, char **argv, int *operands, struct err *e) {
    if (!conf_load(c, command, argc, argv, operands, e)) return false;
    return options_apply_log(c) ||
           err_set(e, ERR_USAGE, "log-level is '%s': expected debug, info, warn or error", c->log_level);
}
