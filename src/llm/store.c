#include "llm/store.h"

#include "base/log.h"
#include "base/must.h"
#include "base/unconst.h"
#include "base/wal.h"
#include "metrics/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    DAY_S = 86400,
    USAGE_LIFE_S = 40 * DAY_S,
    BUSY_MS = 200,
    OPEN_BUSY_MS = 5000, /* at start others may be making the file */
    TRIM_EVERY = 10000,
    FORM = 3,
    LIKELIHOOD_BYTES_MAX = 16 * LABEL_MAX,
    APPLICATION = 0x6c6f6763
};

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS answers("
    " version INTEGER NOT NULL, template TEXT NOT NULL, label TEXT NOT NULL, confidence REAL NOT NULL,"
    " negative INTEGER NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL, answered INTEGER NOT NULL,"
    " first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, count INTEGER NOT NULL,"
    " likelihood TEXT NOT NULL DEFAULT '',"
    " PRIMARY KEY(version, template)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS usage("
    " kind INTEGER NOT NULL, start INTEGER NOT NULL, calls INTEGER NOT NULL, tokens INTEGER NOT NULL,"
    " tokens_out INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(kind, start)) WITHOUT ROWID;";

/* What brings the form before to form i. Form 1 had no likelihoods, form 2 told no answered tokens. */
static const char *const FORM_STEP[FORM + 1] = {
    [2] = "ALTER TABLE answers ADD COLUMN likelihood TEXT NOT NULL DEFAULT ''",
    [3] = "ALTER TABLE usage ADD COLUMN tokens_out INTEGER NOT NULL DEFAULT 0",
};

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    FIND,
    PUT,
    TOUCH,
    COUNT,
    EXPIRE,
    FORGET_USAGE,
    TRIM,
    USAGE,
    SPEND,
    EACH,
    STATEMENTS
};

static const char *const SQL[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [FIND] = "SELECT label, confidence, negative, likelihood FROM answers"
             " WHERE version = ?1 AND template = ?2 AND (negative = 0 OR answered >= ?3)",
    [PUT] = "INSERT INTO answers(version, template, label, confidence, negative, model, prompt, answered, first_seen,"
            " last_seen, count, likelihood) VALUES(?1, ?2, ?4, ?5, ?6, ?7, ?8, ?3, ?3, ?3, 1, ?9)"
            " ON CONFLICT(version, template) DO UPDATE SET label = ?4, confidence = ?5, negative = ?6, model = ?7,"
            " prompt = ?8, answered = ?3, last_seen = ?3, count = count + 1, likelihood = ?9",
    [TOUCH] =
        "UPDATE answers SET last_seen = max(last_seen, ?3), count = count + 1 WHERE version = ?1 AND template = ?2",
    [COUNT] = "SELECT count(*) FROM answers",
    [EXPIRE] = "DELETE FROM answers WHERE negative = 1 AND answered < ?1",
    [FORGET_USAGE] = "DELETE FROM usage WHERE start < ?1",
    [TRIM] = "DELETE FROM answers WHERE (version, template) IN"
             " (SELECT version, template FROM answers ORDER BY last_seen LIMIT ?1)",
    [USAGE] = "SELECT calls, tokens FROM usage WHERE kind = ?1 AND start = ?2",
    [SPEND] = "INSERT INTO usage(kind, start, calls, tokens, tokens_out) VALUES(?1, ?2, ?3, max(?4, 0), max(?5, 0))"
              " ON CONFLICT(kind, start) DO UPDATE SET calls = calls + ?3, tokens = max(tokens + ?4, 0),"
              " tokens_out = max(tokens_out + ?5, 0)",
    [EACH] = "SELECT label, confidence, negative, likelihood, template, model, version, answered FROM answers"
             " WHERE label != '' ORDER BY template, answered, version",
};

/* An answer, or the sight of a template, that is not in the file yet. */
struct queued {
    struct store_origin origin; /* model: our copy; NULL: a sight only */
    struct span template;       /* our copy */
    struct store_answer answer;
    int64_t at_s;
};

/* What is to be added to a window of usage, and is not in the file yet. */
struct owed {
    int kind;
    int64_t start;
    struct store_debt debt;
};

