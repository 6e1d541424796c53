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

CHECK_MAIN(CHECK_TEST(messages_are_taken_apart))
