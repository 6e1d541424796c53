#include "text/frame.h"

#include "base/check.h"

enum { MOST = 20 };

/* All messages of the stream, come in pieces of so many bytes, each followed by '|'. */
static const char *frame_take_all(const char *stream, size_t piece) {
    static char out[1024], in[1024];
    size_t n = 0, sent = 0, total = strlen(stream), skip = 0;
    bool to_newline = false;
    out[0] = '\0';
    for (;;) {
        bool ended = sent == total;
        struct frame f;
        while (true) {
            if (to_newline) {
                char *nl = memchr(in, '\n', n);
                size_t drop = nl ? (size_t)(nl - in) + 1 : n;
                n -= drop, memmove(in, in + drop, n);
                if (!nl) break;
                to_newline = false;
            }
            size_t drop = skip < n ? skip : n;
            n -= drop, skip -= drop, memmove(in, in + drop, n);
            if (!frame_take((struct span){in, n}, MOST, ended, &f)) break;
            snprintf(out + strlen(out), sizeof out - strlen(out), "%.*s%s|", (int)f.message.n, f.message.p,
                     f.cut ? "…" : "");
            skip = f.skip, to_newline = f.to_newline;
            n -= f.used, memmove(in, in + f.used, n);
        }
        if (ended) return out;
        size_t more = total - sent < piece ? total - sent : piece;
        memcpy(in + n, stream + sent, more);
        n += more, sent += more;
    }
}

static void framings_are_found_for_each_message(void) {
    static const struct {
        const char *stream, *messages;
    } ROWS[] = {
        {"<1>a\n<2>b\n", "<1>a|<2>b|"},
        {"4 <1>a5 <2>bb<3>c\n", "<1>a|<2>bb|<3>c|"},
        {"<3>c\n4 <1>a<4>d\n", "<3>c|<1>a|<4>d|"},
        {"8 <1>a\nb\nc<2>x\n", "<1>a\nb\nc|<2>x|"},
        {"12 errors\nplain\n", "12 errors|plain|"},
        {"<1>no end", "<1>no end|"},
        {"9 <1>cut", "<1>cut|"},
        {"\n\n", "||"},
        {"<1>0123456789012345678901234567\n<2>b\n", "<1>01234567890123456…|<2>b|"},
        {"30 <1>012345678901234567890123456<2>b\n", "<1>01234567890123456…|<2>b|"},
        {"99999999 <1>a\n", "99999999 <1>a|"},
        {"0 <1>a\n", "0 <1>a|"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        for (size_t piece = 1; piece < 50; piece += piece < 12 ? 1 : 37)
            CHECK_STR(frame_take_all(ROWS[i].stream, piece), ROWS[i].messages);
}

static void a_nul_ends_a_message_too(void) {
    struct frame f;
    CHECK(frame_take((struct span){"<1>a\0<2>b\n", 10}, MOST, false, &f));
    CHECK_SPAN(f.message, "<1>a");
    CHECK_INT(f.used, 5);
    CHECK(!frame_take((struct span){"", 0}, MOST, true, &f));
}

CHECK_MAIN(CHECK_TEST(framings_are_found_for_each_message), CHECK_TEST(a_nul_ends_a_message_too))
