#include "data/otlp.h"

#include "base/check.h"
#include "data/intake_fixture.h"
#include "text/proto.h"

static struct intake_fixture fx;
static char time_text[RFC3339_BYTES];
static struct buf wire, again;

static void otlp_begin(void) {
    intake_fixture_open(&fx);
    buf_init(&wire, 64 << 20);
    buf_init(&again, 64 << 20);
}

static void otlp_end(void) {
    intake_fixture_close(&fx);
    buf_release(&wire);
    buf_release(&again);
}

static bool otlp_test_read(const char *json) {
    intake_fixture_reset(&fx);
    buf_reset(&wire);
    return otlp_json_to_wire(span_of(json), &wire, &fx.e) && otlp_read(buf_span(&wire), &fx.in, &fx.e);
}

/* All records of a chunk as a request, in `again`. */
static void otlp_test_write(const struct chunk *c) {
    static const struct otlp_answer ANSWER = {{"AUTH_ERROR", 10}, {"bert", 4}, 0.9712};
    struct buf records;
    buf_init(&records, 64 << 20);
    buf_reset(&again);
    for (uint32_t i = 0; i < c->batch.n; i++) {
        buf_reset(&records);
        otlp_put_record(&records, c, i, &ANSWER);
        otlp_put_group(&again, c, i, buf_span(&records));
    }
    CHECK(!again.failed && !records.failed);
    buf_release(&records);
}

static struct span otlp_test_attr(const struct origin *o, const char *key) {
    for (uint32_t i = 0; i < o->attr_n; i++)
        if (span_eq(o->attr[i].key, span_of(key))) return o->attr[i].value;
    return SPAN_LIT("(none)");
}

static const char REQUEST[] =
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},"
    "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"h1\"}},{\"key\":\"zone\",\"value\":{\"intValue\":\"7\"}}]},"
    "\"scopeLogs\":[{\"scope\":{\"name\":\"lib\",\"version\":\"1\"},\"logRecords\":[{\"timeUnixNano\":"
    "\"1769853600120000000\",\"severityNumber\":17,\"severityText\":\"ERROR\",\"body\":{\"stringValue\":\"it "
    "failed\"},\"traceId\":\"5B8EFFF798038103D269B633813FC60C\",\"attributes\":[{\"key\":\"n\",\"value\":{\"intValue\":"
    "\"-5\"}},{\"key\":\"d\",\"value\":{\"doubleValue\":0.1}},{\"key\":\"b\",\"value\":{\"boolValue\":true}},{\"key\":"
    "\"list\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"x\"},{\"bytesValue\":\"AQID/"
    "w==\"}]}}},{\"key\":"
    "\"logclass.label\",\"value\":{\"stringValue\":\"OLD\"}}],\"flags\":1,\"unknown\":[1,{}]},"
    "{\"body\":{\"kvlistValue\":{\"values\":[{\"key\":\"msg\",\"value\":{\"stringValue\":\"deep\"}},{\"key\":\"k\","
    "\"value\":{}}]}}}]}],\"schemaUrl\":\"s\"}]}";

static void a_record_comes_with_all_that_is_told_of_it(void) {
    otlp_begin();
    CHECK(otlp_test_read(REQUEST));
    const struct chunk *c = &fx.chunk[0];
    CHECK_INT(c->batch.n, 2);
    CHECK_SPAN(c->rec[0].message, "it failed");
    CHECK_SPAN(c->rec[0].source, "shop");
    const struct origin *o = &c->origin[0];
    CHECK_SPAN(o->host, "h1");
    CHECK_SPAN(chunk_time(o, time_text), "2026-01-31T10:00:00.120Z");
    CHECK_INT(o->severity, 4);
    CHECK_SPAN(otlp_test_attr(o, "zone"), "7");
    CHECK_SPAN(otlp_test_attr(o, "n"), "-5");
    CHECK_SPAN(otlp_test_attr(o, "d"), "0.1");
    CHECK_SPAN(otlp_test_attr(o, "b"), "true");
    CHECK_SPAN(otlp_test_attr(o, "list"), "[\"x\",\"AQID/w==\"]");
    CHECK_SPAN(otlp_test_attr(o, "trace_id"), "5b8efff798038103d269b633813fc60c");
    CHECK_SPAN(otlp_test_attr(o, "logclass.label"), "(none)");
    CHECK_SPAN(c->rec[1].message, "deep");
    CHECK_SPAN(c->origin[1].body, "{\"msg\":\"deep\",\"k\":null}");
    CHECK(c->origin[0].scope == c->origin[1].scope && otlp_is_same_group(c, 0, 1));
    otlp_end();
}

static unsigned count_fields(struct span message, uint32_t number) {
    struct proto_field f;
    unsigned n = 0;
    while (proto_take(&message, &f)) n += f.number == number;
    return n;
}

static struct span field_bytes(struct span message, uint32_t number) {
    struct proto_field f;
    struct span found = {0};
    while (proto_take(&message, &f))
        if (f.number == number) found = f.bytes;
    return found;
}

