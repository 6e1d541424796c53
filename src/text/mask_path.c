/* mask_path: URLs, e-mail addresses, file paths. They may run over delimiters, so each says itself where it ends. */
#include "text/mask_match.h"

/* Where a URL or path ends at the latest. */
static bool ends_path(char c) {
    return c == '\0' || strchr("\"'`<>()[]{}|;, \t\r\n\v\f", c) != NULL;
}

/* Punctuation at the end belongs to the sentence. */
static size_t mask_path_trim(struct span line, size_t from, size_t end) {
    while (end > from && strchr(".:!?,", line.p[end - 1])) end--;
    return end;
}

size_t mask_url(struct span line, size_t at, size_t end) {
    if (!mask_starts_word(line, at)) return at;
    size_t i = at;
    while (i < end && ((mask_class_at(line, i) & (C_LOWER | C_UPPER | C_DIGIT)) || strchr("+.-", line.p[i]))) i++;
    if (i - at < 2 || i + 3 > line.n || memcmp(line.p + i, "://", 3) != 0) return at;
    size_t to = i + 3;
    while (to < line.n && !ends_path(line.p[to]) && !(mask_class_at(line, to) & C_SPACE)) to++;
    if (mask_char_at(line, to) == '[' && to == i + 3) to = mask_run(line, to + 1, C_XDIGIT | C_COLON | C_SLASH);
    return to == i + 3 ? at : mask_path_trim(line, i + 3, to);
}

static bool is_local_byte(struct span line, size_t at) {
    return (mask_class_at(line, at) & C_ALNUM) || (at < line.n && strchr("._%+-", line.p[at]));
}

size_t mask_email(struct span line, size_t at, size_t end) {
    if (at > 0 && is_local_byte(line, at - 1)) return at;
    size_t i = at;
    while (i < end && is_local_byte(line, i)) i++;
    if (i == at || mask_char_at(line, i) != '@') return at;
    size_t to = i + 1, dot = 0;
    while (to < end && (mask_class_at(line, to) & (C_ALNUM | C_DOT | C_DASH))) {
        if (line.p[to] == '.' && (mask_class_at(line, to + 1) & C_LETTER)) dot = to;
        to++;
    }
    while (to > i + 1 && (line.p[to - 1] == '.' || line.p[to - 1] == '-')) to--;
    return dot > i + 1 && to > dot ? to : at;
}

static bool is_path_byte(struct span line, size_t at) {
    return (mask_class_at(line, at) & (C_ALNUM | C_SLASH | C_DOT | C_DASH)) ||
           (at < line.n && line.p[at] && strchr("_~%+@*!$^", line.p[at]));
}

/* Behind the path of a request its query. */
static size_t query_end(struct span line, size_t at) {
    if (mask_char_at(line, at) != '?') return at;
    while (at < line.n && !ends_path(line.p[at]) && !(mask_class_at(line, at) & C_SPACE)) at++;
    return at;
}

/* A path may begin here: behind nothing, white space, an opening delimiter or a colon. */
static bool path_may_start(struct span line, size_t at) {
    if (at == 0 || (mask_class_at(line, at - 1) & C_SPACE)) return true;
    return strchr("([{<\"'`=,;|:", line.p[at - 1]) != NULL;
}

/* ".conf": a dot inside the last component, then up to five lower-case letters and digits, a letter first. */
static bool has_extension(struct span line, size_t last, size_t to) {
    size_t i = to;
    while (i > last && (mask_class_at(line, i - 1) & (C_LOWER | C_DIGIT))) i--;
    return i > last + 1 && line.p[i - 1] == '.' && to - i >= 1 && to - i <= 5 && (mask_class_at(line, i) & C_LOWER);
}

/* src/main.c, ../x, a/b/c/d: but and/or, text/html, nginx/1.25 and 0/1 are words. */
static bool is_relative_path(struct span line, size_t at, size_t to) {
    size_t slashes = 0, last = at;
    for (size_t i = at; i < to; i++)
        if (line.p[i] == '/') slashes++, last = i + 1;
    if (slashes == 0 || mask_char_at(line, to) == '(') return false; /* java.base/java.lang.Thread.run(…) */
    struct span path = span_sub(line, at, to);
    return slashes >= 3 || span_starts(path, SPAN_LIT("./")) || span_starts(path, SPAN_LIT("../")) ||
           span_starts(path, SPAN_LIT("~/")) || has_extension(line, last, to);
}

size_t mask_path(struct span line, size_t at, size_t end) {
    (void)end;
    if (!path_may_start(line, at)) return at;
    size_t to = at;
    while (is_path_byte(line, to)) to++;
    size_t query = query_end(line, to);
    to = mask_path_trim(line, at, query > to + 1 ? query : to);
    if (line.p[at] != '/') return is_relative_path(line, at, to) ? to : at;
    for (size_t i = at; i < to; i++)
        if (mask_class_at(line, i) & C_ALNUM) return to;
    return at;
}

static size_t win_run(struct span line, size_t at) {
    while (at < line.n && !ends_path(line.p[at]) && !(mask_class_at(line, at) & (C_SPACE | C_COLON))) at++;
    return at;
}

/* "C:\Program Files (x86)\x": a folder's name goes on behind a blank when it looks like a name and a backslash follows.
 */
static size_t win_spaced(struct span line, size_t at) {
    enum { NAME_MAX_BYTES = 24 };
    if (mask_char_at(line, at) != ' ' || !(mask_class_at(line, at + 1) & C_UPPER)) return at;
    for (size_t i = at + 1; i < line.n && i < at + NAME_MAX_BYTES; i++) {
        if (line.p[i] == '\\') return mask_class_at(line, i + 1) & C_ALNUM ? i + 1 : at;
        if (!(mask_class_at(line, i) & (C_ALNUM | C_DOT | C_DASH)) && !strchr(" ()", line.p[i])) return at;
    }
    return at;
}

/* Where a drive, a share or a registry hive begins at `at`: the end of its first part, or at. */
static size_t win_root(struct span line, size_t at) {
    char c = mask_char_at(line, at), next = mask_char_at(line, at + 1);
    if (c == '\\') {
        size_t host = mask_run(line, at + 2, C_ALNUM | C_DOT | C_DASH);
        return next == '\\' && host > at + 2 && mask_char_at(line, host) == '\\' ? host : at;
    }
    if (!(mask_class_at(line, at) & C_LETTER)) return at;
    if (next == ':') return strchr("\\/", mask_char_at(line, at + 2)) && at + 2 < line.n ? at + 3 : at;
    size_t hive = at;
    while ((mask_class_at(line, hive) & C_UPPER) || mask_char_at(line, hive) == '_') hive++;
    return c == 'H' && next == 'K' && mask_char_at(line, hive) == '\\' ? hive : at;
}

size_t mask_win_path(struct span line, size_t at, size_t end) {
    (void)end;
    if (!path_may_start(line, at)) return at;
    size_t root = win_root(line, at);
    if (root == at) return at;
    size_t to = win_run(line, root), more;
    while ((more = win_spaced(line, to)) > to) to = win_run(line, more);
    return mask_path_trim(line, root, to);
}
