#include "api/learner.h"

#include "base/json_out.h"
#include "base/must.h"
#include "base/thread.h"
#include "base/unconst.h"
#include "metrics/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROGRESS_FD = 3, LINE_MAX_BYTES = 256, NICENESS = 10, PIPES = 3 };

enum learner_state { LEARNER_IDLE, LEARNER_RUNNING, LEARNER_DONE, LEARNER_FAILED, LEARNER_STOPPED };

static const char *const STATE_NAMES[] = {"idle", "running", "done", "failed", "stopped"};

struct learner {
    struct learner_opts o;
    pthread_mutex_t lock;
    enum learner_state state;
    bool stop, thread_begun;
    pthread_t thread;
    pid_t child; /* 0: none, or it has ended */
    unsigned seq;
    char by[LEARNER_BY_MAX], doing[32];
    uint64_t done, total;
    time_t started, doing_since;
    struct buf result, said; /* its stdout and the end of its stderr */
};

/* A running child, and what comes out of it: standard output, standard error, progress. */
struct learner_child {
    struct learner *l;
    pid_t pid;
    int fd[PIPES];
};

/* ---- the child ---- */

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void fill_args(const struct learner *l, const char *const *first, char *argv[LEARNER_ARGS_MAX]) {
    size_t n = 0;
    argv[n++] = unconst(l->o.program);
    argv[n++] = unconst("learn");
    for (size_t i = 0; first[i] && n + 1 < LEARNER_ARGS_MAX; i++) argv[n++] = unconst(first[i]);
    for (size_t i = 0; l->o.args[i] && n + 1 < LEARNER_ARGS_MAX; i++) argv[n++] = unconst(l->o.args[i]);
    argv[n] = NULL;
}

/* The child's descriptors: nothing to read, and the pipes. All of ours are closed on exec. */
static bool spawn(char **argv, const int to[PIPES], pid_t *pid) {
    extern char **environ;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, all;
    sigemptyset(&none), sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, to[0], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, to[1], STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&files, to[2], PROGRESS_FD);
    posix_spawnattr_setsigmask(&how, &none); /* our threads block them all */
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    int failed = posix_spawn(pid, argv[0], &files, &how, argv, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    errno = failed;
    return failed == 0;
}

/* A pipe whose ends stand above the numbers that the child is given, so that none is overwritten before it is copied.
 */
static bool open_pipe(int *from, int *to) {
    int raw[2];
    if (pipe2(raw, O_CLOEXEC) != 0) return false;
    *from = fcntl(raw[0], F_DUPFD_CLOEXEC, PROGRESS_FD + 1);
    *to = fcntl(raw[1], F_DUPFD_CLOEXEC, PROGRESS_FD + 1);
    close(raw[0]), close(raw[1]);
    return *from >= 0 && *to >= 0;
}

static bool child_open(struct learner *l, const char *const *first, struct learner_child *c, struct err *e) {
    char *argv[LEARNER_ARGS_MAX];
    int to[PIPES] = {-1, -1, -1};
    *c = (struct learner_child){l, 0, {-1, -1, -1}};
    fill_args(l, first, argv);
    bool ok = true;
    for (int i = 0; i < PIPES && ok; i++) ok = open_pipe(&c->fd[i], &to[i]);
    ok = ok && spawn(argv, to, &c->pid);
    if (!ok) err_set(e, ERR_IO, "learning can't be begun: %s: %s", l->o.program, strerror(errno));
    for (int i = 0; i < PIPES; i++) {
        close_fd(&to[i]);
        if (!ok) close_fd(&c->fd[i]);
    }
    return ok;
}

