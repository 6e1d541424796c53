#include "text/proto.h"

#include "base/check.h"

static void what_is_written_is_read(void) {
    struct buf out;
    buf_init(&out, 4096);
    proto_put_uint(&out, 1, 0);
    proto_put_uint(&out, 16, UINT64_MAX);
    proto_put_bytes(&out, 2, SPAN_LIT("a\0b"));
    proto_put_fixed64(&out, 3, 0x1122334455667788u);
    proto_put_fixed32(&out, 4, 0xdeadbeefu);
    proto_put_double(&out, 536870911, 0.5);
    struct span in = buf_span(&out);
    struct proto_field f;
    CHECK(proto_take(&in, &f) && f.number == 1 && f.type == PROTO_VARINT && f.value == 0);
    CHECK(proto_take(&in, &f) && f.number == 16 && f.value == UINT64_MAX && f.whole.n == 12);
    CHECK(proto_take(&in, &f) && f.number == 2 && span_eq(f.bytes, SPAN_LIT("a\0b")));
    CHECK_INT(f.whole.n, proto_bytes_size(2, 3));
    CHECK(proto_take(&in, &f) && f.type == PROTO_FIXED64 && f.value == 0x1122334455667788u);
    CHECK(proto_take(&in, &f) && f.type == PROTO_FIXED32 && f.value == 0xdeadbeefu);
    CHECK(proto_take(&in, &f) && f.number == 536870911 && f.value == 0x3fe0000000000000u);
    CHECK(!proto_take(&in, &f) && in.n == 0);
    buf_release(&out);
}

static void what_is_no_field_stays(void) {
    const struct span NONE[] = {
        SPAN_LIT("\x0a"), /* no length */
        SPAN_LIT("\x0a\x05"
                 "abc"),                                          /* longer than what is there */
        SPAN_LIT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* a length that wraps */
        SPAN_LIT("\x08"),
        SPAN_LIT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* eleven bytes of a number */
        SPAN_LIT("\x09"
                 "1234567"),
        SPAN_LIT("\x0d"
                 "123"),
        SPAN_LIT("\x0b\x0c"), /* a group */
        SPAN_LIT("\x02\x00"), /* number 0 */
    };
    struct proto_field f;
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++) {
        struct span in = NONE[i];
        CHECK(!proto_take(&in, &f) && in.n == NONE[i].n);
    }
}

static void sizes_are_those_of_what_is_written(void) {
    static const size_t N[] = {0, 1, 127, 128, 16383, 16384};
    static char big[16384];
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < sizeof N / sizeof N[0]; i++) {
        buf_reset(&out);
        proto_put_bytes(&out, 16, (struct span){big, N[i]});
        CHECK_INT(out.n, proto_bytes_size(16, N[i]));
    }
    buf_release(&out);
}

CHECK_MAIN(CHECK_TEST(what_is_written_is_read), CHECK_TEST(what_is_no_field_stays),
           CHECK_TEST(sizes_are_those_of_what_is_written))
