/* bench_encoder: how fast the encoder is on this machine: `logclass bench encoder`. */
#ifndef CMD_BENCH_ENCODER_H
#define CMD_BENCH_ENCODER_H

#include "encoder/encoder.h"

#include <stdbool.h>
#include <stdio.h>

enum { ENCODER_BENCH_LINES = 256 };

/* Embeds the first ENCODER_BENCH_LINES lines of the file at `path` or, where it is "", distinct synthetic log lines of
 * about 33 tokens, and writes to `out`: machine, build and kernel, the time to open, what a line costs alone (median,
 * 99th of 100), lines/s and tokens/s with the best of some batch sizes of one thread (both by the thread's CPU clock)
 * and of as many threads as there are CPUs (by the wall clock), and how near that is to the same instructions on
 * registers alone. Figures are medians of several runs. Takes some seconds, with fp32 kernels up to a minute. */
bool encoder_bench(const struct encoder_opts *o, const char *path, FILE *out, struct err *e);

#endif
