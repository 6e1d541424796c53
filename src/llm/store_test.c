#include "llm/store_fixture.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/wal_fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct store *open_at(const char *path) {
    struct err e = {0};
    struct store_opts o = {.path = path, .negative_life_s = 100, .now_s = fix_now_s};
    struct store *s = store_open(&o, &e);
    if (!s) fprintf(stderr, "%s\n", e.msg);
    CHECK(s != NULL);
    return s;
}

static bool store_flush_now(struct store *s) {
    struct err e = {0};
    bool ok = store_flush(s, &e);
    if (!ok) fprintf(stderr, "%s\n", e.msg);
    return ok;
}

static bool has(struct store *s, const char *template, const char *label) {
    struct store_answer a;
    return store_find(s, &fix_origin, span_of(template), &a) && strcmp(a.label, label) == 0;
}

static void answers_outlive_the_process(void) {
    fix_fresh_path();
    struct store *s = open_at(fix_path);
    fix_put(s, "disk <num> full", "INFO", 0.123456789, false);
    CHECK(has(s, "disk <num> full", "INFO")); /* before it is in the file */
    fix_put(s, "", "BACKUP", 1, false);
    fix_put(s, "disk <num> full", "DB_ERROR", 0.25, false); /* the newer one counts */
    CHECK(has(s, "disk <num> full", "DB_ERROR"));
    CHECK(store_flush_now(s));
    CHECK_INT(fix_count_answers(), 2);
    store_close(s);
    s = open_at(fix_path);
    struct store_answer a;
    CHECK(store_find(s, &fix_origin, SPAN_LIT("disk <num> full"), &a));
    CHECK_STR(a.label, "DB_ERROR");
    CHECK_NEAR(a.confidence, 0.25, 0);
    CHECK(has(s, "", "BACKUP"));
    CHECK(!has(s, "disk <num> ful", "DB_ERROR"));
    store_close(s);
    fix_remove_files();
}

static void likelihoods_come_back_as_they_were(void) {
    static const double LIKELIHOOD[] = {0, 1, 0.123456, 1e-6, 0.999999, 0.000123, 0.5};
    enum { N = sizeof LIKELIHOOD / sizeof LIKELIHOOD[0] };
    struct store *s = open_at("");
    struct store_answer a = {.label = "INFO", .confidence = 0.5, .labels = N}, b;
    memcpy(a.likelihood, LIKELIHOOD, sizeof LIKELIHOOD);
    store_put(s, &fix_origin, SPAN_LIT("t"), &a);
    fix_put(s, "u", "INFO", 1, false);
    for (int i = 0; i < 2; i++) { /* from the queue, then from the file */
        CHECK(store_find(s, &fix_origin, SPAN_LIT("t"), &b));
        CHECK_INT(b.labels, N);
        CHECK(memcmp(b.likelihood, LIKELIHOOD, sizeof LIKELIHOOD) == 0);
        CHECK(store_find(s, &fix_origin, SPAN_LIT("u"), &b));
        CHECK_INT(b.labels, 0);
        CHECK(store_flush_now(s));
    }
    store_close(s);
}

static void older_files_are_brought_to_our_form(void) {
    fix_fresh_path();
    struct store *s = open_at(fix_path);
    fix_put(s, "t", "INFO", 0.25, false);
    store_close(s);
    sqlite3 *db = NULL;
    CHECK(sqlite3_open(fix_path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db,
                       "ALTER TABLE answers DROP COLUMN likelihood; ALTER TABLE usage DROP COLUMN tokens_out;"
                       "PRAGMA user_version = 1",
                       0, 0, 0) == SQLITE_OK);
    sqlite3_close(db);
    for (int i = 0; i < 2; i++) {
        s = open_at(fix_path);
        CHECK(has(s, "t", "INFO"));
        store_close(s);
    }
    CHECK(sqlite3_open(fix_path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "PRAGMA user_version = 4", 0, 0, 0) == SQLITE_OK);
    sqlite3_close(db);
    struct err e = {0};
    struct store_opts o = {.path = fix_path};
    CHECK(store_open(&o, &e) == NULL && e.code == ERR_INPUT); /* of a later program: left alone */
    fix_remove_files();
}

