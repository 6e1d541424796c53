#include "base/deflate.h"

#include "base/check.h"
#include "base/inflate.h"

static void what_is_packed_is_unpacked(void) {
    static char text[300000];
    struct buf packed, again;
    struct err e = {0};
    buf_init(&packed, 1 << 20);
    buf_init(&again, 1 << 20);
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + i * i % 23);
    for (size_t n = 0; n <= sizeof text; n += sizeof text / 3) {
        buf_reset(&packed);
        buf_reset(&again);
        CHECK(deflate_gzip((struct span){text, n}, &packed));
        struct inflate *d = inflate_open(INFLATE_GZIP, INFLATE_WINDOW_LOG_NETWORK);
        struct span in = buf_span(&packed);
        CHECK(inflate_append(d, &in, &again, sizeof text + 1, &e) && inflate_is_whole(d));
        CHECK(span_eq(buf_span(&again), (struct span){text, n}));
        inflate_close(d);
    }
    CHECK(packed.n < sizeof text / 2);
    buf_release(&packed);
    buf_release(&again);
}

static void without_room_it_says_so(void) {
    struct buf small;
    buf_init(&small, 20);
    CHECK(!deflate_gzip(SPAN_LIT("some text"), &small) && small.n == 0);
    buf_release(&small);
}

CHECK_MAIN(CHECK_TEST(what_is_packed_is_unpacked), CHECK_TEST(without_room_it_says_so))
