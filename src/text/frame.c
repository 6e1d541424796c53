#include "text/frame.h"

enum { LENGTH_DIGITS_MAX = 7 };

/* "123 <": the length and how many characters tell it; false: there is none. */
static bool frame_length(struct span data, size_t *length, size_t *digits) {
    size_t i = 0, n = 0;
    if (data.n == 0 || data.p[0] < '1' || data.p[0] > '9') return false;
    for (; i < data.n && i < LENGTH_DIGITS_MAX && data.p[i] >= '0' && data.p[i] <= '9'; i++)
        n = 10 * n + (size_t)(data.p[i] - '0');
    if (i + 1 >= data.n || data.p[i] != ' ' || data.p[i + 1] != '<') return false;
    *length = n;
    *digits = i + 1;
    return true;
}

/* Could these few bytes, with others behind them, become a length? */
static bool may_be_length(struct span data) {
    size_t i = 0;
    while (i < data.n && i < LENGTH_DIGITS_MAX && data.p[i] >= (i ? '0' : '1') && data.p[i] <= '9') i++;
    return i > 0 && (i == data.n || (i + 1 == data.n && data.p[i] == ' '));
}

static bool frame_counted(struct span data, size_t length, size_t digits, size_t bytes_max, bool ended,
                          struct frame *out) {
    size_t there = data.n - digits, wanted = length < bytes_max ? length : bytes_max;
    if (there < wanted && !ended) return false;
    out->cut = length > bytes_max;
    out->message = span_sub(data, digits, digits + wanted);
    out->used = digits + (length < there ? length : there);
    out->skip = length - (out->used - digits);
    return true;
}

bool frame_take(struct span data, size_t bytes_max, bool ended, struct frame *out) {
    size_t length, digits, i = 0;
    *out = (struct frame){0};
    if (data.n == 0) return false;
    if (frame_length(data, &length, &digits)) return frame_counted(data, length, digits, bytes_max, ended, out);
    if (!ended && may_be_length(data)) return false;
    const char *nl = memchr(data.p, '\n', data.n);
    size_t line = nl ? (size_t)(nl - data.p) : data.n;
    const char *nul = line ? memchr(data.p, '\0', line) : NULL;
    i = nul ? (size_t)(nul - data.p) : line;
    bool whole = nl || nul || ended;
    if (!whole && i < bytes_max) return false;
    out->cut = i > bytes_max || !whole;
    out->message = span_sub(data, 0, i < bytes_max ? i : bytes_max);
    out->used = whole ? i + (nl || nul) : i;
    out->to_newline = !whole;
    return true;
}
