#include "encoder/head_file.h"

#include "base/file.h"
#include "base/must.h"

#include <math.h>
#include <xxhash.h>
#include <yyjson.h>

#define FILE_BYTES_MAX ((size_t)256 << 20)
#define WEIGHT_MAX     1e6 /* keeps every sum finite */

const char *const head_file_activation[HEAD_ACTIVATIONS] = {"none", "relu"};

/* Each function names the member that is not as expected. */

static bool get_text(yyjson_val *o, const char *key, char *out, size_t size, struct err *e) {
    yyjson_val *v = yyjson_obj_get(o, key);
    if (!yyjson_is_str(v) || yyjson_get_len(v) >= size)
        return err_set(e, ERR_MODEL, "'%s': expected a text of less than %zu bytes", key, size);
    memcpy(out, yyjson_get_str(v), yyjson_get_len(v) + 1);
    return true;
}

static bool get_count(yyjson_val *o, const char *key, unsigned max, unsigned *out, struct err *e) {
    yyjson_val *v = yyjson_obj_get(o, key);
    if (!yyjson_is_uint(v) || yyjson_get_uint(v) > max)
        return err_set(e, ERR_MODEL, "'%s': expected a whole number from 0 to %u", key, max);
    *out = (unsigned)yyjson_get_uint(v);
    return true;
}

static bool get_share(yyjson_val *o, const char *key, double *out, struct err *e) {
    yyjson_val *v = yyjson_obj_get(o, key);
    double x = yyjson_is_num(v) ? yyjson_get_num(v) : v ? -1 : 0;
    if (!(x >= 0 && x <= 1)) return err_set(e, ERR_MODEL, "'%s': expected a number from 0 to 1", key);
    *out = x;
    return true;
}

static bool get_hash(yyjson_val *o, const char *key, uint64_t *out, struct err *e) {
    char text[17], *end;
    if (!get_text(o, key, text, sizeof text, e)) return false;
    *out = strtoull(text, &end, 16);
    return (end == text + 16) || err_set(e, ERR_MODEL, "'%s': expected 16 hex digits", key);
}

static bool head_file_read_labels(yyjson_val *root, struct head_content *c, struct err *e) {
    yyjson_val *list = yyjson_obj_get(root, "labels");
    size_t n = yyjson_arr_size(list), i, max;
    if (n < 1 || n > LABEL_MAX) return err_set(e, ERR_MODEL, "'labels': expected a list of 1 to %d", LABEL_MAX);
    yyjson_val *v;
    yyjson_arr_foreach(list, i, max, v) {
        struct label *l = &c->labels.label[i];
        if (!get_text(v, "id", l->id, sizeof l->id, e) || !get_text(v, "name", l->name, sizeof l->name, e) ||
            !get_text(v, "description", l->description, sizeof l->description, e) ||
            !get_share(v, "threshold", &c->label_threshold[i], e))
            return err_prefix(e, "label %zu", i + 1);
        if (!label_id_is_valid(span_of(l->id)))
            return err_set(e, ERR_MODEL,
                           "label %zu: '%s' can't be an id: no quotes, backslashes, '|' or control characters", i + 1,
                           l->id);
        if (label_find(&c->labels, span_of(l->id)) >= 0)
            return err_set(e, ERR_MODEL, "label %zu: %s stands there twice", i + 1, l->id);
        c->labels.n++;
    }
    int u = label_find(&c->labels, SPAN_LIT("UNCLASSIFIED"));
    if (u < 0) return err_set(e, ERR_MODEL, "'labels': UNCLASSIFIED is missing");
    c->labels.unclassified = (unsigned)u;
    c->labels.parts = label_parts(&c->labels);
    return true;
}

/* "counts_for": the label of each output of the last layer, by its place in the list; absent: one output a label. */
static bool read_outputs(yyjson_val *root, struct head_content *c, struct err *e) {
    yyjson_val *list = yyjson_obj_get(root, "counts_for"), *v;
    size_t n = yyjson_arr_size(list), i, max;
    if (!list) return true;
    if (n < 1 || n > LABEL_MAX) return err_set(e, ERR_MODEL, "'counts_for': expected a list of 1 to %d", LABEL_MAX);
    yyjson_arr_foreach(list, i, max, v) {
        if (!yyjson_is_uint(v) || yyjson_get_uint(v) >= c->labels.n)
            return err_set(e, ERR_MODEL, "'counts_for': number %zu is no label's place from 0 to %u", i + 1,
                           c->labels.n - 1);
        c->label_of[i] = (uint8_t)yyjson_get_uint(v);
    }
    c->outputs = (unsigned)n;
    return true;
}

static bool head_file_read_numbers(yyjson_val *list, const char *key, float *out, unsigned n, struct err *e) {
    if (yyjson_arr_size(list) != n)
        return err_set(e, ERR_MODEL, "'%s': %zu numbers, expected %u", key, yyjson_arr_size(list), n);
    size_t i, max;
    yyjson_val *v;
    yyjson_arr_foreach(list, i, max, v) {
        double x = yyjson_is_num(v) ? yyjson_get_num(v) : NAN;
        if (!(fabs(x) <= WEIGHT_MAX))
            return err_set(e, ERR_MODEL, "'%s': number %zu is not one from %g to %g", key, i + 1, -WEIGHT_MAX,
                           WEIGHT_MAX);
        out[i] = (float)x;
    }
    return true;
}

static bool read_activation(yyjson_val *o, enum head_activation *out, struct err *e) {
    for (unsigned a = 0; a < HEAD_ACTIVATIONS; a++)
        if (yyjson_equals_str(yyjson_obj_get(o, "activation"), head_file_activation[a])) {
            *out = (enum head_activation)a;
            return true;
        }
    return err_set(e, ERR_MODEL, "'activation': expected \"none\" or \"relu\"");
}

