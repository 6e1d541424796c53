#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/file.h"
#include "base/queue.h"
#include "base/thread.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

static void arena_keeps_to_its_cap(void) {
    struct arena a;
    arena_init(&a, 100000);
    char *p = arena_alloc(&a, 10), *q = arena_alloc(&a, 70000);
    CHECK(p && q && ((uintptr_t)q % 16) == 0);
    CHECK(arena_alloc(&a, 70000) == NULL);
    CHECK(arena_alloc(&a, SIZE_MAX) == NULL);
    arena_reset(&a);
    CHECK(arena_alloc(&a, 70000) == q); /* the chunk is kept */
    CHECK_SPAN(arena_copy(&a, SPAN_LIT("abc")), "abc");
    arena_release(&a);
    CHECK_INT(a.bytes, 0);
}

static void arena_contents_do_not_overlap(void) {
    struct arena a;
    arena_init(&a, 1 << 20);
    unsigned char *p[300];
    for (size_t i = 0; i < 300; i++) {
        p[i] = arena_alloc(&a, i * 7);
        CHECK(p[i] != NULL);
        memset(p[i], (int)(i & 255), i * 7);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < i * 7; k++) CHECK(p[i][k] == (i & 255));
    arena_release(&a);
}

static void buf_fails_at_its_cap_and_stays_failed(void) {
    struct buf b;
    buf_init(&b, 8);
    buf_puts(&b, "12345678");
    CHECK(!b.failed);
    buf_putc(&b, '9');
    CHECK(b.failed);
    CHECK_SPAN(buf_span(&b), "12345678");
    buf_reset(&b);
    buf_printf(&b, "%d", 42);
    CHECK_SPAN(buf_span(&b), "42");
    buf_puts(&b, "abc");
    buf_drop_front(&b, 3);
    CHECK_SPAN(buf_span(&b), "bc");
    buf_release(&b);
    buf_init(&b, 64);
    buf_put_number(&b, 0);
    buf_put_number(&b, 109);
    buf_put_number(&b, UINT64_MAX);
    CHECK_SPAN(buf_span(&b), "010918446744073709551615");
    buf_release(&b);
}

static void errors_have_a_transient_column(void) {
    struct err e = {0};
    CHECK(!err_set(&e, ERR_TIMEOUT, "after %d ms", 5));
    CHECK(!err_prefix(&e, "call"));
    CHECK_STR(e.msg, "call: after 5 ms");
    CHECK_STR(err_name(e.code), "timeout");
    CHECK(err_is_transient(ERR_TIMEOUT) && !err_is_transient(ERR_DECODE));
}

static void file_is_replaced_in_one_step(void) {
    char path[] = "/tmp/logclass_base_test_XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    struct err e = {0};
    struct span got;
    CHECK(file_write(path, SPAN_LIT("one\n"), &e));
    CHECK(file_read(path, 4, &got, &e));
    CHECK_SPAN(got, "one\n");
    file_free(&got);
    CHECK(!file_read(path, 3, &got, &e));
    CHECK_INT(e.code, ERR_LIMIT);
    unlink(path);
    CHECK(!file_read(path, 3, &got, &e));
    CHECK_INT(e.code, ERR_IO);
    CHECK(!file_read("/tmp", 3, &got, &e));
    CHECK(file_read("/proc/self/status", 1 << 20, &got, &e) && got.n > 0);
    file_free(&got);
}

enum { ITEMS = 20000, THREADS = 4 };
static struct queue g_queue;

static void *push_items(void *arg) {
    for (uintptr_t i = 1; i <= ITEMS; i++) CHECK(queue_push(&g_queue, &i));
    return arg;
}

static void *pop_items(void *arg) {
    uint64_t *sum = arg;
    uintptr_t item[7];
    for (size_t n; (n = queue_pop(&g_queue, item, 7, -1)) > 0;)
        for (size_t i = 0; i < n; i++) *sum += item[i];
    return NULL;
}

static void *close_later(void *fd) {
    usleep(50 * 1000);
    close(*(int *)fd);
    return NULL;
}

static void a_pipe_that_nobody_writes_to_is_empty(void) {
    char path[] = "/tmp/logclass_pipe_XXXXXX";
    struct span got;
    struct err e;
    close(mkstemp(path));
    CHECK(unlink(path) == 0 && mkfifo(path, 0600) == 0);
    alarm(20); /* instead of waiting for ever */
    CHECK(file_read(path, 100, &got, &e) && got.n == 0);
    file_free(&got);
    int both = open(path, O_RDWR | O_CLOEXEC);
    CHECK(write(both, "late", 4) == 4);
    pthread_t closer = thread_start(close_later, &both);
    CHECK(file_read(path, 100, &got, &e) && got.n == 4); /* it waits for who writes */
    file_free(&got);
    pthread_join(closer, NULL);
    alarm(0);
    unlink(path);
}

static void queue_loses_nothing_between_threads(void) {
    queue_init(&g_queue, 16, sizeof(uintptr_t));
    pthread_t in[THREADS], out[THREADS];
    uint64_t sum[THREADS] = {0}, total = 0;
    for (int i = 0; i < THREADS; i++) pthread_create(&out[i], NULL, pop_items, &sum[i]);
    for (int i = 0; i < THREADS; i++) pthread_create(&in[i], NULL, push_items, NULL);
    for (int i = 0; i < THREADS; i++) pthread_join(in[i], NULL);
    queue_close(&g_queue);
    for (int i = 0; i < THREADS; i++) pthread_join(out[i], NULL), total += sum[i];
    CHECK_INT(total, (uint64_t)THREADS * ITEMS * (ITEMS + 1) / 2);
    queue_release(&g_queue);
}

static void queue_is_bounded_and_closes(void) {
    struct queue q;
    queue_init(&q, 2, sizeof(int));
    int out[4];
    CHECK(queue_try_push(&q, (int[]){1, 2}, 2));
    CHECK(!queue_try_push(&q, (int[]){3}, 1));
    CHECK_INT(queue_pop(&q, out, 1, 0), 1);
    CHECK_INT(out[0], 1);
    CHECK(queue_try_push(&q, (int[]){3}, 1));
    queue_close(&q);
    CHECK(!queue_push(&q, (int[]){4}));
    CHECK_INT(queue_pop(&q, out, 4, 0), 2);
    CHECK_INT(out[1], 3);
    CHECK_INT(queue_pop(&q, out, 4, 10), 0);
    queue_release(&q);
}

static void queue_shares_what_waits(void) {
    struct queue q;
    queue_init(&q, 10, sizeof(int));
    int out[10];
    CHECK(queue_try_push(&q, (int[]){1, 2, 3, 4, 5}, 5));
    CHECK_INT(queue_pop_some(&q, out, 10, 4, -1), 2);
    CHECK_INT(queue_pop_some(&q, out, 10, 4, -1), 1);
    CHECK_INT(queue_pop_some(&q, out, 1, 1, -1), 1);
    queue_release(&q);
}

CHECK_MAIN(CHECK_TEST(arena_keeps_to_its_cap), CHECK_TEST(arena_contents_do_not_overlap),
           CHECK_TEST(buf_fails_at_its_cap_and_stays_failed), CHECK_TEST(errors_have_a_transient_column),
           CHECK_TEST(file_is_replaced_in_one_step), CHECK_TEST(a_pipe_that_nobody_writes_to_is_empty),
           CHECK_TEST(queue_loses_nothing_between_threads), CHECK_TEST(queue_is_bounded_and_closes),
           CHECK_TEST(queue_shares_what_waits))
