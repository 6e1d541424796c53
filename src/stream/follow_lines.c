#include "stream/follow.h"

static void add_line(struct follow *s, const struct follow_file *f, struct chunk *c, struct span line, uint64_t place) {
    bool truncated = line.n > CHUNK_LINE_MAX;
    if (line.n > 0 && line.p[line.n - 1] == '\r') line.n--;
    struct origin *o = chunk_point(c, span_of(s->conf->source), span_sub(line, 0, CHUNK_LINE_MAX));
    o->file = span_of(f->name);
    o->place = place;
    o->truncated = truncated;
}

size_t follow_lines_take(struct follow *s, struct follow_file *f, struct chunk *c, struct span text, bool all) {
    size_t from = 0;
    while (c->batch.n < CHUNK_RECORDS && from < text.n) {
        const char *nl = memchr(text.p + from, '\n', text.n - from);
        size_t n = nl ? (size_t)(nl - text.p) - from : text.n - from;
        if (!nl && !all && n < CHUNK_LINE_MAX && !f->skipping) break; /* it may go on */
        if (!f->skipping) add_line(s, f, c, span_sub(text, from, from + n), f->at + from);
        f->skipping = !nl && !all;
        from += n + (nl != NULL);
    }
    return from;
}