struct store {
    struct store_opts opts;
    sqlite3 *db;
    sqlite3_stmt *statement[STATEMENTS];
    struct queued queue[STORE_QUEUE_MAX];
    unsigned queued;
    struct owed owed[STORE_OWED_MAX];
    unsigned owed_n;
    unsigned since_trim;
    bool damaged; /* the last error was about what the file holds */
    bool lost;    /* it was to be a file, and is in memory */
    bool told;    /* that the file can't be written; until it can */
    char path[4096];
};

static int64_t store_real_now_s(void) {
    return (int64_t)time(NULL);
}

/* SQLITE_ERROR: the tables are not those that we made. */
static bool db_error(struct store *s, struct err *e) {
    int code = sqlite3_errcode(s->db) & 0xff;
    s->damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR;
    return err_set(e, ERR_IO, "%s: %s", s->path[0] ? s->path : "the store", sqlite3_errmsg(s->db));
}

/* ---- statements ---- */

/* Numbers are bound to ?1, ?2, … */
static sqlite3_stmt *bind(struct store *s, enum statement which, const int64_t *number, int n) {
    sqlite3_stmt *st = s->statement[which];
    for (int i = 0; i < n; i++) sqlite3_bind_int64(st, i + 1, number[i]);
    return st;
}

/* Runs a statement to its end; false: it failed. */
static bool store_finish(sqlite3_stmt *st) {
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        ;
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc == SQLITE_DONE;
}

static bool store_run(struct store *s, enum statement which, const int64_t *number, int n, struct err *e) {
    return store_finish(bind(s, which, number, n)) || db_error(s, e);
}

/* Ends the transaction, one way or the other. */
static bool store_end(struct store *s, bool ok, struct err *e) {
    struct err ignored;
    if (ok && store_run(s, COMMIT, NULL, 0, e)) return true;
    if (!sqlite3_get_autocommit(s->db)) store_run(s, ROLLBACK, NULL, 0, &ignored);
    return false;
}

static void bind_key(sqlite3_stmt *st, uint64_t version, struct span template, int64_t at_s) {
    sqlite3_bind_int64(st, 1, (int64_t)version);
    sqlite3_bind_text(st, 2, template.n ? template.p : "", (int)template.n, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, at_s);
}

/* ---- open ---- */

static bool pragma(struct store *s, const char *sql, struct err *e) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || db_error(s, e);
}

static bool pragma_value(struct store *s, const char *sql, int64_t *out, struct err *e) {
    sqlite3_stmt *st = NULL;
    bool ok = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW;
    if (ok)
        *out = sqlite3_column_int64(st, 0);
    else
        db_error(s, e);
    sqlite3_finalize(st);
    return ok;
}

/* A new file gets our form, an older form is brought to it; any other file is not ours. */
static bool check_form(struct store *s, struct err *e) {
    char sql[128];
    int64_t tables, application, form;
    if (!pragma_value(s, "SELECT count(*) FROM sqlite_master", &tables, e) ||
        !pragma_value(s, "PRAGMA application_id", &application, e) || !pragma_value(s, "PRAGMA user_version", &form, e))
        return false;
    if (tables > 0 && (application != APPLICATION || form < 1 || form > FORM))
        return err_set(e, ERR_INPUT, "%s: not a logclass store of form %d", s->path, FORM);
    for (int64_t f = tables > 0 ? form + 1 : FORM + 1; f <= FORM; f++)
        if (!pragma(s, FORM_STEP[f], e)) return false;
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION, FORM);
    return (tables > 0 && form == FORM) || pragma(s, sql, e);
}

/* Two processes may meet here with a new file: whoever is second finds it made. */
static bool make_tables(struct store *s, struct err *e) {
    if (!pragma(s, "BEGIN IMMEDIATE", e)) return false;
    bool ok = check_form(s, e) && pragma(s, SCHEMA, e);
    struct err ignored;
    return ok ? pragma(s, "COMMIT", e) : (pragma(s, "ROLLBACK", &ignored), false);
}

