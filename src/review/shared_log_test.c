#include "review/shared_log.h"

#include "base/check.h"
#include "base/file.h"
#include "review/kinds.h"
#include "review/log_lines.h"
#include "review/say.h"

#include <stdlib.h>
#include <unistd.h>

enum { NAMES = 3 };

static char folder[] = "/tmp/logclass_shared_XXXXXX";
static char path[NAMES][64]; /* of the desk's log, and of two others */

static void shared_begin(void) {
    static bool made;
    if (!made) CHECK(mkdtemp(folder) != NULL);
    made = true;
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(path[i], sizeof path[i], "%s/%u", folder, i);
        unlink(path[i]);
    }
}

static uint32_t say_at(unsigned log, const char *label, const char *text, const char *by) {
    struct err e = {0};
    struct say_change c = {.family = kinds_id_of(span_of(text)), .message = span_of(text)};
    struct say s = {.change = &c, .n = 1, .by = span_of(by)};
    c.kind = c.family;
    snprintf(c.label, sizeof c.label, "%s", label);
    CHECK_INT(say_words(path[log], &s, &e), SAY_DONE);
    return s.batch;
}

/* A word as of another time. */
static void write_at(unsigned log, uint32_t id, const char *label, const char *text, const char *at) {
    struct err e = {0};
    struct span before = {0};
    struct buf b;
    buf_init(&b, 1 << 20);
    if (access(path[log], F_OK) == 0) CHECK(file_read(path[log], 1 << 20, &before, &e));
    buf_put(&b, before.p, before.n);
    buf_printf(&b,
               "{\"id\":%u,\"at\":\"%s\",\"by\":\"b\",\"label\":\"%s\",\"source\":\"\",\"log_message\":\"%s\","
               "\"family\":\"%016llx\",\"batch\":%u}\n",
               id, at, label, text, (unsigned long long)kinds_id_of(span_of(text)), id);
    CHECK(file_write(path[log], buf_span(&b), &e));
    if (before.n > 0) file_free(&before);
    buf_release(&b);
}

/* What is in force about a text: "LABEL by", or "". */
static const char *shared_in_force(unsigned log, const char *text) {
    static char said[100];
    struct corrections c;
    struct err e = {0};
    uint64_t id = kinds_id_of(span_of(text));
    CHECK(corrections_read(&c, path[log], &e));
    struct words *w = words_open(&c);
    const struct correction *label = words_about(w, id, id).label;
    snprintf(said, sizeof said, "%s %.*s", label ? label->label : "", label ? (int)label->by.n : 0,
             label ? label->by.p : "");
    words_unref(w);
    return label ? said : "";
}

static void shared_follows(unsigned log) {
    struct err e = {0};
    CHECK(shared_follow(path[log], "", &e));
}

/* An instance sends what it has, times times. */
static struct shared_taken send_up(unsigned log, int times) {
    struct err e = {0};
    struct buf lines;
    struct shared_taken t = {0};
    buf_init(&lines, SHARED_BYTES_MAX);
    struct shared_state s = {.lines = &lines};
    CHECK(shared_look(path[log], "", &s, &e));
    for (int i = 0; i < times; i++) {
        struct shared_sent sent = {.log = s.log, .name = SPAN_LIT("a"), .lines = buf_span(&lines)};
        CHECK(shared_take(path[0], &sent, &t, &e));
        if (e.code) fprintf(stderr, "%s\n", e.msg);
    }
    buf_release(&lines);
    return t;
}

static void take_down(unsigned log) {
    struct err e = {0};
    struct buf lines, nothing;
    uint32_t last;
    bool more = true;
    buf_init(&lines, 4 * SHARED_BYTES_MAX);
    buf_init(&nothing, SHARED_BYTES_MAX);
    for (int turns = 0; more && turns < 100; turns++) {
        struct shared_state s = {.lines = &nothing};
        CHECK(shared_look(path[log], "", &s, &e));
        buf_reset(&lines);
        CHECK(shared_give(path[0], s.desk_id, &lines, &last, &more, &e));
        CHECK(shared_adopt(path[log], buf_span(&lines), &e));
    }
    buf_release(&lines);
    buf_release(&nothing);
}

