/* Words about kinds: revisions, batches, undo, and what is in force after them. */
#include "review/say.h"

#include "base/check.h"
#include "base/file.h"
#include "review/kinds.h"
#include "review/overlay.h"
#include "text/mask.h"

#include <stdlib.h>
#include <unistd.h>

static const char PATH[] = "/tmp/logclass_say_test.jsonl";

static struct words *say_now(void) {
    struct corrections c;
    struct err e = {0};
    CHECK(corrections_read(&c, PATH, &e));
    CHECK_INT(c.broken, 0);
    return words_open(&c);
}

static struct say_change change_of(const char *template, const char *label, uint32_t rev) {
    struct say_change c = {.rev = rev, .message = span_of(template)};
    c.family = c.kind = kinds_id_of(span_of(template));
    snprintf(c.label, sizeof c.label, "%s", label);
    return c;
}

static enum say_end say_one(struct say_change *c, const char *by, const char *request, uint32_t *batch) {
    struct err e = {0};
    struct say s = {.change = c, .n = 1, .by = span_of(by), .from = SPAN_LIT("10.0.0.1"), .request = span_of(request)};
    enum say_end end = say_words(PATH, &s, &e);
    if (batch) *batch = s.batch;
    words_unref(s.conflict);
    return end;
}

/* The label in force, by the words and by the overlay, which must agree; "": none. */
static const char *label_said(const char *template, uint32_t *rev) {
    static char label[LABEL_ID_MAX];
    struct words *w = say_now();
    uint64_t id = kinds_id_of(span_of(template));
    struct words_about a = words_about(w, id, id);
    struct overlay *o = overlay_open(words_log(w));
    struct overlay_word found = {.label = ""};
    if (o) overlay_find(o, (struct span){0}, span_of(template), &found);
    snprintf(label, sizeof label, "%s", a.label ? a.label->label : "");
    CHECK_STR(found.label, label);
    if (rev) *rev = a.rev;
    overlay_unref(o);
    words_unref(w);
    return label;
}

static void a_word_names_the_revision_it_saw(void) {
    uint32_t rev, batch, again;
    unlink(PATH);
    struct say_change c = change_of("order # refused", "BACKUP", 1);
    CHECK_INT(say_one(&c, "alice", "r1", &batch), SAY_DONE);
    CHECK_STR(label_said("order # refused", &rev), "BACKUP");
    CHECK_INT(rev, 2);
    CHECK_INT(say_one(&c, "alice", "r1", &again), SAY_REPEATED); /* the same request: nothing done twice */
    CHECK_INT(again, batch);
    CHECK_INT(say_one(&c, "bob", "r2", NULL), SAY_CONFLICT);
    CHECK_INT(c.found.rev, 2);
    CHECK_STR(label_said("order # refused", &rev), "BACKUP");
    c = change_of("order # refused", "INFO", 2);
    CHECK_INT(say_one(&c, "bob", "r3", NULL), SAY_DONE);
    CHECK_STR(label_said("order # refused", &rev), "INFO");
    CHECK_INT(rev, 3);
    c.rev = 0; /* whoever did not look */
    CHECK_INT(say_one(&c, "bob", "", NULL), SAY_DONE);
    CHECK_INT(say_one(&c, "bob", "", NULL), SAY_DONE);
}

static void undo_brings_back_the_word_before(void) {
    uint32_t first, second, rev;
    struct err e = {0};
    unlink(PATH);
    struct say_change c = change_of("a #", "BACKUP", 0);
    CHECK_INT(say_one(&c, "alice", "", &first), SAY_DONE);
    c = change_of("a #", "INFO", 0);
    CHECK_INT(say_one(&c, "bob", "", &second), SAY_DONE);
    CHECK(!say_undo(PATH, second, SPAN_LIT("alice"), false, &e) && e.code == ERR_USAGE);
    CHECK(say_undo(PATH, second, SPAN_LIT("bob"), false, &e));
    CHECK_STR(label_said("a #", &rev), "BACKUP");
    CHECK_INT(rev, 4);
    CHECK(!say_undo(PATH, second, SPAN_LIT("bob"), false, &e) && e.code == ERR_INPUT);
    CHECK(say_undo(PATH, first, SPAN_LIT("root"), true, &e));
    CHECK_STR(label_said("a #", &rev), "");
    CHECK(!say_undo(PATH, 99, SPAN_LIT("root"), true, &e) && strstr(e.msg, "99"));
    struct words *w = say_now();
    CHECK(words_log(w)->row[1].undone && span_eq(words_log(w)->row[1].undone_by, SPAN_LIT("bob")));
    CHECK_INT(words_in_force(w), 0);
    words_unref(w);
}

