/* sink_top: counts answers by kind of line instead of writing them. */
#ifndef STREAM_SINK_TOP_H
#define STREAM_SINK_TOP_H

#include "base/arena.h"
#include "base/index.h"
#include "data/reason.h"
#include "stream/sink.h"
#include "stream/writer_filter.h"

enum top_by { TOP_BY_TEMPLATE, TOP_BY_LABEL, TOP_BY_SOURCE };
enum { TOP_KINDS_MAX = 1 << 20, TOP_TIME_BYTES = 40, TOP_EXAMPLE_BYTES = 512 };

/* Where and when a line of a kind was met; time: as the line begins with it, "" where it does not. */
struct top_place {
    const char *file;
    uint64_t line;
    char time[TOP_TIME_BYTES];
};

struct top_kind {
    uint64_t lines;
    uint8_t label;
    enum reason reason;
    struct span template, source, example; /* empty where they are not what is counted by */
    struct top_place first, last;
};

/* Filled by the sink's thread; the caller's after the flow is closed. */
struct top {
    enum top_by by;
    struct writer_filter filter;
    uint64_t lines, counted; /* read; and of them taken by the filter */
    uint64_t rest;           /* of more kinds than TOP_KINDS_MAX */
    struct top_kind *kind;
    size_t kinds;
    /* private */
    size_t room;
    struct index index;
    struct arena text;
};

void top_init(struct top *t, enum top_by by, const struct writer_filter *filter);
void top_release(struct top *t);
void top_sort(struct top *t); /* the most frequent first; equals in the order in which they were met */

#endif
