#include "app/classifier.h"
#include "app/shipped.h"
#include "cmd/cmd.h"
#include "cmd/flags.h"
#include "train/labelled.h"
#include "app/progress.h"
#include "app/state_dir.h"
#include "train/feedback.h"

#include "base/clock.h"
#include "base/must.h"
#include "base/json_out.h"
#include "text/mask.h"
#include "train/head_versions.h"
#include "train/fit_head.h"
#include "train/retrain.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char USAGE[] = "Usage: logclass learn [OPTIONS] [LABELLED_FILE...]\n"
                            "       logclass learn --list | --install | --restore NAME|shipped\n\n"
                            "Retrains the head on the corpus plus feedback: the LLM's stored answers, what was\n"
                            "said with 'logclass correct', and labelled files. The head in use and the new one\n"
                            "are evaluated on answers that neither has seen; the new one is installed only if\n"
                            "it is better. Earlier heads are kept. A running server takes up a new head on\n"
                            "SIGHUP.\n\n"
                            "Options\n";

static const char EXAMPLES[] =
    "\nExamples\n"
    "  logclass learn --dry-run                                          would it be better, and by how much?\n"
    "  logclass learn && systemctl reload logclass                       for a timer\n"
    "  logclass correct BACKUP 'snapshot 40dc1520 saved'                 say what a line is\n"
    "  logclass learn --list; logclass learn --restore 20260102-030405   go back\n\n"
    "Exit status: 0 (also when the head in use stays), 1 it failed, 2 wrong usage.\n";

enum { FLAGS_MAX = 32, TEXT_BYTES_MAX = 1 << 20, TOLD_EVERY_MS = 250 };

struct options {
    const char *data, *head, *store, *restore, *vectors;
    struct shipped_encoder_opts encoder;
    unsigned threads, copies, seed;
    double weight, confidence_min, temperature, l2;
    unsigned progress_fd; /* 0: none */
    bool list, json, dry_run, candidate, install, count;
};

/* One learning, from files to an installed head. */
struct lesson {
    struct options o;
    struct conf conf; /* the file's and the environment's settings */
    char folder[PATH_MAX], corrections[PATH_MAX], store[PATH_MAX], head_path[PATH_MAX];
    struct head *base, *in_use;
    struct encoder *encoder;
    struct feedback feedback;
    struct dataset data; /* corpus, then feedback */
    size_t corpus;       /* rows of it */
    struct examples examples;
    uint8_t *kind; /* [examples.rows.n] */
    struct retrain_result result;
    char installed[HEAD_VERSIONS_NAME_MAX];
    struct progress bar;
    const char *doing;
    uint64_t told_ns; /* when progress_fd heard last */
    bool nothing;     /* that the head in use was not taught */
};

