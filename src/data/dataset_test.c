#include "data/dataset.h"

#include "base/check.h"
#include "base/file.h"

#include <stdlib.h>
#include <unistd.h>

static struct dataset d;
static struct label_set labels;
static struct err err;

static bool dataset_read_text(const char *text, bool grow) {
    char path[] = "/tmp/dataset_test_XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    dataset_release(&d);
    dataset_init(&d);
    err = (struct err){0};
    bool ok = dataset_read(&d, path, &labels, grow, &err);
    unlink(path);
    return ok;
}

static void a_csv_gives_rows_with_groups(void) {
    labels = *label_default();
    CHECK(dataset_read_text("system,source,log_message,label,confidence\n"
                            "nginx,web,\"GET \"\"/\"\", 200\",INFO,high\n"
                            "\n"
                            "sshd,sshd,Failed password,AUTH_ERROR,medium\n"
                            "nginx,web,worker exited,UNCLASSIFIED,high\n",
                            false));
    CHECK_INT(d.n, 3);
    CHECK_INT(d.groups, 2);
    CHECK(d.has_group && d.has_sure);
    CHECK_SPAN(d.row[0].message, "GET \"/\", 200");
    CHECK_SPAN(d.row[1].source, "sshd");
    CHECK_INT(d.row[1].line, 4);
    CHECK(!d.row[1].sure && d.row[2].sure);
    CHECK_INT(d.row[2].group, 0);
    CHECK_INT(d.row[1].label, label_find(&labels, SPAN_LIT("AUTH_ERROR")));
}

static void json_lines_give_the_same(void) {
    labels = *label_default();
    CHECK(dataset_read_text(
        "{\"message\":\"caf\\u00e9 opened\",\"label\":\"Info\"}\n\n{\"text\":\"x\",\"label\":\"db error\"}\n", false));
    CHECK_INT(d.n, 2);
    CHECK_SPAN(d.row[0].message, "caf\xc3\xa9 opened");
    CHECK_INT(d.row[1].label, label_find(&labels, SPAN_LIT("DB_ERROR")));
    CHECK_INT(d.row[1].line, 3);
    CHECK(!d.has_group && !d.has_sure && d.row[0].sure);
}

static void a_labels_file_has_examples(void) {
    static const char TEXT[] = "# mine\nPAID | Paid | money came in\n  - payment of 12 EUR booked\n- card charged\n\n"
                               "LATE\n- order 7 is overdue\n";
    char path[] = "/tmp/dataset_test_XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, TEXT, sizeof TEXT - 1) == (ssize_t)sizeof TEXT - 1);
    close(fd);
    dataset_release(&d);
    dataset_init(&d);
    CHECK(label_load(&labels, path, &err));
    CHECK_INT(labels.n, 3);
    CHECK_STR(labels.label[labels.unclassified].id, "UNCLASSIFIED");
    CHECK(dataset_read_examples(&d, path, &labels, &err));
    unlink(path);
    CHECK_INT(d.n, 3);
    CHECK_SPAN(d.row[0].message, "payment of 12 EUR booked");
    CHECK_INT(d.row[1].line, 4);
    CHECK(d.row[1].label == 0 && d.row[2].label == 1 && !d.has_group);
}

static void labels_can_be_learnt_from_the_file(void) {
    labels = (struct label_set){0};
    CHECK(dataset_read_text("text,target_label\nGET / 200,HTTP Status\nx,Critical Error\ny,HTTP Status\n", true));
    CHECK_INT(labels.n, 2);
    CHECK_STR(labels.label[0].id, "HTTP Status");
    CHECK_STR(labels.label[0].name, "HTTP Status");
    CHECK_INT(d.row[2].label, 0);
}

static void bad_files_are_named_with_their_line(void) {
    static const struct {
        const char *text, *says;
    } CASES[] = {
        {"a,b\n1,2\n", ":1: no column with the text"},
        {"message\nx\n", ":1: no column with the label"},
        {"message,label\nx,INFO\ny,NONSENSE\n", ":3: label NONSENSE is not in the label set"},
        {"message,label\nx,y,INFO\n", ":2: 3 columns, the header has 2"},
        {"message,label\n\"x,INFO\n", ":2: a quoted field has no closing quote"},
        {"message,label\nx,\n", ":2: '' is not a label"},
        {"{\"message\":\"x\",\"label\":\"INFO\"}\n{\"message\":\n", ":2: byte"},
        {"{\"message\":\"x\"}\n", ":1: no label"},
        {"", "no labelled row"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        labels = *label_default();
        CHECK(!dataset_read_text(CASES[i].text, false));
        if (!strstr(err.msg, CASES[i].says)) CHECK_STR(err.msg, CASES[i].says);
    }
}

static void dataset_fill(unsigned rows, unsigned groups) {
    dataset_release(&d);
    dataset_init(&d);
    for (unsigned i = 0; i < rows; i++) {
        char name[16];
        snprintf(name, sizeof name, "g%u", i * i % groups);
        struct dataset_row row = {.message = SPAN_LIT("m"), .label = (uint8_t)(i % 3)};
        CHECK(dataset_add(&d, &row, span_of(name), &err));
    }
}

static void folds_of_rows_spread_each_label(void) {
    uint8_t a[300], b[300];
    unsigned count[3][5] = {0};
    dataset_fill(300, 7);
    dataset_fold_rows(&d, 5, 1, a);
    for (unsigned i = 0; i < 300; i++) count[d.row[i].label][a[i]]++;
    for (unsigned i = 0; i < 15; i++) CHECK_INT(count[i / 5][i % 5], 20);
    dataset_fold_rows(&d, 5, 1, b);
    CHECK(memcmp(a, b, sizeof a) == 0);
    dataset_fold_rows(&d, 5, 2, b);
    CHECK(memcmp(a, b, sizeof a) != 0);
}

static void folds_of_groups_keep_groups_whole(void) {
    uint8_t fold[1000], of[101];
    unsigned count[4] = {0};
    dataset_fill(1000, 101);
    dataset_fold_groups(&d, 4, 9, fold);
    memset(of, 255, sizeof of);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t *g = &of[d.row[i].group];
        CHECK(*g == 255 || *g == fold[i]);
        *g = fold[i];
        count[fold[i]]++;
    }
    for (unsigned f = 0; f < 4; f++) CHECK(count[f] > 230 && count[f] < 270);
    dataset_release(&d);
}

CHECK_MAIN(CHECK_TEST(a_csv_gives_rows_with_groups), CHECK_TEST(json_lines_give_the_same),
           CHECK_TEST(a_labels_file_has_examples), CHECK_TEST(labels_can_be_learnt_from_the_file),
           CHECK_TEST(bad_files_are_named_with_their_line), CHECK_TEST(folds_of_rows_spread_each_label),
           CHECK_TEST(folds_of_groups_keep_groups_whole))