static void splicing_keeps_every_field_and_replaces_an_answer(void) {
    otlp_begin();
    CHECK(otlp_test_read(REQUEST));
    /* fields that nobody knows yet, in the record, the scope, and behind the resource */
    struct chunk *c = &fx.chunk[0];
    struct buf record;
    buf_init(&record, 4096);
    buf_put(&record, c->origin[0].otlp.p, c->origin[0].otlp.n);
    proto_put_bytes(&record, 99, SPAN_LIT("new"));
    proto_put_fixed32(&record, 98, 5);
    c->origin[0].otlp = buf_span(&record);
    otlp_test_write(c);
    struct span logs = field_bytes(buf_span(&again), 1);
    CHECK_SPAN(field_bytes(logs, 3), "s");
    struct proto_field f;
    struct span request = buf_span(&again);
    CHECK(proto_take(&request, &f));
    struct span scope_logs = field_bytes(f.bytes, 2), out = field_bytes(scope_logs, 2);
    CHECK_SPAN(field_bytes(field_bytes(scope_logs, 1), 1), "lib");
    CHECK_SPAN(field_bytes(out, 99), "new");
    CHECK_INT(count_fields(out, 98), 1);
    CHECK_INT(count_fields(out, 6), 4 + 3); /* the old answer is gone */
    CHECK_INT(count_fields(out, 8), 1);     /* flags */
    intake_fixture_reset(&fx);
    struct span whole = buf_span(&again);
    CHECK(otlp_read(whole, &fx.in, &fx.e));
    CHECK_INT(fx.chunk[0].batch.n, 2);
    CHECK_SPAN(fx.chunk[0].rec[0].message, "it failed");
    buf_release(&record);
    otlp_end();
}

static void other_records_are_encoded(void) {
    otlp_begin();
    struct chunk *c = &fx.chunk[0];
    struct attr attr = {SPAN_LIT("process.pid"), SPAN_LIT("42")};
    chunk_want_origins(c);
    chunk_add(c, SPAN_LIT("sshd"), SPAN_LIT("Failed password"));
    c->origin[0] = (struct origin){.time = SPAN_LIT("2026-01-31T10:00:00.5Z"),
                                   .host = SPAN_LIT("h"),
                                   .file = SPAN_LIT("/var/log/auth.log"),
                                   .severity = 4,
                                   .attr = &attr,
                                   .attr_n = 1};
    chunk_add(c, SPAN_LIT("cron"), SPAN_LIT("x"));
    CHECK(!otlp_is_same_group(c, 0, 1));
    otlp_test_write(c);
    fx.n = 1;
    fx.most = 2;
    fx.in = (struct intake){.take = intake_fixture_take, .self = &fx};
    CHECK(otlp_read(buf_span(&again), &fx.in, &fx.e));
    const struct chunk *got = &fx.chunk[1];
    CHECK_INT(got->batch.n, 2);
    CHECK_SPAN(got->rec[0].message, "Failed password");
    CHECK_SPAN(got->rec[0].source, "sshd");
    CHECK_SPAN(got->rec[1].source, "cron");
    CHECK_SPAN(got->origin[0].host, "h");
    CHECK_SPAN(chunk_time(&got->origin[0], time_text), "2026-01-31T10:00:00.500Z");
    CHECK_INT(got->origin[0].severity, 4);
    CHECK_SPAN(otlp_test_attr(&got->origin[0], "log.file.path"), "/var/log/auth.log");
    CHECK_SPAN(otlp_test_attr(&got->origin[0], "process.pid"), "42");
    struct span record = field_bytes(field_bytes(field_bytes(buf_span(&again), 1), 2), 2);
    CHECK_INT(count_fields(record, 6), 3); /* label, confidence, stage */
    otlp_end();
}

static void many_records_fill_several_chunks_under_one_scope(void) {
    enum { MANY = 2 * CHUNK_RECORDS + 10 };
    otlp_begin();
    struct buf records;
    buf_init(&records, 8 << 20);
    for (int i = 0; i < MANY; i++) proto_put_bytes(&records, 2, SPAN_LIT("\x2a\x03\x0a\x01x"));
    proto_put_head(&wire, 1, proto_bytes_size(2, records.n));
    proto_put_bytes(&wire, 2, buf_span(&records));
    CHECK(otlp_read(buf_span(&wire), &fx.in, &fx.e));
    CHECK_INT(fx.n, 3);
    CHECK_INT(fx.chunk[0].batch.n, CHUNK_RECORDS);
    CHECK_INT(fx.chunk[2].batch.n, 10);
    CHECK(fx.chunk[0].origin[0].scope != fx.chunk[2].origin[0].scope); /* each chunk stands alone */
    intake_fixture_reset(&fx);
    fx.most = 2;
    CHECK(!otlp_read(buf_span(&wire), &fx.in, &fx.e) && fx.in.trouble == INTAKE_NO_ROOM);
    buf_release(&records);
    otlp_end();
}

