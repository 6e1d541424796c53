#include "stream/sink_fd.h"

#include "base/must.h"
#include "stream/flow.h"
#include "stream/form.h"
#include "stream/writer.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { OUT_BYTES_MAX = 256 << 20 };

struct sink_fd {
    struct flow *flow;
    struct sink_opts o;
    struct buf out;
    bool failed; /* what still comes is not written */
};

static bool sink_fd_write(struct sink_fd *s, struct err *e) {
    struct span left = buf_span(&s->out);
    while (left.n > 0) {
        ssize_t w = write(s->o.fd, left.p, left.n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0 && errno == EAGAIN) { /* whoever shares the descriptor made it non-blocking */
            poll(&(struct pollfd){.fd = s->o.fd, .events = POLLOUT}, 1, -1);
            continue;
        }
        if (w < 0) {
            s->o.result->reader_gone = errno == EPIPE;
            return err_set(e, ERR_IO, "cannot write the output: %s", strerror(errno));
        }
        left = span_sub(left, (size_t)w, left.n);
    }
    return true;
}

static void sink_fd_count(struct sink_fd_result *to, const struct result *r, const struct label_set *labels) {
    to->by[r->decider][r->label]++;
    to->reasons[reason_of(r, labels)]++;
    to->memo_hits += r->from_memo;
}

static bool sink_fd_write_chunk(struct sink_fd *s, const struct chunk *c, struct err *e) {
    const struct batch *b = &c->batch;
    buf_reset(&s->out);
    uint64_t written = s->o.form ? b->n : 0;
    if (s->o.form) form_chunk(s->o.form, &s->out, c);
    for (uint32_t i = 0; !s->o.form && i < b->n; i++) written += writer_record(s->o.writer, &s->out, b, i);
    if (s->out.failed) return err_set(e, ERR_MEMORY, "no memory for the answers of %u lines", b->n);
    if (!sink_fd_write(s, e)) return false;
    if (s->o.form) form_count(s->o.form);
    for (uint32_t i = 0; i < b->n; i++) sink_fd_count(s->o.result, &b->res[i], &b->engine->labels);
    s->o.result->lines += b->n;
    s->o.result->written += written;
    return true;
}

static bool sink_fd_put(void *self, struct chunk *c) {
    struct sink_fd *s = self;
    struct err e = {0};
    if (!s->failed && !sink_fd_write_chunk(s, c, &e)) {
        s->failed = true;
        flow_fail(s->flow, &e);
    }
    flow_settle(s->flow, c, !s->failed);
    return true;
}

static void *sink_fd_open(const struct sink_opts *o, struct flow *f, struct err *e) {
    struct sink_fd *s = must_calloc(1, sizeof *s);
    s->flow = f;
    s->o = *o;
    *o->result = (struct sink_fd_result){0};
    buf_init(&s->out, OUT_BYTES_MAX);
    writer_header(o->form ? &o->form->writer : o->writer, &s->out);
    if (!sink_fd_write(s, e)) {
        s->failed = true;
        flow_fail(f, e);
    }
    return s;
}

static void sink_fd_close(void *self) {
    struct sink_fd *s = self;
    buf_release(&s->out);
    free(s);
}

extern const struct sink_kind sink_fd;
const struct sink_kind sink_fd = {sink_fd_open, sink_fd_put, NULL, NULL, sink_fd_close, NULL};
