#include "pipeline/engine.h"

#include "base/log.h"
#include "base/must.h"
#include "base/parallel_for.h"
#include "encoder/vector8.h"
#include "memo/vector_store.h"
#include "pipeline/stage.h"
#include "text/template.h"

#include <xxhash.h>

enum { DIM_MAX = VECTOR8_DIM_MAX };
_Static_assert((int)DIM_MAX <= (int)VECTOR_STORE_DIM_MAX, "every vector can be kept");

static bool engine_is_set(const char *s) {
    return s && s[0];
}

static bool load_labels(struct engine *eng, const struct engine_opts *o, struct err *e) {
    if (engine_is_set(o->labels_path)) return label_load(&eng->labels, o->labels_path, e);
    eng->labels = eng->head ? *head_labels(eng->head) : *label_default();
    return true;
}

static bool load_rules(struct engine *eng, const struct engine_opts *o, struct err *e) {
    const char *path[2];
    size_t n = 0, own = engine_is_set(o->page_rules_path);
    if (own) path[n++] = o->page_rules_path;
    if (engine_is_set(o->rules_path) && !(o->rules_shipped && label_hash(&eng->labels) != label_hash(label_default())))
        path[n++] = o->rules_path;
    if (n == 0) return true;
    eng->rules = rules_open_files(path, n, &eng->labels, e);
    if (eng->rules || !own) return eng->rules != NULL;
    struct err why = *e;
    if (n > own && !(eng->rules = rules_open_files(path + own, n - own, &eng->labels, e))) return false;
    log_warn("rules.unfit", "the rules written on the page are not used: %s", why.msg);
    return true;
}

static bool load_encoder(struct engine *eng, const struct engine_opts *o, struct err *e) {
    struct encoder_opts eo = {.model_dir = o->model_dir, .adapter_path = o->adapter_path, .kernel = o->kernel};
    eng->encoder = encoder_open(&eo, e);
    if (!eng->encoder) return false;
    if (encoder_dim(eng->encoder) > DIM_MAX)
        return err_set(e, ERR_MODEL, "%s: vectors of %u numbers, at most %d are supported", o->model_dir,
                       encoder_dim(eng->encoder), DIM_MAX);
    return head_check(eng->head, &eng->labels, encoder_hash(eng->encoder), MASK_VERSION, e) ||
           err_prefix(e, "%s", o->head_path);
}

/* Rules are compiled while the encoder's weights are read: both take tens of milliseconds, and need only the labels. */
struct engine_load {
    struct engine *eng;
    const struct engine_opts *o;
};

static bool engine_load_rules(void *self, struct err *e) {
    struct engine_load *l = self;
    return load_rules(l->eng, l->o, e);
}

static bool engine_load_encoder(void *self, struct err *e) {
    struct engine_load *l = self;
    return !l->eng->head || load_encoder(l->eng, l->o, e);
}

static void engine_close(struct engine *eng) {
    rules_close(eng->rules);
    encoder_close(eng->encoder);
    head_close(eng->head);
    free(eng->rule_place);
    free(eng);
}

struct engine *engine_open(const struct engine_opts *o, struct err *e) {
    struct engine *eng = must_calloc(1, sizeof *eng);
    atomic_init(&eng->refs, 1);
    static atomic_uint_fast64_t opened;
    eng->serial = atomic_fetch_add_explicit(&opened, 1, memory_order_relaxed) + 1;
    eng->pipeline_threshold = o->pipeline_threshold;
    eng->network_skips = o->network_skips;
    bool ok = !engine_is_set(o->head_path) || (eng->head = head_open(o->head_path, e)) != NULL;
    struct engine_load l = {eng, o};
    ok = ok && load_labels(eng, o, e) && parallel_both(engine_load_rules, engine_load_encoder, &l, e);
    if (!ok) {
        engine_close(eng);
        return NULL;
    }
    bool by_head = eng->head && o->head_thresholds;
    for (unsigned k = 0; k < eng->labels.n; k++)
        eng->threshold[k] = by_head ? head_threshold(eng->head, k, o->classifier_threshold) : o->classifier_threshold;
    eng->version = stage_version(eng);
    return eng;
}

struct engine *engine_ref(struct engine *eng) {
    atomic_fetch_add_explicit(&eng->refs, 1, memory_order_relaxed);
    return eng;
}

void engine_unref(struct engine *eng) {
    if (eng && atomic_fetch_sub_explicit(&eng->refs, 1, memory_order_acq_rel) == 1) engine_close(eng);
}

void engine_set_network(struct engine *eng, const struct network_stage *stage, uint64_t version) {
    eng->network = stage;
    eng->network_version = version;
    eng->version = stage_version(eng);
}

void engine_count_rules(struct engine *eng, struct ruled *r) {
    size_t n = eng->rules ? rules_count(eng->rules) : 0;
    if (n > 0 && !eng->rule_place) eng->rule_place = must_calloc(n, sizeof *eng->rule_place);
    for (size_t i = 0; i < n; i++) eng->rule_place[i] = ruled_place(r, rules_id(rules_get(eng->rules, i)));
}

void engine_set_vectors(struct engine *eng, struct vector_store *s) {
    if (!s || !eng->encoder || encoder_dim(eng->encoder) != vector_store_dim(s)) return;
    const uint64_t parts[] = {encoder_vector_hash(eng->encoder), MASK_VERSION};
    eng->vectors = s;
    eng->vector_version = XXH3_64bits(parts, sizeof parts);
}

bool engine_uses_source(const struct engine *eng) {
    return eng->head && head_uses_source(eng->head);
}

bool engine_decide(const struct engine *eng, const float *prob, unsigned *label, double *confidence) {
    struct head_decision d = head_decide(prob, &eng->labels, eng->threshold);
    *label = d.answer;
    *confidence = d.confidence;
    return d.answer != eng->labels.unclassified && d.confidence >= eng->pipeline_threshold;
}

bool engine_scratch_open(const struct engine *eng, struct engine_scratch *s, struct err *e) {
    *s = (struct engine_scratch){0};
    if (eng->rules && !(s->rules = rules_scratch_open(eng->rules, e))) return false;
    if (eng->encoder) s->encoder = encoder_scratch_open(eng->encoder);
    return true;
}

void engine_scratch_close(struct engine_scratch *s) {
    rules_scratch_close(s->rules);
    encoder_scratch_close(s->encoder);
    *s = (struct engine_scratch){0};
}

bool engine_probabilities(const struct engine *eng, struct engine_scratch *s, const struct record *rec, float *prob) {
    if (!eng->encoder) return false;
    char text[TEMPLATE_MAX];
    struct span t = {text, template_write(rec->source, rec->message, engine_uses_source(eng), text)};
    float vector[DIM_MAX];
    encoder_embed(eng->encoder, s->encoder, &t, 1, vector);
    vector8_round(vector, encoder_dim(eng->encoder));
    head_run(eng->head, vector, prob);
    return true;
}
