/* POST /classify with NDJSON: answers while it is read, whatever its size, over a reload. */
#include "api/fixture.h"

#include <zlib.h>

#define STREAM_HEAD "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson; charset=utf-8\r\n"

/* Takes the chunks out of the answer, in place. */
static void unchunk(void) {
    const char *from = fix.body;
    char *to = fix.answer + (fix.body - fix.answer);
    for (size_t n; (n = strtoul(from, NULL, 16)) > 0; from += n + 2) {
        from = strstr(from, "\r\n") + 2;
        memmove(to, from, n);
        to += n;
    }
    *to = '\0';
}

static unsigned count_lines(const char *text, const char *part) {
    unsigned n = 0;
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
        n += memmem(text, (size_t)(end - text), part, strlen(part)) != NULL;
    return n;
}

static void a_stream_answers_line_by_line(void) {
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    static const char BODY[] =
        "{\"log_message\":\"User a\"}\r\n\n{\"log_message\":5}\nnonsense\n{\"log_message\":\"x\"}";
    CHECK_INT(fix_post("Content-Type: application/x-ndjson\r\n", BODY, sizeof BODY - 1), 200);
    CHECK(fix_says("\r\nContent-Type: application/x-ndjson\r\n") && fix_says("Transfer-Encoding: chunked"));
    unchunk();
    CHECK_STR(fix.body,
              "{\"label_id\":\"USER_ACTION\",\"label\":\"User Action\",\"source\":\"regex\",\"confidence\":0.95}\n"
              "{\"error\":\"line 3: log_message: expected a string, not number\"}\n"
              "{\"error\":\"line 4: byte 0: invalid literal, expected a valid literal such as 'null'\"}\n"
              "{\"label_id\":\"UNCLASSIFIED\",\"label\":\"Unclassified\",\"source\":\"fallback\",\"confidence\":0}\n");
    CHECK_INT(fix_post("Content-Type: application/x-ndjson\r\n", "\n \n", 3), 400);
    CHECK(fix_says("no log entries provided"));
    CHECK_INT(fix_post("Content-Type: application/x-ndjson\r\n", "", 0), 400);
    fix_busy(true);
    CHECK_INT(fix_post("Content-Type: application/x-ndjson\r\n", BODY, sizeof BODY - 1), 503);
    fix_busy(false);
    fix_later_bytes = 0;
    int fd = fix_connect(); /* no chunks in HTTP/1.0: the close is the end */
    fix_say(fd, "POST /classify HTTP/1.0\r\nContent-Type: application/jsonl\r\nConnection: "
                "keep-alive\r\nContent-Length: 2\r\n\r\n{}");
    CHECK_INT(fix_read(fd), 200);
    CHECK(fix_says("Connection: close\r\n") && fix_says("\"confidence\":0}\n"));
    CHECK(strstr(fix.answer, "Content-Length") == NULL && strstr(fix.answer, "chunked") == NULL);
    close(fd);
    fix_end();
}

/* A connection on which a stream of chunks has begun, nothing of its answer read. */
static int begin_stream(void) {
    int fd = fix_connect();
    fix_later_bytes = 0;
    fix.answer_bytes = 0;
    fix.answer[0] = '\0';
    fix_say(fd, STREAM_HEAD "Transfer-Encoding: chunked\r\n\r\n");
    return fd;
}

