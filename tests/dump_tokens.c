/* Reads lines from stdin and prints their token ids, one line each: the C half of scripts/check-tokens.
 * With a second argument N it encodes the whole input N times instead and prints lines a second. */
#include "base/buf.h"
#include "base/clock.h"
#include "text/wordpiece.h"

#include <stdio.h>
#include <stdlib.h>

enum { IDS_MAX = 256 };

static size_t encode_line(const struct wordpiece *w, struct span line, bool print) {
    uint32_t ids[IDS_MAX];
    size_t n = wordpiece_encode(w, line, ids, IDS_MAX);
    for (size_t i = 0; print && i < n; i++) printf("%u%c", ids[i], i + 1 < n ? ' ' : '\n');
    return n;
}

int main(int argc, char **argv) {
    struct err e = {0};
    struct wordpiece *w = argc > 1 ? wordpiece_open(argv[1], &e) : NULL;
    if (!w) return fprintf(stderr, "usage: dump_tokens MODEL_DIR [ROUNDS] <lines %s\n", e.msg), 1;
    struct buf all;
    buf_init(&all, (size_t)1 << 30);
    for (size_t n = 1; n > 0 && !all.failed; all.n += n) {
        char *p = buf_reserve(&all, 1 << 16);
        n = p ? fread(p, 1, 1 << 16, stdin) : 0;
    }
    long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    size_t lines = 0, ids = 0;
    uint64_t start = clock_now_ns(NULL);
    for (long r = 0; r < rounds; r++)
        for (struct span rest = buf_span(&all); rest.n > 0; lines++) {
            const char *newline = memchr(rest.p, '\n', rest.n);
            size_t n = newline ? (size_t)(newline - rest.p) : rest.n;
            ids += encode_line(w, span_sub(rest, 0, n), argc <= 2);
            rest = span_sub(rest, newline ? n + 1 : n, rest.n);
        }
    double seconds = (double)(clock_now_ns(NULL) - start) / 1e9;
    if (argc > 2) printf("%.0f lines/s, %.0f tokens/s\n", (double)lines / seconds, (double)ids / seconds);
    buf_release(&all);
    wordpiece_close(w);
    return 0;
}