static void sync_with(unsigned log) {
    send_up(log, 1);
    take_down(log);
}

/* All rows of a log: "id LABEL undone lost; …". */
static const char *rows(unsigned log) {
    static char text[2][4096];
    static unsigned turn;
    char *to = text[turn++ % 2];
    size_t n = 0;
    struct corrections c;
    struct err e = {0};
    CHECK(corrections_read(&c, path[log], &e));
    CHECK_INT(c.broken, 0);
    to[0] = '\0';
    for (size_t i = 0; i < c.n; i++)
        n += (size_t)snprintf(to + n, sizeof text[0] - n, "%u/%u %s%s%s; ", c.row[i].id, c.row[i].batch,
                              c.row[i].label[0] ? c.row[i].label : "-", c.row[i].undone ? " undone" : "",
                              c.row[i].lost ? " lost" : "");
    corrections_release(&c);
    return to;
}

static void words_of_the_desk_and_of_others_come_to_all_in_one_order(void) {
    shared_begin();
    say_at(0, "INFO", "pool is full", "desk");
    shared_follows(1);
    shared_follows(2);
    CHECK_INT(say_at(1, "BACKUP", "disk is gone", "one"), LOG_OWN_FROM + 1);
    CHECK_STR(shared_in_force(1, "disk is gone"), "BACKUP one");
    sync_with(1);
    CHECK_STR(rows(1), "1/1 INFO; 2/2 BACKUP; ");
    CHECK_STR(shared_in_force(0, "disk is gone"), "BACKUP one");
    say_at(2, "INFO", "disk is gone", "two");
    sync_with(2);
    sync_with(1);
    CHECK_STR(rows(0), "1/1 INFO; 2/2 BACKUP; 3/3 INFO; ");
    CHECK_STR(rows(1), rows(0));
    CHECK_STR(rows(2), rows(0));
    CHECK_STR(shared_in_force(1, "disk is gone"), "INFO two");
    CHECK_INT(say_at(0, "INFO", "more", "desk"), 4);
}

static void what_is_sent_again_is_taken_once(void) {
    shared_begin();
    shared_follows(1);
    say_at(1, "BACKUP", "disk is gone", "one");
    say_at(1, "INFO", "disk is gone", "one");
    struct shared_taken t = send_up(1, 3);
    CHECK_INT(t.taken, 0);
    CHECK_INT(t.repeated, 2);
    take_down(1);
    take_down(1);
    CHECK_STR(rows(0), "1/1 BACKUP; 2/2 INFO; ");
    CHECK_STR(rows(1), rows(0));
    CHECK_INT(send_up(1, 1).taken, 0);
}

static void the_later_word_counts_whichever_comes_first(void) {
    shared_begin();
    write_at(0, 1, "INFO", "a", "2026-01-01T00:00:10Z");
    write_at(0, 2, "INFO", "b", "2026-01-01T00:00:10Z");
    shared_follows(1);
    write_at(1, LOG_OWN_FROM + 1, "BACKUP", "a", "2026-01-01T00:00:05Z");
    write_at(1, LOG_OWN_FROM + 2, "BACKUP", "b", "2026-01-01T00:00:15Z");
    CHECK_INT(send_up(1, 1).lost, 1);
    take_down(1);
    CHECK_STR(rows(0), "1/1 INFO; 2/2 INFO; 3/3 BACKUP undone lost; 4/4 BACKUP; ");
    CHECK_STR(rows(1), rows(0));
    for (unsigned i = 0; i < 2; i++) {
        CHECK_STR(shared_in_force(i, "a"), "INFO b");
        CHECK_STR(shared_in_force(i, "b"), "BACKUP b");
    }
}

