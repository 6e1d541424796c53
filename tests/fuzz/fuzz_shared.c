/* Any bytes as what an instance sends the desk, and as what the desk has said: taken or refused whole, the second time
 * nothing is taken, and a log that follows reads the same as the desk's. And as messages of a topic: they come to the
 * same, however many are taken at once. */
#include "base/file.h"
#include "base/must.h"
#include "review/shared_log.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char desk[64], other[64];

static struct shared_taken take(struct span lines) {
    struct shared_sent s = {.log = 0xabcdef, .name = SPAN_LIT("fuzz"), .lines = lines};
    struct shared_taken t;
    struct err e = {0};
    MUST(shared_take(desk, &s, &t, &e) || (e.code != ERR_OK && t.taken == 0));
    return t;
}

static void follow(void) {
    struct err e = {0};
    struct buf out, lines;
    uint32_t last = 0;
    bool more = true;
    buf_init(&out, 4 * SHARED_BYTES_MAX);
    buf_init(&lines, SHARED_BYTES_MAX);
    struct shared_state s = {.lines = &lines};
    MUST(shared_follow(other, "", &e));
    for (unsigned turn = 0; more && turn < 8; turn++) {
        buf_reset(&out);
        MUST(shared_look(other, "", &s, &e));
        MUST(shared_give(desk, s.desk_id, &out, &last, &more, &e));
        MUST(shared_adopt(other, buf_span(&out), &e));
    }
    buf_release(&out);
    buf_release(&lines);
}

static void compare(const char *one, const char *two) {
    struct corrections a, b;
    struct err e = {0};
    MUST(corrections_read(&a, one, &e) && corrections_read(&b, two, &e));
    MUST(a.n == b.n && a.desk_id == b.desk_id);
    for (size_t i = 0; i < a.n; i++)
        MUST(a.row[i].id == b.row[i].id && a.row[i].undone == b.row[i].undone &&
             strcmp(a.row[i].label, b.row[i].label) == 0);
    corrections_release(&a);
    corrections_release(&b);
}

/* Each line is a message; of two logs in turn. */
static void order(const char *path, struct span lines, size_t at_once) {
    enum { MESSAGES = 32 };
    struct shared_entry entry[MESSAGES];
    struct err e = {0};
    size_t n = 0;
    unsigned broken;
    MUST(shared_follow(path, "t", &e));
    for (; lines.n > 0 && n < MESSAGES; n++)
        entry[n] = (struct shared_entry){.id = (uint32_t)n + 1,
                                         .sent = {.log = 0xabcdef + n % 2, .now = 1, .lines = span_take_line(&lines)}};
    for (size_t at = 0, done = 0; at < n; at += done) {
        done = shared_order(path, entry + at, n - at < at_once ? n - at : at_once, &broken, &e);
        MUST(done > 0 && broken <= done);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct span lines = {(const char *)data, n};
    struct correction word = {.label = "INFO", .source = SPAN_LIT(""), .message = SPAN_LIT("pool is full")};
    struct err e = {0};
    uint32_t id;
    snprintf(desk, sizeof desk, "/tmp/logclass_fuzz_%d_desk.jsonl", (int)getpid());
    snprintf(other, sizeof other, "/tmp/logclass_fuzz_%d_other.jsonl", (int)getpid());
    unlink(desk);
    unlink(other);
    MUST(corrections_append(desk, &word, &id, &e));
    if (take(lines).taken > 0) MUST(take(lines).taken == 0);
    follow();
    compare(desk, other);
    unlink(desk);
    unlink(other);
    order(desk, lines, 1);
    order(other, lines, 5);
    compare(desk, other);
    unlink(desk);
    unlink(other);
    return 0;
}
