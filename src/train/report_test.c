#include "train/report.h"

#include "base/check.h"

#include <yyjson.h>

static const struct score_row ROW[] = {{0, 0, 0, 0.9}, {1, 0, 0, 0.8}, {8, 1, 8, 0.4}, {1, 1, 1, 0.95}};
static struct score score;
static struct buf out;

/* A report of ROW with one hostile line; the text stands in out, NUL-terminated. */
static void write_report(void (*write)(struct buf *, const struct report *)) {
    static const struct report_line LINE = {.source = {"so<urce", 7},
                                            .message = {"<script>alert('x')</script> & \"q\"\n", 34},
                                            .row = 7,
                                            .truth = 1,
                                            .confidence = 0.8,
                                            .reason = {"x<y -0.50", 9}};
    struct report r = {.title = "file <b>",
                       .judge = "a \"head\"",
                       .labels = label_default(),
                       .threshold = 0.5,
                       .part = {{"all", &score}, {"high", &score}},
                       .parts = 2,
                       .line = &LINE,
                       .lines = 1,
                       .stage = {{"regex", 1, 1}, {"llm", 3, 2}},
                       .stages = 2,
                       .llm_calls = 2};
    score_run(&score, ROW, 4, label_default()->n);
    buf_release(&out);
    buf_init(&out, 1 << 20);
    write(&out, &r);
    buf_putc(&out, '\0');
    CHECK(!out.failed);
}

static void plain(struct buf *b, const struct report *r) {
    report_text(b, r, false);
}

static void coloured(struct buf *b, const struct report *r) {
    report_text(b, r, true);
}

static void text_has_the_figures(void) {
    write_report(plain);
    CHECK(strstr(out.p, "USER_ACTION                  0.500    1.000    0.667        1\n"));
    CHECK(strstr(out.p, "accuracy 0.750"));
    CHECK(strstr(out.p, " 2 SYSTEM_NOTIFICATION          1     1     .     ."));
    CHECK(strstr(out.p, "line 7: USER_ACTION 0.80, truth SYSTEM_NOTIFICATION"));
    CHECK(strchr(out.p, '\033') == NULL);
    CHECK(strstr(out.p, "\n    by x<y -0.50\n"));
    CHECK(strstr(out.p, "llm              3   75.0%   66.7%\nthe LLM was asked 2 times\n"));
    CHECK(!strstr(out.p, "DB_ERROR                  0."));
    write_report(coloured);
    CHECK(strchr(out.p, '\033') != NULL);
}

static void json_is_json(void) {
    write_report(report_json);
    yyjson_doc *doc = yyjson_read(out.p, out.n - 1, 0);
    CHECK(doc != NULL);
    yyjson_val *all = yyjson_obj_get(yyjson_doc_get_root(doc), "all");
    CHECK_NEAR(yyjson_get_num(yyjson_obj_get(all, "accuracy")), 0.75, 1e-12);
    yyjson_val *label = yyjson_obj_get(yyjson_obj_get(all, "labels"), "SYSTEM_NOTIFICATION");
    CHECK_NEAR(yyjson_get_num(yyjson_obj_get(label, "recall")), 0.5, 1e-12);
    CHECK_INT(yyjson_arr_size(yyjson_obj_get(all, "confusion")), 9);
    CHECK_INT(yyjson_arr_size(yyjson_obj_get(all, "accuracy_at_coverage")), SCORE_STEPS);
    CHECK(yyjson_obj_get(yyjson_doc_get_root(doc), "high") != NULL);
    yyjson_val *root = yyjson_doc_get_root(doc), *llm = yyjson_obj_get(yyjson_obj_get(root, "stages"), "llm");
    CHECK_INT(yyjson_get_int(yyjson_obj_get(llm, "right")), 2);
    CHECK_INT(yyjson_get_int(yyjson_obj_get(root, "llm_calls")), 2);
    yyjson_val *worst = yyjson_arr_get_first(yyjson_obj_get(root, "worst"));
    CHECK_STR(yyjson_get_str(yyjson_obj_get(worst, "reason")), "x<y -0.50");
    yyjson_doc_free(doc);
}

static void html_is_whole_and_escapes(void) {
    write_report(report_html);
    CHECK(strstr(out.p, "<!doctype html>") == out.p && strstr(out.p, "</body></html>\n"));
    CHECK(!strstr(out.p, "<script") &&
          strstr(out.p, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;q&quot;"));
    CHECK(strstr(out.p, "file &lt;b&gt;") && strstr(out.p, "so&lt;urce: "));
    CHECK(!strstr(out.p, "http:") && !strstr(out.p, "https:") && !strstr(out.p, "src="));
    unsigned open = 0, closed = 0;
    for (const char *at = out.p; (at = strstr(at, "<svg")); at++) open++;
    for (const char *at = out.p; (at = strstr(at, "</svg>")); at++) closed++;
    CHECK_INT(open, 3);
    CHECK_INT(closed, 3);
    CHECK(!strstr(out.p, "nan") && !strstr(out.p, "inf"));
}

static void no_rows_break_nothing(void) {
    struct report r = {.title = "t", .judge = "j", .labels = label_default(), .part = {{"all", &score}}, .parts = 1};
    score_run(&score, ROW, 0, 9);
    buf_reset(&out);
    report_text(&out, &r, false), report_json(&out, &r), report_html(&out, &r);
    buf_putc(&out, '\0');
    CHECK(!strstr(out.p, "nan"));
    buf_release(&out);
}

CHECK_MAIN(CHECK_TEST(text_has_the_figures), CHECK_TEST(json_is_json), CHECK_TEST(html_is_whole_and_escapes),
           CHECK_TEST(no_rows_break_nothing))
