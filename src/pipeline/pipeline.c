#include "pipeline/pipeline.h"

#include "base/clock.h"
#include "base/must.h"
#include "data/reason.h"
#include "base/queue.h"
#include "base/thread.h"
#include "metrics/metrics.h"
#include "pipeline/fast_path.h"
#include "pipeline/stage.h"
#include "text/template.h"

#include <inttypes.h>
#include <pthread.h>

enum { SLICES_PER_RUN = WORK_MAX / PIPELINE_SLICE, IDLE_MS = 1000 };

/* Records [from, from + n) of a batch: what waits in the queue. */
struct slice {
    struct batch *batch;
    uint32_t from, n;
    uint32_t ahead;     /* slices that were in the queue before it */
    uint64_t queued_ns; /* when it came */
};

struct worker {
    struct pipeline_view view;
    struct pipeline *p;
    pthread_t thread;
    struct engine *eng; /* the engine that scratch belongs to; a reference */
    struct engine_scratch scratch;
    struct work work;
    struct pending origin[WORK_MAX]; /* where each record of the run came from */
};

struct pipeline {
    struct overlay *overlay; /* under engine_lock */
    _Atomic uint64_t overlay_version;
    struct queue queue; /* of struct slice */
    atomic_bool cancelled;
    uint64_t queue_ns_max;    /* 0: none */
    _Atomic uint64_t turn_ns; /* what a slice lately added to the wait of those behind it */
    struct memo *memo;
    struct kinds *kinds;       /* NULL: none */
    struct examples *examples; /* NULL: none */
    struct ruled *ruled;       /* NULL: none */
    struct flights *flights;   /* NULL exactly when memo is */
    pthread_mutex_t engine_lock;
    struct engine *eng;
    unsigned workers, started; /* those whose threads run: all of them, once it is open */
    struct worker *worker;
};

/* ---- finish ---- */

static void count_result(const struct engine *eng, const struct result *r, double seconds) {
    stage_count_reason(eng, r);
    metrics_add(METRIC_CLASSIFICATIONS, r->decider, eng->metric[r->label], 0, 1);
    metrics_observe(METRIC_CLASSIFICATION_DURATION, r->decider, 0, seconds, 1);
}

/* n records of b have their results; the last ones hand the batch back. */
static void batch_close_records(struct batch *b, unsigned n) {
    if (n && atomic_fetch_sub_explicit(&b->open, n, memory_order_acq_rel) == n) b->done(b);
}

/* A reference to what decides b. */
static struct engine *engine_for(struct pipeline *p, const struct batch *b) {
    return b->engine ? engine_ref(b->engine) : pipeline_engine(p);
}

static void fall_back(const struct engine *eng, struct result *r) {
    batch_decide(r, DECIDER_FALLBACK, eng->labels.unclassified, 0);
}

void pipeline_answer(struct pipeline *p, const struct pending *pend, const struct answer *a, enum err_code why) {
    struct result *r = &pend->batch->res[pend->i];
    struct engine *eng = engine_for(p, pend->batch);
    if (a) {
        batch_decide(r, a->decider, a->label, a->confidence);
        if (p->memo && (pend->key.lo | pend->key.hi)) memo_put(p->memo, pend->key, a);
        if (p->kinds && r->kind) kinds_decided(p->kinds, r->kind, eng->kind_label[a->label], a->decider);
    } else {
        r->err = (uint8_t)why;
        fall_back(eng, r);
    }
    count_result(eng, r, (double)(clock_now_ns(NULL) - pend->begun_ns) * 1e-9);
    engine_unref(eng);
    batch_close_records(pend->batch, 1);
}

/* What the network is told about record i. Followers share their leader's probabilities. */
static struct question question_of(const struct work *k, uint32_t i) {
    const struct work_template *t = &k->tpl[i];
    struct question q = {
        .message = k->rec[i]->message, .template = {k->text + t->from, t->len}, .source = k->rec[i]->source};
    if (!k->eng->encoder) return q;
    q.head = k->prob + (size_t)(t->leader == WORK_NO_LEADER ? i : t->leader) * LABEL_MAX;
    q.labels = k->eng->labels.n;
    return q;
}

