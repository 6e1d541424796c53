#include "text/syslog.h"

#include "base/check.h"

static void messages_are_taken_apart(void) {
    static const struct {
        const char *message;
        int severity;
        const char *host, *app, *text;
    } ROWS[] = {
        {"<34>1 2026-01-02T03:04:05.006Z web1 su 812 ID47 - 'su root' failed", 2, "web1", "su", "'su root' failed"},
        {"<165>1 2026-01-02T03:04:05Z h app - - [x@1 a=\"1\"][y@2 b=\"q \\\" ] r\"] hello", 5, "h", "app", "hello"},
        {"<14>1 - - - - - - \xef\xbb\xbfplain\n", 6, "", "", "plain"},
        {"<13>1 - h a - - -", 5, "h", "a", ""},
        {"<38>Feb  5 17:32:18 db7 sshd[411]: Accepted key", 6, "db7", "sshd", "Accepted key"},
        {"<38>Feb 15 17:32:18 sshd[411]: no host", 6, "", "sshd", "no host"},
        {"<38>Feb 15 17:32:18 db7 words without a tag", 6, "db7", "", "words without a tag"},
        {"<38>cron[7]: job", 6, "", "cron", "job"},
        {"Feb 15 17:32:18 db7 kernel: no priority", -1, "db7", "kernel", "no priority"},
        {"<38>just text", 6, "", "", "just text"},
        {"no syslog at all", -1, "", "", "no syslog at all"},
        {"<1234>x: y", -1, "", "<1234>x", "y"},
        {"<>x", -1, "", "", "<>x"},
        {"<7", -1, "", "", "<7"},
        {"", -1, "", "", ""},
        {"<0>", 0, "", "", ""},
        {"a[7 never closed: x", -1, "", "", "a[7 never closed: x"},
        {"<13>1 - h a - - [x a=\"never closed", 5, "h", "a", ""},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct syslog_message m = syslog_parse(span_of(ROWS[i].message));
        CHECK_INT(m.severity, ROWS[i].severity);
        CHECK_SPAN(m.host, ROWS[i].host);
        CHECK_SPAN(m.app, ROWS[i].app);
        CHECK_SPAN(m.text, ROWS[i].text);
        if (check_failures) fprintf(stderr, "row %zu: %s\n", i, ROWS[i].message);
    }
}

static void what_else_is_told(void) {
    struct syslog_message m =
        syslog_parse(SPAN_LIT("<34>1 2026-01-02T03:04:05.006Z web1 su 812 ID47 [x@1 a=\"b c\"][y] 'su root' failed"));
    CHECK(m.form == SYSLOG_RFC5424 && m.facility == 4);
    CHECK_SPAN(m.time, "2026-01-02T03:04:05.006Z");
    CHECK_SPAN(m.pid, "812");
    CHECK_SPAN(m.kind, "ID47");
    CHECK_SPAN(m.data, "[x@1 a=\"b c\"][y]");
    m = syslog_parse(
        SPAN_LIT("<38>2026-01-02T03:04:05.006+01:00 db7 sshd[411]: Accepted key")); /* rsyslog's forward format */
    CHECK(m.form == SYSLOG_RFC3164 && m.facility == 4);
    CHECK_SPAN(m.time, "2026-01-02T03:04:05.006+01:00");
    CHECK_SPAN(m.host, "db7");
    CHECK_SPAN(m.app, "sshd");
    CHECK_SPAN(m.pid, "411");
    CHECK_SPAN(m.text, "Accepted key");
    m = syslog_parse(SPAN_LIT("a[7]x: y"));
    CHECK(m.form == SYSLOG_OTHER && m.pid.n == 0 && m.data.n == 0);
}

CHECK_MAIN(CHECK_TEST(what_else_is_told), CHECK_TEST(messages_are_taken_apart))
