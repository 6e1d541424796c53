#include "app/state_dir.h"

#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool state_dir_has(const char *s) {
    return s && s[0];
}

bool state_dir_is_set(void) {
    return state_dir_has(getenv("STATE_DIRECTORY")) || state_dir_has(getenv("XDG_STATE_HOME")) ||
           state_dir_has(getenv("HOME"));
}

bool state_dir_path(const char *name, char *out, size_t size) {
    const char *service = getenv("STATE_DIRECTORY"), *user = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char folder[PATH_MAX];
    out[0] = '\0';
    if (state_dir_has(service)) return file_join(out, size, service, name);
    if (state_dir_has(user))
        return file_join(folder, sizeof folder, user, "logclass") && file_join(out, size, folder, name);
    return state_dir_has(home) && file_join(folder, sizeof folder, home, ".local/state/logclass") &&
           file_join(out, size, folder, name);
}

bool state_dir_make_folders(const char *path, struct err *e) {
    char folder[PATH_MAX];
    if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder)
        return err_set(e, ERR_USAGE, "a path of %zu bytes is too long", strlen(path));
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST) return err_set(e, ERR_IO, "%s: %s", folder, strerror(errno));
        *slash = '/';
    }
    return true;
}
