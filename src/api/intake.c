#include "api/intake.h"

#include "api/context.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/json_out.h"
#include "base/must.h"
#include "http/response.h"
#include "text/proto.h"

#include <snappy-c.h>
#include <stdlib.h>
#include <strings.h>

#define TYPE_PROTOBUF "application/x-protobuf"

enum { STATUS_CODE = 1, STATUS_MESSAGE = 2 };

/* A request on its way through the flow. It outlives its exchange where the answer can't wait. Its parts are the loop's
 * thread's, but for what the helper fills while the exchange is with it, and for the ticket. */
struct intake_request {
    struct push_ticket ticket;
    struct exchange *x; /* NULL: it has been answered, or the client has gone */
    struct loop *loop;
    struct loop_post post, room;
    struct timer timer;
    uint64_t begun_ns; /* when it began to wait, for room or for the answer */
    struct push *push;
    enum push_kind kind;
    enum push_form form;
    size_t body_bytes_max;
    struct exchange_memory memory;
    enum push_result result;
    struct err e;
    bool out;      /* the ticket has not come back */
    bool waiting;  /* the exchange has left for it */
    bool unpacked; /* the body is */
    bool safe;
    enum { INTAKE_READ, INTAKE_SENT, INTAKE_ANSWER } phase; /* what is next */
};

bool intake_is_for(const struct exchange *x) {
    return x->route && (x->route->run == api_otlp || x->route->run == api_loki);
}

static enum push_kind intake_kind(const struct exchange *x) {
    return x->route->run == api_otlp ? PUSH_OTLP : PUSH_LOKI;
}

static bool intake_is_json(const struct exchange *x) {
    return strcasecmp(x->req.type, RESPONSE_JSON) == 0;
}

/* ---- refusals ---- */

static bool intake_refuse_busy(struct exchange *x, const char *why) {
    return exchange_refuse(x, REFUSE_QUEUE_FULL, "busy: %s", why);
}

static bool intake_check_type(struct exchange *x) {
    bool known = intake_is_json(x) || strcasecmp(x->req.type, TYPE_PROTOBUF) == 0;
    if (known || intake_kind(x) == PUSH_LOKI) return true; /* Loki takes all else for protobuf */
    return exchange_refuse(x, REFUSE_TYPE, "Content-Type: expected " TYPE_PROTOBUF " or " RESPONSE_JSON);
}

bool intake_admit(struct exchange *x) {
    struct push *p = api_of(x)->push[intake_kind(x)];
    if (!p)
        return exchange_refuse(x, REFUSE_ROUTE, "there is no [source NAME] of type %s",
                               intake_kind(x) == PUSH_OTLP ? "otlp" : "loki");
    if (x->req.encoding_unknown && intake_kind(x) != PUSH_LOKI)
        return exchange_refuse(x, REFUSE_ENCODING, "Content-Encoding: expected gzip or zstd");
    if (!intake_check_type(x)) return false;
    switch (push_admit(p, (size_t)x->req.content_length)) {
    case PUSH_CLOSED: return intake_refuse_busy(x, "the process is starting");
    case PUSH_BUSY: return intake_refuse_busy(x, "the sink has not taken what came before");
    case PUSH_SENT:
    case PUSH_EMPTY:
    case PUSH_MALFORMED:
    case PUSH_TOO_LARGE: break;
    }
    return true;
}

/* gRPC's codes for what OTLP says of its statuses. */
static unsigned status_code(unsigned http) {
    switch (http) {
    case 400: return 3;  /* INVALID_ARGUMENT */
    case 401: return 16; /* UNAUTHENTICATED */
    case 413:
    case 429: return 8;  /* RESOURCE_EXHAUSTED */
    case 503: return 14; /* UNAVAILABLE */
    default: return 2;   /* UNKNOWN */
    }
}

bool intake_refusal(const struct exchange *x, struct buf *out, const char **type) {
    if (!intake_is_for(x)) return false;
    if (intake_kind(x) == PUSH_LOKI) {
        *type = "text/plain; charset=utf-8";
        buf_puts(out, x->why);
    } else if (intake_is_json(x)) {
        buf_printf(out, "{\"code\":%u,\"message\":", status_code(x->status));
        json_out_string(out, span_of(x->why));
        buf_putc(out, '}');
    } else {
        *type = TYPE_PROTOBUF;
        proto_put_uint(out, STATUS_CODE, status_code(x->status));
        proto_put_bytes(out, STATUS_MESSAGE, span_of(x->why));
    }
    return true;
}