static bool open_file(struct store *s, struct err *e) {
    if (s->path[0]) { /* ours to read only: templates may tell something about who we are */
        int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) return err_set(e, ERR_IO, "%s: %s", s->path, strerror(errno));
        close(fd);
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(s->path[0] ? s->path : ":memory:", &s->db, flags, NULL) != SQLITE_OK) return db_error(s, e);
    sqlite3_busy_timeout(s->db, OPEN_BUSY_MS);
    return pragma(s, "PRAGMA auto_vacuum = INCREMENTAL", e) &&
           (wal_turn_on(s->db, OPEN_BUSY_MS) == SQLITE_OK || db_error(s, e)) &&
           pragma(s, "PRAGMA synchronous = NORMAL", e) && make_tables(s, e);
}

static bool store_trim(struct store *s, struct err *e) {
    int64_t now_s = s->opts.now_s(), rows;
    if (!store_run(s, BEGIN, NULL, 0, e)) return false;
    bool ok =
        store_run(s, EXPIRE, (int64_t[]){now_s - s->opts.negative_life_s}, 1, e) &&
        store_run(s, FORGET_USAGE, (int64_t[]){now_s - USAGE_LIFE_S}, 1, e) && pragma_value(s, SQL[COUNT], &rows, e) &&
        (rows <= (int64_t)s->opts.rows_max || store_run(s, TRIM, (int64_t[]){rows - (int64_t)s->opts.rows_max}, 1, e));
    s->since_trim = 0;
    return store_end(s, ok, e) && pragma(s, "PRAGMA incremental_vacuum", e);
}

static bool store_prepare(struct store *s, struct err *e) {
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(s->db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statement[i], NULL) != SQLITE_OK)
            return db_error(s, e);
    return true;
}

static bool open_at_path(struct store *s, struct err *e) {
    if (!open_file(s, e) || !store_prepare(s, e) || !store_trim(s, e)) return false;
    sqlite3_busy_timeout(s->db, BUSY_MS);
    return true;
}

static void close_database(struct store *s) {
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(s->statement[i]);
        s->statement[i] = NULL;
    }
    sqlite3_close(s->db);
    s->db = NULL;
}

static struct store *make_store(const struct store_opts *o) {
    struct store *s = must_calloc(1, sizeof *s);
    s->opts = *o;
    if (!s->opts.now_s) s->opts.now_s = store_real_now_s;
    if (!s->opts.rows_max) s->opts.rows_max = STORE_ROWS_MAX;
    if (!s->opts.negative_life_s) s->opts.negative_life_s = DAY_S;
    snprintf(s->path, sizeof s->path, "%s", o->path ? o->path : "");
    s->opts.path = s->path;
    return s;
}

static bool is_path_short(const struct store_opts *o, struct err *e) {
    size_t max = sizeof((struct store *)NULL)->path - 1;
    return !o->path || strlen(o->path) <= max || err_set(e, ERR_USAGE, "the store's path is too long");
}

struct store *store_open(const struct store_opts *o, struct err *e) {
    if (!is_path_short(o, e)) return NULL;
    struct store *s = make_store(o);
    if (open_at_path(s, e)) return s;
    store_close(s);
    return NULL;
}

/* ---- without the file ---- */

/* What goes wrong with the file is counted each time and said once. */
void store_tell(struct store *s, const struct err *e) {
    metrics_add(METRIC_LLM_STORE_FAILURES, 0, 0, 0, 1);
    if (!s->told)
        log_warn("store.failed", "%s: answers are in memory only, and where a budget is set the LLM is not asked",
                 e->msg);
    s->told = true;
}

/* Moves the file with what SQLite keeps beside it, so that somebody may still look into it. */
static bool set_aside(const struct store *s) {
    static const char *const SIDE[] = {"", "-wal", "-shm"};
    char from[sizeof s->path + 8], to[sizeof s->path + 48];
    int64_t now_s = s->opts.now_s();
    bool moved = false;
    for (size_t i = 0; i < sizeof SIDE / sizeof SIDE[0]; i++) {
        snprintf(from, sizeof from, "%s%s", s->path, SIDE[i]);
        snprintf(to, sizeof to, "%s.damaged-%lld%s", s->path, (long long)now_s, SIDE[i]);
        if (rename(from, to) == 0) moved = true;
        if (i == 0 && !moved) return false;
    }
    log_warn("store.damaged", "%s could not be read and is %s.damaged-%lld now; a new one takes its place", s->path,
             s->path, (long long)now_s);
    return true;
}

