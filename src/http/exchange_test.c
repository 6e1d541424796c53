/* An exchange by itself: its body's limits, decoding, reuse. The thread and the server around it are made by hand. */
#include "http/exchange.h"

#include "base/check.h"
#include "http/internal.h"

#include <zlib.h>

static struct server g_server;
static struct settings g_set;
static struct server_thread g_thread;
static struct conn g_conn;
static const struct route PLAIN = {.path = "/"}, STREAMING = {.path = "/", .streams = true};

static struct exchange *take(void) {
    g_set.o = SERVER_OPTS_DEFAULT;
    g_set.o.body_bytes_max = 1000;
    g_set.o.body_memory_max = 2500;
    g_set.o.client_memory_max = 2500;
    if (!g_server.memory.slot) client_quota_init(&g_server.memory, 10);
    g_thread.server = &g_server;
    g_thread.set = &g_set;
    struct exchange *x = exchange_take(&g_thread, &g_conn);
    CHECK(x != NULL);
    x->route = &PLAIN;
    return x;
}

static void free_kept(void) {
    while (g_thread.free_exchanges) {
        struct exchange *x = g_thread.free_exchanges;
        g_thread.free_exchanges = x->next;
        exchange_free(x);
    }
    g_thread.free_exchanges_n = 0;
    CHECK_INT(atomic_load(&g_server.body_bytes), 0);
    CHECK_INT(g_server.memory.used, 0);
    client_quota_release(&g_server.memory);
}

static const char BYTES[1001];

static void a_body_has_its_limits(void) {
    struct exchange *x = take(), *y = take(), *z = take();
    CHECK(exchange_add_body(x, BYTES, 999) && exchange_add_body(x, BYTES, 1));
    CHECK(!exchange_add_body(x, BYTES, 1));
    CHECK(x->refused == REFUSE_BODY_BYTES && strstr(x->why, "body-bytes-max"));
    CHECK(exchange_add_body(y, BYTES, 1000));
    CHECK(exchange_add_body(z, BYTES, 500)); /* 2,500 bytes of all together */
    CHECK(!exchange_add_body(z, BYTES, 1));
    CHECK(z->refused == REFUSE_CLIENT_SHARE && strstr(z->why, "client-memory-max"));
    exchange_give(y);
    struct exchange *again = take();
    CHECK(again == y && again->body.n == 0 && !again->refused);
    CHECK(exchange_add_body(again, BYTES, 900));
    exchange_give(x);
    exchange_give(z);
    exchange_give(again);
    free_kept();
}

/* What one client holds leaves room for others, and what is held less than before is given back at once. */
static void a_client_has_a_share_of_the_memory(void) {
    const struct exchange_memory m = {2000, 1500};
    struct exchange *x = take(), *y = take(), *other = take();
    other->client.network = 7;
    CHECK(exchange_hold(x, 1000, &m) && exchange_hold(y, 500, &m));
    CHECK(!exchange_hold(y, 501, &m));
    CHECK(y->refused == REFUSE_CLIENT_SHARE && y->counted == 500);
    CHECK(!exchange_hold(other, 501, &m));
    CHECK(other->refused == REFUSE_BODY_MEMORY && strstr(other->why, "body-memory-max"));
    CHECK(exchange_hold(x, 10, &m) && exchange_hold(other, 1490, &m));
    CHECK_INT(atomic_load(&g_server.body_bytes), 2000);
    exchange_give(x);
    exchange_give(y);
    exchange_give(other);
    free_kept();
}

static void a_stream_is_not_counted_as_a_whole(void) {
    struct exchange *x = take();
    x->route = &STREAMING;
    CHECK(!exchange_streams(x));
    x->req.ndjson = true;
    CHECK(exchange_streams(x));
    for (int i = 0; i < 10; i++) CHECK(exchange_add_body(x, BYTES, 1000));
    CHECK_INT(atomic_load(&g_server.body_bytes), 0);
    x->req.preflight = true; /* it only asks whether it may */
    CHECK(!exchange_streams(x));
    exchange_give(x);
    free_kept();
}

