/* Any bytes as an OTLP request: what is read can be written, and is read again as the same records. */
#include "base/must.h"
#include "data/intake_fixture.h"
#include "data/otlp.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST = 16 << 20 };

static struct intake_fixture first, second;
static bool opened;

static bool read_any(struct span request, struct intake_fixture *x) {
    intake_fixture_reset(x);
    bool ok = otlp_read(request, &x->in, &x->e);
    MUST(ok == (x->in.trouble == INTAKE_OK));
    return ok;
}

static void write_all(struct buf *out, const struct intake_fixture *x) {
    static const struct otlp_answer ANSWER = {{"INFO", 4}, {"bert", 4}, 0.5};
    struct buf records;
    buf_init(&records, MOST);
    for (unsigned k = 0; k < x->n; k++) {
        const struct chunk *c = &x->chunk[k];
        for (uint32_t i = 0; i < c->batch.n; i++) {
            buf_reset(&records);
            otlp_put_record(&records, c, i, &ANSWER);
            otlp_put_group(out, c, i, buf_span(&records));
        }
    }
    buf_release(&records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct buf out, wire;
    struct err e = {0};
    struct span in = {(const char *)data, n};
    if (!opened) intake_fixture_open(&first), intake_fixture_open(&second);
    opened = true;
    buf_init(&out, MOST);
    buf_init(&wire, MOST);
    if (n > 0 && data[0] == '{' && otlp_json_to_wire(in, &wire, &e)) {
        in = buf_span(&wire);
        MUST(read_any(in, &first) || first.in.trouble != INTAKE_MALFORMED);
    }
    if (read_any(in, &first)) {
        write_all(&out, &first);
        MUST(out.failed || read_any(buf_span(&out), &second) || second.in.trouble != INTAKE_MALFORMED);
        bool same = !out.failed && second.in.trouble == INTAKE_OK;
        MUST(!same || first.in.records == second.in.records);
        for (uint32_t i = 0; same && first.n > 0 && second.n > 0 && i < first.chunk[0].batch.n; i++)
            MUST(i >= second.chunk[0].batch.n ||
                 span_eq(first.chunk[0].rec[i].message, second.chunk[0].rec[i].message));
    }
    buf_release(&out);
    buf_release(&wire);
    return 0;
}
