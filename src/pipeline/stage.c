#include "pipeline/stage.h"

#include "base/clock.h"
#include "base/must.h"
#include "data/reason.h"
#include "encoder/vector8.h"
#include "memo/vector_store.h"
#include "metrics/metrics.h"
#include "pipeline/pipeline.h"
#include "text/template.h"

#include <xxhash.h>

/* The product in one screen: a line passes these in order and leaves at the first that is sure. What none of them
 * decides is UNCLASSIFIED. */
const struct stage stage_table[STAGE_COUNT] = {
#define STAGE(id, name, cheap, run, version) {name, cheap, run, version},
#include "pipeline/stage.def"
#undef STAGE
};

/* Where the durations of each stage are counted: by name, so that the order of two tables does not matter. */
static unsigned stage_metric(enum stage_id s) {
    static atomic_uint known[STAGE_COUNT]; /* index + 1 */
    unsigned i = atomic_load_explicit(&known[s], memory_order_relaxed);
    if (i) return i - 1;
    int found = metrics_find(METRIC_SET_STAGE, stage_table[s].name);
    MUST(found >= 0); /* stage.def names a stage that METRIC_SET STAGE does not list */
    atomic_store_explicit(&known[s], (unsigned)found + 1, memory_order_relaxed);
    return (unsigned)found;
}

void stage_work_begin(struct work *w, uint32_t n) {
    uint32_t size = 2;
    while (size < 2 * n) size *= 2;
    memset(w->twin, 0, size * sizeof w->twin[0]);
    w->twin_mask = size - 1;
    w->n = w->todo_n = 0;
    w->text_n = 0;
}

bool stage_is_settled(const struct engine *eng, const struct result *r) {
    return eng->network_skips > 0 && r->nearest == eng->labels.unclassified &&
           (double)r->nearest_p >= eng->network_skips;
}

void stage_count_reason(const struct engine *eng, const struct result *r) {
    if (r->label == eng->labels.unclassified)
        metrics_add(METRIC_UNCLASSIFIED, reason_of(r, &eng->labels) - REASON_OTHER, 0, 0, 1);
}

enum stage_id stage_first_costly(void) {
    unsigned s = 0;
    while (s < STAGE_COUNT && stage_table[s].is_cheap) s++;
    return (enum stage_id)s;
}

void stage_observe(enum stage_id s, double seconds) {
    metrics_observe(METRIC_STAGE_DURATION, stage_metric(s), 0, seconds, 1);
}

void stage_run(struct work *w, enum stage_id from, enum stage_id to) {
    for (unsigned s = from; s < to && w->todo_n > 0; s++) {
        if (!stage_table[s].run) continue;
        uint64_t begun = clock_now_ns(NULL);
        stage_table[s].run(w);
        stage_observe((enum stage_id)s, (double)(clock_now_ns(NULL) - begun) * 1e-9);
    }
}

void stage_try(struct work *w) {
    for (unsigned s = 0; s < STAGE_COUNT && w->todo_n > 0; s++)
        if (stage_table[s].run) stage_table[s].run(w);
}

void stage_look_at_network(struct work *w) {
    const struct network_stage *net = w->eng->network;
    w->unavailable = net && net->unavailable ? net->unavailable(net->self) : ERR_OK;
    w->has_network = net && w->unavailable == ERR_OK;
}

/* ---- what answers depend on ---- */

uint64_t stage_version(const struct engine *eng) {
    uint64_t hash = 0;
    for (unsigned s = 0; s < STAGE_COUNT; s++)
        if (stage_table[s].version) hash = stage_table[s].version(eng, hash);
    return hash;
}

uint64_t stage_memo_version(const struct engine *eng, uint64_t seed) {
    const uint64_t parts[] = {MASK_VERSION, engine_uses_source(eng), label_hash(&eng->labels)};
    return XXH3_64bits_withSeed(parts, sizeof parts, seed);
}