/* Waits until it has ended, and says how. *pid is set to 0, under the lock, before its number is free again. */
static int child_wait(struct learner_child *c, pid_t *pid) {
    siginfo_t ended;
    int status = -1;
    while (waitid(P_PID, (id_t)c->pid, &ended, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&c->l->lock);
    *pid = 0;
    waitpid(c->pid, &status, 0);
    pthread_mutex_unlock(&c->l->lock);
    for (int i = 0; i < PIPES; i++) close_fd(&c->fd[i]);
    return status;
}

/* ---- what comes out of it ---- */

/* {"doing":"…","done":N,"total":N} */
static void take_progress(struct learner *l, struct span line) {
    char doing[32], text[LINE_MAX_BYTES];
    uint64_t done, total;
    snprintf(text, sizeof text, "%.*s", (int)(line.n < sizeof text - 1 ? line.n : sizeof text - 1), line.p);
    if (sscanf(text, "{\"doing\":\"%31[a-z ]\",\"done\":%" SCNu64 ",\"total\":%" SCNu64 "}", doing, &done, &total) != 3)
        return;
    pthread_mutex_lock(&l->lock);
    if (strcmp(doing, l->doing) != 0) l->doing_since = time(NULL);
    snprintf(l->doing, sizeof l->doing, "%s", doing);
    l->done = done, l->total = total;
    l->seq++;
    pthread_mutex_unlock(&l->lock);
}

static void take_lines(struct learner *l, struct buf *pending) {
    struct span rest = buf_span(pending);
    while (rest.n > 0 && memchr(rest.p, '\n', rest.n)) take_progress(l, span_take_line(&rest));
    buf_drop_front(pending, pending->n - rest.n);
    if (pending->failed) buf_reset(pending);
}

/* Keeps the last bytes of what a buffer gets. */
static void keep_end(struct buf *b, const char *p, size_t n, size_t keep) {
    if (n > keep) p += n - keep, n = keep;
    if (b->n + n > keep) buf_drop_front(b, b->n + n - keep);
    buf_put(b, p, n);
}

/* Reads all three until they are at their end. out: standard output; said: the end of standard error. */
static void child_read(struct learner_child *c, struct buf *out, struct buf *said) {
    struct buf pending;
    char bytes[4096];
    buf_init(&pending, 4 * LINE_MAX_BYTES + sizeof bytes);
    for (int open = PIPES; open > 0;) {
        struct pollfd wait[PIPES];
        for (int i = 0; i < PIPES; i++) wait[i] = (struct pollfd){.fd = c->fd[i], .events = POLLIN};
        if (poll(wait, PIPES, -1) < 0) continue;
        for (int i = 0; i < PIPES; i++) {
            if (!(wait[i].revents & (POLLIN | POLLHUP | POLLERR))) continue;
            ssize_t n = read(c->fd[i], bytes, sizeof bytes);
            if (n <= 0)
                close_fd(&c->fd[i]), open--;
            else if (i == 0)
                buf_put(out, bytes, (size_t)n);
            else if (i == 1)
                keep_end(said, bytes, (size_t)n, LEARNER_SAID_MAX);
            else
                buf_put(&pending, bytes, (size_t)n), take_lines(c->l, &pending);
        }
    }
    buf_release(&pending);
}

/* ---- one learning ---- */

static void *learner_main(void *arg) {
    struct learner_child *c = arg;
    struct learner *l = c->l;
    struct buf out, said;
    buf_init(&out, LEARNER_RESULT_MAX), buf_init(&said, LEARNER_SAID_MAX);
    child_read(c, &out, &said);
    int status = child_wait(c, &l->child);
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !out.failed;
    pthread_mutex_lock(&l->lock);
    metrics_gauge_set(METRIC_LEARN_RUNNING, 0, 0);
    l->state = ok ? LEARNER_DONE : l->stop ? LEARNER_STOPPED : LEARNER_FAILED;
    buf_release(&l->result), buf_release(&l->said);
    l->result = out, l->said = said;
    l->seq++;
    pthread_mutex_unlock(&l->lock);
    free(c);
    return NULL;
}

/* Locked. */
static bool learner_begin(struct learner *l, const char *by, struct err *e) {
    static const char *const FIRST[] = {"--json", "--candidate", "--progress-fd", "3", NULL};
    struct learner_child *c = must_calloc(1, sizeof *c);
    if (l->state == LEARNER_RUNNING || !child_open(l, FIRST, c, e)) {
        free(c);
        return l->state == LEARNER_RUNNING ? err_set(e, ERR_BUSY, "it is learning already, for %s", l->by) : false;
    }
    if (setpriority(PRIO_PROCESS, (id_t)c->pid, NICENESS) != 0) errno = 0; /* a sandbox may refuse it */
    if (l->thread_begun) pthread_join(l->thread, NULL);                    /* of the one before, which has ended */
    snprintf(l->by, sizeof l->by, "%s", by);
    snprintf(l->doing, sizeof l->doing, "reading");
    l->state = LEARNER_RUNNING, l->stop = false;
    metrics_gauge_set(METRIC_LEARN_RUNNING, 0, 1);
    l->done = l->total = 0;
    l->started = l->doing_since = time(NULL);
    l->child = c->pid;
    l->seq++;
    l->thread = thread_start(learner_main, c);
    return l->thread_begun = true;
}

bool learner_start(struct learner *l, const char *by, struct err *e) {
    pthread_mutex_lock(&l->lock);
    bool ok = learner_begin(l, by, e);
    pthread_mutex_unlock(&l->lock);
    return ok;
}

bool learner_stop(struct learner *l, struct err *e) {
    pthread_mutex_lock(&l->lock);
    bool runs = l->child > 0;
    if (runs) kill(-l->child, SIGKILL); /* a process group of its own */
    l->stop = l->stop || runs;
    pthread_mutex_unlock(&l->lock);
    return runs || err_set(e, ERR_INPUT, "nothing is being learnt");
}

bool learner_forget(struct learner *l, struct err *e) {
    pthread_mutex_lock(&l->lock);
    bool runs = l->state == LEARNER_RUNNING;
    if (!runs) l->state = LEARNER_IDLE, l->seq++;
    pthread_mutex_unlock(&l->lock);
    return !runs || err_set(e, ERR_BUSY, "it is learning; stop it first");
}

bool learner_count(struct learner *l, struct buf *out, struct err *e) {
    static const char *const FIRST[] = {"--json", "--count", NULL};
    struct learner_child c;
    struct buf said;
    pid_t pid;
    if (!child_open(l, FIRST, &c, e)) return false;
    buf_init(&said, LEARNER_SAID_MAX);
    child_read(&c, out, &said);
    int status = child_wait(&c, &pid);
    struct span why = span_trim(buf_span(&said)), text = span_trim(buf_span(out));
    bool ok = (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !out->failed) ||
              err_set(e, ERR_IO, "%.*s", (int)why.n, why.p ? why.p : "");
    out->n = text.n;
    buf_release(&said);
    return ok;
}

/* ---- what is told ---- */

static void put_progress(const struct learner *l, struct buf *out) {
    double seconds = (double)(time(NULL) - l->doing_since), left = 0;
    buf_puts(out, ",\"doing\":");
    json_out_string(out, span_of(l->doing));
    buf_printf(out, ",\"done\":%" PRIu64 ",\"total\":%" PRIu64, l->done, l->total);
    if (l->done > 0 && l->total >= l->done) left = seconds * (double)(l->total - l->done) / (double)l->done;
    if (l->done > 0 && seconds >= 1)
        buf_printf(out, ",\"eta_s\":%.0f", left);
    else
        buf_puts(out, ",\"eta_s\":null");
}

static void put_text_or_null(struct buf *out, const char *name, struct span text, bool is_json) {
    buf_printf(out, ",\"%s\":", name);
    text = span_trim(text);
    if (text.n == 0)
        buf_puts(out, "null");
    else if (is_json)
        buf_put(out, text.p, text.n);
    else
        json_out_string(out, text);
}

void learner_json(struct learner *l, struct buf *out) {
    pthread_mutex_lock(&l->lock);
    bool begun = l->state != LEARNER_IDLE, failed = l->state == LEARNER_FAILED;
    buf_printf(out, "{\"state\":\"%s\"", STATE_NAMES[l->state]);
    put_text_or_null(out, "by", begun ? span_of(l->by) : (struct span){0}, false);
    if (l->state == LEARNER_RUNNING)
        put_progress(l, out);
    else
        buf_puts(out, ",\"doing\":null,\"done\":null,\"total\":null,\"eta_s\":null");
    if (begun)
        buf_printf(out, ",\"started\":%lld", (long long)l->started);
    else
        buf_puts(out, ",\"started\":null");
    put_text_or_null(out, "result", l->state == LEARNER_DONE ? buf_span(&l->result) : (struct span){0}, true);
    put_text_or_null(out, "error", failed ? buf_span(&l->said) : (struct span){0}, false);
    buf_putc(out, '}');
    pthread_mutex_unlock(&l->lock);
}

unsigned learner_seq(struct learner *l) {
    pthread_mutex_lock(&l->lock);
    unsigned seq = l->seq;
    pthread_mutex_unlock(&l->lock);
    return seq;
}

/* ---- life ---- */

struct learner *learner_open(const struct learner_opts *o) {
    struct learner *l = must_calloc(1, sizeof *l);
    l->o = *o;
    pthread_mutex_init(&l->lock, NULL);
    buf_init(&l->result, LEARNER_RESULT_MAX), buf_init(&l->said, LEARNER_SAID_MAX);
    return l;
}

void learner_close(struct learner *l) {
    struct err ignored;
    if (!l) return;
    learner_stop(l, &ignored);
    if (l->thread_begun) pthread_join(l->thread, NULL);
    pthread_mutex_destroy(&l->lock);
    buf_release(&l->result), buf_release(&l->said);
    free(l);
}
