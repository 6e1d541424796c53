#include "stream/push_queue.h"

#include "base/check.h"

/* Who has had a turn, in order. */
static char turns[16];
static unsigned there;

static void had(void *self) {
    strcat(turns, self);
}

static unsigned room_there(void *self) {
    (void)self;
    return there;
}

static struct push_ticket ticket(char *name, unsigned need) {
    return (struct push_ticket){.room = had, .self = name, .place = {.need = need}};
}

static void turn_with(struct push_queue *q, unsigned room) {
    turns[0] = '\0';
    there = room;
    push_queue_turn(q, room_there, NULL);
}

static void nobody_is_passed(void) {
    static char A[] = "a", B[] = "b", C[] = "c";
    struct push_queue q;
    struct push_ticket a = ticket(A, 3), b = ticket(B, 1), c = ticket(C, 1);
    push_queue_init(&q);
    CHECK(!push_queue_add(&q, &a, 1)); /* it is not open */
    push_queue_open(&q);
    CHECK(push_queue_add(&q, &a, 1) && push_queue_add(&q, &b, 1) && push_queue_add(&q, &c, 1));
    turn_with(&q, 2);
    CHECK_STR(turns, ""); /* b has no turn before a */
    turn_with(&q, 4);
    CHECK_STR(turns, "ab");
    turn_with(&q, 4);
    CHECK_STR(turns, ""); /* all of them are kept for the two */
    CHECK_INT(push_queue_take(&q, &a), 3);
    CHECK(push_queue_add(&q, &a, 1)); /* they were too few: it does not go behind c */
    turn_with(&q, 4);
    CHECK_STR(turns, "a");
    push_queue_close(&q);
    CHECK_STR(turns, "ac");
    CHECK_INT(push_queue_take(&q, &c), 0);
    CHECK_INT(push_queue_take(&q, &a) + push_queue_take(&q, &b), 4);
    CHECK_INT(atomic_load(&q.granted) + atomic_load(&q.bytes) + atomic_load(&q.waiting), 0);
    push_queue_release(&q);
}

static void no_more_bytes_than_may_wait(void) {
    static char A[] = "a", B[] = "b", C[] = "c";
    struct push_queue q;
    struct push_ticket a = ticket(A, 1), b = ticket(B, 1), c = ticket(C, 1);
    push_queue_init(&q);
    push_queue_open(&q);
    CHECK(push_queue_add(&q, &a, 1));
    CHECK(!push_queue_add(&q, &b, PUSH_QUEUE_BYTES_MAX));
    CHECK(push_queue_add(&q, &b, PUSH_QUEUE_BYTES_MAX - 1));
    CHECK(!push_queue_has_bytes(&q, 0)); /* it is full */
    CHECK(!push_queue_add(&q, &c, 0));
    CHECK(push_queue_remove(&q, &b));
    CHECK(!push_queue_remove(&q, &b));
    CHECK(push_queue_add(&q, &c, 1)); /* behind a, where the last was taken out */
    turn_with(&q, 2);
    CHECK_STR(turns, "ac");
    CHECK(!push_queue_remove(&q, &a));
    push_queue_close(&q);
    push_queue_release(&q);
}

CHECK_MAIN(CHECK_TEST(nobody_is_passed), CHECK_TEST(no_more_bytes_than_may_wait))
