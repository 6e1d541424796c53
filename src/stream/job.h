/* job: classifies files from first to last line: reader → pipeline → writer, many chunks in flight, answers in order.
 */
#ifndef STREAM_JOB_H
#define STREAM_JOB_H

#include "base/clock.h"
#include "pipeline/pipeline.h"
#include "stream/reader.h"
#include "stream/writer.h"

enum { JOB_CHUNKS = 16 };

struct job_progress {
    uint64_t lines;          /* written */
    uint64_t position, size; /* of the current file; size 0: unknown */
    const char *path;
};

struct job_opts {
    struct pipeline *pipeline;
    struct writer *writer;
    struct reader_opts reader;
    int fd; /* where the answers go */
    void (*on_progress)(void *user,
                        const struct job_progress *p); /* from the writing thread, after each chunk; may be NULL */
    void *user;
    const volatile int *stop; /* set by a signal handler: read no more, finish what was read; may be NULL */
};

struct job_result {
    uint64_t lines;
    uint64_t odd_lines;                    /* JSONL lines that were none */
    uint64_t by[DECIDER_COUNT][LABEL_MAX]; /* lines per deciding stage and label */
    bool reader_gone;                      /* whoever read our output closed it: no error */
};

/* Classifies the files in order. On false, all that was read before the trouble has been written. */
bool job_run(const struct job_opts *o, char *const *paths, size_t n, struct job_result *out, struct err *e);

#endif
