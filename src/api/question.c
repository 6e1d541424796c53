/* POST /classify of the described services: one message, one label. There is no fallback here: what can't be told is an
 * error, so that the caller goes on to its next stage, and counts it. */
#include "base/json_out.h"
#include "data/result_json.h"
#include "api/context.h"
#include "api/decision.h"
#include "api/handlers.h"
#include "http/response.h"

/* How the caller is told that there is no answer. REFUSE_NONE: there is one, if only "unclassified". */
static enum refusal failure_of(const struct result *r) {
    if (r->decider != DECIDER_FALLBACK) return REFUSE_NONE;
    switch ((int)r->err) {
    case ERR_OK:
    case ERR_NO_LABEL: return REFUSE_NONE;
    case ERR_TIMEOUT: return REFUSE_UPSTREAM_TIME;
    case ERR_BUSY:
    case ERR_CIRCUIT_OPEN:
    case ERR_CANCELLED: return REFUSE_UPSTREAM_BUSY;
    default: return REFUSE_UPSTREAM;
    }
}

static enum step answer_message(struct decision *d) {
    struct exchange *x = d->x;
    const struct result *r = &d->batch.res[0];
    enum refusal why = failure_of(r);
    if (why) {
        exchange_refuse(x, why, "no answer: %s", err_meaning((enum err_code)r->err));
        return STEP_SEND;
    }
    const struct label *label = &d->labels->label[r->label];
    buf_puts(&x->out, "{\"label_id\":");
    json_out_string(&x->out, span_of(label->id));
    buf_puts(&x->out, ",\"label\":");
    json_out_string(&x->out, span_of(label->name));
    buf_puts(&x->out, ",\"confidence\":");
    result_json_number(&x->out, r->confidence);
    if (!d->batch.engine->encoder) buf_puts(&x->out, ",\"source\":\"llm\""); /* callers pass it on */
    buf_putc(&x->out, '}');
    return response_send(x, 200, RESPONSE_JSON);
}

enum step api_question(struct exchange *x) {
    return decision_run(x, record_json_read_question, answer_message);
}
