#include "encoder/head_file.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/must.h"
#include "base/json_out.h"
#include "data/result_json.h"

#include <math.h>

#define FILE_BYTES_MAX ((size_t)256 << 20)

/* Written by hand, a row of weights a line, so that a head can be looked at and compared. */

static void head_write_put_text(struct buf *b, const char *before, const char *key, const char *text) {
    buf_printf(b, "%s\"%s\": ", before, key);
    json_out_string(b, span_of(text));
}

static void put_share(struct buf *b, const char *key, double v) {
    buf_printf(b, ", \"%s\": ", key);
    result_json_number(b, round(v * 1e6) / 1e6);
}

static void head_write_put_labels(struct buf *b, const struct head_content *c) {
    buf_puts(b, "  \"labels\": [\n");
    for (unsigned i = 0; i < c->labels.n; i++) {
        const struct label *l = &c->labels.label[i];
        head_write_put_text(b, i ? ",\n    {" : "    {", "id", l->id);
        head_write_put_text(b, ", ", "name", l->name);
        head_write_put_text(b, ", ", "description", l->description);
        if (c->label_threshold[i] > 0) put_share(b, "threshold", c->label_threshold[i]);
        buf_putc(b, '}');
    }
    buf_puts(b, "\n  ],\n");
}

static void put_outputs(struct buf *b, const struct head_content *c) {
    if (!c->outputs) return;
    buf_puts(b, "  \"counts_for\": [");
    for (unsigned o = 0; o < c->outputs; o++) buf_printf(b, o ? ",%u" : "%u", c->label_of[o]);
    buf_puts(b, "],\n");
}

static void put_metrics(struct buf *b, const struct head_metrics *m) {
    if (m->rows == 0) return;
    buf_printf(b, "  \"metrics\": {\"rows\": %u, \"systems\": %u", m->rows, m->systems);
    put_share(b, "accuracy", m->accuracy);
    put_share(b, "macro_f1", m->macro_f1);
    put_share(b, "ece", m->ece);
    put_share(b, "accuracy_confident_half", m->accuracy_confident_half);
    buf_puts(b, "},\n");
}

static void put_numbers(struct buf *b, const float *v, unsigned n) {
    buf_putc(b, '[');
    for (unsigned i = 0; i < n; i++) {
        MUST(isfinite(v[i]));
        buf_printf(b, i ? ",%.9g" : "%.9g", (double)v[i]); /* 9 digits give every float back */
    }
    buf_putc(b, ']');
}

static void put_layer(struct buf *b, const struct head_layer *l) {
    buf_printf(b, "    {\"inputs\": %u, \"outputs\": %u, \"activation\": \"%s\",\n     \"bias\": ", l->inputs,
               l->outputs, head_file_activation[l->activation]);
    put_numbers(b, l->bias, l->outputs);
    buf_puts(b, ",\n     \"weights\": [\n");
    for (unsigned o = 0; o < l->outputs; o++) {
        buf_puts(b, o ? ",\n      " : "      ");
        put_numbers(b, l->weight + (size_t)o * l->inputs, l->inputs);
    }
    buf_puts(b, "\n     ]}");
}

static void head_write_put_head(struct buf *b, const struct head_content *c) {
    buf_printf(b, "{\n  \"format\": \"%s\",\n  \"version\": %d,\n", HEAD_FILE_FORMAT, HEAD_VERSION);
    head_write_put_text(b, "  ", "created_by", c->created_by);
    buf_printf(b, ",\n  \"model\": \"%016llx\",\n  \"mask_version\": %u,\n  \"use_source\": %s,\n",
               (unsigned long long)c->model_hash, c->mask_version, c->use_source ? "true" : "false");
    buf_puts(b, "  \"threshold\": ");
    result_json_number(b, round(c->threshold * 1e6) / 1e6);
    head_write_put_text(b, ",\n  ", "calibration", c->calibration);
    buf_puts(b, ",\n");
    put_metrics(b, &c->metrics);
    head_write_put_labels(b, c);
    put_outputs(b, c);
    buf_puts(b, "  \"layers\": [\n");
    for (unsigned i = 0; i < c->layers; i++) {
        if (i) buf_puts(b, ",\n");
        put_layer(b, &c->layer[i]);
    }
    buf_puts(b, "\n  ]\n}\n");
}

bool head_write(const char *path, const struct head_content *c, struct err *e) {
    struct buf b;
    buf_init(&b, FILE_BYTES_MAX);
    head_write_put_head(&b, c);
    bool ok = b.failed ? err_set(e, ERR_LIMIT, "%s: the head would be larger than %zu bytes", path, FILE_BYTES_MAX)
                       : file_write(path, buf_span(&b), e);
    buf_release(&b);
    return ok;
}