static void what_is_said_at_once_is_undone_at_once(void) {
    struct say_change c[3] = {change_of("x", "BACKUP", 0), change_of("y", "BACKUP", 0), change_of("z", "BACKUP", 5)};
    struct say s = {.change = c, .n = 3, .by = SPAN_LIT("alice")};
    struct err e = {0};
    unlink(PATH);
    CHECK_INT(say_words(PATH, &s, &e), SAY_CONFLICT); /* all or none */
    words_unref(s.conflict);
    CHECK_STR(label_said("x", NULL), "");
    c[2].rev = 1;
    CHECK_INT(say_words(PATH, &s, &e), SAY_DONE);
    CHECK_STR(label_said("x", NULL), "BACKUP");
    CHECK_STR(label_said("z", NULL), "BACKUP");
    CHECK(say_undo(PATH, s.batch, SPAN_LIT("alice"), false, &e));
    CHECK_STR(label_said("x", NULL), "");
    CHECK_STR(label_said("z", NULL), "");
}

static void no_label_takes_back_and_states_are_no_labels(void) {
    uint32_t rev;
    unlink(PATH);
    struct say_change c = change_of("a", "BACKUP", 0);
    CHECK_INT(say_one(&c, "alice", "", NULL), SAY_DONE);
    struct say_change state = change_of("a", "", 0);
    snprintf(state.state, sizeof state.state, "muted");
    CHECK_INT(say_one(&state, "alice", "", NULL), SAY_DONE);
    CHECK_STR(label_said("a", &rev), "BACKUP");
    CHECK_INT(rev, 3);
    c = change_of("a", "", 3);
    CHECK_INT(say_one(&c, "alice", "", NULL), SAY_DONE);
    CHECK_STR(label_said("a", &rev), "");
    c = change_of("a", "INFO", 0);
    CHECK_INT(say_one(&c, "alice", "", NULL), SAY_DONE);
    CHECK_STR(label_said("a", &rev), "INFO");
}

static void a_word_about_a_source_comes_first(void) {
    struct overlay_word found;
    unlink(PATH);
    struct say_change c = change_of("m", "BACKUP", 0), d = change_of("m", "INFO", 0);
    d.kind = kinds_id_of(SPAN_LIT("app: m"));
    d.source = SPAN_LIT("app");
    CHECK_INT(say_one(&d, "alice", "", NULL), SAY_DONE);
    CHECK_INT(say_one(&c, "alice", "", NULL), SAY_DONE);
    struct words *w = say_now();
    CHECK_STR(words_about(w, d.kind, c.family).label->label, "INFO");
    CHECK_STR(words_about(w, 1, c.family).label->label, "BACKUP");
    struct overlay *o = overlay_open(words_log(w));
    CHECK(overlay_find(o, SPAN_LIT("app"), SPAN_LIT("m"), &found) && strcmp(found.label, "INFO") == 0);
    CHECK(overlay_find(o, SPAN_LIT("web"), SPAN_LIT("m"), &found) && strcmp(found.label, "BACKUP") == 0);
    overlay_unref(o);
    words_unref(w);
}

/* What may be shown of a template is not the template: its hash tells the kind. */
static void a_redacted_word_is_about_the_template(void) {
    struct overlay_word found;
    unlink(PATH);
    struct say_change c = change_of("password=<secret>", "BACKUP", 0);
    c.redacted = true;
    c.kind = c.family = kinds_id_of(SPAN_LIT("password=hunter"));
    CHECK_INT(say_one(&c, "alice", "", NULL), SAY_DONE);
    struct words *w = say_now();
    struct overlay *o = overlay_open(words_log(w));
    CHECK(overlay_find(o, (struct span){0}, SPAN_LIT("password=hunter"), &found));
    CHECK(!overlay_find(o, (struct span){0}, SPAN_LIT("password=<secret>"), &found));
    overlay_unref(o);
    words_unref(w);
}

/* Names and notes can't make lines of their own. */
static void the_log_has_a_line_a_word(void) {
    struct span text;
    struct err e = {0};
    unlink(PATH);
    struct say_change c = change_of("a", "BACKUP", 0);
    c.note = SPAN_LIT("one\n{\"id\":9,\"label\":\"INFO\",\"log_message\":\"b\"}\r\n\xff\xe2\x80\xa8");
    CHECK_INT(say_one(&c, "al\nice\"}", "r\n", NULL), SAY_DONE);
    CHECK(file_read(PATH, 1 << 20, &text, &e));
    unsigned lines = 0;
    for (size_t i = 0; i < text.n; i++) lines += text.p[i] == '\n';
    CHECK_INT(lines, 1);
    file_free(&text);
    struct words *w = say_now();
    CHECK_INT(words_log(w)->n, 1);
    CHECK_SPAN(words_log(w)->row[0].by, "al\nice\"}");
    words_unref(w);
    CHECK_INT(say_words("/dev/null/x", &(struct say){.change = &c, .n = 1}, &e), SAY_FAILED);
    unlink(PATH);
}

CHECK_MAIN(CHECK_TEST(a_word_names_the_revision_it_saw), CHECK_TEST(undo_brings_back_the_word_before),
           CHECK_TEST(what_is_said_at_once_is_undone_at_once), CHECK_TEST(no_label_takes_back_and_states_are_no_labels),
           CHECK_TEST(a_word_about_a_source_comes_first), CHECK_TEST(a_redacted_word_is_about_the_template),
           CHECK_TEST(the_log_has_a_line_a_word))
