#include "base/inflate.h"

#include "base/check.h"

#include <bzlib.h>
#include <lzma.h>
#include <stdint.h>
#include <zlib.h>
#include <zstd.h>

enum { TEXT_BYTES = 300000, PACKED_BYTES = 400000 };

static char g_text[TEXT_BYTES], g_packed[PACKED_BYTES], g_out[2 * TEXT_BYTES];

/* Something that shrinks, but not to nothing. */
static void inflate_write_text(void) {
    uint32_t x = 7;
    for (size_t i = 0; i < sizeof g_text; i++) {
        x = x * 1664525u + 1013904223u;
        g_text[i] = (char)('a' + (x >> 24) % 11);
    }
}

static size_t pack_gzip(const char *p, size_t n, char *to, size_t room) {
    union {
        const char *read_only;
        unsigned char *p;
    } in = {.read_only = p};
    z_stream z = {.next_in = in.p, .avail_in = (uInt)n, .next_out = (unsigned char *)to, .avail_out = (uInt)room};
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static size_t pack_zstd(const char *p, size_t n, char *to, size_t room) {
    size_t size = ZSTD_compress(to, room, p, n, 3);
    CHECK(!ZSTD_isError(size));
    return size;
}

static size_t pack_xz(const char *p, size_t n, char *to, size_t room) {
    size_t at = 0;
    CHECK(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, (const uint8_t *)p, n, (uint8_t *)to, &at, room) ==
          LZMA_OK);
    return at;
}

static size_t pack_bzip2(const char *p, size_t n, char *to, size_t room) {
    union {
        const char *read_only;
        char *p;
    } in = {.read_only = p};
    unsigned size = (unsigned)room;
    CHECK(BZ2_bzBuffToBuffCompress(to, &size, in.p, (unsigned)n, 9, 0, 0) == BZ_OK);
    return size;
}

static size_t copy(const char *p, size_t n, char *to, size_t room) {
    CHECK(n <= room);
    memcpy(to, p, n);
    return n;
}

static const struct packer {
    enum inflate_format format;
    size_t (*pack)(const char *p, size_t n, char *to, size_t room);
} PACKERS[] = {{INFLATE_PLAIN, copy},
               {INFLATE_GZIP, pack_gzip},
               {INFLATE_ZSTD, pack_zstd},
               {INFLATE_XZ, pack_xz},
               {INFLATE_BZIP2, pack_bzip2}};

enum { PACKED_FORMATS = sizeof PACKERS / sizeof PACKERS[0] };

/* Feeds the decoder pieces of `step` bytes with room for `room` each time. Returns what came out; *ok: no error. */
static size_t decode_in_pieces(struct inflate *d, struct span all, size_t step, size_t room, bool *ok) {
    struct err e = {0};
    size_t n = 0, got = room;
    *ok = true;
    while (*ok && all.n > 0) {
        struct span piece = span_sub(all, 0, step);
        all = span_sub(all, step, all.n);
        do {
            *ok = inflate_read(d, &piece, g_out + n, room, &got, &e);
            n += got;
            CHECK(n + room < sizeof g_out);
        } while (*ok && got == room);
        CHECK(!*ok || piece.n == 0);
    }
    CHECK(*ok || (e.code == ERR_INPUT && strstr(e.msg, "data is damaged")));
    return n;
}

static void formats_are_told_by_their_first_bytes(void) {
    for (size_t i = 0; i < PACKED_FORMATS; i++) {
        size_t n = PACKERS[i].pack("hello", 5, g_packed, sizeof g_packed);
        CHECK_INT(inflate_detect((struct span){g_packed, n}), PACKERS[i].format);
    }
    CHECK_INT(inflate_detect(SPAN_LIT("")), INFLATE_PLAIN);
    CHECK_INT(inflate_detect(SPAN_LIT("\x1f")), INFLATE_PLAIN);
    CHECK_INT(inflate_detect(SPAN_LIT("\x28\xb5\x2f")), INFLATE_PLAIN);
}

static void every_cut_gives_the_same_text(void) {
    static const size_t STEP[] = {1, 13, 4096, PACKED_BYTES}, ROOM[] = {7, 1000, 65536};
    inflate_write_text();
    for (size_t f = 0; f < PACKED_FORMATS; f++)
        for (size_t s = 0; s < 4; s++)
            for (size_t r = 0; r < 3; r++) {
                size_t n = PACKERS[f].pack(g_text, 50000, g_packed, sizeof g_packed);
                struct inflate *d = inflate_open(PACKERS[f].format, INFLATE_WINDOW_LOG_NETWORK);
                bool ok;
                size_t got = decode_in_pieces(d, (struct span){g_packed, n}, STEP[s], ROOM[r], &ok);
                CHECK(ok && inflate_is_whole(d));
                CHECK(got == 50000 && memcmp(g_out, g_text, got) == 0);
                inflate_close(d);
            }
}

