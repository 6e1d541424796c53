/* push: a source that is pushed to: requests of the HTTP server whose records go through the flow, and which are
 * answered when the sink has them for good. Made before the streams, and freed after the server; in between it is open
 * while there is a flow. Any thread. */
#ifndef STREAM_PUSH_H
#define STREAM_PUSH_H

#include "base/err.h"
#include "base/span.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct flow;
struct push;
struct section;

enum push_kind { PUSH_OTLP, PUSH_LOKI, PUSH_KINDS };
enum push_form { PUSH_FORM_WIRE, PUSH_FORM_JSON };

enum push_result {
    PUSH_SENT,      /* the ticket's done comes, once */
    PUSH_EMPTY,     /* there was no record in it */
    PUSH_MALFORMED, /* e says how */
    PUSH_TOO_LARGE, /* e says what */
    PUSH_BUSY,      /* again later, or push_wait; e says why */
    PUSH_CLOSED     /* there is no such source */
};

/* One request on its way. */
struct push_ticket {
    void (*done)(void *self, bool safe); /* all of it is settled; on the sink's thread, must not wait */
    void (*room)(void *self); /* push_wait: it may be sent again; any thread, must not wait, nor call the push */
    void *self;
    atomic_uint open; /* private */
    atomic_bool lost; /* private */
    struct push_place {
        struct push_ticket *next;
        size_t bytes;
        unsigned need;    /* chunks that it asks for; 0: to wait is of no use */
        unsigned granted; /* chunks that are kept for it */
        bool had_turn;    /* and they were too few: it goes in front */
    } place;              /* private to push_queue */
};

struct push *push_new(enum push_kind kind);
void push_free(struct push *p); /* closed; NULL is fine */

/* From now on it takes requests. False: e says why. */
bool push_open(struct push *p, const struct section *s, struct flow *f, struct err *e);

void push_stop(struct push *p);                      /* takes nothing more */
bool push_wait_settled(struct push *p, int wait_ms); /* stopped: is everything settled? */
void push_close(struct push *p);                     /* stopped and settled; one that is not open is fine */

/* What push_send would say before it has seen anything: PUSH_SENT, PUSH_BUSY, PUSH_CLOSED. PUSH_SENT, too, where it
 * could wait with so many bytes. */
enum push_result push_admit(struct push *p, size_t bytes);

unsigned push_answer_ms(const struct push *p); /* how long an answer may wait; of one that is open */

/* After PUSH_BUSY: stands in line for room, with a request of so many bytes, which the caller keeps; t->room comes,
 * once, or push_leave. False: that would be of no use, since the sink stands or the process ends, or as many bytes
 * stand in line as may. Never waits. */
bool push_wait(struct push *p, struct push_ticket *t, size_t bytes);
bool push_leave(struct push *p, struct push_ticket *t);  /* false: t->room has been called */
void push_let_go(struct push *p, struct push_ticket *t); /* t->room came, and nothing will be sent; else nothing */

/* Decodes the request, unpacked, and sends its records, all or none. May take long and wait for the pipeline's queue:
 * not on a loop. The text is no longer needed when it returns. */
enum push_result push_send(struct push *p, struct span request, enum push_form form, struct push_ticket *t,
                           struct err *e);

#endif
