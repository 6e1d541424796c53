#include "text/csv.h"

#include "base/check.h"

static char text[256];
static struct csv_row row;
static struct err err;

static size_t read_row(const char *from, bool last) {
    err = (struct err){0};
    snprintf(text, sizeof text, "%s", from);
    return csv_read(text, strlen(text), last, &row, &err);
}

static void plain_and_quoted_fields(void) {
    CHECK_INT(read_row("a,\"b,\"\"c\"\"\nd\",\r\nnext", false), 16);
    CHECK_INT(row.n, 3);
    CHECK_INT(row.lines, 2);
    CHECK_SPAN(row.field[0], "a");
    CHECK_SPAN(row.field[1], "b,\"c\"\nd");
    CHECK_SPAN(row.field[2], "");
    CHECK_STR(text + 16, "next");
}

static void a_piece_is_left_alone(void) {
    CHECK_INT(read_row("a,\"b\n", false), 0);
    CHECK_STR(text, "a,\"b\n");
    CHECK_INT(err.code, ERR_OK);
    CHECK_INT(read_row("a,b", false), 0);
    CHECK_INT(read_row("a,b", true), 3);
    CHECK_SPAN(row.field[1], "b");
}

static void broken_rows_are_named(void) {
    CHECK_INT(read_row("a,\"b", true), 0);
    CHECK(strstr(err.msg, "closing quote") != NULL);
    CHECK_INT(read_row("\"a\"b,c\n", true), 0);
    CHECK(strstr(err.msg, "column 1") != NULL);
    char many[2 * CSV_FIELDS_MAX + 2];
    memset(many, ',', sizeof many);
    CHECK_INT(csv_read(many, sizeof many, true, &row, &err), 0);
    CHECK_INT(err.code, ERR_LIMIT);
}

static void a_quote_inside_a_plain_field_is_text(void) {
    CHECK_INT(read_row("a\"\"b \"c,\"\",d\"\n", true), 14);
    CHECK_INT(row.n, 3);
    CHECK_SPAN(row.field[0], "a\"\"b \"c");
    CHECK_SPAN(row.field[2], "d\"");
}

static void an_empty_line_is_one_empty_field(void) {
    CHECK_INT(read_row("\n", true), 1);
    CHECK_INT(row.n, 1);
    CHECK_INT(row.field[0].n, 0);
}

static void columns_are_found_by_name(void) {
    CHECK(read_row("\xef\xbb\xbfSource, log_message ,label\n", true) > 0);
    CHECK_INT(csv_find(&row, "source"), 0);
    CHECK_INT(csv_find(&row, "log_message"), 1);
    CHECK_INT(csv_find(&row, "log"), -1);
}

static void what_is_written_reads_back(void) {
    struct buf b;
    buf_init(&b, 1024);
    csv_put(&b, SPAN_LIT("say \"hi\", you"));
    buf_putc(&b, ',');
    csv_put(&b, SPAN_LIT("plain"));
    buf_putc(&b, '\n');
    CHECK_INT(csv_read(b.p, b.n, true, &row, &err), b.n);
    CHECK_SPAN(row.field[0], "say \"hi\", you");
    CHECK_SPAN(row.field[1], "plain");
    buf_release(&b);
}

/* A spreadsheet must not compute what somebody logged; a program that reads the file gets the text back. */
static void texts_of_others_are_no_formulas(void) {
    static const struct {
        const char *text, *cell;
        bool comes_back;
    } ALL[] = {
        {"=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0", true},
        {"@SUM(A1)", "'@SUM(A1)", true},
        {"+1+2", "'+1+2", true},
        {"-2+3", "'-2+3", true},
        {"\tx", "'\tx", true},
        {"- 1117838570 2005.06.03", "- 1117838570 2005.06.03", true},
        {"--- begin", "--- begin", true},
        {"plain", "plain", true},
        {"'quoted", "'quoted", true},
        {"=", "=", true},
        {"", "", true},
        {"bad \xff byte", "bad \xef\xbf\xbd byte", false},
    };
    struct buf b;
    buf_init(&b, 1024);
    for (size_t i = 0; i < sizeof ALL / sizeof ALL[0]; i++) {
        buf_reset(&b);
        csv_put_text(&b, span_of(ALL[i].text));
        CHECK_SPAN(buf_span(&b), ALL[i].cell);
        if (ALL[i].comes_back) CHECK_SPAN(csv_text(buf_span(&b)), ALL[i].text);
    }
    buf_reset(&b);
    csv_put_text(&b, (struct span){"a\0b", 3});
    CHECK_SPAN(buf_span(&b), "a b");
    buf_release(&b);
}

CHECK_MAIN(CHECK_TEST(texts_of_others_are_no_formulas), CHECK_TEST(plain_and_quoted_fields),
           CHECK_TEST(a_piece_is_left_alone), CHECK_TEST(broken_rows_are_named),
           CHECK_TEST(a_quote_inside_a_plain_field_is_text), CHECK_TEST(an_empty_line_is_one_empty_field),
           CHECK_TEST(columns_are_found_by_name), CHECK_TEST(what_is_written_reads_back))
