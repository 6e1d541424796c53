#include "stream/kafka_heads.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

static struct result heads_answer(double confidence, enum decider decider) {
    return (struct result){.confidence = confidence, .decider = (uint8_t)decider};
}

static bool has_header(const rd_kafka_headers_t *list, const char *name, const char *value) {
    const void *p;
    size_t n;
    return rd_kafka_header_get_last(list, name, &p, &n) == 0 && n == strlen(value) && memcmp(p, value, n) == 0;
}

static void lists_come_back_and_say_what_they_said(void) {
    struct kafka_heads *h = kafka_heads_open();
    struct result r = heads_answer(0.5, DECIDER_REGEX);
    uint32_t mark, again;
    rd_kafka_headers_t *a = kafka_heads_take(h, "BACKUP", &r, &mark);
    CHECK(has_header(a, "logclass.label", "BACKUP") && has_header(a, "logclass.confidence", "0.5"));
    CHECK(has_header(a, "logclass.stage", decider_name(DECIDER_REGEX)) && mark != 0);
    kafka_heads_back(h, a, mark);
    CHECK(kafka_heads_kept(h) == 1);
    CHECK(kafka_heads_take(h, "BACKUP", &r, &again) == a && again == mark && kafka_heads_kept(h) == 0);
    kafka_heads_back(h, a, again);
    kafka_heads_close(h);
}

/* More answers than slots, so that they take slots from each other while lists are out. */
static void of_many_answers_each_list_has_its_own(void) {
    enum { ANSWERS = 2000, TURNS = 5 };
    static rd_kafka_headers_t *out[ANSWERS];
    static uint32_t mark[ANSWERS];
    struct kafka_heads *h = kafka_heads_open();
    for (unsigned turn = 0; turn < TURNS; turn++) {
        for (unsigned i = 0; i < ANSWERS; i++) {
            char number[16];
            struct result r = heads_answer((i / 2 + 1) / 10000.0, i / 2 % 3 ? DECIDER_BERT : DECIDER_REGEX);
            const char *label = i % 2 ? "BACKUP" : "BANANA"; /* the same first letter */
            out[i] = kafka_heads_take(h, label, &r, &mark[i]);
            snprintf(number, sizeof number, "%g", (i / 2 + 1) / 10000.0);
            CHECK(has_header(out[i], "logclass.label", label) && has_header(out[i], "logclass.confidence", number));
            CHECK(has_header(out[i], "logclass.stage", decider_name(i / 2 % 3 ? DECIDER_BERT : DECIDER_REGEX)));
        }
        for (unsigned i = 0; i < ANSWERS; i++) kafka_heads_back(h, out[i], mark[i]);
    }
    CHECK(kafka_heads_kept(h) > 0 && kafka_heads_kept(h) <= ANSWERS);
    kafka_heads_close(h);
}

static void no_more_are_kept_than_it_says(void) {
    enum { LISTS = KAFKA_HEADS_KEPT_MAX + 100 };
    static rd_kafka_headers_t *out[LISTS];
    struct kafka_heads *h = kafka_heads_open();
    struct result r = heads_answer(1, DECIDER_REGEX);
    uint32_t mark = 0;
    for (unsigned i = 0; i < LISTS; i++) out[i] = kafka_heads_take(h, "INFO", &r, &mark);
    for (unsigned i = 0; i < LISTS; i++) kafka_heads_back(h, out[i], mark);
    CHECK(kafka_heads_kept(h) == KAFKA_HEADS_KEPT_MAX);
    kafka_heads_close(h);
}

CHECK_MAIN(CHECK_TEST(lists_come_back_and_say_what_they_said), CHECK_TEST(of_many_answers_each_list_has_its_own),
           CHECK_TEST(no_more_are_kept_than_it_says))
