#include "stream/checkpoint.h"

#include "base/check.h"
#include "base/file.h"
#include "metrics/metrics.h"

#include <glob.h>
#include <unistd.h>

static char g_path[64];

static void checkpoint_begin(void) {
    snprintf(g_path, sizeof g_path, "/tmp/logclass_checkpoint_XXXXXX");
    CHECK(mkdtemp(g_path) != NULL);
    strncat(g_path, "/main", 6);
}

static void checkpoint_end(void) {
    char pattern[128];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s*", g_path);
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) unlink(found.gl_pathv[i]);
    globfree(&found);
    *strrchr(g_path, '/') = '\0';
    CHECK(rmdir(g_path) == 0);
}

static struct checkpoint *open_it(void) {
    struct err e = {0};
    struct checkpoint *c = checkpoint_open(g_path, 0, &e);
    if (!c) fprintf(stderr, "%s\n", e.msg);
    return c;
}

static void write_rows(const char *a, const char *b) {
    struct err e = {0};
    struct checkpoint *c = open_it();
    checkpoint_set(c, "a", span_of(a));
    checkpoint_set(c, "b", span_of(b));
    CHECK(checkpoint_is_due(c) && checkpoint_write(c, &e));
    checkpoint_close(c);
}

static void rows_come_back(void) {
    checkpoint_begin();
    struct checkpoint *c = open_it();
    CHECK_SPAN(checkpoint_rows(c, "a"), "");
    checkpoint_close(c);
    write_rows("{\"at\":1}\n{\"at\":2}\n", "{\"cursor\":\"x\"}\n");
    c = open_it();
    CHECK_SPAN(checkpoint_rows(c, "a"), "{\"at\":1}\n{\"at\":2}\n");
    CHECK_SPAN(checkpoint_rows(c, "b"), "{\"cursor\":\"x\"}\n");
    struct err e = {0};
    checkpoint_set(c, "a", SPAN_LIT("{\"at\":3}\n"));
    CHECK(checkpoint_write(c, &e));
    checkpoint_close(c);
    c = open_it();
    CHECK_SPAN(checkpoint_rows(c, "a"), "{\"at\":3}\n");
    CHECK_SPAN(checkpoint_rows(c, "b"), "{\"cursor\":\"x\"}\n"); /* of a source that said nothing */
    checkpoint_close(c);
    checkpoint_end();
}

/* Cut at every length, and each byte changed: the one before it is used, never half of one. */
static void damage_is_seen(void) {
    checkpoint_begin();
    write_rows("{\"at\":1}\n", "");
    write_rows("{\"at\":2}\n", "");
    struct span good;
    struct err e = {0};
    CHECK(file_read(g_path, 4096, &good, &e));
    for (size_t i = 0; i < 2 * good.n; i++) {
        char text[4096];
        memcpy(text, good.p, good.n);
        text[i % good.n] ^= 1;
        size_t n = i < good.n ? i : good.n;
        CHECK(file_write(g_path, (struct span){text, n}, &e));
        double before = metrics_value(METRIC_CHECKPOINT_DAMAGED, 0, 0, 0);
        struct checkpoint *c = open_it();
        CHECK_SPAN(checkpoint_rows(c, "a"), "{\"at\":1}\n");
        CHECK(metrics_value(METRIC_CHECKPOINT_DAMAGED, 0, 0, 0) == before + 1 && access(g_path, F_OK) != 0);
        checkpoint_close(c);
    }
    file_free(&good);
    checkpoint_end();
}

static void one_process_at_a_time(void) {
    checkpoint_begin();
    struct err e = {0};
    struct checkpoint *c = open_it();
    CHECK(!checkpoint_open(g_path, 0, &e) && e.code == ERR_USAGE && strstr(e.msg, "another process"));
    checkpoint_close(c);
    c = open_it();
    CHECK(c != NULL);
    checkpoint_close(c);
    checkpoint_end();
}

/* What can't be written is written later; nothing is forgotten. */
static void a_full_disk_costs_nothing(void) {
    checkpoint_begin();
    struct err e = {0};
    struct checkpoint *c = open_it();
    char *slash = strrchr(g_path, '/');
    char away[128], lock[128];
    *slash = '\0';
    snprintf(away, sizeof away, "%s.away", g_path);
    CHECK(rename(g_path, away) == 0);
    checkpoint_set(c, "a", SPAN_LIT("{\"at\":1}\n"));
    CHECK(!checkpoint_write(c, &e) && e.code == ERR_IO);
    CHECK(rename(away, g_path) == 0 && checkpoint_write(c, &e));
    *slash = '/';
    checkpoint_close(c);
    c = open_it();
    CHECK_SPAN(checkpoint_rows(c, "a"), "{\"at\":1}\n");
    checkpoint_close(c);
    snprintf(lock, sizeof lock, "%s.lock", g_path);
    CHECK(access(lock, F_OK) == 0);
    checkpoint_end();
}

static bool round_is_due(struct checkpoint *c, const char *rows) {
    if (!checkpoint_is_due(c)) return false;
    checkpoint_set(c, "a", span_of(rows));
    return true;
}

/* Nothing is written but in a round, and with the lines of all who have joined. */
static void a_sink_drives_it_in_rounds(void) {
    checkpoint_begin();
    struct err e = {0};
    struct checkpoint *c = open_it();
    checkpoint_drive(c);
    checkpoint_join(c);
    checkpoint_join(c);
    CHECK(checkpoint_round(c) == 0 && !round_is_due(c, "early"));
    checkpoint_set(c, "a", SPAN_LIT("{\"at\":0}\n"));
    CHECK(checkpoint_write(c, &e) && access(g_path, F_OK) != 0); /* that is the sink's now */
    checkpoint_begin_round(c);
    CHECK(checkpoint_round(c) == 1 && !checkpoint_is_confirmed(c) && round_is_due(c, "{\"at\":1}\n"));
    checkpoint_confirm(c, 1);
    CHECK(!checkpoint_is_confirmed(c));
    checkpoint_confirm(c, 0); /* of a round that is over */
    CHECK(!checkpoint_is_confirmed(c));
    checkpoint_begin_leave(c); /* the other one ends */
    checkpoint_leave(c, 0);
    CHECK(checkpoint_is_confirmed(c));
    checkpoint_set(c, "sink", SPAN_LIT("{\"bytes\":7}\n"));
    CHECK(checkpoint_commit(c, &e) && !round_is_due(c, "late"));
    checkpoint_close(c);
    c = open_it();
    CHECK_SPAN(checkpoint_rows(c, "a"), "{\"at\":1}\n");
    CHECK_SPAN(checkpoint_rows(c, "sink"), "{\"bytes\":7}\n");
    checkpoint_close(c);
    checkpoint_end();
}

CHECK_MAIN(CHECK_TEST(rows_come_back), CHECK_TEST(damage_is_seen), CHECK_TEST(one_process_at_a_time),
           CHECK_TEST(a_full_disk_costs_nothing), CHECK_TEST(a_sink_drives_it_in_rounds))
