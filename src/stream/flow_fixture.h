/* flow_fixture: for tests: a pipeline over an engine, and a flow whose answers go into a pipe as JSON lines with their
 * messages. */
#ifndef STREAM_FLOW_FIXTURE_H
#define STREAM_FLOW_FIXTURE_H

#include "base/check.h"
#include "stream/flow.h"
#include "stream/sink_fd.h"
#include "stream/writer.h"

#include <fcntl.h>
#include <unistd.h>

struct flow_fixture {
    struct engine *eng;
    struct pipeline *p;
    struct flow *f;
    struct writer writer;
    struct sink_fd_result result;
    struct sink_opts sink; /* sink.fd: the pipe's end to write to */
    int out;               /* its end to read from */
};

/* Takes the engine over. */
static inline void flow_fixture_open(struct flow_fixture *x, struct engine *eng, unsigned workers) {
    struct err e = {0};
    int ends[2];
    *x = (struct flow_fixture){.eng = eng, .writer = {.format = WRITER_JSONL, .with_message = true}};
    x->p = pipeline_open(&(struct pipeline_opts){.workers = workers}, eng, &e);
    CHECK(x->p && pipe2(ends, O_CLOEXEC) == 0);
    x->out = ends[0];
    x->sink = (struct sink_opts){.fd = ends[1], .writer = &x->writer, .result = &x->result};
    x->f = flow_open(&(struct flow_opts){.pipeline = x->p, .sink = sink_table[SINK_FD], .sink_opts = &x->sink}, &e);
    CHECK(x->f != NULL);
}

static inline void flow_fixture_close(struct flow_fixture *x) {
    flow_close(x->f);
    pipeline_close(x->p);
    writer_close(&x->writer);
    engine_unref(x->eng);
    close(x->sink.fd);
    close(x->out);
}

#endif