/* Gives what no stage decided to the network, or to the fallback. */
static void hand_over(struct worker *w) {
    struct work *k = &w->work;
    for (uint32_t t = 0; t < k->todo_n; t++) {
        uint32_t i = k->todo[t];
        struct pending *pend = &w->origin[i];
        struct err e = {0};
        stage_count_open(k, i);
        pend->key = k->memo ? k->tpl[i].key : (struct memo_key){0};
        struct question q = question_of(k, i);
        const struct network_stage *net = k->eng->network;
        bool asks = net && !stage_is_settled(k->eng, k->res[i]);
        if (asks && net->hand_over(net->self, pend, &q, &e)) {
            w->origin[i].batch = NULL; /* not ours any more */
            continue;
        }
        k->res[i]->err = (uint8_t)e.code;
        fall_back(k->eng, k->res[i]);
    }
}

/* The template of record i is decided: so are the records that other workers parked for it. Undecided ones go to the
 * network like ours. */
static void settle_parked(void *self, uint32_t i) {
    struct worker *w = self;
    struct work *k = &w->work;
    const struct result *ours = k->res[i];
    const struct network_stage *net = k->eng->network;
    struct pending p;
    while (flight_land(k->flights, k->tpl[i].key, &p)) {
        struct result *r = &p.batch->res[p.i];
        struct err e = {0};
        r->nearest = ours->nearest;
        r->nearest_p = ours->nearest_p;
        stage_count_like(k->kinds, r, ours);
        if (ours->decided) {
            batch_decide(r, ours->decider, ours->label, ours->confidence);
            r->from_memo = true;
        } else {
            struct question q = question_of(k, i);
            q.message = p.batch->rec[p.i].message;
            q.source = p.batch->rec[p.i].source;
            if (net && !stage_is_settled(k->eng, r) && net->hand_over(net->self, &p, &q, &e)) continue;
            r->err = (uint8_t)e.code;
            fall_back(k->eng, r);
        }
        count_result(k->eng, r, (double)(clock_now_ns(NULL) - p.begun_ns) * 1e-9);
        batch_close_records(p.batch, 1);
    }
}

/* Counts per (stage, label), added to the metrics once a run: a record costs no metric call. */
static void count_run(const struct worker *w, double seconds_each) {
    uint32_t count[DECIDER_COUNT][LABEL_MAX] = {{0}}, total[DECIDER_COUNT] = {0}, reason[REASON_COUNT] = {0},
             unavailable = 0, words = 0;
    for (uint32_t i = 0; i < w->work.n; i++) {
        if (!w->origin[i].batch) continue;
        const struct result *r = w->work.res[i];
        count[r->decider][r->label]++;
        total[r->decider]++;
        reason[reason_of(r, &w->work.eng->labels)]++;
        words += r->correction != 0;
        unavailable += r->decider == DECIDER_FALLBACK && r->from_memo;
    }
    if (unavailable && w->work.unavailable != ERR_OK)
        metrics_add(METRIC_CLASSIFICATION_ERRORS, DECIDER_LLM, metrics_error_type(w->work.unavailable), 0, unavailable);
    if (words) metrics_add(METRIC_WORDS_LINES, 0, 0, 0, words);
    for (unsigned k = REASON_OTHER; k < REASON_COUNT; k++)
        if (reason[k]) metrics_add(METRIC_UNCLASSIFIED, k - REASON_OTHER, 0, 0, reason[k]);
    for (unsigned s = 0; s < DECIDER_COUNT; s++) {
        for (unsigned l = 0; l < w->work.eng->labels.n; l++)
            if (count[s][l]) metrics_add(METRIC_CLASSIFICATIONS, s, w->work.eng->metric[l], 0, count[s][l]);
        if (total[s]) metrics_observe(METRIC_CLASSIFICATION_DURATION, s, 0, seconds_each, total[s]);
    }
}

/* ---- run ---- */

/* The records of a batch that the fast path has seen begin behind the cheap stages, or are decided already. */
static void take_prepared(struct worker *w, const struct slice *slice, uint32_t first) {
    const struct prepared *p = slice->batch->prepared;
    for (uint32_t k = 0; p && k < p->n; k++) {
        const struct prepared_record *r = &p->record[k];
        stage_memo_missed(&w->work, first + r->i - slice->from, r->key, r->template);
    }
}