static void a_clock_that_is_wrong_decides_nothing(void) {
    struct err e = {0};
    struct shared_taken t;
    shared_begin();
    write_at(0, 1, "INFO", "a", "2026-01-01T12:00:00Z");
    shared_follows(1);
    write_at(1, LOG_OWN_FROM + 1, "BACKUP", "a", "2026-01-01T11:00:10Z"); /* an hour late */
    struct buf lines;
    buf_init(&lines, SHARED_BYTES_MAX);
    struct shared_state s = {.lines = &lines};
    CHECK(shared_look(path[1], "", &s, &e));
    struct shared_sent sent = {.log = s.log, .skew_s = 3600, .lines = buf_span(&lines)};
    CHECK(shared_take(path[0], &sent, &t, &e));
    CHECK_INT(t.lost, 0);
    CHECK_STR(shared_in_force(0, "a"), "BACKUP b");
    buf_release(&lines);
}

static void undoing_travels_both_ways(void) {
    struct err e = {0};
    shared_begin();
    uint32_t desk = say_at(0, "INFO", "a", "desk");
    shared_follows(1);
    take_down(1);
    uint32_t own = say_at(1, "BACKUP", "b", "one");
    CHECK(say_undo(path[1], desk, (struct span){0}, true, &e));
    sync_with(1);
    CHECK_STR(rows(0), "1/1 INFO undone; 2/2 BACKUP; ");
    CHECK(say_undo(path[1], own, SPAN_LIT("one"), false, &e)); /* by the number that it had */
    CHECK_STR(shared_in_force(1, "b"), "");
    sync_with(1);
    CHECK_STR(rows(0), "1/1 INFO undone; 2/2 BACKUP undone; ");
    say_at(1, "INFO", "c", "one");
    sync_with(1);
    CHECK(say_undo(path[0], 5, SPAN_LIT("desk"), true, &e));
    take_down(1);
    CHECK_STR(shared_in_force(1, "c"), "");
    CHECK_STR(rows(1), rows(0));
    own = say_at(1, "INFO", "d", "one");
    CHECK(say_undo(path[1], own, SPAN_LIT("one"), false, &e)); /* before the desk has heard of it */
    sync_with(1);
    CHECK_STR(shared_in_force(0, "d"), "");
    CHECK_STR(rows(1), rows(0));
}

static void forgetting_travels_and_no_number_is_used_again(void) {
    struct err e = {0};
    shared_begin();
    shared_follows(1);
    shared_follows(2);
    say_at(1, "INFO", "a", "one");
    sync_with(1);
    say_at(1, "INFO", "secret", "one");
    sync_with(1);
    sync_with(2);
    uint64_t secret = kinds_id_of(SPAN_LIT("secret"));
    CHECK(corrections_forget(path[1], secret, secret, &e));
    CHECK_STR(shared_in_force(1, "secret"), "");
    sync_with(1);
    sync_with(2);
    for (unsigned i = 0; i < NAMES; i++) {
        struct span text;
        CHECK_STR(rows(i), "1/1 INFO; ");
        CHECK(file_read(path[i], 1 << 20, &text, &e));
        CHECK(memmem(text.p, text.n, "secret", 6) == NULL);
        CHECK(memmem(text.p, text.n, "\"forget\":", 9) != NULL);
        file_free(&text);
    }
    say_at(1, "BACKUP", "b", "one");
    CHECK_INT(send_up(1, 1).taken, 1);
    CHECK(corrections_forget(path[0], kinds_id_of(SPAN_LIT("b")), kinds_id_of(SPAN_LIT("b")), &e));
    sync_with(1);
    CHECK_STR(rows(1), "1/1 INFO; ");
    CHECK_STR(rows(0), "1/1 INFO; ");
    CHECK_INT(send_up(1, 1).taken, 0);
    say_at(1, "INFO", "c", "one"); /* with a number that the desk does not know */
    CHECK_INT(send_up(1, 1).taken, 1);
}