uint64_t stage_encoder_version(const struct engine *eng, uint64_t seed) {
    const uint64_t parts[] = {eng->encoder ? encoder_hash(eng->encoder) : 0, eng->head ? head_hash(eng->head) : 0};
    seed = XXH3_64bits_withSeed(parts, sizeof parts, seed);
    seed = XXH3_64bits_withSeed(eng->threshold, sizeof eng->threshold, seed);
    return XXH3_64bits_withSeed(&eng->pipeline_threshold, sizeof eng->pipeline_threshold, seed);
}

uint64_t stage_network_version(const struct engine *eng, uint64_t seed) {
    return XXH3_64bits_withSeed(&eng->network_version, sizeof eng->network_version, seed);
}

/* ---- the inventory ---- */

static uint16_t ten_thousandths(double p) {
    return (uint16_t)(p * 10000 + 0.5);
}

/* Where the message begins in a template. */
static uint16_t message_in_template(const struct engine *eng, const struct record *rec) {
    char source[MASK_OUTPUT_MAX];
    if (!engine_uses_source(eng) || rec->source.n == 0) return 0;
    size_t n = mask_line(span_sub(rec->source, 0, TEMPLATE_SOURCE_MAX), source);
    return (uint16_t)(n > 0 ? n + 2 : 0);
}

/* Where lines are many, fewer of a second are kept: what is in the ring then goes back further, and a line costs less.
 */
static bool is_sample(struct work *w) {
    enum { KEPT_EACH = 64, KEPT_THINNED = 32 };
    if (++w->sampled % EXAMPLES_SAMPLE != 0) return false;
    unsigned turn = kinds_turn(w->kinds);
    if (turn != w->kept_turn) w->kept_turn = turn, w->kept = 0;
    unsigned n = w->kept++;
    return n < KEPT_EACH || n % KEPT_THINNED == KEPT_THINNED - 1;
}

static void keep_example(struct work *w, uint32_t i, bool seldom) {
    if (!w->examples || (!seldom && !is_sample(w))) return;
    examples_add(w->examples, w->res[i]->kind, w->rec[i]->source, w->rec[i]->message, seldom);
}

static void stage_sight(struct work *w, uint32_t i, struct kinds_sight *s, bool seldom) {
    if (w->res[i]->kind) return;
    s->message_at = message_in_template(w->eng, w->rec[i]);
    w->res[i]->kind = kinds_see(w->kinds, s);
    keep_example(w, i, seldom);
}

/* Of a record whose template is not written: a rule or a person decided it. */
static void sight_of_line(struct work *w, uint32_t i, uint32_t lines, bool by_rule) {
    char text[TEMPLATE_MAX];
    const struct result *r = w->res[i];
    struct kinds_sight s = {.lines = lines,
                            .by_rule = by_rule,
                            .decided = by_rule,
                            .label = w->eng->kind_label[r->label],
                            .stage = r->decider};
    s.text =
        (struct span){text, template_write(w->rec[i]->source, w->rec[i]->message, engine_uses_source(w->eng), text)};
    stage_sight(w, i, &s, false);
}

/* A rule decides without a template. So many lines of a second are counted one by one; of the others one in
 * RULED_SAMPLE stands for all. */
static void sight_of_rule(struct work *w, uint32_t i) {
    enum { RULED_EACH = 256, RULED_SAMPLE = 256 };
    if (!w->kinds) return;
    unsigned turn = kinds_turn(w->kinds);
    if (turn != w->kinds_turn) w->kinds_turn = turn, w->rule_sights = 0;
    unsigned n = w->rule_sights++;
    if (n < RULED_EACH)
        sight_of_line(w, i, 1, true);
    else if (n % RULED_SAMPLE == RULED_SAMPLE - 1)
        sight_of_line(w, i, RULED_SAMPLE, true);
}

