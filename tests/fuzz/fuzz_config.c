/* Any bytes as a config file: refused with its name and a reason, or values that, shown and read again, are the same.
 */
#include "base/must.h"
#include "conf/conf.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void load(struct conf *c) {
    static char name[] = "serve";
    char *argv[] = {name, NULL};
    struct err e = {0};
    int operands;
    MUST(conf_load(c, CONF_SERVE, 1, argv, &operands, &e));
}

static void expect_same(const struct conf *c) {
    struct buf shown;
    struct conf read;
    struct err e = {0};
    buf_init(&shown, 1 << 20);
    conf_show(&shown, c, NULL, NULL);
    MUST(!shown.failed);
    if (!memmem(shown.p, shown.n, "no config file can hold", 23)) { /* a long one, with its key */
        load(&read);
        MUST(conf_read(&read, buf_span(&shown), "shown", &e));
        for (unsigned r = CONF_LIVE; r <= CONF_START; r++) MUST(conf_changed(c, &read, (enum conf_reload)r, 0) < 0);
        conf_release(&read);
    }
    buf_release(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct conf c;
    struct err e = {0};
    load(&c);
    if (conf_read(&c, (struct span){(const char *)data, n}, "file", &e))
        expect_same(&c);
    else
        MUST(strncmp(e.msg, "file:", 5) == 0);
    conf_release(&c);
    return 0;
}
