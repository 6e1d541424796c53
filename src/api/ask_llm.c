#include "api/ask_llm.h"

#include "api/body.h"
#include "api/context.h"
#include "api/json_put.h"
#include "data/decider.h"
#include "data/reason.h"
#include "pipeline/trial.h"
#include "text/template.h"

#include <stdio.h>
#include <string.h>

enum { ASK_LINE_MAX = 64 * 1024 };

/* In the exchange's arena. */
struct asking {
    struct batch batch; /* of one record; pinned while it is asked */
    struct record rec;
    struct result res;
    struct span template;
    float *head; /* what the head thinks of each label; NULL: it was not asked */
    unsigned labels;
    const void *engine; /* whose head it is; told apart, not used */
    desk_work *then;
    enum { ASK_PREPARED, ASK_ANSWERED } phase; /* what has been done when the handler is run again */
    bool wanted, pinned;
    char label[LABEL_ID_MAX]; /* of the answer; "": there is none */
    char error[160];
};

bool ask_llm_is_wanted(const struct exchange *x) {
    static const char NAME[] = "\"ask_llm\"";
    return x->body.n > 0 && memmem(x->body.p, x->body.n, NAME, sizeof NAME - 1) != NULL;
}

static void asking_end(struct asking *a) {
    if (a->pinned) pipeline_unpin(&a->batch);
    a->pinned = false;
}

static void asking_release(struct exchange *x) {
    asking_end(x->handler_state);
}

/* ---- on the helper's thread ---- */

static bool asking_read(struct exchange *x, struct asking *a, yyjson_val *root) {
    yyjson_val *entries = yyjson_obj_get(root, "entries"), *one = yyjson_arr_get_first(entries);
    struct span source, message;
    a->wanted = yyjson_is_true(yyjson_obj_get(root, "ask_llm"));
    if (!a->wanted) return true;
    if (!exchange_may(x, AUTH_LABEL)) return exchange_refuse(x, REFUSE_ROLE, "ask_llm: this needs the role label");
    if (yyjson_arr_size(entries) != 1 || !yyjson_is_obj(one))
        return exchange_refuse(x, REFUSE_ENTRIES,
                               "ask_llm: expected one entry; the LLM is asked about a line at a time");
    if (!body_text(x, one, "source", ASK_LINE_MAX, &source) ||
        !body_text(x, one, "log_message", ASK_LINE_MAX, &message))
        return false;
    a->rec = (struct record){.source = arena_copy(&x->arena, source), .message = arena_copy(&x->arena, message)};
    return (a->rec.source.p && a->rec.message.p) || exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the line");
}

/* What the LLM is told beside the labels. */
static void asking_look(struct exchange *x, struct asking *a) {
    char text[TEMPLATE_MAX];
    struct err e = {0};
    struct trial *t = trial_open(api_of(x)->pipeline, &e);
    if (!t) {
        snprintf(a->error, sizeof a->error, "%.150s", e.msg);
        return;
    }
    struct engine *eng = trial_engine(t);
    size_t n = template_write(a->rec.source, a->rec.message, engine_uses_source(eng), text);
    a->template = arena_copy(&x->arena, (struct span){text, n});
    a->head = arena_alloc(&x->arena, LABEL_MAX * sizeof *a->head);
    if (a->head && engine_probabilities(eng, trial_scratch(t), &a->rec, a->head)) a->labels = eng->labels.n;
    a->engine = eng;
    trial_close(t);
}

static void asking_prepare(struct exchange *x) {
    struct asking *a = x->handler_state;
    yyjson_doc *doc = body_read(x);
    if (doc && asking_read(x, a, yyjson_doc_get_root(doc)) && a->wanted) asking_look(x, a);
    yyjson_doc_free(doc);
}

/* ---- on the loop ---- */

static void asking_done(struct batch *b) {
    exchange_back(b->user);
}

/* True: it is on its way. */
static bool asking_send(struct exchange *x, struct asking *a) {
    struct err e = {0};
    a->batch = (struct batch){.rec = &a->rec, .res = &a->res, .n = 1, .user = x, .done = asking_done};
    a->pinned = pipeline_pin(api_of(x)->pipeline, &a->batch, &e);
    bool ours = a->pinned && a->labels > 0 && a->batch.engine == a->engine; /* no reload came in between */
    struct question q = {.message = a->rec.message, .template = a->template, .source = a->rec.source};
    if (ours) q.head = a->head, q.labels = a->labels;
    exchange_leave(x);
    if (a->pinned && trial_ask(&a->batch, &q, &e)) return true;
    exchange_stay(x);
    snprintf(a->error, sizeof a->error, "%.150s", e.msg);
    return false;
}

static void asking_take(struct asking *a) {
    const struct result *r = &a->res;
    const struct label_set *labels = &a->batch.engine->labels;
    if (r->decider == DECIDER_LLM)
        snprintf(a->label, sizeof a->label, "%s", labels->label[r->label].id);
    else if (r->err == ERR_BUSY)
        snprintf(a->error, sizeof a->error, "%s", reason_about(REASON_BUDGET));
    else
        snprintf(a->error, sizeof a->error, "the LLM gave no answer: %s", err_meaning((enum err_code)r->err));
}

static enum step asking_sent(struct exchange *x) {
    return desk_run(x, NULL); /* has run: it sends */
}

static enum step asking_explain(struct exchange *x, struct asking *a) {
    asking_end(a);
    x->release = NULL;
    x->handler_state = NULL;
    x->run = asking_sent;
    return desk_run_for(x, a->then, a->wanted ? a : NULL);
}

static enum step asking_go_on(struct exchange *x) {
    struct asking *a = x->handler_state;
    if (x->refused) return STEP_SEND;
    if (a->phase == ASK_PREPARED) {
        a->phase = ASK_ANSWERED;
        if (a->wanted && !a->error[0] && asking_send(x, a)) return STEP_WAIT;
        return asking_explain(x, a);
    }
    asking_take(a);
    return asking_explain(x, a);
}

enum step ask_llm_run(struct exchange *x, desk_work *then) {
    struct asking *a = arena_alloc(&x->arena, sizeof *a);
    if (!a) {
        exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the request");
        return STEP_SEND;
    }
    *a = (struct asking){.then = then};
    x->handler_state = a;
    x->release = asking_release;
    x->run = asking_go_on;
    return exchange_task(x, asking_prepare) ? STEP_WAIT : STEP_SEND;
}

void ask_llm_put(struct exchange *x) {
    const struct asking *a = desk_user(x);
    if (!a) return;
    if (a->label[0]) {
        buf_puts(&x->out, ",\"asked\":{\"label_id\":");
        json_put_text(&x->out, span_of(a->label));
        buf_printf(&x->out, ",\"confidence\":%.4g}", a->res.confidence);
    } else {
        buf_puts(&x->out, ",\"asked\":{\"error\":");
        json_put_text(&x->out, span_of(a->error));
        buf_putc(&x->out, '}');
    }
}