static void a_stream_talks_while_it_listens(void) {
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    int fd = begin_stream();
    for (int i = 0; i < 5; i++) {
        if (i == 3) fix_busy(true); /* in the middle: it waits */
        fix_say(fd, "19\r\n{\"log_message\":\"User a\"}\n\r\n");
        if (i == 3) usleep(100000), fix_busy(false);
        size_t before = fix.answer_bytes;
        CHECK(fix_more(fd, FIXTURE_WAIT_MS) > 0);
        CHECK(strstr(fix.answer + before, "USER_ACTION") != NULL);
    }
    fix_say(fd, "0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    while (!strstr(fix.answer, "alive") && fix_more(fd, FIXTURE_WAIT_MS) > 0)
        ;
    CHECK(strstr(fix.answer, "\r\n0\r\n\r\nHTTP/1.1 200 OK") != NULL);
    close(fd);
    fix_end();
}

static char g_many[5000 * 40], g_packed[100000];

static void a_stream_has_no_end_but_limits(void) {
    enum { LINES = 5000 };
    struct api_opts o = fix_opts();
    o.http.body_bytes_max = 1000;
    o.line_bytes_max = 1000;
    if (!fix_start(&o)) return;
    size_t n = 0;
    for (int i = 0; i < LINES; i++)
        n += (size_t)snprintf(g_many + n, sizeof g_many - n, "{\"log_message\":\"%s %d\"}\n", i % 7 ? "line" : "User",
                              i);
    CHECK_INT(fix_post("Content-Type: application/x-ndjson\r\n", g_many, n), 200);
    unchunk();
    CHECK_INT(count_lines(fix.body, "USER_ACTION"), (LINES + 6) / 7);
    CHECK_INT(count_lines(fix.body, "UNCLASSIFIED"), LINES - (LINES + 6) / 7);
    CHECK(atomic_load(&fix_api.largest) <= 512);
    uLongf size = sizeof g_packed; /* a zlib stream is no gzip: */
    union {
        const char *read_only;
        unsigned char *p;
    } in = {.read_only = g_many}, packed = {.read_only = g_packed};
    CHECK(compress(packed.p, &size, in.p, n) == Z_OK);
    CHECK_INT(fix_post("Content-Type: application/x-ndjson\r\nContent-Encoding: gzip\r\n", g_packed, size), 200);
    CHECK(fix_says("{\"error\":\"line 1: the gzip data is damaged"));
    z_stream z = {.next_in = in.p, .avail_in = (uInt)n, .next_out = packed.p, .avail_out = sizeof g_packed};
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK &&
          deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    CHECK_INT(fix_post("Content-Type: application/x-ndjson\r\nContent-Encoding: gzip\r\n", g_packed, z.total_out), 200);
    unchunk();
    CHECK_INT(count_lines(fix.body, "label_id"), LINES);
    memset(g_many, '\n', sizeof g_many - 5); /* empty lines are read, in turns */
    memcpy(g_many + sizeof g_many - 5, "{}\n", 3);
    CHECK_INT(fix_post("Content-Type: application/x-ndjson\r\n", g_many, sizeof g_many - 2), 200);
    unchunk();
    CHECK_INT(count_lines(fix.body, "label_id"), 1);
    memset(g_many, 'a', sizeof g_many);
    CHECK_INT(fix_post("Content-Type: application/x-ndjson\r\n", g_many, sizeof g_many), 200);
    CHECK(fix_says("{\"error\":\"line 1: too long\"}\n"));
    fix_end();
}

static void send_line(int fd) {
    static const char LINE[] = "{\"log_message\":\"User a\"}\n";
    char chunk[100];
    snprintf(chunk, sizeof chunk, "%zx\r\n%s\r\n", sizeof LINE - 1, LINE);
    size_t before = fix.answer_bytes;
    fix_say(fd, chunk);
    while (!memmem(fix.answer + before, fix.answer_bytes - before, "}\n\r\n", 4) && fix_more(fd, FIXTURE_WAIT_MS) > 0)
        ;
}

/* Each batch is decided by the engine, and answered with the labels, that are in force when it begins. */
static void a_reload_in_the_middle_is_taken_up(void) {
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    int fd = begin_stream();
    send_line(fd);
    CHECK(fix_says("\"label_id\":\"USER_ACTION\",\"label\":\"User Action\""));
    struct engine *before = engine_ref(fix_api.engine);
    fix_load(fix_engine("FIRST | First | x\nSECOND | Second | y\n", "SECOND"));
    CHECK_INT(atomic_load(&before->pinned), 0); /* nothing of the stream holds it between two batches */
    engine_unref(before);
    send_line(fd);
    CHECK(fix_says("\"label_id\":\"SECOND\",\"label\":\"Second\""));
    fix_say(fd, "0\r\n\r\n");
    while (!strstr(fix.answer, "\r\n0\r\n\r\n") && fix_more(fd, FIXTURE_WAIT_MS) > 0)
        ;
    CHECK_INT(count_lines(fix.answer, "USER_ACTION"), 1);
    close(fd);
    fix_end();
}

/* An idle stream is counted as what it holds, which is little, so that many of one client leave the others room. */
static void idle_streams_leave_others_room(void) {
    enum { STREAMS = 256 };
    struct api_opts o = fix_opts();
    o.http.body_memory_max = 4 << 20;
    o.http.client_memory_max = 3 << 20;
    if (!fix_start(&o)) return;
    static int fd[STREAMS];
    for (int i = 0; i < STREAMS; i++) {
        fd[i] = fix_connect();
        fix_say(fd[i], STREAM_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n");
        fix.answer_bytes = 0;
        while (!(fix.answer_bytes > 0 && strstr(fix.answer, "}\n\r\n")) && fix_more(fd[i], FIXTURE_WAIT_MS) > 0)
            ;
        CHECK(fix_says("200 OK") && fix_says("UNCLASSIFIED"));
    }
    CHECK_INT(fix_post("", "[{}]", 4), 200);
    for (int i = 0; i < STREAMS; i++) {
        fix_later_bytes = 0;
        fix.answer_bytes = 0;
        fix_say(fd[i], "3\r\n{}\n\r\n0\r\n\r\n"); /* and they go on */
        while (!(fix.answer_bytes > 0 && strstr(fix.answer, "\r\n0\r\n\r\n")) && fix_more(fd[i], FIXTURE_WAIT_MS) > 0)
            ;
        CHECK(fix_says("UNCLASSIFIED"));
        close(fd[i]);
    }
    fix_end();
}

/* A body of newlines alone is answered soon, however large it is when it is decoded; before, it held the loop. */
static void empty_lines_have_an_end(void) {
    enum { DECODED = 64 << 20 };
    struct api_opts o = fix_opts();
    if (!fix_start(&o)) return;
    unsigned char *lines = malloc(DECODED);
    CHECK(lines != NULL);
    memset(lines, '\n', DECODED);
    z_stream z = {
        .next_in = lines, .avail_in = DECODED, .next_out = (unsigned char *)g_packed, .avail_out = sizeof g_packed};
    CHECK(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    free(lines);
    CHECK_INT(fix_post("Content-Type: application/x-ndjson\r\nContent-Encoding: gzip\r\n", g_packed, z.total_out), 200);
    CHECK(fix_says("too many empty lines") && fix_says("Connection: close"));
    memset(g_many, '\n', sizeof g_many); /* no more in parts than at once */
    memcpy(g_many + sizeof g_many - 2, "{}", 2);
    int fd = fix_connect();
    fix_later_bytes = 0;
    char head[200];
    snprintf(head, sizeof head, STREAM_HEAD "Content-Length: %zu\r\n\r\n", 2 * sizeof g_many);
    fix_say(fd, head);
    fix_write(fd, g_many, sizeof g_many); /* an entry between them begins the count anew */
    fix_say(fd, "\n");
    fix_write(fd, g_many + 1, sizeof g_many - 1);
    CHECK_INT(fix_read(fd), 200);
    CHECK_INT(count_lines(fix.answer, "label_id"), 2);
    close(fd);
    fix_end();
}

CHECK_MAIN(CHECK_TEST(idle_streams_leave_others_room), CHECK_TEST(empty_lines_have_an_end),
           CHECK_TEST(a_stream_answers_line_by_line), CHECK_TEST(a_stream_talks_while_it_listens),
           CHECK_TEST(a_stream_has_no_end_but_limits), CHECK_TEST(a_reload_in_the_middle_is_taken_up))
