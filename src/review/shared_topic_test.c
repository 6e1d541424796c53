/* A topic in memory, and logs that make its order their own. */
#include "base/check.h"
#include "base/file.h"
#include "review/kinds.h"
#include "review/log_lines.h"
#include "review/say.h"
#include "review/shared_log.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOGS = 4, MESSAGES_MAX = 64, TURN = 3 };

struct topic_message {
    uint64_t log;
    int64_t now;
    char line[1024]; /* "": deleted */
};

static const char TOPIC[] = "cluster/words";
static char folder[] = "/tmp/logclass_topic_XXXXXX";
static char path[LOGS][64];
static struct topic_message topic[MESSAGES_MAX];
static size_t topic_n;

static void topic_begin(void) {
    static bool made;
    struct err e = {0};
    if (!made) CHECK(mkdtemp(folder) != NULL);
    made = true;
    topic_n = 0;
    for (unsigned i = 0; i < LOGS; i++) {
        snprintf(path[i], sizeof path[i], "%s/%u", folder, i);
        unlink(path[i]);
        CHECK(shared_follow(path[i], TOPIC, &e));
    }
}

static uint32_t topic_say(unsigned log, const char *label, const char *text) {
    struct err e = {0};
    struct say_change c = {.family = kinds_id_of(span_of(text)), .message = span_of(text)};
    struct say s = {.change = &c, .n = 1, .by = SPAN_LIT("one")};
    c.kind = c.family;
    snprintf(c.label, sizeof c.label, "%s", label);
    CHECK_INT(say_words(path[log], &s, &e), SAY_DONE);
    return s.batch;
}

static void topic_undo(unsigned log, uint32_t batch) {
    struct err e = {0};
    CHECK(say_undo(path[log], batch, SPAN_LIT("one"), true, &e));
}

static void put(uint64_t log, int64_t now, struct span line) {
    CHECK(topic_n < MESSAGES_MAX);
    topic[topic_n].log = log;
    topic[topic_n].now = now;
    snprintf(topic[topic_n++].line, sizeof topic[0].line, "%.*s", (int)line.n, line.p);
}

/* What waits there goes into the topic. */
static void send_after(unsigned log, int64_t seconds) {
    struct err e = {0};
    struct buf lines;
    buf_init(&lines, SHARED_BYTES_MAX);
    struct shared_state s = {.lines = &lines};
    CHECK(shared_look(path[log], TOPIC, &s, &e));
    for (struct span rest = buf_span(&lines); rest.n > 0;)
        put(s.log, (int64_t)time(NULL) + seconds, span_take_line(&rest));
    buf_release(&lines);
}

/* A log reads the topic from where it is, a few messages a turn; returns how many were no records. */
static unsigned read_on(unsigned log) {
    struct shared_entry entry[TURN];
    struct err e = {0};
    unsigned all = 0;
    for (size_t at = 0; at < topic_n;) {
        unsigned broken = 0;
        size_t n = 0, next = at;
        for (; next < topic_n && n < TURN; next++)
            if (topic[next].line[0])
                entry[n++] = (struct shared_entry){(uint32_t)next + 1,
                                                   {.log = topic[next].log,
                                                    .name = SPAN_LIT("x"),
                                                    .now = topic[next].now,
                                                    .lines = span_of(topic[next].line)}};
        for (size_t done = 0; done < n;) {
            size_t more = shared_order(path[log], entry + done, n - done, &broken, &e);
            CHECK_STR(e.msg, "");
            CHECK(more > 0);
            done += more ? more : n;
            all += broken;
        }
        at = next;
    }
    return all;
}

static void read_on_all(void) {
    for (unsigned i = 0; i < LOGS; i++) read_on(i);
}

