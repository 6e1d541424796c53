#include "stream/reader_join.h"

static bool join_is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* "... 7 more" */
static bool is_more(struct span s) {
    return span_starts(s, SPAN_LIT("... ")) && s.n > 8 && span_eq(span_sub(s, s.n - 5, s.n), SPAN_LIT(" more"));
}

bool reader_join_goes_on(struct span line, bool *in_traceback) {
    struct span s = span_trim(line);
    bool indented = line.n > 0 && join_is_blank(line.p[0]), was = *in_traceback;
    if (span_starts(s, SPAN_LIT("Traceback (most recent call last)"))) *in_traceback = true;
    if (s.n == 0) return false;
    if (indented || span_starts(s, SPAN_LIT("Caused by: ")) || span_starts(s, SPAN_LIT("Suppressed: ")) || is_more(s))
        return true;
    if (span_starts(s, SPAN_LIT("at ")) && s.p[s.n - 1] == ')') return true;
    *in_traceback = *in_traceback && !was; /* the line behind the frames names the exception, and is the last */
    return was;
}

static bool join_digits(struct span s, size_t from, size_t n) {
    for (size_t i = from; i < from + n; i++)
        if (i >= s.n || s.p[i] < '0' || s.p[i] > '9') return false;
    return true;
}

bool reader_join_is_cri(struct span line, struct reader_join_cri *out) {
    if (!join_digits(line, 0, 4) || !join_digits(line, 5, 2) || line.n < 30 || line.p[10] != 'T') return false;
    const char *blank = memchr(line.p, ' ', line.n);
    if (!blank) return false;
    struct span rest = span_sub(line, (size_t)(blank - line.p) + 1, line.n);
    bool stream = span_starts(rest, SPAN_LIT("stdout ")) || span_starts(rest, SPAN_LIT("stderr "));
    if (!stream || rest.n < 9 || (rest.p[7] != 'F' && rest.p[7] != 'P') || rest.p[8] != ' ') return false;
    *out = (struct reader_join_cri){span_sub(rest, 9, rest.n), rest.p[7] == 'P'};
    return true;
}
