/* files: what classify and top share: files or stdin read to their end through a flow, interrupts, progress, and what
 * could not be read. */
#ifndef CMD_FILES_H
#define CMD_FILES_H

#include "app/progress.h"
#include "conf/conf.h"
#include "pipeline/pipeline.h"
#include "stream/sink.h"

struct files {
    struct progress bar;
    unsigned troubles;  /* files that could not be read, or not to their end */
    uint64_t odd_lines; /* JSON lines without a message */
};

struct files_what {
    const struct conf *conf;
    char **paths;
    size_t n; /* 0: stdin */
    enum sink_id sink;
    const struct sink_opts *to;
    bool origins; /* what the sink writes shows where records are from */
};

/* Interrupts end the reading, not the process: what was read is still decided. A second one kills. */
void files_catch_signals(void);

/* bar: a progress bar may be shown. Says so where it is a person at a terminal who is to type the lines. */
void files_begin(struct files *f, const struct conf *c, size_t n, bool bar);

/* Reads all of it. False: nothing can be written any more, or the like; what was read is decided. */
bool files_read(struct files *f, struct pipeline *p, const struct files_what *w, struct err *e);

double files_seconds(const struct files *f); /* since files_begin */
int files_status(const struct files *f);     /* the exit status, where nothing else went wrong */

#endif
