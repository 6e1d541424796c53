#include "stream/reader_join.h"

#include "base/check.h"

static void traces_go_on(void) {
    static const struct {
        const char *line;
        bool goes_on;
    } JAVA[] = {{"java.lang.IllegalStateException: x", false},
                {"\tat com.acme.A.b(A.java:3)", true},
                {"at com.acme.A.b(A.java:3)", true},
                {"Caused by: java.io.IOException: y", true},
                {"\t... 7 more", true},
                {"... 7 more", true},
                {"2024 INFO next", false},
                {"at last it works", false}},
      PYTHON[] = {{"Traceback (most recent call last):", false},
                  {"  File \"a.py\", line 3, in f", true},
                  {"    x()", true},
                  {"ValueError: no", true},
                  {"next", false}};
    bool in = false;
    for (size_t i = 0; i < sizeof JAVA / sizeof JAVA[0]; i++)
        CHECK_INT(reader_join_goes_on(span_of(JAVA[i].line), &in), JAVA[i].goes_on);
    in = false;
    for (size_t i = 0; i < sizeof PYTHON / sizeof PYTHON[0]; i++)
        CHECK_INT(reader_join_goes_on(span_of(PYTHON[i].line), &in), PYTHON[i].goes_on);
}

static void a_runtime_s_part_is_taken_off(void) {
    struct reader_join_cri c;
    CHECK(reader_join_is_cri(SPAN_LIT("2016-10-06T00:17:09.669794202Z stdout P half of"), &c));
    CHECK_SPAN(c.text, "half of");
    CHECK(c.partial);
    CHECK(reader_join_is_cri(SPAN_LIT("2016-10-06T00:17:09.669794202+02:00 stderr F  a line"), &c));
    CHECK_SPAN(c.text, " a line");
    CHECK(!c.partial);
    CHECK(!reader_join_is_cri(SPAN_LIT("2016-10-06T00:17:09.669794202Z stdout X half of"), &c));
    CHECK(!reader_join_is_cri(SPAN_LIT("2016-10-06T00:17:09.669794202Z INFO something long"), &c));
    CHECK(!reader_join_is_cri(SPAN_LIT("short"), &c));
}

CHECK_MAIN(CHECK_TEST(traces_go_on), CHECK_TEST(a_runtime_s_part_is_taken_off))
