/* loop, posts from other threads, and the helper thread. */
#include "http/loop_task.h"

#include "base/check.h"

#include <stdatomic.h>
#include <unistd.h>

static struct loop g_loop;

static bool begin(void) {
    struct err e = {0};
    CHECK(loop_open(&g_loop, &e));
    return e.code == ERR_OK;
}

static void turn(int ms) {
    loop_wait(&g_loop, ms);
    loop_dispatch(&g_loop);
}

static int g_ready;

static void note_ready(void *self, unsigned events) {
    char c;
    CHECK(events & EPOLLIN);
    CHECK(read(*(int *)self, &c, 1) == 1);
    g_ready++;
}

static void any_descriptor_can_be_watched(void) {
    if (!begin()) return;
    int fd[2][2];
    struct loop_source s[2];
    for (int i = 0; i < 2; i++) {
        CHECK(pipe(fd[i]) == 0);
        s[i] = (struct loop_source){note_ready, &fd[i][0]};
        CHECK(loop_watch(&g_loop, fd[i][0], EPOLLIN, &s[i]));
    }
    turn(0);
    CHECK_INT(g_ready, 0);
    CHECK(write(fd[1][1], "ab", 2) == 2);
    turn(1000);
    CHECK_INT(g_ready, 1);
    CHECK(write(fd[0][1], "a", 1) == 1);
    turn(1000);
    CHECK_INT(g_ready, 3);
    for (int i = 0; i < 2; i++) close(fd[i][0]), close(fd[i][1]);
    loop_close(&g_loop);
}

static int g_expired;

static void note_expired(void *self) {
    (void)self;
    g_expired++;
}

static void a_timer_ends_the_wait(void) {
    if (!begin()) return;
    struct timer t = {.expired = note_expired};
    loop_start_timer(&g_loop, &t, 20);
    for (int i = 0; i < 5 && g_expired == 0; i++) turn(5000); /* rounding may wake it a moment early */
    CHECK_INT(g_expired, 1);
    loop_close(&g_loop);
}

enum { THREADS = 8, POSTS = 5000 };

static struct poster {
    struct loop_post post[POSTS];
    int order; /* of the thread's posts, the next that is due */
    pthread_t thread;
} g_poster[THREADS];

static int g_run;

static void run_post(void *self) {
    struct poster *p = &g_poster[((char *)self - (char *)g_poster) / (long)sizeof *g_poster];
    CHECK(self == &p->post[p->order++]);
    g_run++;
}

static void *post_all(void *arg) {
    struct poster *p = arg;
    for (int i = 0; i < POSTS; i++) {
        p->post[i] = (struct loop_post){.run = run_post, .self = &p->post[i]};
        loop_post(&g_loop, &p->post[i]);
    }
    return NULL;
}

static void posts_of_many_threads_arrive_once_and_in_order(void) {
    if (!begin()) return;
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&g_poster[i].thread, NULL, post_all, &g_poster[i]) == 0);
    for (int idle = 0; g_run < THREADS * POSTS && idle < 10;) { /* no wake-up may be lost */
        int before = g_run;
        turn(1000);
        idle += g_run == before;
    }
    CHECK_INT(g_run, THREADS * POSTS);
    for (int i = 0; i < THREADS; i++) pthread_join(g_poster[i].thread, NULL);
    loop_close(&g_loop);
}

/* ---- loop_task ---- */

enum { TASKS_MAX = 4 };

static struct job {
    struct loop_task task;
    atomic_bool worked;
    bool came_back;
    pthread_t worker;
} g_job[100];

static atomic_bool g_held;

static void do_job(void *self) {
    struct job *j = self;
    while (atomic_load(&g_held)) usleep(1000);
    j->worker = pthread_self();
    atomic_store(&j->worked, true);
}

static void job_is_back(void *self) {
    struct job *j = self;
    CHECK(atomic_load(&j->worked) && !pthread_equal(j->worker, pthread_self()));
    CHECK(!j->came_back);
    j->came_back = true;
    g_run++;
}

static struct loop_task *new_job(int i) {
    g_job[i] = (struct job){.task = {.work = do_job, .loop = &g_loop}};
    g_job[i].task.self = g_job[i].task.post.self = &g_job[i];
    g_job[i].task.post.run = job_is_back;
    return &g_job[i].task;
}

static void work_is_done_elsewhere_and_comes_back(void) {
    struct loop_helper h;
    if (!begin()) return;
    loop_helper_open(&h, TASKS_MAX);
    g_run = 0;
    for (int i = 0; i < 100; i++) {
        struct loop_task *t = new_job(i);
        while (!loop_task(&h, t)) turn(10);
    }
    for (int i = 0; i < 100 && g_run < 100; i++) turn(1000);
    CHECK_INT(g_run, 100);
    loop_helper_close(&h);
    loop_close(&g_loop);
}

static void its_queue_is_bounded_and_is_finished_at_the_end(void) {
    struct loop_helper h;
    if (!begin()) return;
    loop_helper_open(&h, TASKS_MAX);
    atomic_store(&g_held, true);
    g_run = 0;
    int taken = 0;
    while (taken < 50 && loop_task(&h, new_job(taken))) taken++, usleep(5000);
    CHECK_INT(taken, TASKS_MAX + 1); /* one is in work */
    atomic_store(&g_held, false);
    loop_helper_close(&h);
    loop_run_posts(&g_loop);
    CHECK_INT(g_run, taken);
    loop_close(&g_loop);
}

CHECK_MAIN(CHECK_TEST(any_descriptor_can_be_watched), CHECK_TEST(a_timer_ends_the_wait),
           CHECK_TEST(posts_of_many_threads_arrive_once_and_in_order),
           CHECK_TEST(work_is_done_elsewhere_and_comes_back),
           CHECK_TEST(its_queue_is_bounded_and_is_finished_at_the_end))
