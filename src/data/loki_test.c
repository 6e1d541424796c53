#include "data/loki.h"

#include "base/check.h"
#include "data/intake_fixture.h"
#include "text/proto.h"

static struct intake_fixture fx;
static char time_text[RFC3339_BYTES];

static bool loki_test_read(const char *json) {
    intake_fixture_reset(&fx);
    return loki_read_json(span_of(json), &fx.in, &fx.e);
}

static struct span loki_test_attr(const struct origin *o, const char *key) {
    for (uint32_t i = 0; i < o->attr_n; i++)
        if (span_eq(o->attr[i].key, span_of(key))) return o->attr[i].value;
    return SPAN_LIT("(none)");
}

static const char REQUEST[] = "{\"streams\":[{\"stream\":{\"app\":\"web\",\"env\":\"a\\\"b\"},\"values\":["
                              "[\"1769853600000000001\",\"plain\"],"
                              "[\"1769853600000000002\",\"{\\\"level\\\":\\\"info\\\",\\\"msg\\\":\\\"inner\\\"}\","
                              "{\"trace\":\"7\",\"logclass_label\":\"OLD\"}]]}]}";

static void lines_come_with_labels_and_metadata(void) {
    intake_fixture_open(&fx);
    CHECK(loki_test_read(REQUEST));
    const struct chunk *c = &fx.chunk[0];
    CHECK_INT(c->batch.n, 2);
    CHECK_SPAN(c->rec[0].source, "web");
    CHECK_SPAN(c->rec[0].message, "plain");
    CHECK_SPAN(chunk_time(&c->origin[0], time_text), "2026-01-31T10:00:00.000000001Z");
    CHECK_INT(c->origin[0].attr_n, 2);
    CHECK_INT(c->origin[0].stream_n, 2);
    CHECK_SPAN(loki_test_attr(&c->origin[0], "env"), "a\"b");
    CHECK_SPAN(c->rec[1].message, "inner");
    CHECK_SPAN(c->origin[1].raw, "{\"level\":\"info\",\"msg\":\"inner\"}");
    CHECK_SPAN(loki_test_attr(&c->origin[1], "trace"), "7");
    intake_fixture_close(&fx);
}

/* All records of the chunk as a request. */
static void loki_test_write(struct buf *out, const struct chunk *c) {
    struct buf labels, entry;
    buf_init(&labels, 4096);
    buf_init(&entry, 4096);
    struct loki_answer a = {SPAN_LIT("INFO"), SPAN_LIT("0.5"), SPAN_LIT("bert")};
    for (uint32_t i = 0; i < c->batch.n; i++) {
        buf_reset(&labels);
        buf_reset(&entry);
        loki_put_stream(&labels, c, i, "service_name,host, process.pid", a.label);
        loki_put_entry(&entry, c, i, loki_time(c, i, 5), &a);
        proto_put_head(out, 1, proto_bytes_size(1, labels.n) + entry.n);
        proto_put_bytes(out, 1, buf_span(&labels));
        buf_put(out, entry.p, entry.n);
    }
    buf_release(&labels);
    buf_release(&entry);
}

static void entries_that_are_written_are_read(void) {
    struct buf out;
    intake_fixture_open(&fx);
    buf_init(&out, 1 << 20);
    CHECK(loki_test_read(REQUEST));
    loki_test_write(&out, &fx.chunk[0]);
    CHECK(loki_read(buf_span(&out), (intake_fixture_reset(&fx), &fx.in), &fx.e));
    const struct chunk *c = &fx.chunk[0];
    CHECK_INT(c->batch.n, 2);
    CHECK_INT(c->origin[1].stream_n, 2);
    CHECK_SPAN(loki_test_attr(&c->origin[1], "env"), "a\"b");
    CHECK_SPAN(loki_test_attr(&c->origin[1], "trace"), "7");
    CHECK_SPAN(loki_test_attr(&c->origin[1], "logclass_label"), "INFO"); /* the old one is replaced */
    CHECK_INT(c->origin[1].attr_n, 6);
    CHECK_SPAN(chunk_time(&c->origin[1], time_text), "2026-01-31T10:00:00.000000002Z");
    CHECK_SPAN(c->rec[1].message, "inner");
    buf_release(&out);
    intake_fixture_close(&fx);
}