static size_t learn_make_flags(struct options *o, struct flag flag[FLAGS_MAX]) {
    const struct flag all[] = {
        {"dry-run", FLAG_TRUE, &o->dry_run, 0, 0, NULL, "evaluate, but install nothing"},
        {"candidate", FLAG_TRUE, &o->candidate, 0, 0, NULL,
         "keep the new head, better or not, but let the one in use be until --install"},
        {"install", FLAG_TRUE, &o->install, 0, 0, NULL, "put the head that --candidate kept into use"},
        {"count", FLAG_TRUE, &o->count, 0, 0, NULL, "say how much there is to learn from, and learn nothing"},
        {"json", FLAG_TRUE, &o->json, 0, 0, NULL, "one JSON object instead of a table"},
        {"list", FLAG_TRUE, &o->list, 0, 0, NULL, "list the retrained heads, newest first"},
        {"restore", FLAG_TEXT, &o->restore, 0, 0, "NAME",
         "use an earlier head again; 'shipped': the one that came with logclass"},
        {"store", FLAG_TEXT, &o->store, 0, 0, "FILE", "the LLM's answers (default: as llm-store says); 'none'"},
        {"confidence-min", FLAG_FLOAT, &o->confidence_min, 0, 1, "X", "leave out LLM answers below this confidence"},
        {"weight", FLAG_FLOAT, &o->weight, 0, 1000, "X",
         "how many corpus rows one answer counts as; 0: the best of 5, 20, 60"},
        {"head", FLAG_TEXT, &o->head, 0, 0, "FILE",
         "head whose labels and temperature to take (default: the shipped one)"},
        {"data", FLAG_TEXT, &o->data, 0, 0, "PATH",
         "corpus folder or labelled file it was trained on (default: the shipped corpus)"},
        {"rows-per-template", FLAG_INT, &o->copies, 1, CORPUS_COPIES_MAX, "N", "messages made of a corpus template"},
        {"seed", FLAG_INT, &o->seed, 0, 4e9, "N", "seed of corpus values"},
        {"l2", FLAG_FLOAT, &o->l2, 0, 1e6, "X", "L2 penalty on the weights"},
        {"temperature", FLAG_FLOAT, &o->temperature, 0, 100, "X", "softmax temperature; 0: as in the head's file"},
        {"vectors", FLAG_TEXT, &o->vectors, 0, 0, "FILE", "cache of the vectors: learning again takes seconds"},
        {"model", FLAG_TEXT, &o->encoder.model, 0, 0, "DIR", "encoder model directory"},
        {"adapter", FLAG_TEXT, &o->encoder.adapter, 0, 0, "FILE", "low-rank update of the encoder, or 'none'"},
        {"kernel", FLAG_TEXT, &o->encoder.kernel, 0, 0, "NAME", "encoder arithmetic"},
        {"progress-fd", FLAG_INT, &o->progress_fd, 3, 1023, "N",
         "write {\"doing\",\"done\",\"total\"} lines to this descriptor while it works"},
        {"threads", FLAG_INT, &o->threads, 0, 64, "N",
         "threads to use; 0: one for each CPU (the head is the same for any number)"},
    };
    enum { N = sizeof all / sizeof all[0] };
    _Static_assert((int)N <= (int)FLAGS_MAX, "room for all flags");
    memcpy(flag, all, sizeof all);
    return N;
}

/* ---- where things are ---- */

static bool settle_paths(struct lesson *l, struct err *e) {
    char probe[PATH_MAX], name[] = "learn", *argv[] = {name, NULL};
    int operands;
    if (!conf_load(&l->conf, CONF_CLASSIFY, 1, argv, &operands, e)) return false;
    const char *store = l->o.store ? l->o.store : l->conf.llm_store;
    bool ok = state_dir_path("heads", l->folder, sizeof l->folder) && state_dir_path("heads/x", probe, sizeof probe) &&
              state_dir_path("corrections.jsonl", l->corrections, sizeof l->corrections) &&
              (strcmp(store, "none") == 0 ||
               (store[0] ? snprintf(l->store, sizeof l->store, "%s", store) < (int)sizeof l->store
                         : state_dir_path("answers.db", l->store, sizeof l->store)));
    return ok ? state_dir_make_folders(probe, e)
              : err_set(e, ERR_IO, "no state directory to keep heads in: set HOME, XDG_STATE_HOME or STATE_DIRECTORY");
}

/* The base head, and the one in use where that is a learnt one for the same labels. */
static bool open_heads(struct lesson *l, struct err *e) {
    char path[PATH_MAX];
    struct err ignored;
    const char *base = l->o.head ? l->o.head : path;
    if (!l->o.head && !shipped_path("head.json", path, sizeof path))
        return err_set(e, ERR_IO, "the shipped head is missing; --head names another");
    l->base = head_open(base, e);
    if (!l->base) return false;
    snprintf(l->head_path, sizeof l->head_path, "%s", base);
    if (!head_versions_current(l->folder, path, sizeof path)) return true;
    l->in_use = head_open(path, &ignored);
    const struct head_content *c = head_content(l->base);
    if (l->in_use && head_check(l->in_use, &c->labels, c->model_hash, c->mask_version, &ignored)) return true;
    head_close(l->in_use); /* of another model: it is not in use any more */
    l->in_use = NULL;
    return true;
}

