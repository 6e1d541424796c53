/* Any bytes as a stream of syslog: every message lies within it, bytes are used up, and nothing is left at the end. */
#include "base/must.h"
#include "text/frame.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct span all = {(const char *)data, n};
    struct frame f, early;
    while (all.n > 0) {
        bool whole_early = frame_take(all, MOST, false, &early);
        MUST(frame_take(all, MOST, true, &f));
        MUST(f.used > 0 && f.used <= all.n && f.message.n <= MOST);
        MUST(f.message.n == 0 || (f.message.p >= all.p && f.message.p + f.message.n <= all.p + all.n));
        MUST(!whole_early || span_eq(early.message, f.message)); /* what comes later does not change a message */
        all = span_sub(all, f.used, all.n);
    }
    return 0;
}
