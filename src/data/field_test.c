#include "data/field.h"

#include "base/check.h"

#include <yyjson.h>

static struct span in_object(const char *json, enum field f) {
    static yyjson_doc *doc;
    yyjson_doc_free(doc);
    doc = yyjson_read(json, strlen(json), 0);
    CHECK(doc != NULL);
    return field_in_object(yyjson_doc_get_root(doc), f);
}

static void the_first_name_that_holds_a_string_counts(void) {
    CHECK_SPAN(in_object("{\"msg\":\"m\",\"log_message\":\"l\"}", FIELD_MESSAGE), "l");
    CHECK_SPAN(in_object("{\"msg\":\"m\",\"log_message\":7}", FIELD_MESSAGE), "m");
    CHECK_SPAN(in_object("{\"text\":\"t\"}", FIELD_MESSAGE), "t");
    CHECK_SPAN(in_object("{\"message\":\"\"}", FIELD_MESSAGE), "");
    CHECK(in_object("{\"Message\":\"m\",\"x\":1}", FIELD_MESSAGE).p == NULL);
    CHECK_SPAN(in_object("{\"service\":\"s\",\"logger\":\"l\"}", FIELD_SOURCE), "l");
    CHECK(in_object("{\"source\":null}", FIELD_SOURCE).p == NULL);
}

static void columns_are_found_in_the_same_order(void) {
    struct csv_row row = {.field = {SPAN_LIT("id"), SPAN_LIT("Text"), SPAN_LIT("LOG_MESSAGE"), SPAN_LIT("category")},
                          .n = 4};
    CHECK_INT(field_in_header(&row, FIELD_MESSAGE), 2);
    CHECK_INT(field_in_header(&row, FIELD_LABEL), 3);
    CHECK_INT(field_in_header(&row, FIELD_SOURCE), -1);
}

static void names_are_listed(void) {
    struct buf out;
    buf_init(&out, 1000);
    field_list(&out, FIELD_LABEL);
    CHECK_SPAN(buf_span(&out), "label, label_id, target_label or category");
    buf_reset(&out);
    field_list(&out, FIELD_SYSTEM);
    CHECK_SPAN(buf_span(&out), "system");
    buf_release(&out);
}

CHECK_MAIN(CHECK_TEST(the_first_name_that_holds_a_string_counts), CHECK_TEST(columns_are_found_in_the_same_order),
           CHECK_TEST(names_are_listed))
