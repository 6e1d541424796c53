/* Any bytes as lines of a log: events hold all of them, none is longer than it may be, and what a container's line is
 * made of lies within it. */
#include "base/must.h"
#include "text/container.h"
#include "text/event.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_inside(struct span part, struct span whole) {
    MUST(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void check_container(struct span line) {
    struct container_line l;
    struct container_path p;
    if (container_parse_cri(line, &l))
        check_inside(l.time, line), check_inside(l.stream, line), check_inside(l.text, line);
    container_is_docker(line);
    if (container_parse_path(line, &p))
        check_inside(p.pod, line), check_inside(p.container, line), check_inside(p.id, line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct span all = {(const char *)data, n};
    struct event ev = {0};
    while (all.n > 0) {
        struct span line = span_take_line(&all), rest = all, after = all.n ? span_take_line(&rest) : (struct span){0};
        check_container(line);
        enum event_next next = ev.lines ? event_take(&ev, line, after) : EVENT_ENDS;
        MUST(next != EVENT_ASKS || !after.p);
        if (next != EVENT_GOES_ON) ev = event_begin(line);
        MUST(ev.lines >= 1 && ev.lines <= EVENT_LINES_MAX);
        if (line.n > 0) event_may_go_on(&ev, line);
    }
    return 0;
}
