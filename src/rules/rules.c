#include "rules/rules.h"

#include "base/file.h"
#include "base/must.h"
#include "rules/compiled.h"
#include "rules/cost.h"
#include "rules/rules_file.h"
#include "rules/selftest.h"

#include <string.h>
#include <time.h>
#include <xxhash.h>

struct rules {
    struct rules_list list;
    struct compiled db;
    hs_scratch_t *scratch; /* fits all databases; workers clone it */
};

struct rules_scratch {
    hs_scratch_t *hs;
    uint64_t record;        /* counts the records looked at, from 1 */
    uint64_t source_seen[]; /* [n]: the record whose source met rule i's condition last */
};

/* ---- matching ---- */

struct look {
    const struct rules *r;
    struct rules_scratch *s;
    size_t best; /* lowest rule so far; r->list.n: none */
    uint64_t end;
};

static int on_source(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx) {
    (void)from, (void)to, (void)flags;
    struct look *l = ctx;
    l->s->source_seen[id] = l->s->record;
    return 0;
}

/* Matches come in the order of their ends, not of the rules: keep the lowest, and stop when none can be lower. */
static int on_message(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx) {
    (void)from, (void)flags;
    struct look *l = ctx;
    if (id >= l->best) return 0;
    if (l->r->list.rule[id].source && l->s->source_seen[id] != l->s->record) return 0;
    l->best = id;
    l->end = to;
    return id == 0;
}

static int on_span(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx) {
    (void)id, (void)flags;
    struct rules_match *w = ctx;
    if (from < w->from || (from == w->from && to > w->to)) *w = (struct rules_match){(uint32_t)from, (uint32_t)to};
    return 0;
}

static void find_span(const struct look *l, struct span message, struct rules_match *where) {
    const hs_database_t *db = l->r->db.span[l->best];
    *where = (struct rules_match){0, (uint32_t)l->end};
    if (!db) return;
    *where = (struct rules_match){UINT32_MAX, 0};
    MUST(regex_scan(db, message.p, message.n, l->s->hs, on_span, where) && where->from < where->to);
}

int rules_match(const struct rules *r, struct rules_scratch *s, const struct record *rec, struct rules_match *where) {
    struct look l = {r, s, r->list.n, 0};
    s->record++;
    if (r->db.sources) MUST(regex_scan(r->db.sources, rec->source.p, rec->source.n, s->hs, on_source, &l));
    if (r->db.messages) MUST(regex_scan(r->db.messages, rec->message.p, rec->message.n, s->hs, on_message, &l));
    if (l.best == r->list.n) return -1;
    if (where) find_span(&l, rec->message, where);
    return (int)l.best;
}

/* ---- compiling ---- */