/* All rows of a log: "id/batch LABEL undone lost; …". */
static const char *topic_rows(unsigned log) {
    static char text[2][2048];
    static unsigned turn;
    char *to = text[turn++ % 2];
    size_t n = 0;
    struct corrections c;
    struct err e = {0};
    CHECK(corrections_read(&c, path[log], &e));
    CHECK_INT(c.broken, 0);
    to[0] = '\0';
    for (size_t i = 0; i < c.n; i++)
        n += (size_t)snprintf(to + n, sizeof text[0] - n, "%u/%u %s%s%s; ", c.row[i].id, c.row[i].batch, c.row[i].label,
                              c.row[i].undone ? " undone" : "", c.row[i].lost ? " lost" : "");
    corrections_release(&c);
    return to;
}

static void all_logs_say(const char *what) {
    for (unsigned i = 0; i < LOGS; i++) CHECK_STR(topic_rows(i), what);
}

static void words_of_all_come_to_all_in_the_order_of_the_topic(void) {
    topic_begin();
    topic_say(0, "INFO", "pool is full");
    topic_say(1, "BACKUP", "disk is gone");
    send_after(1, 0);
    send_after(0, 0);
    CHECK_STR(topic_rows(0), "2147483649/2147483649 INFO; ");
    read_on_all();
    all_logs_say("1/1 BACKUP; 2/2 INFO; ");
    topic_undo(2, 1);
    send_after(2, 0);
    topic_say(2, "INFO", "disk is gone");
    send_after(2, 0); /* the undoing goes once more: nothing has come back yet */
    read_on_all();
    all_logs_say("1/1 BACKUP undone; 2/2 INFO; 5/5 INFO; ");
    send_after(2, 0);
    CHECK_INT(topic_n, 5);
}

/* What waits here is not known elsewhere, so that it must not decide what a message comes to. */
static void what_was_not_sent_yet_decides_nothing(void) {
    topic_begin();
    topic_say(0, "INFO", "pool is full");
    send_after(0, 0);
    topic_say(1, "BACKUP", "pool is full"); /* a second or more before what 2 hears of, as far as anybody can see */
    send_after(1, SHARED_PROMPT_S + 5);
    for (char *at = strstr(topic[1].line, ",\"at\":\"2"); at; at = NULL) memcpy(at, ",\"at\":\"1", 8);
    read_on(2);
    CHECK_STR(topic_rows(2), "1/1 INFO; 2/2 BACKUP undone lost; ");
    topic_n = 1;
    read_on(3);
    topic_undo(3, 1); /* waits */
    topic_n = 2;
    read_on(3);
    send_after(3, 0);
    read_on_all();
    all_logs_say("1/1 INFO undone; 2/2 BACKUP undone lost; ");
}

static void of_words_that_waited_the_later_one_counts_of_others_the_order(void) {
    topic_begin();
    topic_say(0, "INFO", "pool is full");
    send_after(0, 0);
    topic_say(1, "BACKUP", "pool is full");
    send_after(1, -3600); /* a clock that is an hour behind */
    memcpy(strstr(topic[1].line, ",\"at\":\"") + 7, "2001-01-01T00:00:00Z", 20);
    topic[1].now = 978307201;
    read_on_all();
    all_logs_say("1/1 INFO; 2/2 BACKUP; ");
    topic[1].now += 3600; /* it waited for an hour */
    for (unsigned i = 0; i < LOGS; i++) unlink(path[i]);
    struct err e = {0};
    CHECK(shared_follow(path[3], TOPIC, &e));
    read_on(3);
    CHECK_STR(topic_rows(3), "1/1 INFO; 2/2 BACKUP undone lost; ");
}

static void a_message_that_came_twice_and_one_that_is_gone_change_no_number(void) {
    topic_begin();
    topic_say(0, "INFO", "a");
    send_after(0, 0);
    send_after(0, 0);
    read_on(0);
    read_on(1);
    topic_say(1, "BACKUP", "b");
    send_after(1, 0);
    topic[1].line[0] = '\0'; /* the repetition, by whoever has noticed it */
    read_on_all();
    all_logs_say("1/1 INFO; 3/3 BACKUP; ");
    topic_undo(3, 3);
    send_after(3, 0);
    read_on_all();
    all_logs_say("1/1 INFO; 3/3 BACKUP undone; ");
}