static void gather(struct worker *w, const struct slice *slice, size_t n, uint64_t begun_ns) {
    struct work *k = &w->work;
    uint32_t records = 0;
    for (size_t s = 0; s < n; s++) records += slice[s].n;
    stage_work_begin(k, records);
    for (size_t s = 0; s < n; s++) {
        struct batch *b = slice[s].batch;
        for (uint32_t i = slice[s].from; i < slice[s].from + slice[s].n; i++) {
            uint32_t at = k->n++;
            k->rec[at] = &b->rec[i];
            k->res[at] = &b->res[i];
            w->origin[at] = (struct pending){.batch = b, .i = i, .begun_ns = begun_ns};
            if (b->prepared) continue;
            k->todo[k->todo_n++] = at;
            b->res[i] = (struct result){.decider = DECIDER_FALLBACK};
        }
    }
}

/* The cheap stages for records that the fast path has not seen, the others for all that are open. */
static void decide(struct worker *w, const struct slice *slice, size_t n) {
    enum stage_id costly = stage_first_costly();
    stage_run(&w->work, (enum stage_id)0, costly);
    for (size_t s = 0, first = 0; s < n; first += slice[s].n, s++) take_prepared(w, &slice[s], (uint32_t)first);
    stage_run(&w->work, costly, STAGE_COUNT);
}

/* Records of each slice that are still ours, i.e. were not handed to the network. */
static void count_shares(const struct worker *w, const struct slice *slice, size_t n, unsigned *ours) {
    uint32_t i = 0;
    for (size_t s = 0; s < n; s++) {
        ours[s] = 0;
        for (uint32_t end = i + slice[s].n; i < end; i++) ours[s] += w->origin[i].batch != NULL;
    }
}

/* The process is about to end: everything falls back at once. */
static void pipeline_give_up(struct work *k) {
    for (uint32_t i = 0; i < k->n; i++) {
        k->res[i]->err = ERR_CANCELLED;
        fall_back(k->eng, k->res[i]);
    }
    k->todo_n = 0;
}

static void run_slices(struct worker *w, const struct slice *slice, size_t n) {
    uint64_t begun = clock_now_ns(NULL);
    unsigned ours[SLICES_PER_RUN];
    gather(w, slice, n, begun);
    metrics_observe(METRIC_BATCH_RECORDS, 0, 0, w->work.n, 1);
    if (atomic_load_explicit(&w->p->cancelled, memory_order_relaxed))
        pipeline_give_up(&w->work);
    else
        decide(w, slice, n);
    hand_over(w);
    count_shares(w, slice, n, ours);
    count_run(w, (double)(clock_now_ns(NULL) - begun) * 1e-9 / (double)w->work.n);
    /* A batch can't end before this: its count still holds our share. */
    for (size_t s = 0; s < n; s++) batch_close_records(slice[s].batch, ours[s]);
}

/* Takes up the engine that decides b; scratch is opened anew when it changed. */
static void pipeline_follow_engine(struct worker *w, const struct batch *b) {
    if (b->engine && b->engine == w->eng) return;
    struct engine *now = engine_for(w->p, b);
    if (now == w->eng) {
        engine_unref(now);
        return;
    }
    struct err e = {0};
    struct engine_scratch scratch;
    if (!engine_scratch_open(now, &scratch, &e)) must_lack("memory", e.msg); /* a few MB */
    engine_scratch_close(&w->scratch);
    engine_unref(w->eng);
    w->eng = now;
    w->scratch = scratch;
    w->work.eng = now;
    w->work.scratch = &w->scratch;
    free(w->work.vector);
    w->work.vector =
        now->encoder ? must_calloc((size_t)STAGE_ENCODER_ROWS * encoder_dim(now->encoder), sizeof(float)) : NULL;
}

/* How many of the first slices one engine decides. */
static size_t count_same_engine(const struct slice *slice, size_t n) {
    size_t same = 1;
    while (same < n && slice[same].batch->engine == slice[0].batch->engine) same++;
    return same;
}

/* Estimates the time per slice: the waiting time divided by the slices ahead (queued and running), as a moving average
 * over about 8 samples. */
