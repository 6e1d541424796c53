#include "stream/reader.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/file.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

static const char PATH[] = "/tmp/logclass_reader_test";

static void reader_put(struct span s) {
    struct err e = {0};
    CHECK(file_write(PATH, s, &e));
}

/* All messages of the file, each followed by '|', and their sources in `sources`. */
static struct buf g_messages, g_sources;

static bool reader_read_all(enum reader_format format, struct err *e) {
    static struct chunk c;
    struct reader_opts o = {.format = format, .source = SPAN_LIT("src")};
    buf_release(&g_messages);
    buf_release(&g_sources);
    buf_init(&g_messages, 64 << 20);
    buf_init(&g_sources, 64 << 20);
    struct reader *r = reader_open(PATH, &o, e);
    if (!r) return false;
    chunk_init(&c);
    bool ok;
    do {
        ok = reader_next(r, &c, 0, e);
        for (uint32_t i = 0; i < c.batch.n; i++) {
            buf_put(&g_messages, c.rec[i].message.p, c.rec[i].message.n);
            buf_putc(&g_messages, '|');
            buf_put(&g_sources, c.rec[i].source.p, c.rec[i].source.n);
            buf_putc(&g_sources, '|');
        }
    } while (ok && !reader_is_ended(r));
    chunk_release(&c);
    reader_close(r);
    return ok;
}

#define CHECK_READ(text, format, messages, sources)  \
    do {                                             \
        struct err e_ = {0};                         \
        reader_put(SPAN_LIT(text));                  \
        CHECK(reader_read_all(format, &e_));         \
        CHECK_SPAN(buf_span(&g_messages), messages); \
        CHECK_SPAN(buf_span(&g_sources), sources);   \
    } while (0)

static void every_line_is_a_record(void) {
    CHECK_READ("", READER_AUTO, "", "");
    CHECK_READ("\n", READER_AUTO, "|", "src|");
    CHECK_READ("a\n\nb\r\nc", READER_AUTO, "a||b|c|", "src|src|src|src|");
    struct err e = {0};
    reader_put(SPAN_LIT("\xff\xfd\n\0x\n")); /* not UTF-8; a NUL */
    CHECK(reader_read_all(READER_AUTO, &e));
    CHECK(span_eq(buf_span(&g_messages), SPAN_LIT("\xff\xfd|\0x|")));
}

static void formats_are_found_out(void) {
    CHECK_READ("{\"source\":\"a\",\"log_message\":\"x\\ny\"}\nplain\n{\"msg\":\"m\"}\n", READER_AUTO, "x\ny|plain|m|",
               "a|src|src|");
    CHECK_READ("id,source,log_message\n1,app,\"he said \"\"no\"\"\nand left\"\n2,,z\n", READER_AUTO,
               "he said \"no\"\nand left|z|", "app||");
    CHECK_READ("{\"text\":\"m\",\"service\":\"s\"}\n", READER_AUTO, "m|", "s|");
    CHECK_READ("message in a bottle\n", READER_AUTO, "message in a bottle|", "src|");
    CHECK_READ("{\"msg\":\"m\"}\n", READER_LINES, "{\"msg\":\"m\"}|", "src|");
}

static void csv_trouble_is_named(void) {
    struct err e = {0};
    reader_put(SPAN_LIT("a,b\n1,2\n"));
    CHECK(!reader_read_all(READER_CSV, &e));
    CHECK(strstr(e.msg, "log_message") && strstr(e.msg, "a, b"));
    reader_put(SPAN_LIT("source,log_message\nx,good\ny,\"never closed\n"));
    CHECK(!reader_read_all(READER_CSV, &e));
    CHECK(strstr(e.msg, ":3"));
    CHECK_SPAN(buf_span(&g_messages), "good|"); /* what came before is not lost */
}

