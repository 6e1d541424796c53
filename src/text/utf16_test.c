#include "text/utf16.h"

#include "base/check.h"

/* The whole of it, in pieces of `step` bytes. */
static struct span utf16_all(bool big, struct span in, size_t step, char *to, size_t room) {
    struct utf16 u = {.big_endian = big};
    size_t n = 0;
    for (size_t from = 0, end = step < in.n ? step : in.n; n < room;) {
        struct span piece = {in.p + from, end - from};
        size_t got = utf16_decode(&u, &piece, end == in.n, to + n, room - n);
        n += got;
        from = end - piece.n;
        if (got == 0 && end == in.n) break;
        end = end + step < in.n ? end + step : in.n;
    }
    return (struct span){to, n};
}

static void both_byte_orders_in_any_pieces(void) {
    char out[100];
    for (size_t step = 1; step < 12; step++) {
        CHECK_SPAN(utf16_all(false, SPAN_LIT("a\0\xe4\0\xac\x20\x3d\xd8\x00\xde\n\0"), step, out, sizeof out),
                   "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n");
        CHECK_SPAN(utf16_all(true, SPAN_LIT("\0a\0\xe4\x20\xac\xd8\x3d\xde\0\0\n"), step, out, sizeof out),
                   "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n");
    }
}

static void what_is_no_character_is_replaced(void) {
    char out[100];
    CHECK_SPAN(utf16_all(false, SPAN_LIT("\x3d\xd8x\0\x00\xdey\0"), 3, out, sizeof out), "\xef\xbf\xbdx\xef\xbf\xbdy");
    CHECK_SPAN(utf16_all(false, SPAN_LIT("a\0\x3d\xd8"), 4, out, sizeof out), "a\xef\xbf\xbd");
    CHECK_SPAN(utf16_all(false, SPAN_LIT("a\0b"), 4, out, sizeof out), "a\xef\xbf\xbd");
    CHECK_SPAN(utf16_all(false, SPAN_LIT(""), 4, out, sizeof out), "");
}

CHECK_MAIN(CHECK_TEST(both_byte_orders_in_any_pieces), CHECK_TEST(what_is_no_character_is_replaced))