static void note_wait(struct pipeline *p, const struct slice *slice, size_t n) {
    enum { SMOOTH = 8 };
    uint64_t in_hand = (uint64_t)p->workers * SLICES_PER_RUN;
    uint64_t now = clock_now_ns(NULL), turn = atomic_load_explicit(&p->turn_ns, memory_order_relaxed);
    for (size_t i = 0; i < n; i++) {
        uint64_t waited = now - slice[i].queued_ns;
        metrics_observe(METRIC_QUEUE_WAIT, 0, 0, (double)waited * 1e-9, 1);
        turn = (turn * (SMOOTH - 1) + waited / (slice[i].ahead + in_hand)) / SMOOTH;
    }
    atomic_store_explicit(&p->turn_ns, turn, memory_order_relaxed);
}

/* A worker that has nothing to do must not keep a model that was replaced. */
static void let_go_of_old_engine(struct worker *w) {
    struct engine *now = pipeline_engine(w->p);
    if (w->eng && w->eng != now) {
        engine_scratch_close(&w->scratch);
        engine_unref(w->eng);
        free(w->work.vector);
        w->work.vector = NULL;
        w->work.eng = w->eng = NULL;
    }
    engine_unref(now);
}

/* The next slices; 0: there will never be any. A worker without an engine sleeps until there are some. */
static size_t wait_for_slices(struct worker *w, struct slice *slice) {
    for (;;) {
        int wait_ms = w->eng ? IDLE_MS : -1;
        size_t n = queue_pop_some(&w->p->queue, slice, SLICES_PER_RUN, w->p->workers, wait_ms);
        if (n > 0 || queue_is_over(&w->p->queue)) return n;
        let_go_of_old_engine(w);
    }
}

static void *worker_main(void *arg) {
    struct worker *w = arg;
    struct slice slice[SLICES_PER_RUN];
    for (size_t n; (n = wait_for_slices(w, slice)) > 0;) {
        metrics_gauge_add(METRIC_ACTIVE_WORKERS, 0, 1);
        note_wait(w->p, slice, n);
        for (size_t from = 0, same; from < n; from += same) {
            same = count_same_engine(slice + from, n - from);
            pipeline_follow_engine(w, slice[from].batch);
            pipeline_look(w->p, &w->view);
            w->work.overlay = w->view.overlay;
            stage_look_at_network(&w->work);
            run_slices(w, slice + from, same);
        }
        metrics_gauge_add(METRIC_ACTIVE_WORKERS, 0, -1);
    }
    return NULL;
}

/* ---- open, submit, close ---- */

static void worker_open(struct worker *w, struct pipeline *p) {
    w->p = p;
    w->work.memo = p->memo;
    w->work.kinds = p->kinds;
    w->work.examples = p->examples;
    stage_count_rules(&w->work, p->ruled);
    w->work.flights = p->flights;
    w->work.origin = w->origin;
    w->work.landed = settle_parked;
    w->work.landed_self = w;
    w->work.text = must_calloc(WORK_MAX, TEMPLATE_MAX); /* untouched pages cost nothing */
    w->work.prob = must_calloc((size_t)WORK_MAX * LABEL_MAX, sizeof(float));
}

static void worker_close(struct worker *w) {
    pipeline_view_close(&w->view);
    engine_scratch_close(&w->scratch);
    engine_unref(w->eng);
    free(w->work.text);
    free(w->work.prob);
    free(w->work.vector);
}

/* Finds where the engine's labels and rules are counted; before anybody else sees it. */
static void name_parts(struct pipeline *p, struct engine *eng) {
    for (unsigned i = 0; i < eng->labels.n; i++) {
        eng->metric[i] = (uint8_t)metrics_name(METRIC_SET_LABEL, eng->labels.label[i].id);
        eng->kind_label[i] = p->kinds ? kinds_label(p->kinds, span_of(eng->labels.label[i].id)) : 0;
    }
    if (p->ruled) engine_count_rules(eng, p->ruled);
}

/* What the memo counted goes to the inventory. */
static bool tally_kind(void *self, uint32_t kind, uint32_t lines) {
    return kinds_count(self, kind, lines);
}

static bool start_workers(struct pipeline *p, struct err *e) {
    p->worker = must_calloc(p->workers, sizeof *p->worker);
    for (; p->started < p->workers; p->started++) {
        struct worker *w = &p->worker[p->started];
        worker_open(w, p);
        if (thread_try(&w->thread, worker_main, w, e)) continue;
        worker_close(w);
        return err_prefix(e, "workers: %u of %u", p->started + 1, p->workers);
    }
    return true;
}