static void large_records_go_on_in_the_next_chunk_or_are_refused(void) {
    static char big[INTAKE_RECORD_MAX];
    enum { NEARLY = INTAKE_RECORD_MAX - 400 };
    otlp_begin();
    memset(big, 'x', sizeof big);
    for (int i = 0; i < 9; i++) { /* a ResourceLogs each, so that its scope is copied, too */
        struct span text = {big, i == 8 ? INTAKE_RECORD_MAX : NEARLY};
        size_t value = proto_bytes_size(1, text.n), body = proto_bytes_size(5, value),
               record = proto_bytes_size(2, body);
        proto_put_head(&wire, 1, proto_bytes_size(2, record));
        proto_put_head(&wire, 2, record);
        proto_put_head(&wire, 2, body);
        proto_put_head(&wire, 5, value);
        proto_put_bytes(&wire, 1, text);
        if (i == 7) buf_put(&again, wire.p, wire.n);
    }
    CHECK(otlp_read(buf_span(&again), &fx.in, &fx.e));
    CHECK_INT(fx.in.records, 8);
    for (unsigned i = 0; i < fx.n; i++) CHECK(fx.chunk[i].batch.n > 0);
    intake_fixture_reset(&fx); /* arenas have pieces of odd sizes now */
    CHECK(otlp_read(buf_span(&again), &fx.in, &fx.e));
    intake_fixture_reset(&fx);
    fx.most = INTAKE_FIXTURE_CHUNKS;
    CHECK(!otlp_read(buf_span(&wire), &fx.in, &fx.e) && fx.in.trouble == INTAKE_TOO_LARGE);
    otlp_end();
}

static void requests_that_are_not_well_formed_are_refused(void) {
    static const char *const JSON[] = {
        "",
        "[]",
        "{",
        "{\"resourceLogs\":{}}",
        "{\"resourceLogs\":[1]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[7]}]}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"x\"}]}]}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"traceId\":\"xyz\"}]}]}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"intValue\":\"1x\"}}]}]}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"bytesValue\":\"a\"}}]}]}]}",
    };
    const struct span WIRE[] = {
        SPAN_LIT("\x0a"),
        SPAN_LIT("\x0a\x02\x12\x05"),
        SPAN_LIT("\x0a\x04\x12\x02\x12\x01"),
        SPAN_LIT("\x0a\x06\x12\x04\x12\x02\x2a\x05"),
        SPAN_LIT("\x0a\x08\x12\x06\x12\x04\x2a\x02\x0a\x05"),
    };
    otlp_begin();
    for (size_t i = 0; i < sizeof JSON / sizeof JSON[0]; i++) CHECK(!otlp_test_read(JSON[i]) && fx.e.msg[0]);
    for (size_t i = 0; i < sizeof WIRE / sizeof WIRE[0]; i++) {
        intake_fixture_reset(&fx);
        CHECK(!otlp_read(WIRE[i], &fx.in, &fx.e) && fx.in.trouble == INTAKE_MALFORMED && fx.e.msg[0]);
    }
    CHECK(otlp_test_read("{}") && fx.in.records == 0);
    CHECK(otlp_test_read("{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{}]}]}]}") && fx.in.records == 1);
    otlp_end();
}

/* Lengths that take one byte on the wire, and two. */
static void attributes_of_any_length_are_written(void) {
    static char text[20000];
    static const size_t LENGTHS[] = {1, 100, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 16384};
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
        otlp_begin();
        struct chunk *c = &fx.chunk[0];
        struct attr attr[] = {{SPAN_LIT("k"), {text, LENGTHS[i]}}, {SPAN_LIT("z"), SPAN_LIT("1")}};
        chunk_want_origins(c);
        chunk_add(c, SPAN_LIT(""), SPAN_LIT("m"));
        c->origin[0] = (struct origin){.attr = attr, .attr_n = 2};
        otlp_test_write(c);
        fx.n = 1;
        fx.most = 2;
        fx.in = (struct intake){.take = intake_fixture_take, .self = &fx};
        CHECK(otlp_read(buf_span(&again), &fx.in, &fx.e));
        CHECK_INT(otlp_test_attr(&fx.chunk[1].origin[0], "k").n, LENGTHS[i]);
        CHECK_SPAN(otlp_test_attr(&fx.chunk[1].origin[0], "z"), "1");
        otlp_end();
    }
}

CHECK_MAIN(CHECK_TEST(attributes_of_any_length_are_written), CHECK_TEST(a_record_comes_with_all_that_is_told_of_it),
           CHECK_TEST(splicing_keeps_every_field_and_replaces_an_answer), CHECK_TEST(other_records_are_encoded),
           CHECK_TEST(many_records_fill_several_chunks_under_one_scope),
           CHECK_TEST(large_records_go_on_in_the_next_chunk_or_are_refused),
           CHECK_TEST(requests_that_are_not_well_formed_are_refused))
