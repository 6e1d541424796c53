#include "text/journal.h"

#include "base/check.h"

#define ENTRY                                                                                                  \
    "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1700000000123456\nPRIORITY=4\nSYSLOG_FACILITY=10\n_HOSTNAME=db7\n" \
    "SYSLOG_IDENTIFIER=sshd\n_PID=411\n_SYSTEMD_UNIT=ssh.service\nMESSAGE=a=b\n\n"

static void fields_are_taken(void) {
    struct journal_entry j;
    size_t used;
    CHECK(journal_take(SPAN_LIT(ENTRY "__CURSOR=next"), &j, &used));
    CHECK_INT(used, sizeof ENTRY - 1);
    CHECK_SPAN(j.cursor, "s=1;i=2");
    CHECK_SPAN(j.message, "a=b");
    CHECK_SPAN(j.identifier, "sshd");
    CHECK_SPAN(j.unit, "ssh.service");
    CHECK(j.priority == 4 && j.facility == 10 && j.time_us == 1700000000123456);
    for (size_t n = 0; n < sizeof ENTRY - 1; n++) CHECK(!journal_take((struct span){ENTRY, n}, &j, &used));
}

static void binary_values_are_taken(void) {
    static const char TEXT[] = "\nMESSAGE\n\x05\0\0\0\0\0\0\0a\nb\0c\nPRIORITY=9\n_COMM=x\n\n";
    struct journal_entry j;
    size_t used;
    struct span all = {TEXT, sizeof TEXT - 1};
    CHECK(journal_take(all, &j, &used) && used == all.n);
    CHECK(j.message.n == 5 && memcmp(j.message.p, "a\nb\0c", 5) == 0 && j.priority == -1);
    CHECK_SPAN(j.comm, "x");
    for (size_t n = 0; n < all.n; n++) CHECK(!journal_take((struct span){TEXT, n}, &j, &used));
}

CHECK_MAIN(CHECK_TEST(fields_are_taken), CHECK_TEST(binary_values_are_taken))
