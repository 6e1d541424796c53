/* encoder_bench: how fast the encoder is on this machine: `logclass bench encoder`. */
#ifndef ENCODER_ENCODER_BENCH_H
#define ENCODER_ENCODER_BENCH_H

#include "encoder/encoder.h"

#include <stdbool.h>
#include <stdio.h>

enum { ENCODER_BENCH_LINES = 256 };

/* Embeds the first ENCODER_BENCH_LINES lines of the file at `path` or, where it is "", distinct synthetic log lines of
 * about 33 tokens, with one and with two threads, and writes to `out`: the
 * kernel, the time to open, what a line costs alone (median, 99th of 100) and in the best of some batch sizes (lines/s,
 * tokens/s), and how near that is to the same arithmetic done on data that never leaves the first cache. Each figure is
 * the median of several runs. Takes some seconds. */
bool encoder_bench(const struct encoder_opts *o, const char *path, FILE *out, struct err *e);

#endif