/* Of a record whose template is written. prob: what the head thought; NULL: it was not asked. */
static void sight_of_template(struct work *w, uint32_t i, const struct answer *a, const float *prob) {
    struct kinds_sight s = {
        .text = {w->text + w->tpl[i].from, w->tpl[i].len}, .lines = 1, .decided = true, .stage = a->decider};
    s.label = w->eng->kind_label[a->decider == DECIDER_FALLBACK ? w->eng->labels.unclassified : a->label];
    unsigned best = 0, second = 1;
    for (unsigned k = 0; prob && k < w->eng->labels.n; k++) {
        if (prob[k] > prob[best])
            second = best, best = k;
        else if (k != best && (second == best || prob[k] > prob[second]))
            second = k;
    }
    if (prob) {
        s.best = w->eng->kind_label[best], s.p1 = ten_thousandths((double)prob[best]);
        s.second = w->eng->kind_label[second], s.p2 = ten_thousandths((double)prob[second]);
    }
    stage_sight(w, i, &s, true);
}

void stage_count_open(struct work *w, uint32_t i) {
    static const struct answer OPEN = {.decider = DECIDER_FALLBACK};
    if (w->kinds) sight_of_template(w, i, &OPEN, NULL);
}

void stage_count_like(struct kinds *k, struct result *r, const struct result *like) {
    if (k && !r->kind && like->kind && kinds_count(k, like->kind, 1)) r->kind = like->kind;
}

/* ---- what people said ---- */

/* True: settled by a correction about `masked`, the message's masked form. It is a rule of one template, written by a
 * person, and comes before all others. */
static bool review_masked(struct work *w, uint32_t i, struct span masked) {
    struct overlay_word word;
    if (!overlay_find(w->overlay, w->rec[i]->source, masked, &word)) return false;
    int label = label_find(&w->eng->labels, span_of(word.label));
    if (label < 0) return false; /* of another label set */
    batch_decide(w->res[i], DECIDER_REGEX, (unsigned)label, 1);
    w->res[i]->correction = word.id;
    if (w->kinds) sight_of_line(w, i, 1, false);
    return true;
}

static bool review_line(struct work *w, uint32_t i) {
    char masked[MASK_OUTPUT_MAX];
    return w->overlay && review_masked(w, i, (struct span){masked, mask_line(w->rec[i]->message, masked)});
}

/* Of a record whose template is written: the message's part of it. */
static bool review_template(struct work *w, uint32_t i) {
    struct span t = {w->text + w->tpl[i].from, w->tpl[i].len};
    char source[MASK_OUTPUT_MAX];
    if (engine_uses_source(w->eng) && w->rec[i]->source.n > 0) {
        size_t n = mask_line(span_sub(w->rec[i]->source, 0, TEMPLATE_SOURCE_MAX), source);
        t = span_sub(t, n > 0 ? n + 2 : 0, t.n);
    }
    return review_masked(w, i, t);
}

/* ---- rules ---- */

void stage_count_rules(struct work *w, struct ruled *r) {
    w->ruled = r;
    w->ruled_shard = r ? ruled_shard(r) : 0;
}

/* True: settled by a rule. */
static bool match_rules(struct work *w, uint32_t i) {
    struct rules_match where;
    int rule = rules_match(w->eng->rules, w->scratch->rules, w->rec[i], &where);
    if (rule < 0) return false;
    if (review_line(w, i)) return true;
    const struct rule *r = rules_get(w->eng->rules, (size_t)rule);
    batch_decide(w->res[i], DECIDER_REGEX, r->label, r->confidence);
    w->res[i]->rule = (uint16_t)rule;
    w->res[i]->match_from = where.from;
    w->res[i]->match_to = where.to;
    if (w->ruled) ruled_count(w->ruled, w->ruled_shard, w->eng->rule_place[rule]);
    sight_of_rule(w, i);
    return true;
}

void stage_rules_run(struct work *w) {
    if (!w->eng->rules) return;
    uint32_t left = 0;
    for (uint32_t t = 0; t < w->todo_n; t++)
        if (!match_rules(w, w->todo[t])) w->todo[left++] = w->todo[t];
    w->todo_n = left;
}

/* ---- memo ---- */

