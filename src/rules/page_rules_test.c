#include "base/check.h"
#include "base/file.h"
#include "rules/page_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct rule_draft draft(const char *name, const char *label, const char *pattern) {
    return (struct rule_draft){span_of(name), span_of(label), span_of(pattern), {0}, 0.95, {0}};
}

static bool with(const char *text, struct rule_draft d, struct buf *out, struct err *e) {
    buf_reset(out);
    return page_rules_with(span_of(text), &d, label_default(), out, e);
}

#define BLOCK(name, label, pattern) "[rule " name "]\nlabel = " label "\nconfidence = 0.9500\npattern = " pattern "\n\n"

static void a_new_rule_stands_first_and_one_of_the_same_name_in_its_place(void) {
    struct buf out;
    struct err e = {0};
    buf_init(&out, PAGE_RULES_BYTES_MAX);
    CHECK(with("", draft("one", "INFO", "a b"), &out, &e));
    CHECK_SPAN(buf_span(&out), BLOCK("one", "INFO", "a b"));
    CHECK(with(BLOCK("one", "INFO", "a b"), draft("two", "BACKUP", "x"), &out, &e));
    CHECK_SPAN(buf_span(&out), BLOCK("two", "BACKUP", "x") BLOCK("one", "INFO", "a b"));
    CHECK(with(BLOCK("two", "BACKUP", "x") BLOCK("one", "INFO", "a b"), draft("two", "INFO", "y"), &out, &e));
    CHECK_SPAN(buf_span(&out), BLOCK("two", "INFO", "y") BLOCK("one", "INFO", "a b"));
    struct rule_draft renamed = draft("three", "INFO", "z");
    renamed.replaces = SPAN_LIT("one");
    CHECK(with(BLOCK("two", "BACKUP", "x") BLOCK("one", "INFO", "a b"), renamed, &out, &e));
    CHECK_SPAN(buf_span(&out), BLOCK("two", "BACKUP", "x") BLOCK("three", "INFO", "z"));
    CHECK_INT(page_rules_before(SPAN_LIT(BLOCK("two", "BACKUP", "x") BLOCK("one", "INFO", "a")), &renamed), 1);
    renamed.replaces = (struct span){0};
    CHECK_INT(page_rules_before(SPAN_LIT(BLOCK("two", "BACKUP", "x") BLOCK("one", "INFO", "a")), &renamed), 0);
    buf_reset(&out);
    CHECK(
        page_rules_without(SPAN_LIT(BLOCK("two", "BACKUP", "x") BLOCK("one", "INFO", "a")), SPAN_LIT("two"), &out, &e));
    CHECK_SPAN(buf_span(&out), BLOCK("one", "INFO", "a"));
    CHECK(!page_rules_without(SPAN_LIT(BLOCK("one", "INFO", "a")), SPAN_LIT("two"), &out, &e));
    CHECK(strstr(e.msg, "no rule of the page is called 'two'") != NULL);
    buf_release(&out);
}

/* What does not read back as it was written would be another rule than the one that was looked at. */
static void what_does_not_read_back_is_refused(void) {
    static const struct {
        const char *name, *label, *pattern, *why;
    } bad[] = {
        {"a\n[rule b", "INFO", "x", "rule"},
        {"a", "INFO", "x\nlabel = BACKUP", "two 'label' lines"},
        {"a", "INFO", " x", "blank"},
        {"a", "INFO", "x ", "blank"},
        {"a ]", "NOPE", "x", "no label is called 'NOPE'"},
        {"", "INFO", "x", "no name"},
        {"a", "INFO", "", "no value"},
    };
    struct buf out;
    struct err e = {0};
    buf_init(&out, PAGE_RULES_BYTES_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(!with("", draft(bad[i].name, bad[i].label, bad[i].pattern), &out, &e));
        CHECK(strstr(e.msg, bad[i].why) != NULL);
        CHECK_INT(out.n, 0);
    }
    CHECK(with("", draft("# a ; b = c", "INFO", "# ; = [x] \\s"), &out, &e));
    buf_release(&out);
}

struct page_rules_fixture {
    char folder[64], path[96];
};

static struct page_rules_fixture open_folder(void) {
    struct page_rules_fixture f = {.folder = "/tmp/logclass_page_rules_XXXXXX"};
    CHECK(mkdtemp(f.folder) != NULL);
    snprintf(f.path, sizeof f.path, "%s/rules.conf", f.folder);
    return f;
}