struct pipeline *pipeline_open(const struct pipeline_opts *o, struct engine *eng, struct err *e) {
    if (o->workers < 1 || o->workers > PIPELINE_WORKERS_MAX) {
        err_set(e, ERR_USAGE, "workers is %u: expected 1 to %d", o->workers, PIPELINE_WORKERS_MAX);
        return NULL;
    }
    struct memo *memo = o->memo_entries ? memo_open(o->memo_entries) : NULL;
    if (o->memo_entries && !memo) {
        err_set(e, ERR_MEMORY, "memo-entries: there is no memory for %zu templates", o->memo_entries);
        return NULL;
    }
    struct pipeline *p = must_calloc(1, sizeof *p);
    queue_init(&p->queue, PIPELINE_QUEUE_SLICES, sizeof(struct slice));
    pthread_mutex_init(&p->engine_lock, NULL);
    if (eng) p->eng = engine_ref(eng);
    p->kinds = o->kinds;
    p->examples = o->examples;
    p->ruled = o->ruled;
    if (eng) name_parts(p, eng);
    p->queue_ns_max = clock_ns_of_ms(o->queue_time_ms);
    p->workers = o->workers;
    if (memo) {
        p->memo = memo;
        if (p->kinds) memo_set_tally(p->memo, &(struct memo_tally){tally_kind, p->kinds});
        p->flights = flight_open((size_t)p->workers * WORK_MAX);
    }
    if (start_workers(p, e)) return p;
    pipeline_close(p);
    return NULL;
}

void pipeline_cancel(struct pipeline *p) {
    atomic_store(&p->cancelled, true);
}

void pipeline_close(struct pipeline *p) {
    if (!p) return;
    queue_close(&p->queue);
    for (unsigned i = 0; i < p->started; i++) {
        pthread_join(p->worker[i].thread, NULL);
        worker_close(&p->worker[i]);
    }
    free(p->worker);
    engine_unref(p->eng);
    overlay_unref(p->overlay);
    memo_close(p->memo);
    flight_close(p->flights);
    queue_release(&p->queue);
    pthread_mutex_destroy(&p->engine_lock);
    free(p);
}

bool pipeline_pin(struct pipeline *p, struct batch *b, struct err *e) {
    pthread_mutex_lock(&p->engine_lock);
    b->prepared = NULL;
    b->engine = p->eng ? engine_ref(p->eng) : NULL;
    if (b->engine) atomic_fetch_add_explicit(&b->engine->pinned, 1, memory_order_relaxed);
    pthread_mutex_unlock(&p->engine_lock);
    return b->engine || err_set(e, ERR_BUSY, "rules and model are being loaded");
}

void pipeline_unpin(struct batch *b) {
    if (!b->engine) return;
    atomic_fetch_sub_explicit(&b->engine->pinned, 1, memory_order_release);
    engine_unref(b->engine);
    b->engine = NULL;
}

static struct slice slice_of(struct batch *b, uint32_t from, size_t ahead, uint64_t now_ns) {
    uint32_t left = b->n - from;
    return (struct slice){b, from, left < PIPELINE_SLICE ? left : PIPELINE_SLICE, (uint32_t)ahead, now_ns};
}

/* True if a batch submitted now would wait longer than queue-time-max. An empty queue is never slow, whatever the
 * recent mean. */
static bool is_slow(const struct pipeline *p, size_t queued, struct err *e) {
    uint64_t turn = atomic_load_explicit(&p->turn_ns, memory_order_relaxed);
    if (!p->queue_ns_max || queued * turn <= p->queue_ns_max) return false;
    err_set(e, ERR_BUSY, "lines would wait longer than %" PRIu64 " ms (queue-time-max)",
            p->queue_ns_max / clock_ns_of_ms(1));
    return true;
}

static bool say_full(size_t queued, struct err *e) {
    return err_set(e, ERR_BUSY, "%zu slices of %d lines wait already", queued, PIPELINE_SLICE);
}

bool pipeline_busy(struct pipeline *p, struct err *e) {
    size_t queued = queue_size(&p->queue);
    return is_slow(p, queued, e) || (queued == PIPELINE_QUEUE_SLICES && !say_full(queued, e));
}