/* The earlier record of this run with the same template, or WORK_NO_LEADER after entering i as the first. */
static uint32_t find_leader(struct work *w, uint32_t i) {
    struct memo_key key = w->tpl[i].key;
    for (uint64_t slot = key.lo;; slot++) {
        uint32_t *at = &w->twin[slot & w->twin_mask];
        if (*at == 0) {
            *at = i + 1;
            return WORK_NO_LEADER;
        }
        if (memo_key_eq(w->tpl[*at - 1].key, key)) return *at - 1;
    }
}

/* Writes the template and its key behind the run's earlier ones. */
static void write_template(struct work *w, uint32_t i) {
    struct work_template *t = &w->tpl[i];
    char *out = w->text + w->text_n;
    size_t n = template_write(w->rec[i]->source, w->rec[i]->message, engine_uses_source(w->eng), out);
    *t = (struct work_template){.from = (uint32_t)w->text_n, .len = (uint32_t)n, .leader = WORK_NO_LEADER};
    w->text_n += n;
    if (w->memo) t->key = memo_key(w->memo, (struct span){out, n}, w->eng->version);
}

/* What the head thought of a record that it did not decide. */
static void note_nearest(struct result *r, const struct answer *a) {
    r->nearest = a->label;
    r->nearest_p = (float)a->confidence;
}

/* The memory knows it and does not know its kind: that was dropped, or there was no room for it. */
static void sight_of_remembered(struct work *w, uint32_t i, struct answer *a) {
    sight_of_template(w, i, a, NULL);
    a->kind = w->res[i]->kind;
    if (a->kind) memo_put(w->memo, w->tpl[i].key, a);
}

/* True: settled from memory. A remembered "not sure" settles too, unless a network stage may know more. */
static bool stage_recall(struct work *w, uint32_t i) {
    struct answer a;
    if (!(w->res[i]->kind ? memo_get : memo_see)(w->memo, w->tpl[i].key, &a)) return false;
    if (w->kinds && a.kind && !w->res[i]->kind) {
        w->res[i]->kind = a.kind;
        keep_example(w, i, false);
    }
    if (w->kinds && !w->res[i]->kind) sight_of_remembered(w, i, &a);
    if (a.decider == DECIDER_FALLBACK) note_nearest(w->res[i], &a);
    if (a.decider == DECIDER_FALLBACK && w->has_network && !stage_is_settled(w->eng, w->res[i])) return false;
    if (a.decider == DECIDER_FALLBACK) {
        w->res[i]->err = (uint8_t)(stage_is_settled(w->eng, w->res[i]) ? ERR_OK : w->unavailable);
        a = (struct answer){.decider = DECIDER_FALLBACK, .label = (uint8_t)w->eng->labels.unclassified};
    }
    batch_decide(w->res[i], a.decider, a.label, a.confidence);
    w->res[i]->from_memo = true;
    return true;
}

/* True: no later stage has to decide record i: it is remembered or equal to an earlier one of this run. *left takes it
 * where it is not settled yet. */
static bool known(struct work *w, uint32_t i, uint32_t *left) {
    if (w->overlay && review_template(w, i)) return true;
    if (w->memo && stage_recall(w, i)) return true;
    if (w->memo) w->tpl[i].leader = find_leader(w, i);
    w->todo[(*left)++] = i;
    return w->tpl[i].leader != WORK_NO_LEADER;
}

/* A few records at a time: the memory of the last is fetched while the templates of the next are written. */
void stage_memo_run(struct work *w) {
    enum { GROUP = 8 };
    uint32_t left = 0, asked = w->todo_n;
    uint64_t hits = 0;
    for (uint32_t t = 0; t < asked; t += GROUP) {
        uint32_t end = t + GROUP < asked ? t + GROUP : asked;
        for (uint32_t k = t; k < end; k++) {
            write_template(w, w->todo[k]);
            if (w->memo) memo_prefetch(w->memo, w->tpl[w->todo[k]].key);
        }
        for (uint32_t k = t; k < end; k++) hits += known(w, w->todo[k], &left);
    }
    w->todo_n = left;
    if (w->memo) metrics_add(METRIC_MEMO_HITS, 0, 0, 0, hits), metrics_add(METRIC_MEMO_MISSES, 0, 0, 0, asked - hits);
}

