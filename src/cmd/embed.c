/* embed: the encoder's vectors, for other tools. */
#include "app/shipped.h"
#include "base/buf.h"
#include "base/must.h"
#include "cmd/cmd.h"
#include "cmd/flags.h"
#include "text/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char USAGE[] = "Usage: logclass embed [OPTIONS] < lines > vectors.npy\n\n"
                            "Writes a vector of 384 numbers for each line of stdin, as a NumPy array of\n"
                            "float32, one row a line: what the head decides by. Lines are masked first, so\n"
                            "that equal kinds of line have equal vectors.\n\n";

static const char EXAMPLES[] = "\nExamples\n"
                               "  logclass embed < app.log > app.npy\n"
                               "  python3 -c 'import numpy; print(numpy.load(\"app.npy\").shape)'\n"
                               "docs/training.md has scikit-learn side by side.\n";

enum { ROWS = 64, OUT_BYTES_MAX_LOG = 33, NPY_HEADER = 128 };

struct embed_options {
    struct shipped_encoder_opts encoder;
    const char *source;
    bool raw;
};

struct embedder {
    struct embed_options o;
    struct encoder *encoder;
    struct encoder_scratch *scratch;
    struct span text[ROWS];
    char (*room)[TEMPLATE_MAX];
    float *vector;
    size_t n, rows; /* texts waiting; vectors written */
    struct buf out;
};

static void embed_flush(struct embedder *x) {
    encoder_embed(x->encoder, x->scratch, x->text, x->n, x->vector);
    buf_put(&x->out, x->vector, x->n * encoder_dim(x->encoder) * sizeof(float));
    x->rows += x->n;
    x->n = 0;
}

static void embed_line(struct embedder *x, struct span line) {
    struct span source = span_of(x->o.source ? x->o.source : "");
    char *to = x->room[x->n];
    size_t n = span_sub(line, 0, MASK_INPUT_MAX).n;
    if (x->o.raw)
        memcpy(to, line.p, n);
    else
        n = template_write(source, line, true, to);
    x->text[x->n++] = (struct span){to, n};
    if (x->n == ROWS) embed_flush(x);
}

/* https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0 */
static bool embed_write(const struct embedder *x, struct err *e) {
    char header[NPY_HEADER + 1];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = NPY_HEADER - 10, header[9] = 0;
    int n = snprintf(header + 10, NPY_HEADER - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %u), }",
                     x->rows, encoder_dim(x->encoder));
    header[10 + n] = ' ';
    header[NPY_HEADER - 1] = '\n';
    bool ok = !x->out.failed && fwrite(header, 1, NPY_HEADER, stdout) == NPY_HEADER &&
              fwrite(x->out.p, 1, x->out.n, stdout) == x->out.n && fflush(stdout) == 0;
    return ok || err_set(e, ERR_IO, "cannot write the vectors: %s", strerror(errno));
}

static bool embed_run(struct embedder *x, struct err *e) {
    if (isatty(STDOUT_FILENO)) return err_set(e, ERR_USAGE, "the vectors are no text: send them to a file");
    if (!(x->encoder = shipped_encoder(&x->o.encoder, e))) return false;
    x->scratch = encoder_scratch_open(x->encoder);
    x->room = must_calloc(ROWS, sizeof *x->room);
    x->vector = must_calloc((size_t)ROWS * encoder_dim(x->encoder), sizeof(float));
    buf_init(&x->out, (size_t)1 << OUT_BYTES_MAX_LOG);
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;)
        embed_line(x, (struct span){line, (size_t)n - (line[n - 1] == '\n')});
    free(line);
    if (x->n > 0) embed_flush(x);
    return embed_write(x, e);
}

int cmd_embed(int argc, char **argv) {
    struct embedder x = {0};
    struct err e = {0};
    int operands = 0;
    const struct flag flag[] = {
        {"source", FLAG_TEXT, &x.o.source, 0, 0, "NAME", "put the source before each line, as when the source counts"},
        {"raw", FLAG_TRUE, &x.o.raw, 0, 0, NULL, "leave values unmasked"},
        {"model", FLAG_TEXT, &x.o.encoder.model, 0, 0, "DIR", "encoder model directory"},
        {"adapter", FLAG_TEXT, &x.o.encoder.adapter, 0, 0, "FILE", "low-rank update of the encoder, or 'none'"},
        {"kernel", FLAG_TEXT, &x.o.encoder.kernel, 0, 0, "NAME", "encoder arithmetic"},
    };
    enum { N = sizeof flag / sizeof flag[0] };
    if (flags_show_help(argc, argv, USAGE, flag, N, EXAMPLES)) return CMD_OK;
    bool ok = flags_parse(flag, N, argc, argv, &operands, &e) && embed_run(&x, &e);
    if (x.scratch) encoder_scratch_close(x.scratch);
    encoder_close(x.encoder);
    buf_release(&x.out);
    free(x.room), free(x.vector);
    return ok ? CMD_OK : cmd_fail(&e);
}
