#include "train/feedback.h"

#include "base/check.h"
#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

static void a_corrections_file_heals(void) {
    char path[64];
    struct err e = {0};
    struct dataset d;
    struct label_set labels = *label_default();
    const struct label *label = &labels.label[1];
    snprintf(path, sizeof path, "/tmp/logclass_feedback_%d.jsonl", (int)getpid());
    CHECK(feedback_correct(path, label, span_of("app"), span_of("bad \xff text"), &e));
    int fd = open(path, O_WRONLY | O_APPEND);
    CHECK(fd >= 0 && write(fd, "{\"label\":\"IN", 12) == 12); /* the disk was full */
    close(fd);
    CHECK(feedback_correct(path, label, span_of(""), span_of("second"), &e));
    CHECK(feedback_correct(path, label, span_of(""), span_of("third"), &e));
    dataset_init(&d);
    CHECK(dataset_read_whole_lines(&d, path, &labels, &e));
    CHECK_INT(d.n, 3);
    CHECK_SPAN(d.row[0].message, "bad \xef\xbf\xbd text");
    CHECK_SPAN(d.row[1].message, "second");
    CHECK_SPAN(d.row[2].message, "third");
    dataset_release(&d);
    unlink(path);
}

static void nothing_whole_is_nothing(void) {
    char path[64];
    struct err e = {0};
    struct dataset d;
    struct label_set labels = *label_default();
    snprintf(path, sizeof path, "/tmp/logclass_feedback_%d.jsonl", (int)getpid());
    CHECK(file_write(path, span_of("{\"label\":\"NO_SUCH\",\"log_message\":\"x\"}\n[]\nx"), &e));
    dataset_init(&d);
    CHECK(dataset_read_whole_lines(&d, path, &labels, &e) && d.n == 0 && e.code == ERR_OK);
    dataset_release(&d);
    unlink(path);
}

CHECK_MAIN(CHECK_TEST(a_corrections_file_heals), CHECK_TEST(nothing_whole_is_nothing))
