/* Runs a fuzz target over its corpus, tests/corpus/NAME/, where NAME is this program's without "_test"; as a test, from
 * the top of the tree. A target's finding aborts. */
#include "base/file.h"

#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED_BYTES_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* In memory of just its size, so that reading past the end is seen. */
static bool replay(const char *path) {
    struct span text;
    struct err e = {0};
    if (!file_read(path, SEED_BYTES_MAX, &text, &e)) {
        fprintf(stderr, "%s\n", e.msg);
        return false;
    }
    uint8_t *exact = text.n ? malloc(text.n) : NULL;
    if (exact) memcpy(exact, text.p, text.n);
    fprintf(stderr, "%s\n", path); /* shown when it aborts */
    bool ok = (exact || text.n == 0) && LLVMFuzzerTestOneInput(exact, text.n) == 0;
    free(exact);
    file_free(&text);
    return ok;
}

int main(int argc, char **argv) {
    (void)argc;
    char folder[PATH_MAX], path[PATH_MAX];
    char *name = basename(argv[0]), *end = strstr(name, "_test");
    unsigned passed = 0, failed = 0;
    if (end) *end = '\0';
    snprintf(folder, sizeof folder, "tests/corpus/%s", name);
    DIR *d = opendir(folder);
    for (const struct dirent *f; d && (f = readdir(d)) != NULL;) {
        if (f->d_name[0] == '.' || !file_join(path, sizeof path, folder, f->d_name)) continue;
        if (replay(path))
            passed++;
        else
            failed++;
    }
    if (d) closedir(d);
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