static void labels_of_other_records_are_those_that_are_asked_for(void) {
    struct attr attr = {SPAN_LIT("process.pid"), SPAN_LIT("42")};
    struct buf out;
    intake_fixture_open(&fx);
    buf_init(&out, 4096);
    struct chunk *c = &fx.chunk[0];
    chunk_want_origins(c);
    chunk_add(c, SPAN_LIT("ssh\"d"), SPAN_LIT("x"));
    c->origin[0] = (struct origin){.host = SPAN_LIT("h"), .file = SPAN_LIT("f"), .attr = &attr, .attr_n = 1};
    static const struct {
        const char *names, *labels;
    } ROW[] = {
        {"service_name,host", "{service_name=\"ssh\\\"d\", host=\"h\"}"},
        {" filename , process.pid", "{filename=\"f\", process_pid=\"42\"}"},
        {"process_pid,nothing", "{process_pid=\"42\"}"},
        {"logclass_label", "{logclass_label=\"INFO\"}"},
        {"", "{job=\"logclass\"}"},
        {"1x", "{job=\"logclass\"}"},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        buf_reset(&out);
        loki_put_stream(&out, c, 0, ROW[i].names, SPAN_LIT("INFO"));
        CHECK_SPAN(buf_span(&out), ROW[i].labels);
    }
    buf_release(&out);
    intake_fixture_close(&fx);
}

static void pushes_that_are_not_well_formed_are_refused(void) {
    static const char *const JSON[] = {
        "",
        "{}",
        "{\"streams\":1}",
        "{\"streams\":[{}]}",
        "{\"streams\":[{\"stream\":[],\"values\":[]}]}",
        "{\"streams\":[{\"stream\":{\"a\":1},\"values\":[]}]}",
        "{\"streams\":[{\"stream\":{},\"values\":[[\"1\"]]}]}",
        "{\"streams\":[{\"stream\":{},\"values\":[[\"1x\",\"line\"]]}]}",
        "{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\"line\",{\"a\":1}]]}]}",
    };
    const struct span WIRE[] = {SPAN_LIT("\x0a"),
                                SPAN_LIT("\x0a\x02\x0a\x05"),
                                SPAN_LIT("\x0a\x03\x0a\x01{"),
                                SPAN_LIT("\x0a\x05\x0a\x03{a}"),
                                SPAN_LIT("\x0a\x07\x0a\x05{a=\"}"),
                                SPAN_LIT("\x0a\x04\x12\x02\x12\x09")};
    intake_fixture_open(&fx);
    for (size_t i = 0; i < sizeof JSON / sizeof JSON[0]; i++)
        CHECK(!loki_test_read(JSON[i]) && fx.in.trouble == INTAKE_MALFORMED && fx.e.msg[0]);
    for (size_t i = 0; i < sizeof WIRE / sizeof WIRE[0]; i++) {
        intake_fixture_reset(&fx);
        CHECK(!loki_read(WIRE[i], &fx.in, &fx.e) && fx.in.trouble == INTAKE_MALFORMED);
    }
    CHECK(loki_test_read("{\"streams\":[]}") && fx.in.records == 0);
    intake_fixture_close(&fx);
}

CHECK_MAIN(CHECK_TEST(lines_come_with_labels_and_metadata), CHECK_TEST(entries_that_are_written_are_read),
           CHECK_TEST(labels_of_other_records_are_those_that_are_asked_for),
           CHECK_TEST(pushes_that_are_not_well_formed_are_refused))
