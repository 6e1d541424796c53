#include "stream/glob.h"

#include "base/check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char g_seen[4096], g_folders[4096];

static void note_file(void *self, const char *path) {
    (void)self;
    snprintf(g_seen + strlen(g_seen), sizeof g_seen - strlen(g_seen), "%s;", path);
}

static void note_folder(void *self, const char *path) {
    (void)self;
    snprintf(g_folders + strlen(g_folders), sizeof g_folders - strlen(g_folders), "%s;", path);
}

static void walk(const char *pattern) {
    g_seen[0] = g_folders[0] = '\0';
    glob_walk(pattern, &(struct glob_walker){note_file, note_folder, NULL});
}

static void touch(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    close(fd);
}

static void files_and_their_folders_are_found(void) {
    char top[] = "/tmp/logclass_glob_XXXXXX";
    CHECK(mkdtemp(top) && chdir(top) == 0);
    CHECK(mkdir("a", 0700) == 0 && mkdir("a/b", 0700) == 0 && mkdir("a/b/c", 0700) == 0);
    touch("x.log"), touch("a/x.log"), touch("a/b/c/x.log"), touch("a/.x.log");
    walk("x.log");
    CHECK_STR(g_seen, "x.log;");
    CHECK_STR(g_folders, ".;");
    walk("*/x.log");
    CHECK_STR(g_seen, "a/x.log;");
    CHECK_STR(g_folders, ".;a;");
    walk("a/*.log");
    CHECK_STR(g_seen, "a/x.log;");
    walk("a/**/*.log");
    CHECK(strstr(g_seen, "a/x.log;") && strstr(g_seen, "a/b/c/x.log;") && strlen(g_seen) == 20);
    CHECK(strstr(g_folders, "a/b;") && strstr(g_folders, "a/b/c;"));
    walk("nothing/*.log");
    CHECK_STR(g_seen, "");
    CHECK(unlink("x.log") == 0 && unlink("a/x.log") == 0 && unlink("a/b/c/x.log") == 0 && unlink("a/.x.log") == 0);
    CHECK(rmdir("a/b/c") == 0 && rmdir("a/b") == 0 && rmdir("a") == 0 && chdir("/") == 0 && rmdir(top) == 0);
}

static void patterns_fit_paths(void) {
    static const struct {
        const char *pattern, *path;
        bool fits;
    } ROWS[] = {
        {"*.gz", "/var/log/a.gz", true},
        {"*.gz", "a.gz.1", false},
        {"/var/log/*.log", "/var/log/a.log", true},
        {"/var/log/*.log", "/var/log/b/a.log", false},
        {"/var/**/a.log", "/var/a.log", true},
        {"/var/**/a.log", "/var/x/y/a.log", true},
        {"/var/**", "/var/x", true},
        {"/var/**/a.log", "/srv/a.log", false},
        {"a/*.log", "/a/b.log", false},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        if (glob_fits(ROWS[i].pattern, ROWS[i].path) != ROWS[i].fits) {
            CHECK(false);
            fprintf(stderr, "%s %s\n", ROWS[i].pattern, ROWS[i].path);
        }
    CHECK(glob_fits_any("*.gz, *.zst", "/x/a.zst") && !glob_fits_any("*.gz, *.zst", "/x/a.log") &&
          !glob_fits_any("", "a"));
}

CHECK_MAIN(CHECK_TEST(files_and_their_folders_are_found), CHECK_TEST(patterns_fit_paths))
