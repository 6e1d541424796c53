/* RFC 5424:  <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [STRUCTURED-DATA] MSG
 * RFC 3164:  <PRI>Mmm dd hh:mm:ss HOSTNAME TAG[pid]: MSG          many senders leave the host out, or the time */
#include "text/syslog.h"

enum { PRIORITY_DIGITS_MAX = 3, TAG_MAX = 48 };

static bool syslog_is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Takes "<13>" off the front; -1: there is none, and nothing is taken. */
static int take_priority(struct span *m) {
    int value = 0;
    size_t i = 1;
    if (m->n < 3 || m->p[0] != '<') return -1;
    for (; i < m->n && i <= PRIORITY_DIGITS_MAX && syslog_is_digit(m->p[i]); i++) value = 10 * value + (m->p[i] - '0');
    if (i == 1 || i == m->n || m->p[i] != '>') return -1;
    *m = span_sub(*m, i + 1, m->n);
    return value;
}

/* Takes a word and the one space behind it. */
static struct span take_field(struct span *m) {
    const char *space = m->n ? memchr(m->p, ' ', m->n) : NULL;
    size_t n = space ? (size_t)(space - m->p) : m->n;
    struct span field = span_sub(*m, 0, n);
    *m = span_sub(*m, space ? n + 1 : n, m->n);
    return span_eq(field, SPAN_LIT("-")) ? span_sub(field, 0, 0) : field;
}

/* Takes "[id name="value" …][…]" or "-", and the space behind it. In values, \ takes the next character as it is. */
static struct span take_structured_data(struct span *m) {
    bool quoted = false, inside = false;
    size_t i = 0;
    for (; i < m->n; i++) {
        char c = m->p[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == ']'))
            inside = c == '[';
        else if (!quoted && !inside && c == ' ')
            break;
    }
    struct span data = span_sub(*m, 0, i);
    *m = span_sub(*m, i < m->n ? i + 1 : m->n, m->n);
    return data.n > 0 && data.p[0] == '[' ? data : span_sub(data, 0, 0);
}

static struct span syslog_text(struct span m) {
    if (span_starts(m, SPAN_LIT("\xef\xbb\xbf"))) m = span_sub(m, 3, m.n);
    while (m.n > 0 && (m.p[m.n - 1] == '\n' || m.p[m.n - 1] == '\0')) m.n--;
    return m;
}

/* "Mmm dd hh:mm:ss " at the front, 16 characters. */
static bool starts_with_time(struct span m) {
    static const char SHAPE[] = "Aaa dd dd:dd:dd ";
    if (m.n < sizeof SHAPE - 1) return false;
    for (size_t i = 0; i < sizeof SHAPE - 1; i++) {
        char c = m.p[i], s = SHAPE[i];
        bool fits = s == 'A'   ? c >= 'A' && c <= 'Z'
                    : s == 'a' ? c >= 'a' && c <= 'z'
                    : s == 'd' ? syslog_is_digit(c) || (i == 4 && c == ' ')
                               : c == s;
        if (!fits) return false;
    }
    return true;
}

/* Takes "2026-01-31T10:00:00.5+01:00 " off the front, as newer senders write; empty: there is none. */
static struct span take_full_time(struct span *m) {
    static const char SHAPE[] = "dddd-dd-ddTdd:dd:dd";
    for (size_t i = 0; i < sizeof SHAPE - 1; i++)
        if (i >= m->n || (SHAPE[i] == 'd' ? !syslog_is_digit(m->p[i]) : m->p[i] != SHAPE[i])) return (struct span){0};
    return take_field(m);
}

/* Takes "tag[pid]: " or "tag: "; empty, and nothing is taken, where the message does not begin with one. */
static struct span take_tag(struct span *m, struct span *pid) {
    size_t n = 0, end;
    while (n < m->n && n < TAG_MAX && m->p[n] != ' ' && m->p[n] != ':' && m->p[n] != '[') n++;
    end = n;
    if (end < m->n && m->p[end] == '[') {
        const char *close = memchr(m->p + end, ']', m->n - end);
        if (!close) return (struct span){0};
        *pid = span_sub(*m, n + 1, (size_t)(close - m->p));
        end = (size_t)(close - m->p) + 1;
    }
    if (n == 0 || end >= m->n || m->p[end] != ':') return (struct span){0};
    struct span tag = span_sub(*m, 0, n);
    *m = span_sub(*m, end + 1, m->n);
    if (m->n > 0 && m->p[0] == ' ') *m = span_sub(*m, 1, m->n);
    return tag;
}

static void parse_5424(struct span m, struct syslog_message *out) {
    take_field(&m); /* version */
    out->time = take_field(&m);
    out->host = take_field(&m);
    out->app = take_field(&m);
    out->pid = take_field(&m);
    out->kind = take_field(&m);
    out->data = take_structured_data(&m);
    out->form = SYSLOG_RFC5424;
    out->text = syslog_text(m);
}

static void parse_3164(struct span m, struct syslog_message *out) {
    struct span ignored;
    bool timed = starts_with_time(m);
    if (timed)
        m = span_sub(m, 16, m.n);
    else
        timed = (out->time = take_full_time(&m)).n > 0;
    if (timed) {
        struct span rest = m, app = take_tag(&rest, &ignored);
        if (app.n == 0) { /* what follows the time is no tag, so it is the host */
            out->host = take_field(&m);
        }
    }
    out->app = take_tag(&m, &out->pid);
    if (out->app.n == 0) out->pid = (struct span){0};
    out->form = timed || out->severity >= 0 ? SYSLOG_RFC3164 : SYSLOG_OTHER;
    out->text = syslog_text(m);
}

struct syslog_message syslog_parse(struct span message) {
    struct syslog_message out = {.severity = -1, .facility = -1};
    struct span m = message;
    int priority = take_priority(&m);
    if (priority >= 0) out.severity = priority % 8, out.facility = priority / 8;
    if (priority >= 0 && m.n >= 2 && m.p[0] == '1' && m.p[1] == ' ')
        parse_5424(m, &out);
    else
        parse_3164(m, &out);
    return out;
}