static void close_folder(const struct page_rules_fixture *f) {
    char path[160];
    unlink(f->path);
    snprintf(path, sizeof path, "%s.lock", f->path), unlink(path);
    snprintf(path, sizeof path, "%s/other.conf", f->folder), unlink(path);
    for (unsigned i = 1; i <= PAGE_RULES_VERSIONS_MAX; i++)
        snprintf(path, sizeof path, "%s.%u", f->path, i), unlink(path);
    CHECK(rmdir(f->folder) == 0);
}

static uint64_t revision_of(const char *path, const char *text) {
    struct span now;
    uint64_t revision = 0;
    struct err e = {0};
    CHECK(page_rules_read(path, &now, &revision, &e));
    CHECK_SPAN(now, text);
    file_free(&now);
    return revision;
}

static void a_change_is_kept_and_can_be_taken_back(void) {
    struct page_rules_fixture f = open_folder();
    struct err e = {0};
    uint64_t first = revision_of(f.path, "");
    CHECK(page_rules_save(f.path, SPAN_LIT("one"), first, &e));
    CHECK(page_rules_save(f.path, SPAN_LIT("two"), revision_of(f.path, "one"), &e));
    CHECK(!page_rules_save(f.path, SPAN_LIT("three"), first, &e)); /* somebody else was faster */
    CHECK(e.code == ERR_BUSY);
    CHECK(!page_rules_undo(f.path, first, &e));
    CHECK(page_rules_undo(f.path, revision_of(f.path, "two"), &e));
    CHECK(page_rules_undo(f.path, revision_of(f.path, "one"), &e));
    CHECK(!page_rules_undo(f.path, revision_of(f.path, ""), &e));
    CHECK(strstr(e.msg, "no earlier version") != NULL);
    close_folder(&f);
}

static void only_so_many_versions_are_kept(void) {
    struct page_rules_fixture f = open_folder();
    struct err e = {0};
    char text[8] = "", next[8];
    for (unsigned i = 1; i <= PAGE_RULES_VERSIONS_MAX + 3; i++) {
        snprintf(next, sizeof next, "%u", i);
        CHECK(page_rules_save(f.path, span_of(next), revision_of(f.path, text), &e));
        memcpy(text, next, sizeof text);
    }
    CHECK_INT(page_rules_versions(f.path), PAGE_RULES_VERSIONS_MAX);
    for (unsigned i = PAGE_RULES_VERSIONS_MAX + 3; i > 3; i--) {
        snprintf(text, sizeof text, "%u", i);
        CHECK(page_rules_undo(f.path, revision_of(f.path, text), &e));
    }
    CHECK(!page_rules_undo(f.path, revision_of(f.path, "3"), &e));
    close_folder(&f);
}

static void page_rules_come_before_those_of_the_file(void) {
    struct page_rules_fixture f = open_folder();
    struct err e = {0};
    char other[96];
    const char *path[] = {f.path, other};
    snprintf(other, sizeof other, "%s/other.conf", f.folder);
    CHECK(file_write(f.path, SPAN_LIT(BLOCK("same", "BACKUP", "snapshot")), &e));
    CHECK(file_write(other, SPAN_LIT("\n" BLOCK("same", "INFO", "snap") BLOCK("last", "INFO", "x")), &e));
    struct rules *r = rules_open_files(path, 2, label_default(), &e);
    CHECK(r != NULL);
    struct rules_scratch *s = rules_scratch_open(r, &e);
    CHECK_INT(rules_match(r, s, &(struct record){{0}, SPAN_LIT("a snapshot")}, NULL), 0);
    CHECK_INT(rules_match(r, s, &(struct record){{0}, SPAN_LIT("a snap")}, NULL), 1);
    CHECK_STR(rules_get(r, 0)->path, f.path);
    CHECK_STR(rules_get(r, 2)->path, other);
    CHECK_INT(rules_get(r, 1)->line, 2);
    rules_scratch_close(s);
    rules_close(r);
    CHECK(file_write(other, SPAN_LIT(BLOCK("same", "INFO", "snap") BLOCK("same", "INFO", "x")), &e));
    CHECK(rules_open_files(path, 2, label_default(), &e) == NULL); /* a name twice in one file */
    CHECK(strstr(e.msg, "other.conf:6: a rule 'same' stands in line 1 already") != NULL);
    close_folder(&f);
}

CHECK_MAIN(CHECK_TEST(a_new_rule_stands_first_and_one_of_the_same_name_in_its_place),
           CHECK_TEST(what_does_not_read_back_is_refused), CHECK_TEST(a_change_is_kept_and_can_be_taken_back),
           CHECK_TEST(only_so_many_versions_are_kept), CHECK_TEST(page_rules_come_before_those_of_the_file))