static void forgetting_takes_words_out_of_all_logs(void) {
    struct err e = {0};
    struct span text;
    uint64_t secret = kinds_id_of(SPAN_LIT("secret")), kind, family;
    topic_begin();
    topic_say(0, "INFO", "secret");
    topic_say(0, "INFO", "pool is full");
    send_after(0, 0);
    read_on_all();
    topic_say(2, "BACKUP", "secret"); /* not sent when others forget */
    CHECK(corrections_forget(path[1], secret, secret, &e));
    send_after(1, 0);
    topic_say(0, "INFO", "disk is gone");
    send_after(0, 0);
    CHECK(shared_forgets(span_of(topic[2].line), &kind, &family));
    CHECK(kind == secret && family == secret && shared_is_about(span_of(topic[0].line), kind, family));
    CHECK(!shared_is_about(span_of(topic[1].line), kind, family) &&
          !shared_forgets(span_of(topic[1].line), &kind, &family));
    topic[0].line[0] = '\0'; /* by who tells it */
    read_on_all();
    all_logs_say("2/2 INFO; 4/4 INFO; ");
    for (unsigned i = 0; i < LOGS; i++) {
        CHECK(file_read(path[i], 1 << 20, &text, &e));
        CHECK(memmem(text.p, text.n, "secret", 6) == NULL);
        file_free(&text);
    }
    unlink(path[3]); /* one that joins later */
    CHECK(shared_follow(path[3], TOPIC, &e));
    read_on(3);
    CHECK_STR(topic_rows(3), "2/2 INFO; 4/4 INFO; ");
}

static void what_is_no_record_is_passed_over(void) {
    topic_begin();
    put(7, 1, SPAN_LIT("hello"));
    put(7, 1, SPAN_LIT("{\"id\":2147483649,\"label\":\"IN"));
    put(7, 1, SPAN_LIT("{\"id\":5,\"label\":\"INFO\",\"log_message\":\"a\"}"));
    topic_say(0, "INFO", "pool is full");
    send_after(0, 0);
    CHECK_INT(read_on(1), 3);
    CHECK_STR(topic_rows(1), "4/4 INFO; ");
    CHECK_INT(read_on(1), 0);
}

static void a_log_follows_one_topic(void) {
    struct err e = {0};
    struct buf lines;
    buf_init(&lines, SHARED_BYTES_MAX);
    struct shared_state s = {.lines = &lines};
    topic_begin();
    topic_say(0, "INFO", "\",\"topic\":\"cluster/other\"");
    CHECK(shared_look(path[0], TOPIC, &s, &e) && s.waiting == 1);
    CHECK(!shared_look(path[0], "cluster/other", &s, &e) && e.code == ERR_INPUT && strstr(e.msg, "another topic"));
    CHECK(!shared_look(path[0], "cluster/word", &s, &e) && e.code == ERR_INPUT);
    CHECK(!shared_look(path[0], "", &s, &e) && e.code == ERR_INPUT);
    unlink(path[1]);
    CHECK(shared_follow(path[1], "", &e));
    CHECK(shared_look(path[1], "", &s, &e));
    CHECK(!shared_look(path[1], TOPIC, &s, &e) && e.code == ERR_INPUT && strstr(e.msg, "a desk"));
    buf_release(&lines);
}

CHECK_MAIN(CHECK_TEST(words_of_all_come_to_all_in_the_order_of_the_topic),
           CHECK_TEST(what_was_not_sent_yet_decides_nothing),
           CHECK_TEST(of_words_that_waited_the_later_one_counts_of_others_the_order),
           CHECK_TEST(a_message_that_came_twice_and_one_that_is_gone_change_no_number),
           CHECK_TEST(forgetting_takes_words_out_of_all_logs), CHECK_TEST(what_is_no_record_is_passed_over),
           CHECK_TEST(a_log_follows_one_topic))
