/* syslog: one message of RFC 5424 or RFC 3164, or anything else, taken apart. Pure: nothing is copied, no time is
 * interpreted. */
#ifndef TEXT_SYSLOG_H
#define TEXT_SYSLOG_H

#include "base/span.h"

/* What is not told is empty. The spans are parts of the message that was parsed. */
enum syslog_form { SYSLOG_RFC5424, SYSLOG_RFC3164, SYSLOG_OTHER };

struct syslog_message {
    enum syslog_form form;
    struct span host, app; /* app: RFC 5424 APP-NAME, RFC 3164 TAG */
    struct span pid, kind; /* kind: RFC 5424 MSGID */
    struct span time;      /* if it has a year and a zone: as RFC 3339 */
    struct span data;      /* RFC 5424 STRUCTURED-DATA, with its brackets */
    struct span text;      /* what the program said; the whole message where its form is not known */
    int severity;          /* 0 (emergency) to 7 (debug); -1: no priority */
    int facility;          /* 0 (kern) to 23 (local7), or more where a sender makes it up; -1: no priority */
};

/* Takes any bytes. A newline at the end, as many senders add, and a byte order mark before the text are not part of the
 * text. */
struct syslog_message syslog_parse(struct span message);

#endif
