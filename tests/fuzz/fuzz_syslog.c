/* Any bytes as a syslog datagram: every part lies within the message, and the severity is one of eight or none. */
#include "base/must.h"
#include "text/syslog.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_part(struct span part, struct span whole) {
    MUST(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct span whole = {(const char *)data, n};
    struct syslog_message m = syslog_parse(whole);
    check_part(m.host, whole);
    check_part(m.app, whole);
    check_part(m.text, whole);
    check_part(m.pid, whole);
    check_part(m.kind, whole);
    check_part(m.time, whole);
    check_part(m.data, whole);
    MUST(m.severity >= -1 && m.severity < 8);
    return 0;
}