/* "template=label " for each row handed over. */
static bool list_row(void *self, const struct store_row *row, struct err *e) {
    struct buf *out = self;
    buf_printf(out, "%.*s=%s ", (int)row->template.n, row->template.p, row->answer.label);
    return row->template.n < 5 || err_set(e, ERR_INPUT, "enough");
}

static void every_answer_with_a_label_is_handed_over(void) {
    struct store *s = open_at("");
    struct store_origin other = fix_origin;
    struct store_answer a = {.label = "DB_ERROR", .confidence = 1};
    struct err e = {0};
    struct buf out;
    buf_init(&out, 4096);
    other.version = 7;
    fix_put(s, "b", "INFO", 1, false);
    fix_put(s, "a", "BACKUP", 1, false);
    fix_put(s, "none", "", 0, true);
    fix_put(s, "c", "UNCLASSIFIED", 1, true);
    fix_now++;
    store_put(s, &other, SPAN_LIT("b"), &a);
    CHECK(store_each(s, list_row, &out, &e));
    CHECK_SPAN(buf_span(&out), "a=BACKUP b=INFO b=DB_ERROR c=UNCLASSIFIED ");
    fix_put(s, "longer", "INFO", 1, false);
    CHECK(!store_each(s, list_row, &out, &e));
    CHECK_STR(e.msg, "enough");
    CHECK(has(s, "a", "BACKUP")); /* the store goes on */
    buf_release(&out);
    store_close(s);
}

static void a_change_of_version_hides_old_answers(void) {
    struct store *s = open_at("");
    struct store_origin other = fix_origin;
    struct store_answer a;
    other.version++;
    fix_put(s, "t", "INFO", 1, false);
    CHECK(store_flush_now(s) && has(s, "t", "INFO"));
    CHECK(!store_find(s, &other, SPAN_LIT("t"), &a));
    store_close(s);
}

static void negative_answers_live_shorter(void) {
    fix_fresh_path();
    struct store *s = open_at(fix_path);
    fix_put(s, "good", "INFO", 1, false);
    fix_put(s, "bad", "", 0, true);
    CHECK(store_flush_now(s));
    fix_now += 100;
    CHECK(has(s, "good", "INFO") && has(s, "bad", ""));
    fix_now += 1;
    CHECK(has(s, "good", "INFO") && !has(s, "bad", ""));
    CHECK(store_flush_now(s));
    CHECK_INT(fix_count_answers(), 2);
    store_close(s);
    s = open_at(fix_path); /* and is removed at the next start */
    CHECK_INT(fix_count_answers(), 1);
    store_close(s);
    fix_remove_files();
}

static void those_not_seen_for_longest_make_room(void) {
    fix_fresh_path();
    struct err e;
    struct store_opts o = {.path = fix_path, .rows_max = 10, .now_s = fix_now_s};
    struct store *s = store_open(&o, &e);
    char template[32];
    for (int i = 0; i < 30; i++, fix_now++) {
        snprintf(template, sizeof template, "t%d", i);
        fix_put(s, template, "INFO", 1, false);
    }
    CHECK(store_flush_now(s));
    CHECK(has(s, "t0", "INFO")); /* a sight of it */
    store_close(s);
    s = store_open(&o, &e);
    CHECK_INT(fix_count_answers(), 10);
    CHECK(has(s, "t29", "INFO") && has(s, "t21", "INFO") && !has(s, "t20", "INFO") && has(s, "t0", "INFO"));
    store_close(s);
    fix_remove_files();
}

static void more_than_the_queue_holds_is_written(void) {
    struct store *s = open_at("");
    char template[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(template, sizeof template, "t%d", i);
        fix_put(s, template, "INFO", 1, false);
    }
    CHECK(store_flush_now(s));
    for (int i = 0; i < 1000; i++) {
        snprintf(template, sizeof template, "t%d", i);
        CHECK(has(s, template, "INFO"));
    }
    store_close(s);
}

