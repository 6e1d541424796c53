/* POST /classify: an array of entries, an array of answers; or as NDJSON, a line each (ndjson.h). */
#include "api/context.h"
#include "api/decision.h"
#include "api/handlers.h"
#include "api/ndjson.h"
#include "http/response.h"

static enum step answer_array(struct decision *d) {
    struct buf *out = &d->x->out;
    buf_putc(out, '[');
    for (uint32_t i = 0; i < d->batch.n; i++) {
        if (i > 0) buf_putc(out, ',');
        decision_put(d, i);
    }
    buf_putc(out, ']');
    return response_send(d->x, 200, RESPONSE_JSON);
}

enum step api_classify(struct exchange *x) {
    return exchange_streams(x) ? ndjson_run(x) : decision_run(x, record_json_read_array, answer_array);
}
