/* POST /classify of the described services: one message, one label. There is no fallback here: what can't be told is an
 * error, so that the caller goes on to its next stage, and counts it. */
#include "data/result_json.h"
#include "server/api.h"
#include "server/api_classify.h"
#include "server/reply.h"
#include "server/state.h"

/* How the caller is told that there is no answer. REFUSE_NOT: there is one, if only "unclassified". */
static enum refusal failure_of(const struct result *r) {
    if (r->stage != STAGE_FALLBACK) return REFUSE_NOT;
    switch ((int)r->err) {
    case ERR_OK:
    case ERR_NO_LABEL: return REFUSE_NOT;
    case ERR_TIMEOUT: return REFUSE_UPSTREAM_TIME;
    case ERR_BUSY:
    case ERR_CIRCUIT_OPEN:
    case ERR_CANCELLED: return REFUSE_UPSTREAM_BUSY;
    default: return REFUSE_UPSTREAM;
    }
}

static enum step answer(struct exchange *x) {
    const struct result *r = &x->batch.res[0];
    enum refusal why = failure_of(r);
    if (why) {
        exchange_refuse(x, why, "no answer: %s", err_meaning((enum err_code)r->err));
        return STEP_SEND;
    }
    const struct label *label = &x->labels->label[r->label];
    buf_puts(&x->out, "{\"label_id\":");
    result_json_string(&x->out, span_of(label->id));
    buf_puts(&x->out, ",\"label\":");
    result_json_string(&x->out, span_of(label->name));
    buf_puts(&x->out, ",\"confidence\":");
    result_json_number(&x->out, r->confidence);
    buf_putc(&x->out, '}');
    return reply_send(x, 200, REPLY_JSON);
}

static enum step submit(struct exchange *x) {
    if (!api_classify_read(x, entry_read_question)) return STEP_SEND;
    x->phase = PHASE_ANSWER;
    if (exchange_decide(x)) return answer(x);
    return exchange_submit(x) ? STEP_WAIT : STEP_SEND;
}

enum step api_question(struct exchange *x) {
    return x->phase == PHASE_ANSWER ? answer(x) : submit(x);
}