/* From here on the store is in memory. False: there is no memory even for that. */
static bool give_up_file(struct store *s, struct err *e) {
    close_database(s);
    s->path[0] = '\0';
    s->lost = true;
    if (s->opts.rows_max > STORE_LOST_ROWS_MAX) s->opts.rows_max = STORE_LOST_ROWS_MAX;
    return open_at_path(s, e);
}

struct store *store_open_cache(const struct store_opts *o, struct err *e) {
    if (!is_path_short(o, e)) return NULL;
    struct store *s = make_store(o);
    bool ok = open_at_path(s, e);
    if (!ok && s->path[0]) {
        close_database(s);
        bool damaged = s->damaged && set_aside(s);
        if (damaged) metrics_add(METRIC_LLM_STORE_FAILURES, 0, 0, 0, 1);
        ok = damaged && open_at_path(s, e);
        if (!ok) store_tell(s, e);
        ok = ok || give_up_file(s, e);
    }
    if (ok) return s;
    store_close(s);
    return NULL;
}

bool store_is_lost(const struct store *s) {
    return s->lost;
}

static void free_queued(struct queued *q) {
    free(unconst(q->template.p));
    free(unconst(q->origin.model));
    *q = (struct queued){0};
}

void store_close(struct store *s) {
    if (!s) return;
    struct err e;
    if (s->statement[STATEMENTS - 1] && !store_flush(s, &e)) log_warn("store.lost", "%u answers: %s", s->queued, e.msg);
    for (unsigned i = 0; i < s->queued; i++) free_queued(&s->queue[i]);
    close_database(s);
    free(s);
}

/* ---- answers ---- */

static char *store_copy(struct span s) {
    char *p = must_calloc(1, s.n + 1); /* at most STORE_TEMPLATE_MAX bytes */
    memcpy(p, s.n ? s.p : "", s.n);
    return p;
}

/* That a template was seen again may be forgotten; an answer was paid for. */
static void forget_sights(struct store *s) {
    unsigned kept = 0;
    for (unsigned i = 0; i < s->queued; i++)
        if (s->queue[i].origin.model)
            s->queue[kept++] = s->queue[i];
        else
            free_queued(&s->queue[i]);
    s->queued = kept;
}

/* Makes room in a full queue. When the file does not take answers, they are kept in memory from then on. */
static void make_room(struct store *s) {
    struct err e;
    if (store_flush(s, &e)) return;
    store_tell(s, &e);
    forget_sights(s);
    if (s->queued < STORE_QUEUE_MAX) return;
    MUST(s->lost || give_up_file(s, &e)); /* no memory */
    if (store_flush(s, &e)) return;
    free_queued(&s->queue[0]);
    s->queued--;
    memmove(s->queue, s->queue + 1, s->queued * sizeof s->queue[0]);
}

static void enqueue(struct store *s, const struct store_origin *o, struct span template, const struct store_answer *a) {
    if (s->queued == STORE_QUEUE_MAX) make_room(s);
    template = span_sub(template, 0, STORE_TEMPLATE_MAX);
    struct queued *q = &s->queue[s->queued++];
    *q = (struct queued){.origin = *o, .template = {store_copy(template), template.n}, .at_s = s->opts.now_s()};
    q->origin.model = a ? store_copy(span_of(o->model)) : NULL;
    if (a) q->answer = *a;
}

static bool find_queued(const struct store *s, uint64_t version, struct span template, struct store_answer *out) {
    for (unsigned i = s->queued; i-- > 0;) {
        const struct queued *q = &s->queue[i];
        if (!q->origin.model || q->origin.version != version || !span_eq(q->template, template)) continue;
        *out = q->answer;
        return true;
    }
    return false;
}

/* The numbers of the text; none at all when it is not as we write it. */
static void read_likelihood(const char *text, struct store_answer *a) {
    char *end;
    for (a->labels = 0; text && *text && a->labels < LABEL_MAX; text = end) {
        double p = strtod(text, &end);
        if (end == text || !(p >= 0 && p <= 1)) {
            a->labels = 0;
            return;
        }
        a->likelihood[a->labels++] = p;
    }
}

static void write_likelihood(const struct store_answer *a, char out[LIKELIHOOD_BYTES_MAX]) {
    int n = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < a->labels; i++)
        n += snprintf(out + n, (size_t)(LIKELIHOOD_BYTES_MAX - n), i ? " %.6f" : "%.6f", a->likelihood[i]);
}

