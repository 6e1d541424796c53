#include "encoder/load.h"

#include "base/file.h"
#include "base/must.h"
#include "encoder/packed.h"
#include "encoder/round.h"
#include "encoder/smooth.h"
#include "encoder/tensors.h"
#include "text/program.h"

#include <stdlib.h>
#include <xxhash.h>

enum {
    PATH_BYTES = 4096,
    WEIGHT_STEPS_ENOUGH = 127, /* with so many steps rounding to the nearest is as good, and takes no time */
};

/* int8: packed anew behind smoothing, and behind rounding where that is done, because both look at what the packed
 * model does and change what is packed. */
static bool load_smoothed(struct model *m, struct weights *w, const char *model_dir, struct err *e) {
    size_t layers = m->shape.layers;
    struct tensors_kept *kept = must_calloc(layers, sizeof *kept);
    for (size_t i = 0; i < layers; i++)
        for (unsigned k = 0; k < TENSORS_MATRICES; k++) {
            const struct linear *l = tensors_matrix(&m->layer[i], k);
            kept[i].w[k] = must_calloc((size_t)l->out * l->in, sizeof(float));
        }
    bool ok = tensors_read(m, w, kept, e);
    if (ok) {
        struct sample *sample = must_calloc(1, sizeof *sample);
        sample_make(sample, model_dir, &m->shape);
        smooth_factors(m, sample, kept);
        tensors_pack_again(m, kept);
        if (m->kern->weight_max < WEIGHT_STEPS_ENOUGH) {
            round_weights(m, sample, kept);
            tensors_pack_again(m, kept);
        }
        free(sample);
    }
    for (size_t i = 0; i < layers; i++)
        for (unsigned k = 0; k < TENSORS_MATRICES; k++) free(kept[i].w[k]);
    free(kept);
    return ok;
}

static void load_take_hash(struct model *m, const struct weights *w) {
    uint64_t parts[] = {m->shape.hash, w->hash + (m->programs ? program_hash() : 0)};
    m->hash = XXH3_64bits(parts, sizeof parts);
}

/* What m->hash is made of, as far as it is known without reading the tensors. */
static uint64_t load_witness(const struct model *m, const struct weights *w) {
    uint64_t parts[] = {weights_witness(w), m->shape.hash, m->programs ? program_hash() : 0};
    return parts[0] ? XXH3_64bits(parts, sizeof parts) : 0;
}

/* int8: a packed file is found by its witness or, where that is new, by the hash of all files, which are read for it.
 */
static bool load_matrices(struct model *m, struct weights *w, const char *model_dir, struct err *e) {
    if (!m->kern->int8) {
        bool ok = tensors_read(m, w, NULL, e);
        load_take_hash(m, w);
        return ok;
    }
    uint64_t witness = load_witness(m, w);
    if (packed_recall(m, model_dir, witness)) return tensors_read_rest(m, w, e);
    if (!tensors_hash(m, w, e)) return false;
    load_take_hash(m, w);
    if (packed_read(m, model_dir, witness)) return true;
    if (!load_smoothed(m, w, model_dir, e)) return false;
    packed_write(m, model_dir, witness);
    return true;
}

bool load_model(struct model *m, const char *model_dir, const char *adapter_path, const struct kern *kern,
                struct err *e) {
    char path[PATH_BYTES];
    struct weights w;
    *m = (struct model){.kern = kern};
    if (!shape_read(&m->shape, model_dir, e)) return false;
    if (!file_join(path, sizeof path, model_dir, "model.safetensors"))
        return err_set(e, ERR_MODEL, "%s: the path is too long", model_dir);
    if (!weights_open(&w, path, adapter_path, e)) return false;
    m->programs = safetensors_metadata(&w.adapter, "programs") != NULL;
    bool ok = model_lay_out(m, e) && load_matrices(m, &w, model_dir, e);
    weights_close(&w);
    if (!ok) model_close(m);
    return ok;
}
