#include "stream/form.h"

#include "base/check.h"
#include "pipeline/engine.h"

static struct chunk g_chunk;
static struct engine *g_engine;

static void form_begin(void) {
    struct err e = {0};
    struct engine_opts o = {.rules_path = "data/rules.conf", .classifier_threshold = 0.5, .pipeline_threshold = 0.2};
    g_engine = engine_open(&o, &e);
    CHECK(g_engine != NULL);
    chunk_init(&g_chunk);
    g_chunk.batch.engine = g_engine;
    chunk_want_origins(&g_chunk);
}

static void form_end(void) {
    engine_unref(g_engine);
    chunk_release(&g_chunk);
}

static struct origin *add(const char *source, const char *message, const char *label) {
    struct origin *o = chunk_point(&g_chunk, span_of(source), span_of(message));
    unsigned i = g_chunk.batch.n - 1, l = 0;
    while (strcmp(g_engine->labels.label[l].id, label) != 0) l++;
    g_chunk.res[i] = (struct result){.label = (uint8_t)l, .decider = DECIDER_BERT, .confidence = 0.75, .decided = true};
    return o;
}

static const char *form_written(struct form *f) {
    static char text[8192];
    struct buf out;
    buf_init(&out, sizeof text - 1);
    form_chunk(f, &out, &g_chunk);
    memcpy(text, out.p ? out.p : "", out.n);
    text[out.n] = '\0';
    buf_release(&out);
    return text;
}

static void what_is_known_is_written(void) {
    form_begin();
    const struct attr ATTR[] = {{SPAN_LIT("k8s.pod.name"), SPAN_LIT("cart")}};
    struct origin *o = add("sshd", "Failed \"x\"\xff", "AUTH_ERROR");
    o->host = SPAN_LIT("db7"), o->file = SPAN_LIT("/var/log/a"), o->time = SPAN_LIT("2026-01-31T10:00:00Z");
    o->severity = 4, o->attr = ATTR, o->attr_n = 1, o->truncated = true;
    add("", "plain", "INFO");
    CHECK_STR(form_written(&(struct form){.id = FORM_JSONL}),
              "{\"label_id\":\"AUTH_ERROR\",\"label\":\"Authentication Error\",\"source\":\"bert\",\"confidence\":0.75,"
              "\"log_time\":\"2026-01-31T10:00:00Z\",\"log_host\":\"db7\",\"log_source\":\"sshd\",\"log_file\":\"/var/"
              "log/a\","
              "\"log_severity\":\"err\",\"log_attributes\":{\"k8s.pod.name\":\"cart\"},\"truncated\":true,"
              "\"log_message\":\"Failed \\\"x\\\"\xef\xbf\xbd\"}\n"
              "{\"label_id\":\"INFO\",\"label\":\"Informational "
              "Log\",\"source\":\"bert\",\"confidence\":0.75,\"log_message\":\"plain\"}\n");
    static const char ECS[] =
        "{\"@timestamp\":\"2026-01-31T10:00:00Z\",\"event\":{\"kind\":\"event\",\"category\":["
        "\"authentication\"],\"type\":[\"start\"],"
        "\"outcome\":\"failure\"},\"log\":{\"level\":\"err\",\"file\":{\"path\":\"/var/log/"
        "a\"}},\"host\":{\"name\":\"db7\"},"
        "\"service\":{\"name\":\"sshd\"},\"labels\":{\"k8s.pod.name\":\"cart\"},\"logclass\":{\"label\":"
        "\"AUTH_ERROR\","
        "\"confidence\":0.75,\"stage\":\"bert\"},\"message\":\"Failed "
        "\\\"x\\\"\xef\xbf\xbd\"}\n{\"@timestamp\":\"20";
    CHECK(strncmp(form_written(&(struct form){.id = FORM_ECS}), ECS, sizeof ECS - 1) == 0);
    form_end();
}

