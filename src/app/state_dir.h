/* state_dir: the folder where what was learnt, answered and built here is kept from one run to the next:
 * $STATE_DIRECTORY (services), $XDG_STATE_HOME/logclass, or ~/.local/state/logclass. */
#ifndef APP_STATE_DIR_H
#define APP_STATE_DIR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The path of `name` ("heads/current.json") in the folder. False: there is no such folder (no home), or no room. */
bool state_dir_path(const char *name, char *out, size_t size);

/* Does the environment name a place for it at all? If so and state_dir_path fails, the path is too long. */
bool state_dir_is_set(void);

/* Makes the folders that `path` stands in, for its owner only. */
bool state_dir_make_folders(const char *path, struct err *e);

#endif