/* Lines around the limits: counted, cut, and the next line whole. */
static void long_lines_are_cut_not_lost(void) {
    static const size_t SIZES[] = {CHUNK_LINE_MAX - 1, CHUNK_LINE_MAX,  CHUNK_LINE_MAX + 1, CHUNK_BYTES - 1,
                                   CHUNK_BYTES,        CHUNK_BYTES + 1, 3 * CHUNK_BYTES};
    for (size_t k = 0; k < sizeof SIZES / sizeof SIZES[0]; k++) {
        struct buf text;
        struct err e = {0};
        buf_init(&text, 16 << 20);
        char *p = buf_reserve(&text, SIZES[k]);
        memset(p, 'x', SIZES[k]);
        text.n = SIZES[k];
        buf_puts(&text, "\nnext\n");
        reader_put(buf_span(&text));
        CHECK(reader_read_all(READER_LINES, &e));
        size_t kept = SIZES[k] < CHUNK_LINE_MAX ? SIZES[k] : CHUNK_LINE_MAX;
        CHECK_INT(g_messages.n, kept + 1 + 5);
        CHECK_SPAN(span_sub(buf_span(&g_messages), kept, SIZE_MAX), "|next|");
        buf_release(&text);
    }
}

static void many_lines_cross_chunks(void) {
    struct buf text;
    struct err e = {0};
    buf_init(&text, 16 << 20);
    for (int i = 0; i < 50000; i++) buf_printf(&text, "line number %d of many\n", i);
    reader_put(buf_span(&text));
    CHECK(reader_read_all(READER_AUTO, &e));
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\n') text.p[i] = '|';
    CHECK(span_eq(buf_span(&text), buf_span(&g_messages)));
    buf_release(&text);
}

static void compressed_files_are_read(void) {
    static const char TEXT[] = "one\ntwo\n";
    unsigned char packed[256];
    struct err e = {0};
    z_stream z = {0};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *)(uintptr_t)TEXT;
    z.avail_in = sizeof TEXT - 1;
    z.next_out = packed;
    z.avail_out = sizeof packed;
    CHECK_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = z.total_out;
    deflateEnd(&z);
    memcpy(packed + n, packed, n); /* two members, as log rotation by cat makes them */
    reader_put((struct span){(char *)packed, 2 * n});
    CHECK(reader_read_all(READER_AUTO, &e));
    CHECK_SPAN(buf_span(&g_messages), "one|two|one|two|");
    reader_put((struct span){(char *)packed, 2 * n - 5});
    CHECK(!reader_read_all(READER_AUTO, &e));
    CHECK(strstr(e.msg, "cut short"));
    CHECK(g_messages.n >= 8); /* the first member at least */
    n = ZSTD_compress(packed, sizeof packed, TEXT, sizeof TEXT - 1, 3);
    reader_put((struct span){(char *)packed, n});
    CHECK(reader_read_all(READER_AUTO, &e));
    CHECK_SPAN(buf_span(&g_messages), "one|two|");
    reader_put((struct span){(char *)packed, n - 1});
    CHECK(!reader_read_all(READER_AUTO, &e));
    packed[7] ^= 0x55;
    reader_put((struct span){(char *)packed, n});
    CHECK(!reader_read_all(READER_AUTO, &e));
}

static void missing_files_are_named(void) {
    struct err e = {0};
    unlink(PATH);
    CHECK(!reader_read_all(READER_AUTO, &e));
    CHECK(strstr(e.msg, PATH));
    struct reader_opts o = {0};
    CHECK(reader_open("/tmp", &o, &e) == NULL);
    CHECK(strstr(e.msg, "directory"));
}

/* The last file's text is freed too, so that leak checkers stay quiet. */
static void release(void) {
    buf_release(&g_messages);
    buf_release(&g_sources);
}

CHECK_MAIN(CHECK_TEST(every_line_is_a_record), CHECK_TEST(formats_are_found_out), CHECK_TEST(csv_trouble_is_named),
           CHECK_TEST(long_lines_are_cut_not_lost), CHECK_TEST(many_lines_cross_chunks),
           CHECK_TEST(compressed_files_are_read), CHECK_TEST(missing_files_are_named), CHECK_TEST(release))