/* ---- life of a request ---- */

static void intake_release(struct exchange *x) {
    struct intake_request *r = x->handler_state;
    timer_stop(&r->timer);
    push_let_go(r->push, &r->ticket);
    r->x = NULL;
    if (!r->out) free(r); /* else when the ticket is back */
}

static void intake_go_on(struct intake_request *r) {
    timer_stop(&r->timer);
    r->waiting = false;
    exchange_resume(r->x);
}

static void intake_returned(void *self) {
    struct intake_request *r = self;
    r->out = false;
    if (!r->x)
        free(r);
    else if (r->waiting)
        intake_go_on(r);
}

/* Time is over, for room or for the answer. Where there is room just now, its post is on the way. */
static void intake_expired(void *self) {
    struct intake_request *r = self;
    if (r->out || push_leave(r->push, &r->ticket)) intake_go_on(r);
}

/* It may be sent again, on the loop's thread. */
static void intake_has_room(void *self) {
    struct intake_request *r = self;
    r->phase = INTAKE_READ;
    intake_go_on(r);
}

/* On any thread, as long as it stands in line. */
static void intake_room(void *self) {
    struct intake_request *r = self;
    loop_post(r->loop, &r->room);
}

/* On the sink's thread. */
static void intake_done(void *self, bool safe) {
    struct intake_request *r = self;
    r->safe = safe;
    loop_post(r->loop, &r->post);
}

static struct intake_request *intake_begin(struct exchange *x) {
    struct intake_request *r = malloc(sizeof *r);
    if (!r) return NULL;
    const struct server_opts *o = exchange_server_opts(x);
    enum push_kind kind = intake_kind(x);
    *r = (struct intake_request){.x = x,
                                 .loop = exchange_loop(x),
                                 .push = api_of(x)->push[kind],
                                 .kind = kind,
                                 .form = intake_is_json(x) ? PUSH_FORM_JSON : PUSH_FORM_WIRE,
                                 .body_bytes_max = o->body_bytes_max,
                                 .memory = exchange_memory_of(o)};
    r->ticket.done = intake_done;
    r->ticket.room = intake_room;
    r->ticket.self = r;
    r->room = (struct loop_post){.run = intake_has_room, .self = r};
    r->post = (struct loop_post){.run = intake_returned, .self = r};
    r->timer = (struct timer){.expired = intake_expired, .self = r};
    x->handler_state = r;
    x->release = intake_release;
    return r;
}

/* ---- on the helper's thread ---- */

/* The size stands in front, and is looked at before memory is taken for it. */
static bool intake_unpack_snappy(struct exchange *x, const struct intake_request *r) {
    struct buf text;
    size_t n;
    if (snappy_uncompressed_length(x->body.p, x->body.n, &n) != SNAPPY_OK)
        return exchange_refuse(x, REFUSE_MALFORMED, "the body is not packed by snappy");
    if (n > r->body_bytes_max)
        return exchange_refuse(x, REFUSE_BODY_BYTES, "the decoded body is larger than %zu bytes (body-bytes-max)",
                               r->body_bytes_max);
    if (!exchange_hold(x, x->body.n + n, &r->memory)) return false;
    buf_init(&text, x->body.max);
    char *to = buf_reserve(&text, n + 1);
    bool ok = to && snappy_uncompress(x->body.p, x->body.n, to, &n) == SNAPPY_OK;
    if (!ok) exchange_refuse(x, REFUSE_MALFORMED, "the body is not packed by snappy");
    text.n = ok ? n : 0;
    buf_release(&x->body);
    x->body = text;
    return ok;
}

static bool intake_unpack(struct exchange *x, const struct intake_request *r) {
    bool packed = x->req.encoding != INFLATE_PLAIN;
    if (packed && !exchange_decode_body(x, r->body_bytes_max, &r->memory)) return false;
    return r->kind != PUSH_LOKI || r->form == PUSH_FORM_JSON || intake_unpack_snappy(x, r);
}

