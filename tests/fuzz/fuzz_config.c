/* Any bytes as a config file: refused with its name and a reason, or values that, shown and read again, are the same.
 */
#include "base/must.h"
#include "conf/conf.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void load(struct conf *c) {
    static char name[] = "serve";
    char *argv[] = {name, NULL};
    struct err e = {0};
    int operands;
    MUST(conf_load(c, CONF_SERVE, 1, argv, &operands, &e));
}

/* What can be written in one line of a file. */
static bool fits(const struct buf *shown) {
    for (struct span rest = buf_span(shown); rest.n > 0;)
        if (span_take_line(&rest).n > CONF_LINE_BYTES_MAX) return false;
    return true;
}

static void expect_same(const struct conf *c) {
    struct buf shown, again;
    struct conf read;
    struct err e = {0};
    buf_init(&shown, 1 << 20);
    buf_init(&again, 1 << 20);
    conf_show(&shown, c);
    buf_putc(&shown, '\0');
    shown.n--;
    if (fits(&shown)) {
        load(&read);
        MUST(conf_read(&read, buf_span(&shown), "shown", &e));
        conf_show(&again, &read);
        MUST(span_eq(buf_span(&again), buf_span(&shown)));
        conf_release(&read);
    }
    buf_release(&shown);
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct conf c;
    struct err e = {0};
    char *text = malloc(n + 1);
    MUST(text);
    if (n > 0) memcpy(text, data, n);
    text[n] = '\0';
    load(&c);
    if (conf_read(&c, (struct span){text, n}, "file", &e))
        expect_same(&c);
    else
        MUST(strncmp(e.msg, "file:", 5) == 0);
    conf_release(&c);
    free(text);
    return 0;
}