/* Has a body of n bytes decoded, of whose packed form `cut` bytes are missing; returns what it is refused for. */
static enum refusal decode_packed(size_t n, size_t cut, size_t memory_max) {
    struct exchange *x = take();
    static unsigned char text[2000], packed[4000];
    z_stream z = {.next_in = text, .avail_in = (uInt)n, .next_out = packed, .avail_out = sizeof packed};
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    x->req.encoding = INFLATE_GZIP;
    CHECK(exchange_add_body(x, (char *)packed, z.total_out - cut));
    struct exchange_memory m = {memory_max, 10000};
    bool ok = exchange_decode_body(x, 1000, &m);
    enum refusal why = x->refused;
    CHECK(ok == (why == REFUSE_NONE));
    if (ok) CHECK(x->body.n == n && memcmp(x->body.p, text, n) == 0);
    if (ok) CHECK_INT(x->counted, n);
    exchange_give(x);
    free_kept();
    return why;
}

static void a_packed_body_has_the_limits_of_what_it_becomes(void) {
    CHECK_INT(decode_packed(1000, 0, 2500), REFUSE_NONE);
    CHECK_INT(decode_packed(1001, 0, 2500), REFUSE_BODY_BYTES);
    CHECK_INT(decode_packed(1000, 1, 2500), REFUSE_MALFORMED);
    CHECK_INT(decode_packed(1000, 0, 999), REFUSE_BODY_MEMORY);
    CHECK_INT(decode_packed(0, 0, 2500), REFUSE_NONE);
}

static void the_first_reason_stands(void) {
    struct exchange *x = take();
    CHECK(!exchange_refuse(x, REFUSE_DEPTH, "number %d", 1));
    CHECK(!exchange_refuse(x, REFUSE_AUTH, "number %d", 2));
    CHECK_INT(x->refused, REFUSE_DEPTH);
    CHECK_STR(x->why, "number 1");
    exchange_give(x);
    free_kept();
}

static int g_released;

static void note_release(struct exchange *x) {
    CHECK(x->handler_state == &g_released);
    g_released++;
}

static void a_few_are_kept_with_their_memory_and_nothing_else(void) {
    enum { N = SERVER_THREAD_EXCHANGES_KEPT + 5 };
    static struct exchange *x[N];
    for (int i = 0; i < N; i++) {
        x[i] = take();
        x[i]->handler_state = &g_released;
        x[i]->release = note_release;
        x[i]->closes_after = x[i]->head_out = true;
        x[i]->entries = 5;
        buf_put(&x[i]->out, BYTES, 100);
        if (i % 2) CHECK(buf_reserve(&x[i]->out, 1 << 20) && arena_alloc(&x[i]->arena, 1 << 20));
    }
    for (int i = 0; i < N; i++) exchange_give(x[i]);
    CHECK_INT(g_released, N);
    CHECK_INT(g_thread.free_exchanges_n, SERVER_THREAD_EXCHANGES_KEPT);
    for (const struct exchange *k = g_thread.free_exchanges; k; k = k->next) {
        CHECK(k->out.n == 0 && k->out.cap < 1 << 20 && k->arena.bytes < 1 << 20);
        CHECK(!k->handler_state && !k->release && !k->closes_after && !k->head_out && k->entries == 0 && !k->route);
    }
    CHECK_INT(g_thread.away, 0);
    free_kept();
}

CHECK_MAIN(CHECK_TEST(a_body_has_its_limits), CHECK_TEST(a_client_has_a_share_of_the_memory),
           CHECK_TEST(a_stream_is_not_counted_as_a_whole), CHECK_TEST(a_packed_body_has_the_limits_of_what_it_becomes),
           CHECK_TEST(the_first_reason_stands), CHECK_TEST(a_few_are_kept_with_their_memory_and_nothing_else))