static void the_file_is_ours_alone_to_read(void) {
    fix_fresh_path();
    struct stat st;
    store_close(open_at(fix_path));
    CHECK(stat(fix_path, &st) == 0 && (st.st_mode & 0777) == 0600);
    fix_remove_files();
}

static void what_is_no_store_is_refused_and_left_alone(void) {
    static const char *const NOT[] = {"this is no database at all, but long enough to look like one\n", ""};
    fix_fresh_path();
    struct err e = {0};
    struct span after;
    struct store_opts o = {.path = fix_path};
    CHECK(file_write(fix_path, span_of(NOT[0]), &e));
    CHECK(store_open(&o, &e) == NULL && strstr(e.msg, fix_path) != NULL);
    CHECK(file_read(fix_path, 4096, &after, &e));
    CHECK_SPAN(after, NOT[0]);
    file_free(&after);
    CHECK(file_write(fix_path, span_of(NOT[1]), &e)); /* an empty file becomes one */
    store_close(open_at(fix_path));
    fix_remove_files();
    o.path = "/nowhere/store.db";
    CHECK(store_open(&o, &e) == NULL && e.code == ERR_IO);
}

static void a_damaged_file_is_told_not_trusted(void) {
    fix_fresh_path();
    struct store *s = open_at(fix_path);
    char template[32];
    struct err e = {0};
    for (int i = 0; i < 2000; i++) {
        snprintf(template, sizeof template, "template number %d", i);
        fix_put(s, template, "INFO", 1, false);
    }
    store_close(s);
    struct span bytes;
    CHECK(file_read(fix_path, 1 << 24, &bytes, &e));
    for (unsigned seed = 0; seed < 40; seed++) {
        char *broken = malloc(bytes.n);
        memcpy(broken, bytes.p, bytes.n);
        size_t from = (size_t)seed * 2654435761u % bytes.n, n = bytes.n - from < 600 ? bytes.n - from : 600;
        memset(broken + from, (int)(seed * 37), n);
        CHECK(file_write(fix_path, (struct span){broken, seed % 4 ? bytes.n : from}, &e));
        free(broken);
        struct store_opts o = {.path = fix_path};
        s = store_open(&o, &e);
        for (int i = 0; s && i < 2000; i += 50) {
            struct store_answer a;
            snprintf(template, sizeof template, "template number %d", i);
            if (store_find(s, &fix_origin, span_of(template), &a)) CHECK(strlen(a.label) < LABEL_ID_MAX);
            fix_put(s, template, "BACKUP", 1, false);
        }
        store_close(s); /* whatever it can't write is said, nothing crashes */
        fix_remove_files();
    }
    file_free(&bytes);
}

