#include "app/pseudonym_key.h"

#include "app/state_dir.h"
#include "base/file.h"
#include "base/log.h"
#include "base/must.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>

enum { KEY_DIGITS = 16 };

static bool read_pseudonym_key(const char *path, uint64_t *key) {
    struct err ignored = {0};
    struct span text = {0};
    int end = 0;
    bool ok = file_read(path, KEY_DIGITS + 1, &text, &ignored) && text.n == KEY_DIGITS + 1 &&
              sscanf(text.p, "%16" SCNx64 "\n%n", key, &end) == 1 && end == KEY_DIGITS + 1;
    file_free(&text);
    return ok;
}

uint64_t pseudonym_key(void) {
    uint64_t key;
    char path[PATH_MAX], text[KEY_DIGITS + 2];
    struct err e = {0};
    bool kept = state_dir_path("pseudonym.key", path, sizeof path);
    if (kept && read_pseudonym_key(path, &key)) return key;
    if (getrandom(&key, sizeof key, 0) != sizeof key) must_lack("random numbers", "getrandom");
    snprintf(text, sizeof text, "%016" PRIx64 "\n", key);
    if (!kept) err_set(&e, ERR_IO, "there is no state folder");
    if (!kept || !state_dir_make_folders(path, &e) ||
        !file_write_private(path, (struct span){text, KEY_DIGITS + 1}, &e))
        log_warn("pseudonyms.key", "%s: the LLM's pseudonyms hold for this run only", e.msg);
    return key;
}