bool pipeline_submit(struct pipeline *p, struct batch *b, struct err *e) {
    struct slice slice[PIPELINE_BATCH_MAX / PIPELINE_SLICE];
    uint32_t n = 0;
    MUST(b->n <= PIPELINE_BATCH_MAX);
    atomic_store(&b->open, b->n);
    if (b->n == 0) {
        b->done(b);
        return true;
    }
    size_t queued = queue_size(&p->queue);
    if (is_slow(p, queued, e)) return false;
    uint64_t now = clock_now_ns(NULL);
    for (uint32_t from = 0; from < b->n; from += PIPELINE_SLICE) slice[n] = slice_of(b, from, queued + n, now), n++;
    return queue_try_push(&p->queue, slice, n) || say_full(queue_size(&p->queue), e);
}

void pipeline_submit_wait(struct pipeline *p, struct batch *b) {
    MUST(b->n <= PIPELINE_BATCH_MAX);
    atomic_store(&b->open, b->n);
    if (b->n == 0) b->done(b);
    for (uint32_t from = 0; from < b->n; from += PIPELINE_SLICE) {
        struct slice s = slice_of(b, from, queue_size(&p->queue), clock_now_ns(NULL));
        MUST(queue_push(&p->queue, &s)); /* the queue closes only after its sources have ended */
    }
}

struct latch {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static void latch_open(struct batch *b) {
    struct latch *l = b->user;
    pthread_mutex_lock(&l->lock);
    l->done = true;
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

void pipeline_decide(struct pipeline *p, struct batch *b) {
    struct latch l = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    b->done = latch_open;
    b->user = &l;
    pipeline_submit_wait(p, b);
    pthread_mutex_lock(&l.lock);
    while (!l.done) pthread_cond_wait(&l.changed, &l.lock);
    pthread_mutex_unlock(&l.lock);
}

void pipeline_review(struct pipeline *p, struct overlay *o) {
    pthread_mutex_lock(&p->engine_lock);
    struct overlay *old = p->overlay;
    p->overlay = o;
    atomic_fetch_add_explicit(&p->overlay_version, 1, memory_order_release);
    pthread_mutex_unlock(&p->engine_lock);
    overlay_unref(old);
}

void pipeline_look(struct pipeline *p, struct pipeline_view *v) {
    if (atomic_load_explicit(&p->overlay_version, memory_order_acquire) == v->version) return;
    struct overlay *old = v->overlay;
    pthread_mutex_lock(&p->engine_lock);
    v->overlay = overlay_ref(p->overlay);
    v->version = atomic_load_explicit(&p->overlay_version, memory_order_relaxed);
    pthread_mutex_unlock(&p->engine_lock);
    overlay_unref(old);
}

void pipeline_view_close(struct pipeline_view *v) {
    overlay_unref(v->overlay);
    *v = (struct pipeline_view){0};
}

void pipeline_swap(struct pipeline *p, struct engine *eng) {
    name_parts(p, eng);
    pthread_mutex_lock(&p->engine_lock);
    struct engine *old = p->eng;
    p->eng = engine_ref(eng);
    pthread_mutex_unlock(&p->engine_lock);
    engine_unref(old);
}

struct engine *pipeline_engine(struct pipeline *p) {
    pthread_mutex_lock(&p->engine_lock);
    struct engine *eng = p->eng ? engine_ref(p->eng) : NULL;
    pthread_mutex_unlock(&p->engine_lock);
    return eng;
}

bool pipeline_ready(struct pipeline *p) {
    pthread_mutex_lock(&p->engine_lock);
    bool ready = p->eng != NULL;
    pthread_mutex_unlock(&p->engine_lock);
    return ready;
}

size_t pipeline_queue_depth(struct pipeline *p) {
    return queue_size(&p->queue);
}

struct memo *pipeline_memo(struct pipeline *p) {
    return p->memo;
}

struct kinds *pipeline_kinds(struct pipeline *p) {
    return p->kinds;
}

struct examples *pipeline_examples(struct pipeline *p) {
    return p->examples;
}

struct ruled *pipeline_ruled(struct pipeline *p) {
    return p->ruled;
}

unsigned pipeline_workers(const struct pipeline *p) {
    return p->workers;
}