static void what_was_said_before_one_followed_is_sent(void) {
    struct err e = {0};
    shared_begin();
    say_at(1, "INFO", "a", "one");
    say_at(1, "BACKUP", "b", "one");
    CHECK(say_undo(path[1], 1, SPAN_LIT("one"), false, &e));
    say_at(0, "INFO", "c", "desk");
    shared_follows(1);
    shared_follows(1);
    CHECK_STR(shared_in_force(1, "b"), "BACKUP one");
    sync_with(1);
    CHECK_STR(rows(0), "1/1 INFO; 2/2 INFO undone; 3/3 BACKUP; ");
    CHECK_STR(rows(1), rows(0));
}

static void a_log_that_is_another_one_is_refused(void) {
    struct err e = {0};
    struct shared_taken t;
    struct buf out;
    uint32_t last;
    bool more;
    shared_begin();
    buf_init(&out, SHARED_BYTES_MAX);
    say_at(0, "INFO", "a", "desk");
    CHECK(!shared_give(path[0], 7, &out, &last, &more, &e) && e.code == ERR_INPUT);
    shared_follows(1);
    CHECK(!shared_give(path[1], 0, &out, &last, &more, &e) && e.code == ERR_USAGE);
    struct shared_sent sent = {.log = 5,
                               .lines = SPAN_LIT("{\"id\":2147483650,\"label\":\"INFO\",\"log_message\":\"x\"}\n")};
    CHECK(!shared_take(path[1], &sent, &t, &e) && e.code == ERR_USAGE);
    sent.lines = SPAN_LIT("{\"id\":7,\"label\":\"INFO\",\"log_message\":\"x\"}\n");
    CHECK(!shared_take(path[0], &sent, &t, &e) && e.code == ERR_INPUT);
    sent.lines = SPAN_LIT("{\"id\":2147483650,\"label\":\"IN\n");
    CHECK(!shared_take(path[0], &sent, &t, &e) && e.code == ERR_INPUT);
    CHECK_STR(rows(0), "1/1 INFO; ");
    buf_release(&out);
}

static void a_line_that_was_cut_off_harms_nothing(void) {
    struct err e = {0};
    shared_begin();
    shared_follows(1);
    say_at(0, "INFO", "a", "desk");
    write_at(0, 2, "INFO", "b\"cut", "2026"); /* no JSON */
    say_at(0, "BACKUP", "c", "desk");         /* has that number, too */
    struct buf lines;
    uint32_t last;
    bool more;
    buf_init(&lines, SHARED_BYTES_MAX);
    CHECK(shared_give(path[0], 0, &lines, &last, &more, &e));
    CHECK(shared_adopt(path[1], buf_span(&lines), &e));
    CHECK_STR(rows(1), "1/1 INFO; 2/2 BACKUP; ");
    buf_release(&lines);
}

static void much_comes_in_parts(void) {
    char text[600];
    shared_begin();
    shared_follows(1);
    memset(text, 'x', sizeof text - 1);
    for (unsigned i = 0; i < 40; i++) {
        text[sizeof text - 1] = '\0';
        text[0] = (char)('a' + i % 26), text[1] = (char)('a' + i / 26);
        say_at(0, "INFO", text, "desk");
    }
    take_down(1);
    CHECK_STR(rows(1), rows(0));
}

CHECK_MAIN(CHECK_TEST(words_of_the_desk_and_of_others_come_to_all_in_one_order),
           CHECK_TEST(what_is_sent_again_is_taken_once), CHECK_TEST(the_later_word_counts_whichever_comes_first),
           CHECK_TEST(a_clock_that_is_wrong_decides_nothing), CHECK_TEST(undoing_travels_both_ways),
           CHECK_TEST(forgetting_travels_and_no_number_is_used_again),
           CHECK_TEST(what_was_said_before_one_followed_is_sent), CHECK_TEST(a_log_that_is_another_one_is_refused),
           CHECK_TEST(a_line_that_was_cut_off_harms_nothing), CHECK_TEST(much_comes_in_parts))