void stage_memo_missed(struct work *w, uint32_t i, struct memo_key key, struct span template) {
    struct work_template *t = &w->tpl[i];
    *t = (struct work_template){
        .key = key, .from = (uint32_t)w->text_n, .len = (uint32_t) template.n, .leader = WORK_NO_LEADER};
    memcpy(w->text + w->text_n, template.p, template.n);
    w->text_n += template.n;
    if (w->memo) t->leader = find_leader(w, i);
    w->todo[w->todo_n++] = i;
}

/* ---- encoder ---- */

/* What is remembered of a record that the head does not decide: the likeliest label; where that is UNCLASSIFIED, but
 * not likely, the likeliest of the others. */
static struct answer nearest_of(const struct engine *eng, const float *prob) {
    const unsigned none = eng->labels.unclassified;
    unsigned best = none;
    for (unsigned k = 0; k < eng->labels.n && prob[none] < 0.5F; k++)
        if (k != none && (best == none || prob[k] > prob[best])) best = k;
    return (struct answer){.decider = DECIDER_FALLBACK, .label = (uint8_t)best, .confidence = (double)prob[best]};
}

static struct span template_of(const struct work *w, uint32_t i) {
    return (struct span){w->text + w->tpl[i].from, w->tpl[i].len};
}

/* Decides record i by its template's vector, and remembers it. */
static void decide_by_vector(struct work *w, uint32_t i, const float *vector) {
    struct answer a;
    unsigned label;
    double confidence;
    float *prob = w->prob + (size_t)i * LABEL_MAX;
    head_run(w->eng->head, vector, prob);
    if (engine_decide(w->eng, prob, &label, &confidence)) {
        a = (struct answer){.decider = DECIDER_BERT, .label = (uint8_t)label, .confidence = confidence};
        batch_decide(w->res[i], DECIDER_BERT, label, confidence);
    } else {
        a = nearest_of(w->eng, prob);
        note_nearest(w->res[i], &a);
    }
    if (w->kinds) sight_of_template(w, i, &a, prob);
    a.kind = w->res[i]->kind;
    if (w->memo && memo_put(w->memo, w->tpl[i].key, &a)) metrics_add(METRIC_MEMO_EVICTIONS, 0, 0, 0, 1);
}

static bool keeps_vectors(const struct work *w) {
    return w->memo && w->eng->vectors;
}

static struct memo_key vector_key(const struct work *w, uint32_t i) {
    return vector_store_key(w->eng->vectors, template_of(w, i), w->eng->vector_version);
}

/* True: decided by a vector that an earlier run left. */
static bool recall_vector(struct work *w, uint32_t i) {
    int8_t step[VECTOR8_DIM_MAX];
    float scale;
    if (!keeps_vectors(w) || !vector_store_get(w->eng->vectors, vector_key(w, i), step, &scale)) return false;
    vector8_unpack(step, scale, encoder_dim(w->eng->encoder), w->vector);
    decide_by_vector(w, i, w->vector);
    metrics_add(METRIC_VECTOR_STORE_HITS, 0, 0, 0, 1);
    return true;
}

/* Decides record i by a fresh vector, rounded in its place as it is kept. */
static void decide_by_fresh_vector(struct work *w, uint32_t i, float *vector) {
    int8_t step[VECTOR8_DIM_MAX];
    unsigned dim = encoder_dim(w->eng->encoder);
    float scale = vector8_pack(vector, dim, step);
    vector8_unpack(step, scale, dim, vector);
    if (keeps_vectors(w)) vector_store_put(w->eng->vectors, vector_key(w, i), step, scale);
    decide_by_vector(w, i, vector);
}

