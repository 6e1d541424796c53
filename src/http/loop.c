#include "http/loop.h"

#include "base/clock.h"
#include "base/must.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000 };

/* ---- posts ---- */

void loop_wake(struct loop *l) {
    uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof one);
    (void)n; /* EAGAIN: the counter is full, so the loop is awake */
}

void loop_post(struct loop *l, struct loop_post *p) {
    pthread_mutex_lock(&l->posts_lock);
    bool was_empty = l->posts == NULL;
    p->next = l->posts;
    l->posts = p;
    pthread_mutex_unlock(&l->posts_lock);
    if (was_empty) loop_wake(l);
}

/* All that was posted, oldest first. */
static struct loop_post *take_posts(struct loop *l) {
    pthread_mutex_lock(&l->posts_lock);
    struct loop_post *newest = l->posts, *list = NULL;
    l->posts = NULL;
    pthread_mutex_unlock(&l->posts_lock);
    while (newest) {
        struct loop_post *p = newest;
        newest = p->next;
        p->next = list;
        list = p;
    }
    return list;
}

void loop_run_posts(struct loop *l) {
    for (struct loop_post *p = take_posts(l), *next; p; p = next) {
        next = p->next; /* it may be posted anew by what it runs */
        p->run(p->self);
    }
}

static void on_wake(void *self, unsigned events) {
    struct loop *l = self;
    uint64_t count;
    ssize_t n = read(l->wake_fd, &count, sizeof count);
    (void)n, (void)events; /* nothing to read: woken twice for the same */
    loop_run_posts(l);
}

/* ---- descriptors ---- */

bool loop_watch(struct loop *l, int fd, unsigned events, struct loop_source *s) {
    struct epoll_event ev = {.events = events, .data.ptr = s};
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

bool loop_watch_again(struct loop *l, int fd, unsigned events, struct loop_source *s) {
    struct epoll_event ev = {.events = events, .data.ptr = s};
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, fd, &ev) == 0;
}

/* ---- turns ---- */

/* Milliseconds to the next deadline, rounded up; -1: there is none. */
static int ms_to_next(const struct loop *l) {
    uint64_t next = timer_next_ns(&l->timers);
    if (next == UINT64_MAX) return -1;
    return next <= l->now_ns ? 0 : (int)((next - l->now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

void loop_wait(struct loop *l, int wait_ms_max) {
    int ms = ms_to_next(l);
    if (wait_ms_max >= 0 && (ms < 0 || ms > wait_ms_max)) ms = wait_ms_max;
    l->events = epoll_wait(l->epoll_fd, l->event, LOOP_EVENTS_PER_TURN, ms);
    MUST(l->events >= 0 || errno == EINTR);
    l->now_ns = clock_now_ns(NULL);
}

void loop_dispatch(struct loop *l) {
    for (int i = 0; i < l->events; i++) {
        struct loop_source *s = l->event[i].data.ptr;
        s->ready(s->self, l->event[i].events);
    }
    timer_run(&l->timers, l->now_ns);
}

void loop_start_timer(struct loop *l, struct timer *t, unsigned time_ms) {
    timer_start(&l->timers, t, l->now_ns, time_ms);
}

bool loop_open(struct loop *l, struct err *e) {
    *l = (struct loop){.waking = {on_wake, l}, .now_ns = clock_now_ns(NULL)};
    pthread_mutex_init(&l->posts_lock, NULL);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return (l->epoll_fd >= 0 && l->wake_fd >= 0 && loop_watch(l, l->wake_fd, EPOLLIN, &l->waking)) ||
           err_set(e, ERR_IO, "event loop: %s", strerror(errno));
}

void loop_close(struct loop *l) {
    if (l->epoll_fd >= 0) close(l->epoll_fd);
    if (l->wake_fd >= 0) close(l->wake_fd);
    pthread_mutex_destroy(&l->posts_lock);
}
