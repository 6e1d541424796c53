/* event: which lines belong together: a stack trace is one event. Java and its kin, Python, Go, Node, .NET, Ruby, Rust
 * and PHP are known by their shapes; of others, lines that are indented belong to the one before them that is not.
 * Pure. */
#ifndef TEXT_EVENT_H
#define TEXT_EVENT_H

#include "base/span.h"

enum { EVENT_LINES_MAX = 500 };

enum event_kind { EVENT_PLAIN, EVENT_PYTHON, EVENT_PYTHON_SAID, EVENT_GO, EVENT_RUST, EVENT_RUST_HEAD, EVENT_PHP };

/* The lines of one event so far. */
struct event {
    enum event_kind kind;
    unsigned lines;
    bool indented; /* the first one is: nothing joins it for that alone */
    bool inside;   /* the last one was indented */
    bool frame;    /* the last one only says where, not what: it is not judged */
};

enum event_next {
    EVENT_ENDS,    /* the line is the first of the next event */
    EVENT_GOES_ON, /* the line belongs to it; the event knows of it now */
    EVENT_ASKS,    /* that depends on the line after it, which is not there yet */
};

struct event event_begin(struct span line);

/* after: the line behind it; p == NULL: it is not there yet. */
enum event_next event_take(struct event *ev, struct span line, struct span after);

/* Could more lines belong to what so far is one line? Then it is worth a little waiting; other lines go at once. */
bool event_may_go_on(const struct event *ev, struct span first_line);

#endif