/* The columns that FIND and EACH begin with. False: the row is not one of ours. */
static bool read_answer(sqlite3_stmt *st, struct store_answer *out) {
    const unsigned char *label = sqlite3_column_text(st, 0);
    *out =
        (struct store_answer){.confidence = sqlite3_column_double(st, 1), .negative = sqlite3_column_int(st, 2) != 0};
    read_likelihood((const char *)sqlite3_column_text(st, 3), out);
    return label && out->confidence >= 0 && out->confidence <= 1 &&
           snprintf(out->label, sizeof out->label, "%s", (const char *)label) < (int)sizeof out->label;
}

static bool find_stored(struct store *s, uint64_t version, struct span template, struct store_answer *out) {
    sqlite3_stmt *st = s->statement[FIND];
    bind_key(st, version, template, s->opts.now_s() - s->opts.negative_life_s);
    bool found = sqlite3_step(st) == SQLITE_ROW;
    if (found) found = read_answer(st, out);
    store_finish(st);
    return found;
}

bool store_knows(struct store *s, uint64_t version, struct span template, struct store_answer *out) {
    template = span_sub(template, 0, STORE_TEMPLATE_MAX);
    return find_queued(s, version, template, out) || find_stored(s, version, template, out);
}

bool store_find(struct store *s, const struct store_origin *o, struct span template, struct store_answer *out) {
    if (!store_knows(s, o->version, template, out)) return false;
    enqueue(s, o, template, NULL);
    return true;
}

void store_put(struct store *s, const struct store_origin *o, struct span template, const struct store_answer *a) {
    enqueue(s, o, template, a);
    s->since_trim++;
}

static bool write_queued(struct store *s, const struct queued *q) {
    char prompt[24], likelihood[LIKELIHOOD_BYTES_MAX];
    sqlite3_stmt *st = s->statement[q->origin.model ? PUT : TOUCH];
    bind_key(st, q->origin.version, q->template, q->at_s);
    if (q->origin.model) {
        snprintf(prompt, sizeof prompt, "%016llx", (unsigned long long)q->origin.prompt);
        sqlite3_bind_text(st, 4, q->answer.label, -1, SQLITE_STATIC);
        sqlite3_bind_double(st, 5, q->answer.confidence);
        sqlite3_bind_int(st, 6, q->answer.negative);
        sqlite3_bind_text(st, 7, q->origin.model, -1, SQLITE_STATIC);
        sqlite3_bind_text(st, 8, prompt, -1, SQLITE_STATIC);
        write_likelihood(&q->answer, likelihood);
        sqlite3_bind_text(st, 9, likelihood, -1, SQLITE_STATIC);
    }
    return store_finish(st);
}

static bool write_owed(struct store *s, const struct owed *o, struct err *e) {
    const struct store_debt *d = &o->debt;
    return store_run(s, SPEND, (int64_t[]){o->kind, o->start, d->calls, d->tokens, d->tokens_out}, 5, e);
}

/* All that is queued; within a transaction. */
static bool write_all_queued(struct store *s, struct err *e) {
    bool ok = true;
    for (unsigned i = 0; ok && i < s->queued; i++) ok = write_queued(s, &s->queue[i]) || db_error(s, e);
    for (unsigned i = 0; ok && i < s->owed_n; i++) ok = write_owed(s, &s->owed[i], e);
    return ok;
}

/* It is in the file. */
static void forget_queued(struct store *s) {
    for (unsigned i = 0; i < s->queued; i++) free_queued(&s->queue[i]);
    s->queued = s->owed_n = 0;
}

bool store_flush(struct store *s, struct err *e) {
    if (s->queued + s->owed_n > 0) {
        if (!store_run(s, BEGIN, NULL, 0, e)) return false;
        if (!store_end(s, write_all_queued(s, e), e)) return false;
        forget_queued(s);
        s->told = s->lost;
    }
    return s->since_trim < TRIM_EVERY || store_trim(s, e);
}

static struct span column(sqlite3_stmt *st, int i) {
    const char *text = (const char *)sqlite3_column_text(st, i);
    return text ? (struct span){text, (size_t)sqlite3_column_bytes(st, i)} : SPAN_LIT("");
}

