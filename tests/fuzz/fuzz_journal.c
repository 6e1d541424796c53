/* Any bytes as a journal's export: every part lies within the entry, and an entry uses bytes up. */
#include "base/must.h"
#include "text/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct span all = {(const char *)data, n};
    struct journal_entry j;
    for (size_t used; journal_take(all, &j, &used); all = span_sub(all, used, all.n)) {
        const struct span parts[] = {j.cursor, j.message, j.identifier, j.comm, j.host, j.unit, j.pid, j.container_id};
        MUST(used > 0 && used <= all.n && j.priority >= -1 && j.priority < 8);
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
            MUST(parts[i].n == 0 || (parts[i].p >= all.p && parts[i].p + parts[i].n <= all.p + used));
    }
    return 0;
}
