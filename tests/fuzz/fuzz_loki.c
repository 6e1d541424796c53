/* Any bytes as a Loki push, in both forms: what is read can be written, and is read again as the same lines. */
#include "base/must.h"
#include "data/intake_fixture.h"
#include "data/loki.h"
#include "text/proto.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST = 16 << 20 };

static struct intake_fixture first, second;
static bool opened;

static void write_all(struct buf *out, const struct chunk *c) {
    static const struct loki_answer ANSWER = {{"INFO", 4}, {"0.5", 3}, {"bert", 4}};
    struct buf labels, entry;
    buf_init(&labels, MOST);
    buf_init(&entry, MOST);
    for (uint32_t i = 0; i < c->batch.n; i++) {
        buf_reset(&labels);
        buf_reset(&entry);
        loki_put_stream(&labels, c, i, "service_name,host", ANSWER.label);
        loki_put_entry(&entry, c, i, loki_time(c, i, 1), &ANSWER);
        proto_put_head(out, 1, proto_bytes_size(1, labels.n) + entry.n);
        proto_put_bytes(out, 1, buf_span(&labels));
        buf_put(out, entry.p, entry.n);
    }
    buf_release(&labels);
    buf_release(&entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct buf out;
    struct span in = {(const char *)data, n};
    if (!opened) intake_fixture_open(&first), intake_fixture_open(&second);
    opened = true;
    buf_init(&out, MOST);
    intake_fixture_reset(&first);
    intake_fixture_reset(&second);
    bool json = n > 0 && data[0] == '{';
    bool ok = (json ? loki_read_json : loki_read)(in, &first.in, &first.e);
    MUST(ok == (first.in.trouble == INTAKE_OK));
    if (ok && first.n > 0) {
        write_all(&out, &first.chunk[0]);
        bool again = loki_read(buf_span(&out), &second.in, &second.e);
        MUST(again || out.failed || second.in.trouble != INTAKE_MALFORMED ||
             second.e.msg[0] == 'l' /* labels too long */);
        for (uint32_t i = 0; again && second.n > 0 && i < first.chunk[0].batch.n; i++)
            MUST(i >= second.chunk[0].batch.n ||
                 span_eq(first.chunk[0].rec[i].message, second.chunk[0].rec[i].message));
    }
    buf_release(&out);
    return 0;
}