/* Decides the records pick[n], n <= STAGE_ENCODER_ROWS, in one packed forward pass. */
static void encode(struct work *w, const uint32_t *pick, uint32_t n) {
    struct span text[STAGE_ENCODER_ROWS];
    uint32_t fresh[STAGE_ENCODER_ROWS], fresh_n = 0;
    unsigned dim = encoder_dim(w->eng->encoder);
    for (uint32_t k = 0; k < n; k++) {
        if (recall_vector(w, pick[k])) continue;
        text[fresh_n] = template_of(w, pick[k]);
        fresh[fresh_n++] = pick[k];
    }
    if (fresh_n == 0) return;
    encoder_embed(w->eng->encoder, w->scratch->encoder, text, fresh_n, w->vector);
    metrics_add(METRIC_ENCODER_RECORDS, 0, 0, 0, fresh_n);
    for (uint32_t k = 0; k < fresh_n; k++) decide_by_fresh_vector(w, fresh[k], w->vector + (size_t)k * dim);
}

static bool is_parked(const struct work *w, uint32_t i) {
    return w->flights && !w->origin[i].batch;
}

/* True: this worker decides the template of record i. Otherwise another does, and settles the record. */
static bool take_off(struct work *w, uint32_t i) {
    if (!w->flights) return true;
    w->origin[i].key = w->tpl[i].key;
    if (flight_board(w->flights, &w->origin[i])) return true;
    w->origin[i].batch = NULL;
    return false;
}

static void land(const struct work *w, uint32_t i) {
    if (w->flights) w->landed(w->landed_self, i);
}

/* True: the encoder has to decide record i. Otherwise it follows another of this run, was parked, or the memory knows
 * it by now. A follower whose leader was parked may find its template landed, and leads from then on. */
static bool must_encode(struct work *w, uint32_t i) {
    uint32_t leader = w->tpl[i].leader;
    if (leader != WORK_NO_LEADER && is_parked(w, leader) && w->tpl[leader].leader != WORK_NO_LEADER)
        w->tpl[i].leader = leader = w->tpl[leader].leader;
    if (leader != WORK_NO_LEADER && !is_parked(w, leader)) return false;
    if (!take_off(w, i)) return false;
    if (leader != WORK_NO_LEADER) {
        w->tpl[leader].leader = i;
        w->tpl[i].leader = WORK_NO_LEADER;
    }
    if (!w->flights || !stage_recall(w, i)) return true;
    land(w, i);
    return false;
}

/* A follower gets what its leader got. */
static void follow_leader(struct work *w, uint32_t i) {
    uint32_t leader = w->tpl[i].leader;
    if (leader == WORK_NO_LEADER || is_parked(w, i)) return;
    const struct result *r = w->res[leader];
    w->res[i]->nearest = r->nearest;
    w->res[i]->nearest_p = r->nearest_p;
    stage_count_like(w->kinds, w->res[i], r);
    if (!r->decided) return;
    batch_decide(w->res[i], r->decider, r->label, r->confidence);
    w->res[i]->from_memo = true;
}

static void encode_and_land(struct work *w, const uint32_t *pick, uint32_t n) {
    encode(w, pick, n);
    for (uint32_t k = 0; k < n; k++) land(w, pick[k]);
}

void stage_encoder_run(struct work *w) {
    if (!w->eng->encoder) return;
    uint32_t pick[STAGE_ENCODER_ROWS], n = 0, left = 0;
    for (uint32_t t = 0; t < w->todo_n; t++) {
        if (!must_encode(w, w->todo[t])) continue;
        pick[n++] = w->todo[t];
        if (n == STAGE_ENCODER_ROWS) encode_and_land(w, pick, n), n = 0;
    }
    if (n) encode_and_land(w, pick, n);
    for (uint32_t t = 0; t < w->todo_n; t++) {
        uint32_t i = w->todo[t];
        follow_leader(w, i);
        if (!is_parked(w, i) && !w->res[i]->decided) w->todo[left++] = i;
    }
    w->todo_n = left;
}
