#include "metrics/metrics.h"

#include "base/check.h"
#include "metrics/table.h"

#include <pthread.h>
#include <time.h>

static struct buf g_text = {.max = 4 << 20};

/* Value of the sample that starts with `series`; NAN: it is not there. */
static double sample(const char *series) {
    buf_reset(&g_text);
    metrics_expose(&g_text);
    buf_putc(&g_text, '\0');
    for (const char *line = g_text.p; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
        if (strncmp(line, series, strlen(series)) == 0 && line[strlen(series)] == ' ')
            return strtod(line + strlen(series), NULL);
    return NAN;
}

static bool has_line(const char *want) {
    buf_reset(&g_text);
    metrics_expose(&g_text);
    buf_putc(&g_text, '\0');
    const char *at = strstr(g_text.p, want);
    return at && (at == g_text.p || at[-1] == '\n') && at[strlen(want)] == '\n';
}

static void the_contract_is_there_from_the_first_scrape(void) {
    static const char *const want[] = {
        "# HELP log_classifications_total Total number of log classifications",
        "# TYPE log_classifications_total counter",
        "# HELP log_classification_duration_seconds Duration of log classifications",
        "# TYPE log_classification_duration_seconds histogram",
        "# HELP log_classification_errors_total Total number of classification errors",
        "# TYPE log_classification_errors_total counter",
        "# HELP log_classifier_active_workers Number of active workers",
        "# TYPE log_classifier_active_workers gauge",
        "# HELP log_classifier_circuit_breaker_open Circuit breaker state (1 = open, 0 = closed)",
        "# TYPE log_classifier_circuit_breaker_open gauge",
        "# HELP log_classifier_http_requests_total Total number of HTTP requests",
        "# TYPE log_classifier_http_requests_total counter",
        "# HELP log_classifier_http_request_duration_seconds Duration of HTTP requests",
        "# TYPE log_classifier_http_request_duration_seconds histogram",
        "log_classifications_total{classifier=\"fallback\",label=\"C\"} 0",
        "log_classification_duration_seconds_bucket{classifier=\"llm\",le=\"0.005\"} 0",
        "log_classification_errors_total{classifier=\"bert\",error_type=\"circuit_open\"} 0",
        "log_classifier_active_workers 0",
        "log_classifier_circuit_breaker_open{classifier=\"bert\"} 0",
        "log_classifier_circuit_breaker_open{classifier=\"llm\"} 0",
        "log_classifier_http_requests_total{endpoint=\"/classify\",method=\"POST\",status=\"200\"} 0",
        "log_classifier_http_request_duration_seconds_count{endpoint=\"/classify\",method=\"POST\"} 0",
    };
    metrics_name(METRIC_SET_LABEL, "C");
    metrics_name(METRIC_SET_ENDPOINT, "/classify");
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        if (!has_line(want[i])) fprintf(stderr, "missing: %s\n", want[i]);
        CHECK(has_line(want[i]));
    }
}

static void buckets_are_the_contracts_and_cumulative(void) {
    static const char *const le[] = {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
                                     "0.5",   "1",    "2.5",   "5",    "10",  "+Inf"};
    double before[12];
    for (size_t i = 0; i < 12; i++) {
        char s[120];
        snprintf(s, sizeof s, "log_classification_duration_seconds_bucket{classifier=\"regex\",le=\"%s\"}", le[i]);
        before[i] = sample(s);
        CHECK(!isnan(before[i]));
    }
    metrics_observe(METRIC_CLASSIFICATION_DURATION, 0, 0, 0.05, 3); /* a value on the bound belongs to the bucket */
    metrics_observe(METRIC_CLASSIFICATION_DURATION, 0, 0, 11, 1);
    for (size_t i = 0; i < 12; i++) {
        char s[120];
        snprintf(s, sizeof s, "log_classification_duration_seconds_bucket{classifier=\"regex\",le=\"%s\"}", le[i]);
        CHECK_NEAR(sample(s) - before[i], i < 3 ? 0 : i < 11 ? 3 : 4, 0);
    }
    CHECK_NEAR(sample("log_classification_duration_seconds_sum{classifier=\"regex\"}"), 11.15, 1e-6);
    CHECK_NEAR(sample("log_classification_duration_seconds_count{classifier=\"regex\"}"), 4, 0);
    CHECK_NEAR(metrics_value(METRIC_CLASSIFICATION_DURATION, 0, 0, 0), 4, 0);
}

enum { THREADS = 4, ADDS = 50000 };

static void *metrics_count(void *arg) {
    for (int i = 0; i < ADDS; i++) {
        metrics_add(METRIC_MEMO_HITS, 0, 0, 0, 2);
        metrics_gauge_add(METRIC_CONNECTIONS, 0, i % 2 ? -1 : 1);
    }
    metrics_gauge_add(METRIC_CONNECTIONS, 0, 1);
    return arg;
}

static void counts_of_ended_threads_stay(void) {
    pthread_t t[THREADS];
    double hits = metrics_value(METRIC_MEMO_HITS, 0, 0, 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, metrics_count, NULL);
        double last = 0;
        for (int i = 0; i < 5; i++) { /* a scrape during the run never sees a counter go down */
            double now = sample("logclass_memo_hits_total");
            CHECK(now >= last);
            last = now;
        }
        for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    }
    CHECK_NEAR(metrics_value(METRIC_MEMO_HITS, 0, 0, 0) - hits, 2.0 * 2 * THREADS * ADDS, 0);
    CHECK_NEAR(sample("logclass_connections"), 2.0 * THREADS, 0);
}