static void intake_work(struct exchange *x) {
    struct intake_request *r = x->handler_state;
    if (!r->unpacked && !intake_unpack(x, r)) return;
    r->unpacked = true;
    r->out = true; /* before it may come back */
    enum push_result result = push_send(r->push, buf_span(&x->body), r->form, &r->ticket, &r->e);
    if (result != PUSH_SENT) r->out = false;
    r->result = result;
}

/* ---- the handler ---- */

static enum step intake_answer(struct exchange *x) {
    struct intake_request *r = x->handler_state;
    if (r->out)
        intake_refuse_busy(x, "the sink has not taken it yet; it may come twice");
    else if (r->result == PUSH_BUSY)
        exchange_refuse(x, REFUSE_QUEUE_FULL, "%s", r->e.msg);
    else if (r->result == PUSH_SENT && !r->safe)
        intake_refuse_busy(x, "it ended before the sink had taken it");
    if (x->refused) return STEP_SEND;
    if (r->kind == PUSH_LOKI) return response_send(x, 204, RESPONSE_TEXT);
    if (r->form == PUSH_FORM_JSON) buf_puts(&x->out, "{}");
    return response_send(x, 200, r->form == PUSH_FORM_JSON ? RESPONSE_JSON : TYPE_PROTOBUF);
}

/* What is left of so much time since it began to wait. */
static unsigned intake_left_ms(const struct intake_request *r, unsigned all) {
    uint64_t used = (clock_now_ns(NULL) - r->begun_ns) / 1000000;
    return used < all ? all - (unsigned)used : 0;
}

/* Until its timer expires, or something that has a post. */
static enum step intake_wait(struct exchange *x, unsigned most_ms) {
    struct intake_request *r = x->handler_state;
    loop_start_timer(r->loop, &r->timer, most_ms);
    r->waiting = true;
    exchange_leave(x);
    return STEP_WAIT;
}

/* It found no room: stands in line for half the time, so that there is time for the answer afterwards. */
static bool intake_stands_in_line(struct exchange *x) {
    struct intake_request *r = x->handler_state;
    return intake_left_ms(r, push_answer_ms(r->push) / 2) > 0 && push_wait(r->push, &r->ticket, x->body.n);
}

/* What the helper has left to do. */
static enum step intake_sent(struct exchange *x) {
    struct intake_request *r = x->handler_state;
    if (x->refused) return STEP_SEND;
    if (!r->begun_ns) r->begun_ns = clock_now_ns(NULL);
    switch (r->result) {
    case PUSH_SENT:
    case PUSH_EMPTY: break;
    case PUSH_MALFORMED: exchange_refuse(x, REFUSE_MALFORMED, "%s", r->e.msg); break;
    case PUSH_TOO_LARGE: exchange_refuse(x, REFUSE_ENTRIES, "%s", r->e.msg); break;
    case PUSH_BUSY:
        r->phase = INTAKE_ANSWER;
        if (intake_stands_in_line(x)) return intake_wait(x, intake_left_ms(r, push_answer_ms(r->push) / 2));
        exchange_refuse(x, REFUSE_QUEUE_FULL, "%s", r->e.msg);
        break;
    case PUSH_CLOSED: intake_refuse_busy(x, "the process is starting or ends"); break;
    }
    if (x->refused || !r->out) return intake_answer(x);
    buf_release(&x->body);
    exchange_hold(x, 0, &r->memory);
    r->phase = INTAKE_ANSWER;
    return intake_wait(x, intake_left_ms(r, push_answer_ms(r->push)));
}

static enum step intake_run(struct exchange *x) {
    struct intake_request *r = x->handler_state;
    if (!r && !(r = intake_begin(x))) {
        exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the request");
        return STEP_SEND;
    }
    if (r->phase == INTAKE_SENT) return intake_sent(x);
    if (r->phase == INTAKE_ANSWER) return intake_answer(x);
    r->phase = INTAKE_SENT;
    return exchange_task(x, intake_work) ? STEP_WAIT : STEP_SEND;
}

enum step api_otlp(struct exchange *x) {
    return intake_run(x);
}

enum step api_loki(struct exchange *x) {
    return intake_run(x);
}
