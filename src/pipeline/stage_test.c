#include "pipeline/stage.h"

#include "base/check.h"
#include "metrics/metrics.h"

/* What CONTRIBUTING says about a new row holds for those that are there. */
static void the_table_is_in_order(void) {
    bool costly = false;
    for (unsigned s = 0; s < STAGE_COUNT; s++) {
        CHECK(metrics_find(METRIC_SET_STAGE, stage_table[s].name) >= 0);
        CHECK(!(costly && stage_table[s].is_cheap)); /* only a prefix is cheap */
        costly |= !stage_table[s].is_cheap;
        CHECK(s < STAGE_MEMO || stage_table[s].version != NULL); /* its answers are remembered */
    }
    CHECK_INT(stage_first_costly(), STAGE_ENCODER);
}

/* The durations of a stage are counted under its own name, whatever the order of the two tables. */
static void durations_are_counted_by_name(void) {
    static const char *const NAME[STAGE_COUNT] = {"rules", "memo", "encoder", "llm"};
    for (unsigned s = 0; s < STAGE_COUNT; s++) {
        for (unsigned k = 0; k <= s; k++) stage_observe((enum stage_id)s, 0.001);
        int at = metrics_find(METRIC_SET_STAGE, NAME[s]);
        CHECK(at >= 0);
        CHECK_NEAR(metrics_value(METRIC_STAGE_DURATION, (unsigned)at, 0, 0), s + 1, 0);
    }
}

static struct work g_work;

static void a_run_without_rules_memo_and_encoder_leaves_all_open(void) {
    struct engine eng = {.labels = *label_default()};
    struct record rec[3] = {{.message = SPAN_LIT("a 1")}, {.message = SPAN_LIT("a 2")}, {.message = SPAN_LIT("b")}};
    struct result res[3] = {{0}};
    static char text[3 * 8192];
    g_work.eng = &eng;
    g_work.text = text;
    stage_work_begin(&g_work, 3);
    for (uint32_t i = 0; i < 3; i++) {
        g_work.rec[i] = &rec[i];
        g_work.res[i] = &res[i];
        g_work.todo[g_work.todo_n++] = i;
    }
    g_work.n = 3;
    stage_run(&g_work, (enum stage_id)0, STAGE_COUNT);
    CHECK_INT(g_work.todo_n, 3);
    CHECK(!res[0].decided && !res[2].decided);
}

CHECK_MAIN(CHECK_TEST(the_table_is_in_order), CHECK_TEST(durations_are_counted_by_name),
           CHECK_TEST(a_run_without_rules_memo_and_encoder_leaves_all_open))
