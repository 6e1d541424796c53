#include "http/loop_task.h"

#include "base/thread.h"

static void *helper_main(void *arg) {
    struct loop_helper *h = arg;
    struct loop_task *t;
    while (queue_pop(&h->queue, &t, 1, -1) > 0) {
        t->work(t->self);
        loop_post(t->loop, &t->post);
    }
    return NULL;
}

void loop_helper_open(struct loop_helper *h, size_t tasks_max) {
    h->open = true;
    queue_init(&h->queue, tasks_max, sizeof(struct loop_task *));
    h->thread = thread_start(helper_main, h);
}

bool loop_task(struct loop_helper *h, struct loop_task *t) {
    return queue_try_push(&h->queue, &t, 1);
}

void loop_helper_close(struct loop_helper *h) {
    if (!h->open) return;
    h->open = false;
    queue_close(&h->queue);
    pthread_join(h->thread, NULL);
    queue_release(&h->queue);
}