static void execute(const char *sql) {
    sqlite3 *db;
    CHECK(sqlite3_open(fix_path, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static void numbers_that_can_not_be_are_not_believed(void) {
    static const char *const CHANGE[] = {"UPDATE answers SET confidence = 7", "UPDATE answers SET confidence = -0.5",
                                         "UPDATE answers SET confidence = 9e999"};
    struct err e = {0};
    struct store_window w = {.kind = 1, .start = fix_now, .calls_max = 3, .tokens_max = 100};
    for (size_t i = 0; i < sizeof CHANGE / sizeof CHANGE[0]; i++) {
        fix_fresh_path();
        struct store *s = open_at(fix_path);
        fix_put(s, "a", "INFO", 1, false);
        CHECK(store_spend(s, &w, 1, &(struct store_cost){1, 10}, &e));
        store_close(s);
        execute(CHANGE[i]);
        execute(i ? "UPDATE usage SET calls = -1" : "UPDATE usage SET tokens = -1");
        s = open_at(fix_path);
        CHECK(!has(s, "a", "INFO"));
        CHECK(!store_spend(s, &w, 1, &(struct store_cost){1, 10}, &e)); /* nor is the budget endless */
        store_close(s);
        fix_remove_files();
    }
}

/* ---- several processes ---- */

enum { CHILDREN = 4, EACH = 300 };

static void write_answers(int child) {
    struct err e;
    struct store_opts o = {.path = fix_path};
    struct store *s = store_open(&o, &e);
    if (!s) {
        fprintf(stderr, "%s\n", e.msg);
        _exit(1);
    }
    char template[32];
    for (int i = 0; i < EACH; i++) {
        snprintf(template, sizeof template, "t%d", i); /* all write the same ones */
        fix_put(s, template, "INFO", (double)child / CHILDREN, false);
        if (i % 3 == 0 && !store_flush(s, &e)) fprintf(stderr, "%s\n", e.msg);
    }
    store_close(s);
    _exit(0);
}

static void two_processes_write_at_once(void) {
    fix_fresh_path();
    pid_t pid[CHILDREN];
    for (int c = 0; c < CHILDREN; c++)
        if ((pid[c] = fork()) == 0) write_answers(c);
    for (int c = 0; c < CHILDREN; c++) {
        int status = 1;
        waitpid(pid[c], &status, 0);
        CHECK_INT(status, 0);
    }
    struct store *s = open_at(fix_path);
    CHECK_INT(fix_count_answers(), EACH);
    CHECK(has(s, "t0", "INFO") && has(s, "t299", "INFO"));
    store_close(s);
    fix_remove_files();
}

static void a_file_that_another_process_makes_is_waited_for(void) {
    fix_fresh_path();
    pid_t holder = wal_holder(fix_path, 50);
    struct store *s = open_at(fix_path);
    fix_put(s, "a", "INFO", 1, false);
    CHECK(store_flush_now(s));
    store_close(s);
    wal_wait(holder);
    fix_remove_files();
}

/* Writes for ever; says on the pipe what is flushed. */
static void write_until_killed(int out) {
    struct err e;
    struct store_opts o = {.path = fix_path};
    struct store *s = store_open(&o, &e);
    if (!s) _exit(1);
    for (uint32_t i = 0;; i++) {
        char template[32];
        snprintf(template, sizeof template, "t%u", i);
        fix_put(s, template, "INFO", 1, false);
        if (store_flush(s, &e) && write(out, &i, sizeof i) != sizeof i) _exit(1);
    }
    _exit(1);
}

static void a_kill_loses_nothing_that_was_flushed(void) {
    fix_fresh_path();
    uint32_t last = 0;
    int pipe_fd[2];
    CHECK(pipe(pipe_fd) == 0);
    pid_t pid = fork();
    if (pid == 0) write_until_killed(pipe_fd[1]);
    while (last < 500 && read(pipe_fd[0], &last, sizeof last) == sizeof last)
        ;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(pipe_fd[1]);
    for (uint32_t more; read(pipe_fd[0], &more, sizeof more) == sizeof more;) last = more;
    close(pipe_fd[0]);
    struct store *s = open_at(fix_path);
    CHECK(last >= 500 && fix_count_answers() >= last + 1);
    for (uint32_t i = 0; i <= last; i++) {
        char template[32];
        snprintf(template, sizeof template, "t%u", i);
        CHECK(has(s, template, "INFO"));
    }
    store_close(s);
    fix_remove_files();
}

/* ---- usage ---- */

static void a_budget_is_spent_to_the_last_call(void) {
    struct err e = {0};
    struct store *s = open_at("");
    struct store_window w[2] = {{.kind = 1, .start = 60, .calls_max = 3}, {.kind = 2, .start = 0, .tokens_max = 250}};
    struct store_cost cost = {1, 100};
    CHECK(store_spend(s, w, 2, &cost, &e) && store_spend(s, w, 2, &cost, &e));
    CHECK_INT(w[0].calls, 2);
    CHECK_INT(w[1].tokens, 200);
    CHECK(!store_spend(s, w, 2, &cost, &e)); /* 300 tokens of 250 */
    CHECK_INT(e.code, ERR_LIMIT);
    CHECK_INT(w[0].calls, 2); /* the call is not counted either */
    store_owe(s, w, 2, &(struct store_debt){0, -60, 0});
    CHECK(store_spend(s, w, 2, &cost, &e)); /* 240 */
    cost.tokens = 0;
    CHECK(!store_spend(s, w, 2, &cost, &e)); /* a fourth call of 3 */
    w[0].start = 120;
    CHECK(store_spend(s, w, 2, &cost, &e)); /* a new minute */
    CHECK_INT(w[0].calls, 1);
    CHECK_INT(w[1].calls, 4);
    store_owe(s, w, 2, &(struct store_debt){0, -100000, 0});
    CHECK(store_spend(s, w, 2, &cost, &e));
    CHECK_INT(w[1].tokens, 0); /* never below nothing */
    store_close(s);
}

/* Transactions that others have committed, as a connection of its own sees it: the number changes with each. */
static int64_t data_version(sqlite3 *db) {
    sqlite3_stmt *st;
    CHECK_INT(sqlite3_prepare_v2(db, "PRAGMA data_version", -1, &st, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_step(st), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return v;
}

static bool usage_is(sqlite3 *db, int64_t calls, int64_t tokens) {
    sqlite3_stmt *st;
    CHECK_INT(sqlite3_prepare_v2(db, "SELECT sum(calls), sum(tokens) FROM usage", -1, &st, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_step(st), SQLITE_ROW);
    bool is = sqlite3_column_int64(st, 0) == calls && sqlite3_column_int64(st, 1) == tokens;
    sqlite3_finalize(st);
    return is;
}

static void a_question_is_one_transaction(void) {
    struct err e = {0};
    fix_fresh_path();
    struct store *s = open_at(fix_path);
    struct store_window w = {.kind = 1, .start = 60, .calls_max = 4};
    struct store_cost cost = {1, 100};
    sqlite3 *db;
    CHECK_INT(sqlite3_open_v2(fix_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    int64_t begin = data_version(db);
    store_owe(s, &w, 1, &(struct store_debt){1, 100, 0}); /* without a limit: the call, its cost and its answer, */
    store_owe(s, &w, 1, &(struct store_debt){0, -40, 0});
    fix_put(s, "t", "INFO", 1, false);
    CHECK_INT(data_version(db), begin);
    CHECK(store_flush_now(s)); /* all at once */
    int64_t flushed = data_version(db);
    CHECK(flushed != begin && usage_is(db, 1, 60) && fix_count_answers() == 1);
    CHECK(store_flush_now(s));
    CHECK_INT(data_version(db), flushed);    /* and once */
    CHECK(store_spend(s, &w, 1, &cost, &e)); /* with a limit: before the call, */
    CHECK(data_version(db) != flushed && usage_is(db, 2, 160));
    store_owe(s, &w, 1, &(struct store_debt){0, -30, 0});
    fix_put(s, "u", "INFO", 1, false);
    CHECK(store_spend(s, &w, 1, &cost, &e)); /* and what came of the one before goes with the next */
    CHECK(usage_is(db, 3, 230) && fix_count_answers() == 2);
    int64_t spent = data_version(db);
    CHECK(store_flush_now(s));
    CHECK_INT(data_version(db), spent);
    store_owe(s, &w, 1, &(struct store_debt){1, 7, 0});
    fix_put(s, "v", "INFO", 1, false);
    CHECK(!store_spend(s, &w, 1, &cost, &e) && e.code == ERR_LIMIT); /* refused: what was queued is written */
    CHECK(usage_is(db, 4, 237) && fix_count_answers() == 3);
    store_owe(s, &w, 1, &(struct store_debt){0, 1, 0});
    store_close(s); /* flushes */
    CHECK(usage_is(db, 4, 238));
    sqlite3_close(db);
    fix_remove_files();
}

/* What is owed of many windows is written before there is no more room for it. */
static void many_windows_are_owed(void) {
    struct err e = {0};
    struct store *s = open_at("");
    struct store_window w = {.kind = 1};
    for (w.start = 0; w.start < 6000; w.start += 60) store_owe(s, &w, 1, &(struct store_debt){1, 5, 0});
    for (w.start = 0; w.start < 6000; w.start += 60) {
        CHECK(store_spend(s, &w, 1, &(struct store_cost){1, 5}, &e));
        CHECK(w.calls == 2 && w.tokens == 10);
    }
    store_close(s);
}

/* A kill between the call and its answer leaves the reservation: never less than what may have been billed. */
static void a_kill_keeps_the_reservation(void) {
    struct err e = {0};
    fix_fresh_path();
    pid_t pid = fork();
    if (pid == 0) {
        struct store *s = open_at(fix_path);
        struct store_window w = {.kind = 1, .start = 4102444800, .calls_max = 9};
        if (s && store_spend(s, &w, 1, &(struct store_cost){1, 100}, &e))
            store_owe(s, &w, 1, &(struct store_debt){0, -90, 0});
        kill(getpid(), SIGKILL);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct store *s = open_at(fix_path);
    struct store_window w = {.kind = 1, .start = 4102444800, .calls_max = 2};
    CHECK(store_spend(s, &w, 1, &(struct store_cost){1, 0}, &e));
    CHECK(w.calls == 2 && w.tokens == 100);
    CHECK(!store_spend(s, &w, 1, &(struct store_cost){1, 0}, &e));
    store_close(s);
    fix_remove_files();
}

static void spend_all(void) {
    struct err e;
    struct store_opts o = {.path = fix_path};
    struct store *s = store_open(&o, &e);
    int spent = 0;
    for (int i = 0; s && i < 400; i++) {
        struct store_window w = {.kind = 1, .start = 4102444800, .calls_max = 500};
        if (store_spend(s, &w, 1, &(struct store_cost){1, 7}, &e))
            spent++;
        else if (e.code != ERR_LIMIT)
            i--; /* locked: again */
    }
    store_close(s);
    _exit(spent / 4);
}

static void processes_share_a_budget(void) {
    fix_fresh_path();
    pid_t pid[CHILDREN];
    for (int c = 0; c < CHILDREN; c++)
        if ((pid[c] = fork()) == 0) spend_all();
    int quarter = 0;
    for (int c = 0; c < CHILDREN; c++) {
        int status = 0;
        waitpid(pid[c], &status, 0);
        quarter += WEXITSTATUS(status);
    }
    CHECK(quarter <= 125 && quarter > 125 - CHILDREN); /* 500 calls of 1,600 tries; each rounds down */
    struct store *s = open_at(fix_path);
    struct store_window w = {.kind = 1, .start = 4102444800, .calls_max = 500};
    struct err e;
    CHECK(!store_spend(s, &w, 1, &(struct store_cost){1, 0}, &e));
    CHECK_INT(w.calls, 500);
    CHECK_INT(w.tokens, 3500);
    store_close(s);
    fix_remove_files();
}

CHECK_MAIN(CHECK_TEST(answers_outlive_the_process), CHECK_TEST(likelihoods_come_back_as_they_were),
           CHECK_TEST(older_files_are_brought_to_our_form), CHECK_TEST(every_answer_with_a_label_is_handed_over),
           CHECK_TEST(a_change_of_version_hides_old_answers), CHECK_TEST(negative_answers_live_shorter),
           CHECK_TEST(those_not_seen_for_longest_make_room), CHECK_TEST(more_than_the_queue_holds_is_written),
           CHECK_TEST(the_file_is_ours_alone_to_read), CHECK_TEST(what_is_no_store_is_refused_and_left_alone),
           CHECK_TEST(a_damaged_file_is_told_not_trusted), CHECK_TEST(numbers_that_can_not_be_are_not_believed),
           CHECK_TEST(two_processes_write_at_once), CHECK_TEST(a_file_that_another_process_makes_is_waited_for),
           CHECK_TEST(a_kill_loses_nothing_that_was_flushed), CHECK_TEST(a_budget_is_spent_to_the_last_call),
           CHECK_TEST(a_question_is_one_transaction), CHECK_TEST(many_windows_are_owed),
           CHECK_TEST(a_kill_keeps_the_reservation), CHECK_TEST(processes_share_a_budget))
