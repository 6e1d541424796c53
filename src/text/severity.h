/* severity: the level that a line itself names (ERROR, [warn], level=info, <4>, E/Tag), never guessed from its words.
 * Pure. */
#ifndef TEXT_SEVERITY_H
#define TEXT_SEVERITY_H

#include "base/span.h"

/* In the order of syslog's (RFC 5424, 6.2.1), with two more behind. */
enum severity {
    SEVERITY_EMERGENCY,
    SEVERITY_ALERT,
    SEVERITY_CRITICAL,
    SEVERITY_ERROR,
    SEVERITY_WARNING,
    SEVERITY_NOTICE,
    SEVERITY_INFO,
    SEVERITY_DEBUG,
    SEVERITY_TRACE,
    SEVERITY_NONE, /* the line names none */
    SEVERITY_COUNT
};

const char *severity_name(enum severity s); /* "warning"; "" for NONE */

/* One word: "WARN", "err", "W" is none; numbers as syslog (0..7) and as bunyan and pino (10..60) use them. */
enum severity severity_of_word(struct span word);

/* Of a whole line; only its front is looked at. */
enum severity severity_of_line(struct span line);

#endif
