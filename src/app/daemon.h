/* daemon: a process that answers over HTTP, from its options to its end: start, signals, reload, drain. What `serve`
 * and `service` share.
 *
 *   main thread    serves; ends when the drain is over
 *   loader thread  loads what decides, at the start and at each SIGHUP; until the first time /readyz says no
 *   signal thread  takes all signals, so that no handler runs in the middle of things
 */
#ifndef APP_DAEMON_H
#define APP_DAEMON_H

#include "conf/conf.h"
#include "api/api.h"

struct daemon_role {
    enum conf_command command;
    enum api_kind kind;

    /* What the role sets whatever the options say; false: they make no sense for it. NULL: nothing. */
    bool (*adjust)(struct conf *c, struct err *e);

    bool streams; /* runs the sources and the sink of the config's sections, too */
};

/* argv[1..] are options. Returns when the process is to end; false: it failed, and e says why. */
bool daemon_run(const struct daemon_role *role, int argc, char **argv, struct err *e);

#endif