static void members_in_a_row_are_one_text(void) {
    inflate_write_text();
    for (size_t f = 0; f < PACKED_FORMATS; f++) {
        size_t n = PACKERS[f].pack(g_text, 1000, g_packed, sizeof g_packed);
        n += PACKERS[f].pack("", 0, g_packed + n, sizeof g_packed - n); /* an empty one is nothing */
        n += PACKERS[f].pack(g_text + 1000, 2000, g_packed + n, sizeof g_packed - n);
        struct inflate *d = inflate_open(PACKERS[f].format, INFLATE_WINDOW_LOG_FILE);
        bool ok;
        size_t got = decode_in_pieces(d, (struct span){g_packed, n}, 11, 100, &ok);
        CHECK(ok && inflate_is_whole(d) && got == 3000 && memcmp(g_out, g_text, got) == 0);
        inflate_close(d);
    }
}

static void a_text_that_is_cut_short_is_not_whole(void) {
    inflate_write_text();
    for (size_t f = 1; f < PACKED_FORMATS; f++) {
        size_t n = PACKERS[f].pack(g_text, 1000, g_packed, sizeof g_packed);
        for (size_t cut = 1; cut < n; cut += 1 + n / 50) {
            struct inflate *d = inflate_open(PACKERS[f].format, INFLATE_WINDOW_LOG_FILE);
            CHECK(inflate_is_whole(d)); /* nothing came yet */
            bool ok;
            size_t got = decode_in_pieces(d, (struct span){g_packed, n - cut}, 16, 100, &ok);
            CHECK(ok && !inflate_is_whole(d));
            CHECK(got <= 1000 && memcmp(g_out, g_text, got) == 0);
            inflate_close(d);
        }
    }
}

static void damaged_data_is_an_error_at_its_place(void) {
    inflate_write_text();
    for (size_t f = 1; f < PACKED_FORMATS; f++) {
        size_t n = PACKERS[f].pack(g_text, 1000, g_packed, sizeof g_packed);
        memcpy(g_packed + n, "not a member", 12); /* what follows a member must be one, too */
        struct inflate *d = inflate_open(PACKERS[f].format, INFLATE_WINDOW_LOG_FILE);
        struct span in = {g_packed, n + 12};
        struct err e = {0};
        size_t got;
        CHECK(!inflate_read(d, &in, g_out, sizeof g_out, &got, &e));
        CHECK(e.code == ERR_INPUT && strstr(e.msg, "damaged"));
        CHECK(got == 1000 && memcmp(g_out, g_text, got) == 0); /* what came before is good */
        CHECK(in.p >= g_packed + n && in.p <= g_packed + n + 12);
        inflate_close(d);
        g_packed[n / 2] = (char)(g_packed[n / 2] ^ 0x55);
        d = inflate_open(PACKERS[f].format, INFLATE_WINDOW_LOG_FILE);
        bool ok;
        decode_in_pieces(d, (struct span){g_packed, n}, n, sizeof g_out / 2, &ok);
        CHECK(!ok || memcmp(g_out, g_text, 1000) != 0 || !inflate_is_whole(d));
        inflate_close(d);
    }
}

static void output_is_bounded(void) {
    static char big[1 << 20];
    for (size_t f = 0; f < PACKED_FORMATS; f++) {
        size_t n = PACKERS[f].format ? PACKERS[f].pack(big, sizeof big, g_packed, sizeof g_packed) : PACKED_BYTES;
        struct inflate *d = inflate_open(PACKERS[f].format, INFLATE_WINDOW_LOG_NETWORK);
        struct span in = {PACKERS[f].format ? g_packed : big, n};
        struct buf out;
        struct err e = {0};
        buf_init(&out, 200000);
        CHECK(inflate_append(d, &in, &out, 100000, &e));
        CHECK_INT(out.n, 100000);
        CHECK(inflate_append(d, &in, &out, 70001, &e)); /* it goes on where it stopped */
        CHECK_INT(out.n, 170001);
        CHECK(!inflate_append(d, &in, &out, 100000, &e));
        CHECK_INT(e.code, ERR_MEMORY);
        CHECK(out.n <= 200000);
        inflate_close(d);
        buf_release(&out);
    }
}

/* A sender decides how much memory a window takes; one from the network may take less than a file. */
static void a_large_window_is_for_files_only(void) {
    static char big[17 << 20];
    static char packed[1 << 20];
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 24);
    ZSTD_inBuffer in = {big, sizeof big, 0};
    ZSTD_outBuffer out = {packed, sizeof packed, 0};
    while (ZSTD_compressStream2(c, &out, &in, ZSTD_e_end) != 0) CHECK(out.pos < out.size);
    ZSTD_freeCCtx(c);
    static const unsigned WINDOW[] = {INFLATE_WINDOW_LOG_NETWORK, INFLATE_WINDOW_LOG_FILE};
    for (size_t i = 0; i < 2; i++) {
        struct inflate *d = inflate_open(INFLATE_ZSTD, WINDOW[i]);
        struct span from = {packed, out.pos};
        struct err e = {0};
        size_t got;
        CHECK(inflate_read(d, &from, g_out, 1000, &got, &e) == (WINDOW[i] == INFLATE_WINDOW_LOG_FILE));
        inflate_close(d);
    }
}

CHECK_MAIN(CHECK_TEST(formats_are_told_by_their_first_bytes), CHECK_TEST(every_cut_gives_the_same_text),
           CHECK_TEST(members_in_a_row_are_one_text), CHECK_TEST(a_text_that_is_cut_short_is_not_whole),
           CHECK_TEST(damaged_data_is_an_error_at_its_place), CHECK_TEST(output_is_bounded),
           CHECK_TEST(a_large_window_is_for_files_only))