static bool read_layer(yyjson_val *o, struct head_layer *l, struct err *e) {
    if (!get_count(o, "inputs", HEAD_WIDTH_MAX, &l->inputs, e) ||
        !get_count(o, "outputs", HEAD_WIDTH_MAX, &l->outputs, e) || !read_activation(o, &l->activation, e))
        return false;
    l->weight = must_calloc((size_t)l->outputs * l->inputs + 1, sizeof *l->weight);
    l->bias = must_calloc(l->outputs + 1u, sizeof *l->bias);
    if (!head_file_read_numbers(yyjson_obj_get(o, "bias"), "bias", l->bias, l->outputs, e)) return false;
    yyjson_val *rows = yyjson_obj_get(o, "weights"), *row;
    if (yyjson_arr_size(rows) != l->outputs)
        return err_set(e, ERR_MODEL, "'weights': %zu rows, expected %u", yyjson_arr_size(rows), l->outputs);
    size_t i, max;
    yyjson_arr_foreach(rows, i, max, row) {
        if (!head_file_read_numbers(row, "weights", l->weight + i * l->inputs, l->inputs, e))
            return err_prefix(e, "row %zu", i + 1);
    }
    return true;
}

static bool read_layers(yyjson_val *root, struct head_content *c, struct err *e) {
    yyjson_val *list = yyjson_obj_get(root, "layers"), *v;
    size_t n = yyjson_arr_size(list), i, max;
    if (n < 1 || n > HEAD_LAYERS_MAX)
        return err_set(e, ERR_MODEL, "'layers': expected a list of 1 or %d", HEAD_LAYERS_MAX);
    yyjson_arr_foreach(list, i, max, v) {
        c->layers++;
        if (!read_layer(v, &c->layer[i], e)) return err_prefix(e, "layer %zu", i + 1);
        if (i > 0 && c->layer[i].inputs != c->layer[i - 1].outputs)
            return err_set(e, ERR_MODEL, "layer %zu: %u inputs, the layer before has %u outputs", i + 1,
                           c->layer[i].inputs, c->layer[i - 1].outputs);
    }
    const struct head_layer *last = &c->layer[n - 1];
    if (c->layer[0].inputs == 0) return err_set(e, ERR_MODEL, "layer 1: no inputs");
    if (last->activation != HEAD_LINEAR)
        return err_set(e, ERR_MODEL, "layer %zu: 'activation' of the last must be \"none\"", n);
    if (c->outputs && last->outputs != c->outputs)
        return err_set(e, ERR_MODEL, "layer %zu: %u outputs, 'counts_for' has %u", n, last->outputs, c->outputs);
    if (!c->outputs && last->outputs != c->labels.n)
        return err_set(e, ERR_MODEL, "layer %zu: %u outputs, expected one for each of %u labels", n, last->outputs,
                       c->labels.n);
    return true;
}

static bool read_metrics(yyjson_val *o, struct head_metrics *m, struct err *e) {
    return get_count(o, "rows", UINT32_MAX, &m->rows, e) && get_count(o, "systems", UINT32_MAX, &m->systems, e) &&
           get_share(o, "accuracy", &m->accuracy, e) && get_share(o, "macro_f1", &m->macro_f1, e) &&
           get_share(o, "ece", &m->ece, e) && get_share(o, "accuracy_confident_half", &m->accuracy_confident_half, e);
}

static bool read_root(yyjson_val *root, struct head_content *c, struct err *e) {
    unsigned version;
    if (!yyjson_equals_str(yyjson_obj_get(root, "format"), HEAD_FILE_FORMAT))
        return err_set(e, ERR_MODEL, "not a head file: expected \"format\": \"" HEAD_FILE_FORMAT "\"");
    if (!get_count(root, "version", UINT32_MAX, &version, e)) return false;
    if (version != HEAD_VERSION)
        return err_set(e, ERR_MODEL, "is of format version %u, this program reads %d", version, HEAD_VERSION);
    yyjson_val *metrics = yyjson_obj_get(root, "metrics"), *source = yyjson_obj_get(root, "use_source");
    if (!yyjson_is_bool(source)) return err_set(e, ERR_MODEL, "'use_source': expected true or false");
    c->use_source = yyjson_get_bool(source);
    return get_text(root, "created_by", c->created_by, sizeof c->created_by, e) &&
           get_hash(root, "model", &c->model_hash, e) &&
           get_count(root, "mask_version", UINT32_MAX, &c->mask_version, e) &&
           get_share(root, "threshold", &c->threshold, e) &&
           get_text(root, "calibration", c->calibration, sizeof c->calibration, e) &&
           head_file_read_labels(root, c, e) && read_outputs(root, c, e) &&
           (!metrics || read_metrics(metrics, &c->metrics, e)) && read_layers(root, c, e);
}

bool head_file_read(const char *path, struct head_content *c, uint64_t *hash, struct err *e) {
    struct span file;
    if (!file_read(path, FILE_BYTES_MAX, &file, e)) return false;
    yyjson_read_err bad;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)file.p, file.n, 0, NULL, &bad);
    *hash = XXH3_64bits(file.p, file.n);
    bool ok = doc ? read_root(yyjson_doc_get_root(doc), c, e)
                  : err_set(e, ERR_MODEL, "not a head file: byte %zu: %s", bad.pos + 1, bad.msg);
    yyjson_doc_free(doc);
    file_free(&file);
    return ok || err_prefix(e, "%s", path);
}
