#include "app/pseudonym_key.h"

#include "base/check.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_key(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    CHECK(f && fputs(text, f) >= 0);
    if (f) fclose(f);
}

static void the_key_is_kept_for_its_owner_and_made_anew_when_damaged(void) {
    char dir[] = "/tmp/logclass_pseudonym_XXXXXX", path[100];
    struct stat st;
    CHECK(mkdtemp(dir) != NULL);
    setenv("STATE_DIRECTORY", dir, 1);
    snprintf(path, sizeof path, "%s/pseudonym.key", dir);
    uint64_t first = pseudonym_key();
    CHECK(pseudonym_key() == first);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    write_key(path, "0123456789abcdef\n");
    CHECK(pseudonym_key() == 0x0123456789abcdef);
    static const char *const DAMAGED[] = {"", "12", "0123456789abcdeg\n", "0123456789abcdef", "0123456789abcdef\n\n"};
    for (size_t i = 0; i < sizeof DAMAGED / sizeof DAMAGED[0]; i++) {
        write_key(path, DAMAGED[i]);
        uint64_t fresh = pseudonym_key();
        CHECK(fresh != first && fresh != 0x0123456789abcdef && pseudonym_key() == fresh);
    }
    unlink(path);
    rmdir(dir);
    setenv("STATE_DIRECTORY", "/dev/null/none", 1); /* can't be made: another one each time */
    CHECK(pseudonym_key() != pseudonym_key());
}

CHECK_MAIN(CHECK_TEST(the_key_is_kept_for_its_owner_and_made_anew_when_damaged))
