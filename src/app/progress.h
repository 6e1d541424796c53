/* progress: a bar on stderr for work that takes a while; silent when stderr is not a terminal. */
#ifndef APP_PROGRESS_H
#define APP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown;
    uint64_t begun_ns, drawn_ns;
};

void progress_init(struct progress *p, bool wanted);

/* lines done so far; done of total bytes (total 0: unknown, no bar and no ETA). Redraws at most ten times a second. */
void progress_draw(struct progress *p, uint64_t lines, uint64_t done, uint64_t total);

/* The same for work that is not lines: "<what> [###...] 42 %". */
void progress_step(struct progress *p, const char *what, uint64_t done, uint64_t total);

void progress_clear(struct progress *p);

#endif
