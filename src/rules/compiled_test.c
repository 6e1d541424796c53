/* What is kept of compiled rules: it answers as what is compiled anew does, and is used only where it is right. */
#include "rules/compiled.h"

#include "base/cache.h"
#include "base/check.h"
#include "base/file.h"
#include "base/must.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIG "[rule big]\nlabel = INFO\npattern = xy[a-d]{300}z\n"
static const char RULES[] = "[rule disk]\nlabel = INFO\npattern = disk \\w+ is full\nsource = ^kernel\n" BIG
                            "[rule any]\nlabel = BACKUP\npattern = (back|wind)up (done|failed)\n";
static char g_dir[] = "/tmp/logclass_compiled_test_XXXXXX", g_rules[100], g_kept[100];

static void write_rules(const char *text) {
    struct err e;
    MUST(file_write(g_rules, span_of(text), &e));
}

static void set_cache_folder(void) {
    MUST(mkdtemp(g_dir) && setenv("CACHE_DIRECTORY", g_dir, 1) == 0);
    snprintf(g_rules, sizeof g_rules, "%s/rules.conf", g_dir);
    write_rules(RULES);
}

/* How many compiled forms are kept; the path of the last is g_kept. */
static unsigned kept(void) {
    unsigned n = 0;
    DIR *d = opendir(g_dir);
    MUST(d != NULL);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (strncmp(entry->d_name, "rules-", 6) != 0) continue;
        snprintf(g_kept, sizeof g_kept, "%s/%.40s", g_dir, entry->d_name);
        n++;
    }
    closedir(d);
    return n;
}

/* Does what is kept serve the rules of this text? */
static bool is_kept_for(const char *text) {
    struct rules_list list = {0};
    struct compiled c;
    struct err e;
    MUST(rules_file_parse(span_of(text), "text", label_default(), &list, &e));
    compiled_init(&c, list.n);
    bool found = compiled_read(&c, &list);
    CHECK(found ? c.messages && c.sources : !c.messages && !c.sources && !c.span[0] && c.n == list.n);
    compiled_release(&c);
    rules_file_release(&list);
    return found;
}

/* The answers of the rules in the file to some lines, as text. */
static void ask(bool keeps, char *out, size_t size) {
    static const char *const LINE[] = {"disk sda is full", "a backup done", "WINDUP FAILED, backup failed", "nothing"};
    static const char *const SOURCE[] = {"kernel", "app"};
    const char *path = g_rules;
    struct err e = {0};
    struct rules *r = keeps ? rules_open_files(&path, 1, label_default(), &e) : rules_open(path, label_default(), &e);
    CHECK_STR(e.msg, "");
    struct rules_scratch *s = rules_scratch_open(r, &e);
    size_t n = (size_t)snprintf(out, size, "%zu rules, %zu bytes;", rules_count(r), rules_bytes(r));
    for (size_t i = 0; i < 8; i++) {
        struct record rec = {span_of(SOURCE[i % 2]), span_of(LINE[i / 2])};
        struct rules_match m = {0};
        int rule = rules_match(r, s, &rec, &m);
        n += (size_t)snprintf(out + n, size - n, " %d at %u to %u", rule, m.from, m.to);
    }
    rules_scratch_close(s);
    rules_close(r);
}

static void what_is_kept_answers_as_what_is_compiled(void) {
    char want[512], got[512];
    ask(false, want, sizeof want);
    CHECK_INT(kept(), 0); /* who checks rules compiles them */
    for (int i = 0; i < 2; i++) {
        ask(true, got, sizeof got);
        CHECK_STR(got, want);
        CHECK_INT(kept(), 1);
    }
    CHECK(strstr(want, "3 rules") && strstr(want, " 0 at 0 to 16 -1 at") && strstr(want, " 2 at 2 to 13"));
    struct stat st;
    CHECK(stat(g_kept, &st) == 0 && (st.st_mode & 0777) == 0600);
}

static void it_serves_only_these_patterns(void) {
    CHECK(is_kept_for(RULES));
    CHECK(!is_kept_for("[rule disk]\nlabel = INFO\npattern = disk \\w+ is full\nsource = ^kerne\n" BIG
                       "[rule any]\nlabel = BACKUP\npattern = (back|wind)up (done|failed)\n"));
    CHECK(!is_kept_for("[rule disk]\nlabel = INFO\npattern = disk \\w+ is full\nsource = ^kernel\n" BIG));
    /* Names and labels are not compiled. */
    CHECK(is_kept_for("[rule one]\nlabel = DB_ERROR\npattern = disk \\w+ is full\nsource = ^kernel\n" BIG
                      "[rule two]\nlabel = BACKUP\npattern = (back|wind)up (done|failed)\n"));
}

static void what_is_damaged_is_made_anew(void) {
    struct span good, now;
    struct err e;
    char got[512];
    MUST(kept() == 1 && file_read(g_kept, 1 << 20, &good, &e));
    const size_t at[] = {0, 9, 20, 30, sizeof(struct cache_head), good.n / 2, good.n - 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        char *bytes = must_calloc(good.n, 1);
        memcpy(bytes, good.p, good.n);
        if (at[i] < good.n) bytes[at[i]] ^= 4;
        MUST(file_write(g_kept, (struct span){bytes, good.n - (at[i] == SIZE_MAX)}, &e));
        free(bytes);
        CHECK(!is_kept_for(RULES));
        ask(true, got, sizeof got);
        MUST(file_read(g_kept, 1 << 20, &now, &e));
        CHECK(now.n == good.n && is_kept_for(RULES));
        file_free(&now);
    }
    file_free(&good);
}

static void without_rules_or_folder_it_works_as_well(void) {
    char got[512];
    write_rules("# none\n");
    for (int i = 0; i < 2; i++) {
        ask(true, got, sizeof got);
        CHECK(strncmp(got, "0 rules, 0 bytes; -1", 20) == 0);
    }
    MUST(setenv("CACHE_DIRECTORY", "/nonexistent/folder", 1) == 0);
    write_rules(RULES);
    ask(true, got, sizeof got);
    CHECK(strstr(got, "3 rules"));
    MUST(setenv("CACHE_DIRECTORY", g_dir, 1) == 0);
}

static void compiled_clean_up(void) {
    for (unsigned n = kept(); n > 0; n = kept()) unlink(g_kept);
    unlink(g_rules);
    CHECK(rmdir(g_dir) == 0); /* nothing else was left there */
}

CHECK_MAIN(CHECK_TEST(set_cache_folder), CHECK_TEST(what_is_kept_answers_as_what_is_compiled),
           CHECK_TEST(it_serves_only_these_patterns), CHECK_TEST(what_is_damaged_is_made_anew),
           CHECK_TEST(without_rules_or_folder_it_works_as_well), CHECK_TEST(compiled_clean_up))