static const struct head *in_use(const struct lesson *l) {
    return l->in_use ? l->in_use : l->base;
}

/* ---- the data ---- */

static void learn_on_progress(void *self, size_t done, size_t total) {
    struct lesson *l = self;
    progress_step(&l->bar, l->doing, done, total);
    uint64_t now = clock_now_ns(NULL);
    if (!l->o.progress_fd || (now - l->told_ns < clock_ns_of_ms(TOLD_EVERY_MS) && done < total)) return;
    l->told_ns = now;
    dprintf((int)l->o.progress_fd, "{\"doing\":\"%s\",\"done\":%zu,\"total\":%zu}\n", l->doing, done, total);
}

static bool learn_read_corpus(struct lesson *l, struct err *e) {
    char path[PATH_MAX];
    struct label_set labels = *head_labels(l->base);
    struct labelled_opts o = {.copies = l->o.copies, .seed = l->o.seed};
    dataset_init(&l->data);
    if (!l->o.data && !shipped_path("corpus", path, sizeof path))
        return err_set(e, ERR_IO, "the shipped corpus is not there; --data names another");
    if (!labelled_read(&l->data, l->o.data ? l->o.data : path, &labels, &o, e)) return false;
    l->corpus = l->data.n;
    return true;
}

static struct feedback_opts feedback_opts_of(const struct lesson *l, char *const *files, int n) {
    return (struct feedback_opts){.store = l->store,
                                  .files = files,
                                  .files_n = n,
                                  .corrections = l->corrections,
                                  .mix = l->conf.llm_mix,
                                  .confidence_min = l->o.confidence_min,
                                  .threads = l->o.threads};
}

/* What the head in use was taught beyond the corpus. */
static size_t count_taught(const struct lesson *l) {
    uint64_t *known = NULL;
    size_t n = 0;
    if (l->in_use) head_versions_taught(l->folder, &known, &n);
    free(known);
    return n;
}

/* fresh: at most so many, for they may be about what was taught before. */
static void put_count(const struct lesson *l, const struct feedback *f, const char *said) {
    struct buf out;
    size_t all = f->by_llm + f->by_user, taught = count_taught(l);
    buf_init(&out, TEXT_BYTES_MAX);
    buf_printf(&out, "{\"answers\":%zu,\"corrections\":%zu,\"fresh\":%zu,\"needed\":%d,\"installed\":null,\"made_of\":",
               f->by_llm, f->by_user, all > taught ? all - taught : 0, RETRAIN_FRESH_LEAST);
    json_out_string(&out, span_of(head_content(in_use(l))->created_by));
    buf_puts(&out, ",\"said\":");
    json_out_string(&out, span_of(said));
    printf("%.*s}\n", (int)out.n, out.p);
    buf_release(&out);
}

static void say_nothing(const struct lesson *l, const struct feedback *f, const char *more) {
    char said[160];
    snprintf(said, sizeof said, "%s%zu answers, %zu corrections (%d needed)%s",
             l->o.count ? "" : "nothing to learn yet: ", f->by_llm, f->by_user, RETRAIN_FRESH_LEAST, more);
    if (l->o.json)
        put_count(l, f, said);
    else
        printf("%s\n", said);
}

/* True: so little was answered and said that no head could be judged by it, which is said and no error. Costs no
 * encoder: a timer may ask every night. */
static bool learn_has_nothing(struct lesson *l, char *const *files, int n, struct err *e) {
    struct feedback count;
    struct feedback_opts o = feedback_opts_of(l, files, n);
    bool ok = feedback_count(&count, &o, l->base, e);
    bool nothing = ok && (l->o.count || count.by_user + count.by_llm < RETRAIN_FRESH_LEAST);
    if (nothing) say_nothing(l, &count, "");
    feedback_release(&count);
    return nothing;
}

