#include "cmd/progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR = 24 };

void progress_init(struct progress *p, bool wanted) {
    *p = (struct progress){.shown = wanted && isatty(STDERR_FILENO), .begun_ns = clock_now_ns(NULL)};
}

void progress_draw(struct progress *p, uint64_t lines, uint64_t done, uint64_t total) {
    uint64_t now = clock_now_ns(NULL);
    if (!p->shown || now - p->drawn_ns < clock_ms(100)) return;
    p->drawn_ns = now;
    double seconds = (double)(now - p->begun_ns) * 1e-9, rate = seconds > 0 ? (double)lines / seconds : 0;
    fprintf(stderr, "\r\033[K%llu lines  %.0f lines/s", (unsigned long long)lines, rate);
    if (total > 0 && done > 0 && done <= total) {
        double share = (double)done / (double)total, left = seconds * (1 - share) / share;
        char bar[BAR + 1];
        for (int i = 0; i < BAR; i++) bar[i] = i < (int)(share * BAR) ? '#' : '.';
        bar[BAR] = '\0';
        fprintf(stderr, "  [%s] %3.0f %%  ETA %.0f s", bar, share * 100, left);
    }
    fflush(stderr);
}

void progress_clear(struct progress *p) {
    if (p->shown && p->drawn_ns) fputs("\r\033[K", stderr);
}