bool store_each(struct store *s, store_take *take, void *self, struct err *e) {
    sqlite3_stmt *st = s->statement[EACH];
    bool ok = store_flush(s, e);
    int rc = SQLITE_DONE;
    while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_row row = {.template = column(st, 4),
                                .model = column(st, 5),
                                .version = (uint64_t)sqlite3_column_int64(st, 6),
                                .answered_s = sqlite3_column_int64(st, 7)};
        if (read_answer(st, &row.answer)) ok = take(self, &row, e);
    }
    if (ok && rc != SQLITE_DONE) ok = db_error(s, e);
    sqlite3_reset(st);
    return ok;
}

/* ---- usage ---- */

static bool read_window(struct store *s, struct store_window *w, struct err *e) {
    sqlite3_stmt *st = bind(s, USAGE, (int64_t[]){w->kind, w->start}, 2);
    w->calls = w->tokens = 0;
    if (sqlite3_step(st) == SQLITE_ROW) {
        w->calls = (uint64_t)sqlite3_column_int64(st, 0);
        w->tokens = (uint64_t)sqlite3_column_int64(st, 1);
    }
    return store_finish(st) || db_error(s, e);
}

/* Without overflow: a damaged file may say that anything was spent. */
static bool exceeds(uint64_t spent, uint64_t more, uint64_t max) {
    return max && (spent > max || more > max - spent);
}

static bool has_room(const struct store_window *w, uint64_t calls, uint64_t tokens, struct err *e) {
    if (exceeds(w->calls, calls, w->calls_max))
        return err_set(e, ERR_LIMIT, "%llu of %llu calls are spent", (unsigned long long)w->calls,
                       (unsigned long long)w->calls_max);
    if (exceeds(w->tokens, tokens, w->tokens_max))
        return err_set(e, ERR_LIMIT, "%llu of %llu tokens are spent, %llu more do not fit",
                       (unsigned long long)w->tokens, (unsigned long long)w->tokens_max, (unsigned long long)tokens);
    return true;
}

static bool look_for_room(struct store *s, struct store_window *w, unsigned n, const struct store_cost *cost,
                          bool *room, struct err *e) {
    bool ok = true;
    *room = true;
    for (unsigned i = 0; ok && *room && i < n; i++) {
        ok = read_window(s, &w[i], e);
        *room = ok && has_room(&w[i], cost->calls, cost->tokens, e);
    }
    return ok;
}

bool store_spend(struct store *s, struct store_window *w, unsigned n, const struct store_cost *cost, struct err *e) {
    bool room = false;
    if (!store_run(s, BEGIN, NULL, 0, e)) return false;
    bool ok = write_all_queued(s, e) && look_for_room(s, w, n, cost, &room, e);
    for (unsigned i = 0; ok && room && i < n; i++)
        ok = write_owed(s, &(struct owed){w[i].kind, w[i].start, {(int64_t)cost->calls, (int64_t)cost->tokens, 0}}, e);
    if (!store_end(s, ok, e)) return false;
    forget_queued(s);
    s->told = s->lost;
    for (unsigned i = 0; room && i < n; i++) w[i].calls += cost->calls, w[i].tokens += cost->tokens;
    return room;
}

/* The window's place among what is owed. */
static struct owed *find_owed(struct store *s, int kind, int64_t start) {
    struct err e;
    for (unsigned i = 0; i < s->owed_n; i++)
        if (s->owed[i].kind == kind && s->owed[i].start == start) return &s->owed[i];
    if (s->owed_n == STORE_OWED_MAX && !store_flush(s, &e)) { /* where a limit holds, no call is made by now */
        log_warn("store.lost", "what %lld calls have cost: %s", (long long)s->owed[0].debt.calls, e.msg);
        s->owed_n--;
        memmove(s->owed, s->owed + 1, s->owed_n * sizeof s->owed[0]);
    }
    s->owed[s->owed_n] = (struct owed){.kind = kind, .start = start};
    return &s->owed[s->owed_n++];
}

void store_owe(struct store *s, const struct store_window *w, unsigned n, const struct store_debt *debt) {
    for (unsigned i = 0; i < n; i++) {
        struct store_debt *d = &find_owed(s, w[i].kind, w[i].start)->debt;
        d->calls += debt->calls;
        d->tokens += debt->tokens;
        d->tokens_out += debt->tokens_out;
    }
}
