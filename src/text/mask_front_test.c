#include "text/mask_front.h"

#include "base/check.h"

static void a_timestamp_at_the_front_is_found(void) {
    static const struct {
        const char *line, *rest;
    } ROW[] = {
        {"Jun 15 02:04:59 combo sshd[2]: x", "combo sshd[2]: x"},
        {"2024-01-02T03:04:05.123Z INFO x", "INFO x"},
        {"[2024-01-02 03:04:05] x", "x"},
        {"no time 12:00:00 here", "no time 12:00:00 here"},
        {"2024-01-02 03:04:05", "2024-01-02 03:04:05"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++)
        CHECK_STR(ROW[i].line + mask_front(span_of(ROW[i].line)), ROW[i].rest);
}

CHECK_MAIN(CHECK_TEST(a_timestamp_at_the_front_is_found))
