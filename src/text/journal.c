/* A field is "NAME=value", or, where the value has other bytes than text, "NAME", its length in 8 bytes little-endian,
 * the value; a newline behind each. An empty line ends an entry. */
#include "text/journal.h"

enum { NUMBER_DIGITS_MAX = 18 };

static uint64_t journal_number(struct span s) {
    uint64_t n = 0;
    for (size_t i = 0; i < s.n && i < NUMBER_DIGITS_MAX && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        n = 10 * n + (uint64_t)(s.p[i] - '0');
    return n;
}

static void journal_note(struct journal_entry *out, struct span name, struct span value) {
    const struct {
        struct span name;
        struct span *to;
    } TEXTS[] = {
        {SPAN_LIT("__CURSOR"), &out->cursor},
        {SPAN_LIT("MESSAGE"), &out->message},
        {SPAN_LIT("SYSLOG_IDENTIFIER"), &out->identifier},
        {SPAN_LIT("_COMM"), &out->comm},
        {SPAN_LIT("_HOSTNAME"), &out->host},
        {SPAN_LIT("_SYSTEMD_UNIT"), &out->unit},
        {SPAN_LIT("_TRANSPORT"), &out->transport},
        {SPAN_LIT("_PID"), &out->pid},
        {SPAN_LIT("CONTAINER_NAME"), &out->container},
        {SPAN_LIT("CONTAINER_ID"), &out->container_id},
        {SPAN_LIT("_SYSTEMD_INVOCATION_ID"), &out->invocation},
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        if (span_eq(name, TEXTS[i].name)) *TEXTS[i].to = value;
    bool digit = value.n > 0 && value.p[0] >= '0' && value.p[0] <= '9';
    if (digit && span_eq(name, SPAN_LIT("__REALTIME_TIMESTAMP"))) out->time_us = journal_number(value);
    if (digit && span_eq(name, SPAN_LIT("PRIORITY")) && journal_number(value) < 8) out->priority = value.p[0] - '0';
    if (digit && span_eq(name, SPAN_LIT("SYSLOG_FACILITY")) && journal_number(value) < 128)
        out->facility = (int)journal_number(value);
}

/* The value behind a name without '='; false: it is not whole yet. */
static bool journal_binary(struct span data, size_t *at, struct span *value) {
    uint64_t n = 0;
    if (data.n - *at < 8) return false;
    for (int i = 7; i >= 0; i--) n = n << 8 | (unsigned char)data.p[*at + (size_t)i];
    if (data.n - *at - 8 <= n) return false; /* and the newline */
    *value = span_sub(data, *at + 8, *at + 8 + (size_t)n);
    *at += 8 + (size_t)n + 1;
    return true;
}

bool journal_take(struct span data, struct journal_entry *out, size_t *used) {
    size_t at = 0;
    bool any = false;
    *out = (struct journal_entry){.priority = -1, .facility = -1};
    for (;;) {
        const char *start = at < data.n ? data.p + at : NULL, *nl = start ? memchr(start, '\n', data.n - at) : NULL;
        if (!nl) return false;
        struct span line = {start, (size_t)(nl - start)}, value;
        at += line.n + 1;
        if (line.n == 0 && any) break;
        if (line.n == 0) continue;
        any = true;
        const char *eq = memchr(line.p, '=', line.n);
        if (eq) {
            size_t n = (size_t)(eq - line.p);
            journal_note(out, span_sub(line, 0, n), span_sub(line, n + 1, line.n));
        } else {
            if (!journal_binary(data, &at, &value)) return false;
            journal_note(out, line, value);
        }
    }
    *used = at;
    return true;
}
