/* Any bytes on a connection: the server answers with whole HTTP answers or not at all, closes, and goes on serving. */
#include "base/must.h"
#include "api/fixture.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void start_once(void) {
    if (fix.server) return;
    struct api_opts o = fix_opts();
    o.line_bytes_max = 1000;
    o.http.body_bytes_max = 10000;
    o.http.header_bytes_max = 1024;
    MUST(fix_start(&o));
}

/* Every answer in what was said begins like one; the last may be cut by the close. */
static void check_answers(void) {
    while (fix.answer_bytes > 0) {
        MUST(fix.answer_bytes >= 12 && memcmp(fix.answer, "HTTP/1.1 ", 9) == 0);
        MUST(fix.answer[9] >= '1' && fix.answer[9] <= '5');
        size_t all = fix_whole(false);
        if (all == 0) return;
        memmove(fix.answer, fix.answer + all, fix.answer_bytes - all + 1);
        fix.answer_bytes -= all;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    start_once();
    int fd = fix_connect();
    fix_later_bytes = 0;
    fix_write(fd, (const char *)data, n);
    shutdown(fd, SHUT_WR);
    memcpy(fix.answer, fix_later, fix_later_bytes);
    fix.answer_bytes = fix_later_bytes;
    ssize_t got;
    while ((got = fix_more(fd, FIXTURE_WAIT_MS)) > 0)
        ;
    MUST(got == 0); /* it closes: our end said that nothing more comes */
    close(fd);
    if (n == 0 || !memmem(data, n, "HEAD", 4)) check_answers();
    return 0;
}