static bool read_feedback(struct lesson *l, char *const *files, int n, struct err *e) {
    struct feedback_opts o = feedback_opts_of(l, files, n);
    if (!feedback_read(&l->feedback, &o, l->base, l->encoder, e)) return false;
    const struct dataset *d = &l->feedback.rows;
    for (size_t i = 0; i < d->n; i++)
        if (!dataset_add(&l->data, &d->row[i], d->group[d->row[i].group], e)) return false;
    return true;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* What of the feedback the head in use knows already. */
static void tell_kinds(struct lesson *l) {
    uint64_t *known = NULL;
    size_t n = 0;
    if (l->in_use) head_versions_taught(l->folder, &known, &n);
    if (n) qsort(known, n, sizeof *known, by_value);
    l->kind = must_calloc(l->examples.rows.n + 1, 1);
    for (size_t i = l->corpus; i < l->data.n; i++) {
        uint64_t hash = feedback_hash(&l->data.row[i]);
        bool is_known = n && bsearch(&hash, known, n, sizeof *known, by_value);
        l->kind[l->examples.of_record[i]] = is_known ? RETRAIN_KNOWN : RETRAIN_FRESH;
    }
    free(known);
}

/* Rows of the feedback that the head in use was not taught. */
static size_t count_fresh(const struct lesson *l) {
    uint64_t *known = NULL;
    size_t n = 0, fresh = 0;
    if (l->in_use) head_versions_taught(l->folder, &known, &n);
    if (n) qsort(known, n, sizeof *known, by_value);
    for (size_t i = 0; i < l->feedback.rows.n; i++) {
        uint64_t hash = feedback_hash(&l->feedback.rows.row[i]);
        fresh += !n || !bsearch(&hash, known, n, sizeof *known, by_value);
    }
    free(known);
    return fresh;
}

/* Where the corpus's vectors are kept, so that only the first learning takes minutes. */
static bool learn_cache_path(char out[PATH_MAX]) {
    struct err ignored;
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = cache && cache[0] ? snprintf(out, PATH_MAX, "%s/logclass/learn.vectors", cache)
            : home && home[0] ? snprintf(out, PATH_MAX, "%s/.cache/logclass/learn.vectors", home)
                              : 0;
    return n > 0 && n < PATH_MAX && state_dir_make_folders(out, &ignored);
}

static bool learn_prepare(struct lesson *l, char *const *files, int n, struct err *e) {
    struct examples_embed_opts o = {
        .threads = l->o.threads, .vectors = l->o.vectors, .progress = learn_on_progress, .self = l};
    char cache[PATH_MAX];
    if (!o.vectors && learn_cache_path(cache)) o.vectors = cache;
    l->encoder = shipped_encoder(&l->o.encoder, e);
    bool ok = l->encoder &&
              (head_check(l->base, head_labels(l->base), encoder_hash(l->encoder), MASK_VERSION, e) ||
               err_prefix(e, "%s", l->head_path)) &&
              learn_read_corpus(l, e) && read_feedback(l, files, n, e);
    if (!ok || (l->nothing = count_fresh(l) < RETRAIN_FRESH_LEAST)) return ok;
    l->doing = "embedding";
    ok = examples_make(&l->examples, &l->data, head_uses_source(l->base), e) &&
         examples_embed(&l->examples, l->encoder, &o, e);
    if (ok) tell_kinds(l);
    return ok;
}

/* ---- learning ---- */

/* "temperature 1.2000, given": what the base head's logits were divided by. */
static double temperature_of(const struct head *h) {
    const char *text = strstr(head_content(h)->calibration, "temperature "), *next;
    while (text && (next = strstr(text + 1, "temperature ")) != NULL) text = next;
    double t = text ? strtod(text + strlen("temperature "), NULL) : 0;
    return t > 0 ? t : 1;
}

static bool learn_teach(struct lesson *l, struct err *e) {
    struct retrain_opts o = retrain_defaults();
    o.fit.l2 = l->o.l2, o.fit.threads = l->o.threads, o.fit.balance = 0.5;
    o.temperature = l->o.temperature;
    o.weight = l->o.weight;
    o.threshold = l->conf.bert_classifier_threshold;
    o.progress = learn_on_progress, o.self = l;
    l->doing = "fitting";
    return retrain_run(&l->result, &l->examples, l->kind, in_use(l), &o, e);
}

static void fill_head(const struct lesson *l, struct head_content *c) {
    const struct retrain_result *r = &l->result;
    const struct score *s = &r->new.fresh;
    struct fit_head_opts o = fit_head_defaults();
    o.temperature = l->o.temperature;
    fit_head_head(&(struct fit_head_result){.model = r->model}, &l->examples, head_labels(l->base), &o, c);
    c->model_hash = encoder_hash(l->encoder);
    c->mask_version = MASK_VERSION;
    c->use_source = head_uses_source(l->base);
    c->metrics = (struct head_metrics){.rows = (uint32_t)s->n,
                                       .systems = 1,
                                       .accuracy = s->accuracy,
                                       .macro_f1 = s->macro_f1,
                                       .ece = s->ece,
                                       .accuracy_confident_half = s->confident_half};
    snprintf(c->created_by, sizeof c->created_by,
             "logclass learn: %zu rows of the corpus, %zu answers, %zu corrections, weight %g", l->corpus,
             l->feedback.by_llm, l->feedback.by_user, r->weight);
}

static bool learn_install(struct lesson *l, struct err *e) {
    if (l->o.dry_run || (!l->result.better && !l->o.candidate)) return true;
    struct head_content *c = must_calloc(1, sizeof *c);
    uint64_t *hash = must_calloc(l->feedback.rows.n + 1, sizeof *hash);
    for (size_t i = 0; i < l->feedback.rows.n; i++) hash[i] = feedback_hash(&l->feedback.rows.row[i]);
    fill_head(l, c);
    struct head_versions_lesson lesson = {c, hash, l->feedback.rows.n, (int64_t)time(NULL)};
    bool ok = l->o.candidate ? head_versions_keep(l->folder, &lesson, e)
                             : head_versions_install(l->folder, &lesson, l->installed, e);
    fit_head_head_release(c);
    free(c), free(hash);
    return ok;
}

/* ---- what is shown ---- */

struct figures {
    double right, macro_f1, answered, answered_right, corpus;
};

static const struct {
    const char *name, *text;
    bool of_above; /* it says more about the row before it */
    size_t at;
} FIGURES[] = {{"right", "likeliest label agrees", false, offsetof(struct figures, right)},
               {"macro_f1", "its macro-F1", true, offsetof(struct figures, macro_f1)},
               {"answered", "answered without the LLM", false, offsetof(struct figures, answered)},
               {"answered_right", "right of these", true, offsetof(struct figures, answered_right)},
               {"corpus_right", "of the corpus right (seen)", false, offsetof(struct figures, corpus)}};
enum { FIGURES_N = sizeof FIGURES / sizeof FIGURES[0] };

static double figure_at(const struct figures *f, size_t i) {
    double value;
    memcpy(&value, (const char *)f + FIGURES[i].at, sizeof value);
    return value;
}

/* Of fresh answers: likeliest label right, its macro-F1; the share that would not be asked, and how right that is. */
static struct figures figures_of(const struct retrain_side *s) {
    size_t answered = s->right + s->wrong;
    return (struct figures){.right = s->fresh.accuracy_best,
                            .macro_f1 = s->fresh.macro_f1_best,
                            .answered = (double)answered / (double)s->fresh.n,
                            .answered_right = answered ? (double)s->right / (double)answered : 0,
                            .corpus = s->corpus.accuracy_best};
}

static void put_sources(const struct lesson *l, struct buf *out) {
    const struct feedback *t = &l->feedback;
    buf_printf(out, "taught by the LLM's answers    %7zu   (%zu more were not sure enough, or of other labels)\n",
               t->by_llm, t->left_out);
    buf_printf(out, "taught by users' corrections   %7zu\n", t->by_user);
    buf_printf(out, "judged on fresh ones           %7zu   (the head in use was taught %zu of them)\n\n",
               l->result.fresh, l->result.known);
}

static void put_verdict(const struct lesson *l, struct buf *out) {
    if (l->o.candidate)
        buf_printf(out, "\n%s; kept as a candidate: 'logclass learn --install' puts it into use\n",
                   l->result.better ? "better" : "not better");
    else if (!l->result.better)
        buf_puts(out, "\nnot better: the head in use stays (a wrong answer counts as 4 that need not be asked)\n");
    else if (l->o.dry_run)
        buf_puts(out, "\nbetter; nothing was installed (--dry-run)\n");
    else
        buf_printf(out, "\nbetter: installed as %s; a running server takes it up on SIGHUP\n", l->installed);
}

static void learn_put_text(const struct lesson *l, struct figures old, struct figures new, struct buf *out) {
    put_sources(l, out);
    buf_puts(out, "of the fresh ones                 in use       new\n");
    for (size_t i = 0; i < FIGURES_N; i++) {
        double was = figure_at(&old, i), is = figure_at(&new, i);
        buf_printf(out, "%s%-*s %7.1f%%  %7.1f%%  %+6.1f\n", FIGURES[i].of_above ? "  " : "",
                   FIGURES[i].of_above ? 29 : 31, FIGURES[i].text, 100 * was, 100 * is, 100 * (is - was));
    }
    put_verdict(l, out);
}

static void learn_put_figures(struct buf *out, const char *name, struct figures f) {
    buf_printf(out, ",\"%s\":{", name);
    for (size_t i = 0; i < FIGURES_N; i++)
        buf_printf(out, "%s\"%s\":%.6g", i ? "," : "", FIGURES[i].name, figure_at(&f, i));
    buf_putc(out, '}');
}

/* Both sides with the words of the table, for those who show it to people. */
static void put_rows(struct buf *out, struct figures old, struct figures new) {
    buf_puts(out, ",\"rows\":[");
    for (size_t i = 0; i < FIGURES_N; i++)
        buf_printf(out, "%s{\"name\":\"%s\",\"was\":%.6g,\"is\":%.6g}", i ? "," : "", FIGURES[i].text,
                   figure_at(&old, i), figure_at(&new, i));
    buf_putc(out, ']');
}

static void put_json(const struct lesson *l, struct figures old, struct figures new, struct buf *out) {
    buf_printf(out, "{\"answers\":%zu,\"left_out\":%zu,\"corrections\":%zu,\"known\":%zu,\"fresh\":%zu",
               l->feedback.by_llm, l->feedback.left_out, l->feedback.by_user, l->result.known, l->result.fresh);
    learn_put_figures(out, "in_use", old);
    learn_put_figures(out, "new", new);
    put_rows(out, old, new);
    buf_printf(out, ",\"better\":%s,\"candidate\":%s,\"installed\":", l->result.better ? "true" : "false",
               l->o.candidate ? "true" : "false");
    if (l->installed[0])
        buf_printf(out, "\"%s\"}\n", l->installed);
    else
        buf_puts(out, "null}\n");
}

static bool learn_print(struct buf *out, struct err *e) {
    bool ok = !out->failed && fwrite(out->p, 1, out->n, stdout) == out->n && fflush(stdout) == 0;
    buf_release(out);
    return ok || err_set(e, ERR_IO, "stdout: the figures could not be written");
}

static bool learn_learn(struct lesson *l, char *const *files, int n, struct err *e) {
    struct buf out;
    if (l->o.temperature == 0) l->o.temperature = temperature_of(l->base);
    bool ok = learn_prepare(l, files, n, e) && (l->nothing || (learn_teach(l, e) && learn_install(l, e)));
    progress_clear(&l->bar);
    if (!ok) return false;
    if (l->nothing) {
        say_nothing(l, &l->feedback, "; the head in use was taught the others");
        return true;
    }
    struct figures old = figures_of(&l->result.old), new = figures_of(&l->result.new);
    buf_init(&out, TEXT_BYTES_MAX);
    (l->o.json ? put_json : learn_put_text)(l, old, new, &out);
    return learn_print(&out, e);
}

/* ---- the other forms ---- */

static void put_entry(const struct lesson *l, const struct head_versions_entry *h, bool first, struct buf *out) {
    char path[PATH_MAX];
    struct err none;
    struct head *head = head_versions_path(l->folder, h->name, path, sizeof path) ? head_open(path, &none) : NULL;
    const char *by = head ? head_content(head)->created_by : "it can't be read";
    if (l->o.json) {
        buf_printf(out, "%s{\"name\":\"%s\",\"in_use\":%s,\"created_by\":", first ? "" : ",", h->name,
                   h->current ? "true" : "false");
        json_out_string(out, span_of(by));
        buf_putc(out, '}');
    } else {
        buf_printf(out, "%c %-18s %s\n", h->current ? '*' : ' ', h->name, by);
    }
    head_close(head);
}

static bool list(const struct lesson *l, struct err *e) {
    struct head_versions_entry all[HEAD_VERSIONS_MAX + 1];
    struct buf out;
    char path[PATH_MAX];
    bool learnt = head_versions_current(l->folder, path, sizeof path);
    unsigned n = head_versions_list(l->folder, all);
    buf_init(&out, TEXT_BYTES_MAX);
    if (l->o.json) buf_putc(&out, '[');
    for (unsigned i = 0; i < n; i++) put_entry(l, &all[i], i == 0, &out);
    if (l->o.json)
        buf_puts(&out, "]\n");
    else
        buf_printf(&out, "%c %-18s %s\n", learnt ? ' ' : '*', "shipped", head_content(l->base)->created_by);
    return learn_print(&out, e);
}

static bool install_candidate(struct lesson *l, struct err *e) {
    if (!head_versions_accept(l->folder, (int64_t)time(NULL), l->installed, e)) return false;
    printf(l->o.json ? "{\"installed\":\"%s\"}\n" : "installed as %s; a running server takes it up on SIGHUP\n",
           l->installed);
    return true;
}

static bool learn_run(struct lesson *l, char **operand, int operands, struct err *e) {
    if (!settle_paths(l, e)) return false;
    if (l->o.install) return install_candidate(l, e);
    if (l->o.restore) return head_versions_restore(l->folder, l->o.restore, e);
    if (!open_heads(l, e)) return false;
    if (l->o.list) return list(l, e);
    return learn_has_nothing(l, operand, operands, e) || (e->code == ERR_OK && learn_learn(l, operand, operands, e));
}

int cmd_learn(int argc, char **argv) {
    struct lesson *l = must_calloc(1, sizeof *l);
    struct err e = {0};
    struct flag flag[FLAGS_MAX];
    int operands, status = CMD_OK;
    l->o =
        (struct options){.copies = 2, .seed = 1, .l2 = 1, .weight = retrain_defaults().weight, .confidence_min = 0.5};
    size_t flags = learn_make_flags(&l->o, flag);
    progress_init(&l->bar, true);
    if (!flags_show_help(argc, argv, USAGE, flag, flags, EXAMPLES) &&
        (!flags_parse(flag, flags, argc, argv, &operands, &e) || !learn_run(l, argv + 1, operands, &e)))
        status = cmd_fail(&e);
    retrain_release(&l->result);
    examples_release(&l->examples);
    dataset_release(&l->data);
    feedback_release(&l->feedback);
    encoder_close(l->encoder);
    head_close(l->in_use), head_close(l->base);
    conf_release(&l->conf);
    free(l->kind), free(l);
    return status;
}