static void objects_are_annotated_in_place(void) {
    form_begin();
    add("", "m", "INFO")->raw = SPAN_LIT(" {\"msg\": \"m\",  \"x\":[1]} ");
    add("", "m", "INFO")->raw = SPAN_LIT("{ }");
    add("", "plain", "INFO");
    CHECK_STR(form_written(&(struct form){.id = FORM_ANNOTATED}),
              "{\"msg\": \"m\",  "
              "\"x\":[1],\"logclass_label\":\"INFO\",\"logclass_confidence\":0.75,\"logclass_stage\":\"bert\"}\n"
              "{ \"logclass_label\":\"INFO\",\"logclass_confidence\":0.75,\"logclass_stage\":\"bert\"}\n"
              "{\"label_id\":\"INFO\",\"label\":\"Informational "
              "Log\",\"source\":\"bert\",\"confidence\":0.75,\"log_message\":\"plain\"}\n");
    CHECK(strncmp(form_written(&(struct form){.id = FORM_MMEXTERNAL}),
                  "{\"$!\":{\"logclass\":{\"label\":\"INFO\",\"confidence\":0.75,\"stage\":\"bert\"}}}\n", 70) == 0);
    form_end();
}

static void syslog_holds_the_answer_as_structured_data(void) {
    form_begin();
    const struct attr attr[] = {
        {SPAN_LIT("syslog.facility"), SPAN_LIT("auth")},
        {SPAN_LIT("process.pid"), SPAN_LIT("411")},
        {SPAN_LIT("syslog.structured_data"), SPAN_LIT("[logclass@32473 label=\"OLD\"][x@1 a=\"]\\\"\"]")}};
    struct origin *o = add("ssh d", "Failed", "AUTH_ERROR");
    o->attr = attr, o->attr_n = 3, o->severity = 4, o->host = SPAN_LIT("db7"),
    o->time = SPAN_LIT("2026-01-31T10:00:00Z");
    add("", "two\nlines", "INFO");
    CHECK_STR(form_written(&(struct form){.id = FORM_SYSLOG, .sd_id = "logclass@32473"}),
              "129 <35>1 2026-01-31T10:00:00Z db7 ssh_d 411 - [logclass@32473 label=\"AUTH_ERROR\" confidence=\"0.75\" "
              "stage=\"bert\"]"
              "[x@1 a=\"]\\\"\"] Failed"
              "86 <13>1 - - - - - [logclass@32473 label=\"INFO\" confidence=\"0.75\" stage=\"bert\"] two\nlines");
    form_end();
}

static void dropped_labels_are_counted_alone(void) {
    form_begin();
    add("", "a", "INFO"), add("", "b", "BACKUP"), add("", "c", "INFO");
    struct form f = {.id = FORM_ANNOTATED, .drop = "AUTH_ERROR, INFO"};
    const char *text = form_written(&f);
    CHECK(strstr(text, "\"b\"") && !strstr(text, "\"a\"") && !strstr(text, "\"c\""));
    f = (struct form){.id = FORM_ANNOTATED, .drop = "INF, INFOS"}; /* a part of a label is none */
    text = form_written(&f);
    CHECK(strstr(text, "\"a\"") && strstr(text, "\"c\""));
    form_end();
}

/* A text of any length, cut nowhere in a character. */
static void long_texts_are_written_whole(void) {
    form_begin();
    static char text[20000];
    for (size_t i = 0; i + 2 < sizeof text; i += 2) memcpy(text + i, "\xc3\xa4", 2);
    text[7] = '\xff'; /* makes it invalid, so that it is repaired in pieces */
    add("", text, "INFO");
    struct buf out;
    buf_init(&out, 1 << 20);
    form_chunk(&(struct form){.id = FORM_JSONL}, &out, &g_chunk);
    size_t marks = 0;
    for (size_t i = 0; i + 2 < out.n; i++) marks += memcmp(out.p + i, "\xef\xbf\xbd", 3) == 0;
    CHECK_INT(marks, 2); /* the byte, and the half character before it */
    CHECK(out.n > 20000);
    buf_release(&out);
    form_end();
}

CHECK_MAIN(CHECK_TEST(syslog_holds_the_answer_as_structured_data), CHECK_TEST(what_is_known_is_written),
           CHECK_TEST(objects_are_annotated_in_place), CHECK_TEST(dropped_labels_are_counted_alone),
           CHECK_TEST(long_texts_are_written_whole))
