#include "stream/content.h"

#include <stdio.h>

static const struct content_kind {
    size_t at;
    struct span bytes;
    const char *what, *hint;
} KINDS[] = {
#define CONTENT(at, bytes, what, hint) {at, {bytes, sizeof(bytes) - 1}, what, hint},
#include "stream/content.def"
#undef CONTENT
};
enum { KINDS_N = sizeof KINDS / sizeof KINDS[0] };

static const struct {
    enum content content;
    struct span bytes;
} MARKS[] = {{CONTENT_UTF8_MARKED, {"\xef\xbb\xbf", 3}},
             {CONTENT_UTF16_LITTLE, {"\xff\xfe", 2}},
             {CONTENT_UTF16_BIG, {"\xfe\xff", 2}}};
enum { MARKS_N = sizeof MARKS / sizeof MARKS[0] };

static const struct content_kind *content_kind_of(struct span front) {
    for (size_t i = 0; i < KINDS_N; i++)
        if (front.n >= KINDS[i].at && span_starts(span_sub(front, KINDS[i].at, front.n), KINDS[i].bytes))
            return &KINDS[i];
    return NULL;
}

static size_t content_count(struct span front, bool only_nul) {
    size_t n = 0;
    for (size_t i = 0; i < front.n; i++) {
        unsigned char c = (unsigned char)front.p[i];
        n += only_nul ? c == 0 : c < 0x20 && !(c >= '\t' && c <= '\r') && c != 0x1b;
    }
    return n;
}

/* More bytes that no text has than a torn log may have. */
static bool is_full_of_controls(struct span front) {
    size_t controls = content_count(front, false);
    return controls >= 16 && controls * 20 > front.n;
}

size_t content_mark_bytes(enum content c) {
    for (size_t i = 0; i < MARKS_N; i++)
        if (MARKS[i].content == c) return MARKS[i].bytes.n;
    return 0;
}

enum content content_of(struct span front) {
    for (size_t i = 0; i < MARKS_N; i++)
        if (span_starts(front, MARKS[i].bytes)) return MARKS[i].content;
    return content_kind_of(front) || is_full_of_controls(front) ? CONTENT_BINARY : CONTENT_TEXT;
}

bool content_is_open(struct span front) {
    for (size_t i = 0; i < MARKS_N; i++)
        if (front.n < MARKS[i].bytes.n && span_starts(MARKS[i].bytes, front)) return true;
    for (size_t i = 0; i < KINDS_N; i++)
        if (KINDS[i].at == 0 && front.n < KINDS[i].bytes.n && span_starts(KINDS[i].bytes, front)) return true;
    return false;
}

bool content_refuse(struct span front, const char *name, struct err *e) {
    const struct content_kind *k = content_kind_of(front);
    if (!k && content_count(front, true) * 3 > front.n)
        return err_set(e, ERR_INPUT,
                       "%s: half of its bytes are NUL; is it UTF-16? iconv -f utf-16le %s | logclass classify", name,
                       name);
    if (!k) return err_set(e, ERR_INPUT, "%s: a binary file; --binary reads it all the same", name);
    const char *gap = strstr(k->hint, "%s");
    if (!gap) return err_set(e, ERR_INPUT, "%s: %s, not text; %s", name, k->what, k->hint);
    return err_set(e, ERR_INPUT, "%s: %s, not text; %.*s%s%s", name, k->what, (int)(gap - k->hint), k->hint, name,
                   gap + 2);
}
