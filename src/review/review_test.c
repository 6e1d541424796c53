#include "review/corrections.h"
#include "review/overlay.h"

#include "base/check.h"
#include "base/file.h"
#include "text/mask.h"

#include <unistd.h>

static const char PATH[] = "/tmp/logclass_review_test.jsonl";

static uint32_t said(const char *label, const char *source, const char *line) {
    struct err e = {0};
    struct correction word = {.source = span_of(source), .message = span_of(line)};
    uint32_t id = 0;
    snprintf(word.label, sizeof word.label, "%s", label);
    CHECK(corrections_append(PATH, &word, &id, &e));
    return id;
}

/* What is in force for a line: "LABEL id", or "". */
static const char *in_force(const char *source, const char *line) {
    static char text[100];
    char masked[MASK_OUTPUT_MAX];
    struct corrections c;
    struct err e = {0};
    struct overlay_word w;
    CHECK(corrections_read(&c, PATH, &e));
    struct overlay *o = overlay_open(&c);
    text[0] = '\0';
    struct span m = {masked, mask_line(span_of(line), masked)};
    if (o && overlay_find(o, span_of(source), m, &w)) snprintf(text, sizeof text, "%s %u", w.label, w.id);
    overlay_unref(o);
    corrections_release(&c);
    return text;
}

static void the_last_word_about_a_kind_counts_and_undoing_brings_the_one_before_back(void) {
    struct err e = {0};
    unlink(PATH);
    CHECK_STR(in_force("", "pool 7 is full"), "");
    CHECK_INT(said("INFO", "", "pool 7 is full"), 1);
    CHECK_STR(in_force("any", "pool 12345 is full"), "INFO 1");
    CHECK_STR(in_force("", "pool is full"), "");
    CHECK_INT(said("BACKUP", "", "pool 8 is full"), 2);
    CHECK_STR(in_force("", "pool 9 is full"), "BACKUP 2");
    CHECK(corrections_undo(PATH, 2, &e));
    CHECK_STR(in_force("", "pool 9 is full"), "INFO 1");
    CHECK(!corrections_undo(PATH, 2, &e) && strstr(e.msg, "undone already"));
    CHECK(!corrections_undo(PATH, 77, &e) && strstr(e.msg, "no correction 77"));
    CHECK(corrections_undo(PATH, 1, &e));
    CHECK_STR(in_force("", "pool 9 is full"), "");
    CHECK_INT(said("INFO", "", "pool 7 is full"), 5); /* undoings have numbers, too */
}

static void a_word_about_a_source_is_about_no_other(void) {
    unlink(PATH);
    said("INFO", "", "pool 7 is full");
    said("BACKUP", "zfs", "pool 7 is full");
    CHECK_STR(in_force("zfs", "pool 3 is full"), "BACKUP 2");
    CHECK_STR(in_force("app", "pool 3 is full"), "INFO 1");
    CHECK_STR(in_force("", "pool 3 is full"), "INFO 1");
}

static void no_line_is_kept_as_it_came(void) {
    struct err e = {0};
    struct span text;
    unlink(PATH);
    said("INFO", "", "secret 4711 of 10.1.2.3");
    CHECK(file_read(PATH, 1 << 20, &text, &e));
    CHECK(memmem(text.p, text.n, "4711", 4) == NULL && memmem(text.p, text.n, "10.1.2.3", 8) == NULL);
    CHECK(memmem(text.p, text.n, "\"by\":", 5) && memmem(text.p, text.n, "\"at\":\"20", 8));
    file_free(&text);
}

/* Old words, a torn line, rubbish. */
static void what_cannot_be_read_is_passed_over(void) {
    struct err e = {0};
    struct corrections c;
    CHECK(file_write(PATH,
                     SPAN_LIT("{\"label\":\"INFO\",\"source\":\"\",\"log_message\":\"pool 7 is full\"}\nrubbish\n[1]\n"
                              "{\"label\":5,\"log_message\":\"x\"}\n\n{\"label\":\"BACKUP\",\"log_mes"),
                     &e));
    CHECK(corrections_read(&c, PATH, &e));
    CHECK_INT(c.n, 1);
    CHECK_INT(c.row[0].id, 1);
    CHECK_INT(c.broken, 3);
    corrections_release(&c);
    CHECK_INT(said("BACKUP", "", "other thing"), 2);
    CHECK_STR(in_force("", "other thing"), "BACKUP 2");
    CHECK_STR(in_force("", "pool 1 is full"), "INFO 1");
    unlink(PATH);
}

static void many_words_are_all_found(void) {
    struct corrections c = {0};
    struct overlay_word w;
    static char text[1000][32];
    c.row = calloc(1000, sizeof *c.row);
    c.n = 1000;
    for (unsigned i = 0; i < 1000; i++) {
        unsigned n = 0;
        for (unsigned k = i; n < 3; k /= 10) text[i][n++] = (char)('g' + k % 10);
        c.row[i] = (struct correction){.id = i + 1, .label = "INFO", .source = {"", 0}, .message = {text[i], n}};
    }
    struct overlay *o = overlay_open(&c);
    for (unsigned i = 0; i < 1000; i++) CHECK(overlay_find(o, SPAN_LIT("x"), span_of(text[i]), &w) && w.id == i + 1);
    CHECK(!overlay_find(o, SPAN_LIT("x"), SPAN_LIT("zzz"), &w));
    overlay_unref(o);
    free(c.row);
}

CHECK_MAIN(CHECK_TEST(the_last_word_about_a_kind_counts_and_undoing_brings_the_one_before_back),
           CHECK_TEST(a_word_about_a_source_is_about_no_other), CHECK_TEST(no_line_is_kept_as_it_came),
           CHECK_TEST(what_cannot_be_read_is_passed_over), CHECK_TEST(many_words_are_all_found))
