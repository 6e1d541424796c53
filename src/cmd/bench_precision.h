/* bench_precision: how near each kernel's answers are to fp32's on real lines: `logclass bench precision`. */
#ifndef CMD_BENCH_PRECISION_H
#define CMD_BENCH_PRECISION_H

#include "base/span.h"
#include "encoder/encoder.h"

#include <stdio.h>

struct bench_precision_opts {
    struct encoder_opts encoder; /* kernel "": every kernel but the scalar ones */
    const char *head_path;       /* "": labels are not compared */
    size_t lines_max;            /* different lines taken, evenly from all */
};

/* Embeds the templates of lines[n] with the best fp32 kernel and with the others, and writes for each the cosines
 * (mean, 1st of 100, least), the share of lines with the same most probable label, and the share with the same answer,
 * where an answer less sure than the head's threshold counts as none. Takes up to minutes: fp32 is slow. */
bool bench_precision_write(const struct bench_precision_opts *o, const struct span *lines, size_t n, FILE *out,
                           struct err *e);

#endif
