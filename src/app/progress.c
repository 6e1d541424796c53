#include "app/progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR = 24 };

void progress_init(struct progress *p, bool wanted) {
    *p = (struct progress){.shown = wanted && isatty(STDERR_FILENO), .begun_ns = clock_now_ns(NULL)};
}

static bool is_time(struct progress *p, uint64_t now) {
    if (!p->shown || now - p->drawn_ns < clock_ns_of_ms(100)) return false;
    p->drawn_ns = now;
    return true;
}

static void put_bar(double share) {
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++) bar[i] = i < (int)(share * BAR) ? '#' : '.';
    bar[BAR] = '\0';
    fprintf(stderr, "  [%s] %3.0f %%", bar, share * 100);
}

void progress_step(struct progress *p, const char *what, uint64_t done, uint64_t total) {
    if (total == 0 || !is_time(p, clock_now_ns(NULL))) return;
    fprintf(stderr, "\r\033[K%s", what);
    put_bar(done < total ? (double)done / (double)total : 1);
    fflush(stderr);
}

void progress_draw(struct progress *p, uint64_t lines, uint64_t done, uint64_t total) {
    uint64_t now = clock_now_ns(NULL);
    if (!is_time(p, now)) return;
    double seconds = (double)(now - p->begun_ns) * 1e-9, rate = seconds > 0 ? (double)lines / seconds : 0;
    fprintf(stderr, "\r\033[K%llu lines  %.0f lines/s", (unsigned long long)lines, rate);
    if (total > 0 && done > 0 && done <= total) {
        double share = (double)done / (double)total, left = seconds * (1 - share) / share;
        put_bar(share);
        fprintf(stderr, "  ETA %.0f s", left);
    }
    fflush(stderr);
}

void progress_clear(struct progress *p) {
    if (p->shown && p->drawn_ns) fputs("\r\033[K", stderr);
}