static void a_label_keeps_its_counts_over_a_reload(void) {
    CHECK(metrics_name(METRIC_SET_LABEL, "A") != metrics_name(METRIC_SET_LABEL, "B"));
    metrics_add(METRIC_CLASSIFICATIONS, 1, metrics_name(METRIC_SET_LABEL, "B"), 0, 7);
    metrics_add(METRIC_CLASSIFICATIONS, 1, metrics_name(METRIC_SET_LABEL, "D"), 0, 1);
    metrics_add(METRIC_CLASSIFICATIONS, 1, metrics_name(METRIC_SET_LABEL, "B"), 0, 2);
    CHECK_NEAR(sample("log_classifications_total{classifier=\"bert\",label=\"B\"}"), 9, 0);
    CHECK_NEAR(sample("log_classifications_total{classifier=\"bert\",label=\"D\"}"), 1, 0);
    CHECK_NEAR(metrics_value(METRIC_CLASSIFICATIONS, 1, metrics_name(METRIC_SET_LABEL, "B"), 0), 9, 0);
}

static void past_the_last_slot_names_are_other(void) {
    char name[200][16];
    for (int i = 0; i < 200; i++) {
        snprintf(name[i], sizeof name[i], "N%d", i);
        metrics_add(METRIC_CLASSIFICATIONS, 3, metrics_name(METRIC_SET_LABEL, name[i]), 0, 1);
    }
    double named = 0;
    for (int i = 0; i < 200; i++) {
        char s[80];
        snprintf(s, sizeof s, "log_classifications_total{classifier=\"fallback\",label=\"N%d\"}", i);
        double v = sample(s);
        if (!isnan(v)) named += v;
    }
    CHECK(named > 100 && named < 200);
    CHECK_NEAR(named + sample("log_classifications_total{classifier=\"fallback\",label=\"other\"}"), 200, 0);
}

static void only_seen_series_of_large_sets_are_shown(void) {
    const char *get = "log_classifier_http_requests_total{endpoint=\"/health\",method=\"GET\",status=\"200\"}";
    CHECK(isnan(sample(get)));
    metrics_add(METRIC_HTTP_REQUESTS, metrics_name(METRIC_SET_ENDPOINT, "/health"),
                (unsigned)metrics_find(METRIC_SET_METHOD, "GET"), (unsigned)metrics_find(METRIC_SET_STATUS, "200"), 1);
    CHECK_NEAR(sample(get), 1, 0);
    CHECK_INT(metrics_find(METRIC_SET_METHOD, "BREW"), -1);
}

static void a_text_is_the_one_value_of_its_set(void) {
    metrics_gauge_set(METRIC_MODEL_INFO, 0, 1);
    metrics_set_text(METRIC_SET_KERNEL, "scalar");
    metrics_set_text(METRIC_SET_ENCODER, "0123");
    metrics_set_text(METRIC_SET_HEAD, "a\"b");
    CHECK_NEAR(sample("logclass_model_info{kernel=\"scalar\",encoder=\"0123\",head=\"a\\\"b\"}"), 1, 0);
    metrics_set_text(METRIC_SET_KERNEL, "avx2-int8");
    CHECK(isnan(sample("logclass_model_info{kernel=\"scalar\",encoder=\"0123\",head=\"a\\\"b\"}")));
    CHECK_NEAR(sample("logclass_model_info{kernel=\"avx2-int8\",encoder=\"0123\",head=\"a\\\"b\"}"), 1, 0);
}

static void errors_have_a_type(void) {
    static const struct {
        enum err_code code;
        const char *type;
    } row[] = {{ERR_TIMEOUT, "timeout"},           {ERR_CONNECTION, "connection"}, {ERR_HTTP_STATUS, "http_status"},
               {ERR_HTTP_RETRY, "http_status"},    {ERR_DECODE, "decode"},         {ERR_LIMIT, "decode"},
               {ERR_CIRCUIT_OPEN, "circuit_open"}, {ERR_CANCELLED, "cancelled"},   {ERR_MEMORY, "cancelled"}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        CHECK_STR(metrics_sets[METRIC_SET_ERROR_TYPE].value[metrics_error_type(row[i].code)], row[i].type);
}

static void process_figures_are_plausible(void) {
    CHECK(sample("process_resident_memory_bytes") > 1e5);
    CHECK(sample("process_open_fds") >= 3);
    CHECK(sample("process_threads") >= 1);
    CHECK(sample("process_cpu_seconds_total") > 0);
    double start = sample("process_start_time_seconds"), up = sample("logclass_uptime_seconds");
    CHECK_NEAR(start + up, (double)time(NULL), 5);
    CHECK(up >= 0 && up < 600);
    CHECK(sample("process_start_time_seconds") == start);
}

CHECK_MAIN(CHECK_TEST(the_contract_is_there_from_the_first_scrape),
           CHECK_TEST(buckets_are_the_contracts_and_cumulative), CHECK_TEST(counts_of_ended_threads_stay),
           CHECK_TEST(a_label_keeps_its_counts_over_a_reload), CHECK_TEST(past_the_last_slot_names_are_other),
           CHECK_TEST(only_seen_series_of_large_sets_are_shown), CHECK_TEST(a_text_is_the_one_value_of_its_set),
           CHECK_TEST(errors_have_a_type), CHECK_TEST(process_figures_are_plausible))
