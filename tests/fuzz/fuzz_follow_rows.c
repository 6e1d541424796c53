/* Any bytes as a followed source's lines of a checkpoint: passed over, or files with places that make sense, which are
 * read back as they are written. */
#include "base/must.h"
#include "stream/follow_set.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static unsigned read_and_write(struct span rows, struct buf *out) {
    static struct follow_set set;
    follow_set_init(&set, 4);
    int64_t known_ns = follow_set_read_rows(&set, rows);
    for (const struct follow_file *f = set.all; f; f = f->all_next)
        MUST(f->mark.n <= FOLLOW_TAIL_MAX && f->mark.n <= f->at && f->head.n <= FOLLOW_HEAD_MAX);
    follow_set_write_rows(&set, known_ns, out);
    unsigned files = set.n;
    follow_set_release(&set);
    return files;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct buf once, again;
    buf_init(&once, 1 << 24);
    buf_init(&again, 1 << 24);
    unsigned files = read_and_write((struct span){(const char *)data, n}, &once);
    MUST(read_and_write(buf_span(&once), &again) == files);
    buf_release(&once);
    buf_release(&again);
    return 0;
}
