/* loop_task: work that may block or take long, off the loops: one helper thread does it, one task after the other, and
 * posts each back to the loop that it came from. */
#ifndef HTTP_LOOP_TASK_H
#define HTTP_LOOP_TASK_H

#include "base/queue.h"
#include "http/loop.h"

/* Lies in the struct of whoever asks. From loop_task until post.run is called it belongs to the helper. */
struct loop_task {
    void (*work)(void *self); /* on the helper's thread */
    void *self;
    struct loop *loop;
    struct loop_post post; /* run on the loop's thread when the work is done */
};

struct loop_helper {
    bool open;
    struct queue queue; /* of struct loop_task * */
    pthread_t thread;
};

void loop_helper_open(struct loop_helper *h, size_t tasks_max); /* tasks_max: that wait at the same time */

/* From any thread. False: tasks_max wait already; nothing happens. */
bool loop_task(struct loop_helper *h, struct loop_task *t);

/* Finishes what was taken, posts included, then ends. No other thread may call loop_task any more. Again
 * is fine. */
void loop_helper_close(struct loop_helper *h);

#endif