static uint64_t cpu_ms(void) {
    struct timespec t;
    MUST(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static hs_database_t *compile_one(const char *pattern, enum regex_use use, struct err *e) {
    return regex_compile(&(struct regex_patterns){&pattern, &(unsigned){0}, 1}, use, e);
}

/* May this pattern join the others? Compiles it alone, to know what it costs. */
static bool pattern_check(const char *pattern, struct cost *cost, struct err *e) {
    if (!cost_of(pattern, cost, e) || !regex_consumes(pattern, e)) return false;
    uint64_t start_ms = cpu_ms();
    hs_database_t *db = compile_one(pattern, REGEX_WHICH, e);
    if (!db) return false;
    uint64_t took_ms = cpu_ms() - start_ms;
    size_t bytes = regex_bytes(db);
    hs_free_database(db);
    if (bytes > RULES_COMPILED_MAX)
        return err_set(e, ERR_LIMIT, "it takes %zu bytes compiled, at most %d are allowed", bytes, RULES_COMPILED_MAX);
    if (took_ms > RULES_COMPILE_MAX_MS)
        return err_set(e, ERR_LIMIT, "it takes %llu ms to compile, at most %d are allowed", (unsigned long long)took_ms,
                       RULES_COMPILE_MAX_MS);
    return true;
}

static size_t database_bytes(const hs_database_t *db) {
    return db ? regex_bytes(db) : 0;
}

/* A pattern that is too big for this stays without; the first look serves it. */
static void open_span(struct rules *r, size_t i, const struct cost *cost) {
    struct err why;
    if (cost->positions > RULES_SPAN_POSITIONS_MAX) return;
    r->db.span[i] = compile_one(r->list.rule[i].pattern, REGEX_SPAN, &why);
}

static bool check_rules(struct rules *r, struct err *e) {
    uint64_t start_ms = cpu_ms();
    size_t span_bytes = 0;
    for (size_t i = 0; i < r->list.n; i++) {
        const struct rule *rule = &r->list.rule[i];
        struct cost cost, source_cost;
        if (rule->source && !pattern_check(rule->source, &source_cost, e))
            return err_prefix(e, "%s:%u: the source of rule '%s'", rule->path, rule->source_line, rule->name);
        if (!pattern_check(rule->pattern, &cost, e))
            return err_prefix(e, "%s:%u: the pattern of rule '%s'", rule->path, rule->pattern_line, rule->name);
        open_span(r, i, &cost);
        span_bytes += database_bytes(r->db.span[i]);
        if (cpu_ms() - start_ms <= RULES_COMPILE_TOTAL_MAX_MS && span_bytes <= RULES_DATABASE_MAX) continue;
        return err_set(e, ERR_LIMIT,
                       "%s:%u: the rules up to '%s' take more than %d s to compile, or more than %d bytes", rule->path,
                       rule->line, rule->name, RULES_COMPILE_TOTAL_MAX_MS / 1000, RULES_DATABASE_MAX);
    }
    return true;
}

static const char *message_pattern(const struct rule *rule) {
    return rule->pattern;
}

static const char *source_pattern(const struct rule *rule) {
    return rule->source;
}

/* One database of what `of` picks from each rule (NULL: nothing); *out stays NULL when no rule has it. */
static bool compile_all(struct rules *r, const char *(*of)(const struct rule *), hs_database_t **out, struct err *e) {
    const char **pattern = must_calloc(r->list.n + 1, sizeof *pattern);
    unsigned *id = must_calloc(r->list.n + 1, sizeof *id);
    unsigned n = 0;
    for (size_t i = 0; i < r->list.n; i++) {
        pattern[n] = of(&r->list.rule[i]);
        id[n] = (unsigned)i;
        if (pattern[n]) n++;
    }
    if (n > 0) *out = regex_compile(&(struct regex_patterns){pattern, id, n}, REGEX_WHICH, e);
    free(pattern);
    free(id);
    if (n == 0) return true;
    if (!*out) return err_prefix(e, "all patterns together");
    if (regex_bytes(*out) > RULES_DATABASE_MAX)
        return err_set(e, ERR_LIMIT, "all patterns together take %zu bytes compiled, at most %d are allowed",
                       regex_bytes(*out), RULES_DATABASE_MAX);
    return true;
}

static bool compile(struct rules *r, struct err *e) {
    if (!selftest_run(e) || !check_rules(r, e)) return false;
    return (compile_all(r, message_pattern, &r->db.messages, e) && compile_all(r, source_pattern, &r->db.sources, e)) ||
           err_prefix(e, "%s", r->list.rule[0].path);
}

static bool open_scratch(struct rules *r, struct err *e) {
    bool ok = !r->db.messages || regex_scratch(r->db.messages, &r->scratch, e);
    ok = ok && (!r->db.sources || regex_scratch(r->db.sources, &r->scratch, e));
    for (size_t i = 0; i < r->db.n && ok; i++) ok = !r->db.span[i] || regex_scratch(r->db.span[i], &r->scratch, e);
    return ok;
}

/* ---- life ---- */

static bool read_rules(struct rules *r, const char *path, const struct label_set *labels, struct err *e) {
    struct span text;
    if (!file_read(path, RULES_FILE_BYTES_MAX, &text, e)) return false;
    bool ok = rules_file_parse(text, path, labels, &r->list, e);
    file_free(&text);
    return ok;
}

/* keep: the compiled form is kept for the next start, which takes it as it is. */
static struct rules *open_compiled(struct rules *r, bool ok, bool keep, struct err *e) {
    if (ok) compiled_init(&r->db, r->list.n);
    bool kept = ok && keep && compiled_read(&r->db, &r->list);
    ok = ok && (kept || compile(r, e)) && open_scratch(r, e);
    if (ok && keep && !kept) compiled_write(&r->db, &r->list);
    if (ok) return r;
    rules_close(r);
    return NULL;
}

static struct rules *open_files(const char *const *path, size_t n, const struct label_set *labels, bool keep,
                                struct err *e) {
    if (!regex_check(e)) return NULL;
    struct rules *r = must_calloc(1, sizeof *r);
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++) ok = read_rules(r, path[i], labels, e);
    return open_compiled(r, ok, keep, e);
}

struct rules *rules_open(const char *path, const struct label_set *labels, struct err *e) {
    return open_files(&path, 1, labels, false, e);
}

struct rules *rules_open_files(const char *const *path, size_t n, const struct label_set *labels, struct err *e) {
    return open_files(path, n, labels, true, e);
}

struct rules *rules_open_text(struct span text, const char *path, const struct label_set *labels, struct err *e) {
    if (!regex_check(e)) return NULL;
    struct rules *r = must_calloc(1, sizeof *r);
    return open_compiled(r, rules_file_parse(text, path, labels, &r->list, e), false, e);
}

void rules_close(struct rules *r) {
    if (!r) return;
    compiled_release(&r->db);
    hs_free_scratch(r->scratch);
    rules_file_release(&r->list);
    free(r);
}

size_t rules_bytes(const struct rules *r) {
    size_t n = database_bytes(r->db.messages) + database_bytes(r->db.sources);
    for (size_t i = 0; i < r->db.n; i++) n += database_bytes(r->db.span[i]);
    return n;
}

size_t rules_count(const struct rules *r) {
    return r->list.n;
}

const struct rule *rules_get(const struct rules *r, size_t i) {
    MUST(i < r->list.n);
    return &r->list.rule[i];
}

uint64_t rules_id(const struct rule *r) {
    return XXH3_64bits_withSeed(r->name, strlen(r->name), XXH3_64bits(r->path, strlen(r->path)));
}

struct rules_scratch *rules_scratch_open(const struct rules *r, struct err *e) {
    struct rules_scratch *s = must_calloc(1, sizeof *s + r->list.n * sizeof s->source_seen[0]);
    if (!r->scratch || hs_clone_scratch(r->scratch, &s->hs) == HS_SUCCESS) return s; /* no rules: nothing to clone */
    free(s);
    err_set(e, ERR_MEMORY, "no memory for a worker's regex scratch");
    return NULL;
}

void rules_scratch_close(struct rules_scratch *s) {
    if (!s) return;
    hs_free_scratch(s->hs);
    free(s);
}
