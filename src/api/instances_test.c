#include "api/instances.h"

#include "base/check.h"

#include <stdlib.h>

static const char *instances_shown(struct instances *in, uint32_t now_s) {
    static char text[1024];
    struct buf b;
    buf_init(&b, 1 << 20);
    instances_put(in, &b, now_s);
    snprintf(text, sizeof text, "%.*s", (int)b.n, b.p);
    buf_release(&b);
    return text;
}

static void they_are_listed_with_what_they_lack(void) {
    struct instances *in = malloc(sizeof *in);
    instances_init(in);
    CHECK_STR(instances_shown(in, 100), "[]");
    instances_hear(in, 2, SPAN_LIT("b"), false, 100);
    instances_hear(in, 2, SPAN_LIT("b"), false, 105);
    instances_hear(in, 1, SPAN_LIT("a"), true, 110);
    CHECK_STR(instances_shown(in, 110), "[{\"name\":\"a\",\"heard\":110,\"lag_s\":0,\"silent\":false},"
                                        "{\"name\":\"b\",\"heard\":105,\"lag_s\":10,\"silent\":false}]");
    instances_hear(in, 2, SPAN_LIT("b"), true, 111);
    CHECK_STR(instances_shown(in, 172), "[{\"name\":\"a\",\"heard\":110,\"lag_s\":0,\"silent\":true},"
                                        "{\"name\":\"b\",\"heard\":111,\"lag_s\":0,\"silent\":true}]");
    instances_hear(in, 3, SPAN_LIT("a"), true, 172); /* it was started again */
    instances_hear(in, 2, SPAN_LIT("b"), true, 172);
    CHECK_STR(instances_shown(in, 172), "[{\"name\":\"a\",\"heard\":172,\"lag_s\":0,\"silent\":false},"
                                        "{\"name\":\"b\",\"heard\":172,\"lag_s\":0,\"silent\":false}]");
    instances_release(in);
    free(in);
}

CHECK_MAIN(CHECK_TEST(they_are_listed_with_what_they_lack))
