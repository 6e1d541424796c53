/* Any bytes as an NDJSON body, plain or compressed (the first byte says how, the second where the chunks are cut): one
 * answer a line that is not blank, whole JSON objects, and the server goes on serving. */
#include "base/must.h"
#include "api/fixture.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void start_once(void) {
    if (fix.server) return;
    struct api_opts o = fix_opts();
    o.line_bytes_max = 1000;
    MUST(fix_start(&o));
}

static unsigned count_lines(struct span text) {
    unsigned lines = 0;
    while (text.n > 0) lines += span_trim(span_take_line(&text)).n > 0;
    return lines;
}

/* Takes the chunks of the answer apart, in place; their end must have come. */
static struct span unchunk(char *p, const char *end) {
    char *to = p, *from = p;
    for (;;) {
        MUST(from < end);
        size_t size = strtoul(from, &from, 16);
        MUST(from + 2 + size + 2 <= end && memcmp(from, "\r\n", 2) == 0);
        memmove(to, from + 2, size);
        from += 2 + size + 2;
        to += size;
        if (size == 0) return (struct span){p, (size_t)(to - p)};
    }
}

static void check_answers(struct span lines, unsigned want, bool exact) {
    unsigned got = 0;
    for (; lines.n > 0; got++) {
        struct span line = span_take_line(&lines);
        MUST(line.n > 2 && line.p[0] == '{' && line.p[line.n - 1] == '}');
    }
    MUST(got > 0 && (!exact || got == want));
}

static void send_body(int fd, const char *p, size_t n, size_t step) {
    static struct buf all = {.max = 1 << 22};
    buf_reset(&all);
    for (size_t k; n > 0; p += k, n -= k) {
        k = n < step ? n : step;
        buf_printf(&all, "%zx\r\n", k);
        buf_put(&all, p, k);
        buf_puts(&all, "\r\n");
    }
    buf_puts(&all, "0\r\n\r\n");
    MUST(!all.failed);
    fix_write(fd, all.p, all.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const CODING[] = {"identity", "gzip", "zstd"};
    if (n < 2) return 0;
    start_once();
    unsigned coding = data[0] % 3;
    char head[200];
    snprintf(head, sizeof head,
             "POST /classify HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-ndjson\r\n"
             "Content-Encoding: %s\r\nTransfer-Encoding: chunked\r\n\r\n",
             CODING[coding]);
    int fd = fix_connect();
    fix_later_bytes = 0;
    fix_say(fd, head);
    const char *body = (const char *)data + 2;
    send_body(fd, body, n - 2, 1 + (size_t)data[1] * 4);
    memcpy(fix.answer, fix_later, fix_later_bytes);
    fix.answer_bytes = fix_later_bytes;
    while (fix_more(fd, FIXTURE_WAIT_MS) > 0)
        ;
    close(fd);
    char *end = strstr(fix.answer, "\r\n\r\n");
    MUST(end != NULL);
    unsigned lines = count_lines((struct span){body, n - 2});
    if (strncmp(fix.answer, "HTTP/1.1 200 ", 13) == 0)
        check_answers(unchunk(end + 4, fix.answer + fix.answer_bytes), lines, coding == 0);
    else
        MUST(strncmp(fix.answer, "HTTP/1.1 400 ", 13) == 0 && (coding > 0 || lines == 0));
    return 0;
}
