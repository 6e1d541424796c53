#include "cmd/local.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/thread.h"
#include "app/state_dir.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,        /* between two looks at the child */
    HEALTH_MS = 2000,     /* between two questions whether it is well, once it is ready */
    UNWELL_MAX = 15,      /* unanswered ones in a row: it hangs */
    PROBE_MS = 1000,      /* for the answer to one */
    LOAD_MS_MAX = 600000, /* for loading the model */
    STEADY_MS = 60000,    /* ready for so long: failures before it are forgotten */
    BACKOFF_MS = 1000,
    BACKOFF_MS_MAX = 60000,
    END_MS = 5000,   /* between asking it to end and ending it */
    FILES_MAX = 256, /* it may have open */
    NICE = 5,
    ARGS_MAX = 40,
};

struct local {
    struct local_opts opts;
    char url[64], number[3][16];
    const char *argv[ARGS_MAX];
    unsigned port, failures;
    pthread_t thread;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t changed;
    enum local_state state;
    bool stopping;
    pid_t pid;
};

/* ---- state ---- */

static struct timespec in_ms(unsigned ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
    return t;
}

static void local_set_state(struct local *l, enum local_state state, pid_t pid) {
    pthread_mutex_lock(&l->lock);
    l->state = state;
    l->pid = pid;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* True: we are to end. */
static bool sleep_ms(struct local *l, unsigned ms) {
    struct timespec until = in_ms(ms);
    pthread_mutex_lock(&l->lock);
    while (!l->stopping && pthread_cond_timedwait(&l->changed, &l->lock, &until) == 0)
        ;
    bool stopping = l->stopping;
    pthread_mutex_unlock(&l->lock);
    return stopping;
}

enum local_state local_wait(struct local *l, unsigned wait_ms) {
    struct timespec until = in_ms(wait_ms);
    pthread_mutex_lock(&l->lock);
    while (l->state == LOCAL_LOADING && pthread_cond_timedwait(&l->changed, &l->lock, &until) == 0)
        ;
    enum local_state state = l->state;
    pthread_mutex_unlock(&l->lock);
    return state;
}

int local_pid(struct local *l) {
    pthread_mutex_lock(&l->lock);
    int pid = l->pid;
    pthread_mutex_unlock(&l->lock);
    return pid;
}

const char *local_url(const struct local *l) {
    return l->url;
}

/* ---- the child ---- */

static void limit(int what, rlim_t most) {
    struct rlimit r = {most, most};
    setrlimit((__rlimit_resource_t)what, &r);
}

/* Between fork and exec: only what is safe there. It gets no secret of ours: neither environment nor open files. */
static void become_server(const struct local *l, pid_t parent) {
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", home[] = "HOME=/nonexistent";
    char *const environment[] = {path, home, NULL};
    union {
        const char *const *ours;
        char *const *execs;
    } argv = {.ours = l->argv};
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (getppid() != parent) _exit(127); /* we died meanwhile */
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, FILES_MAX);
    limit(RLIMIT_AS, l->opts.memory_max);
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO); /* stdout is for answers */
    close_range(3, ~0U, 0);
    if (setpriority(PRIO_PROCESS, 0, NICE) != 0) _exit(127);
    execve(l->argv[0], argv.execs, environment);
    _exit(127);
}

/* Asks the server how it is. True: it is well. */
static bool is_well(const struct local *l) {
    static const char ASK[] = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    struct timeval most = {.tv_sec = PROBE_MS / 1000};
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char answer[16] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    bool well = connect(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
                send(fd, ASK, sizeof ASK - 1, MSG_NOSIGNAL) == (ssize_t)sizeof ASK - 1 &&
                recv(fd, answer, 12, MSG_WAITALL) == 12 && memcmp(answer + 8, " 200", 4) == 0;
    close(fd);
    return well;
}

static bool has_ended(pid_t pid, int *status) {
    return waitpid(pid, status, WNOHANG) == pid;
}

static void local_end(pid_t pid) {
    int status;
    kill(pid, SIGTERM);
    for (unsigned ms = 0; ms < END_MS; ms += LOOK_MS) {
        if (has_ended(pid, &status)) return;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
}

static void tell_end(const struct local *l, int status) {
    if (WIFSIGNALED(status))
        log_warn("local.ended", "%s was killed by signal %d", l->argv[0], WTERMSIG(status));
    else
        log_warn("local.ended", "%s ended with status %d%s", l->argv[0], WEXITSTATUS(status),
                 WEXITSTATUS(status) == 127 ? ": it could not be run" : "");
}

struct watch {
    uint64_t begun_ns, ready_ns, asked_ns;
    unsigned unwell; /* times in a row that it did not answer */
};

/* A look at a child that runs. True: it hangs. */
static bool hangs(struct local *l, struct watch *w, pid_t pid) {
    uint64_t now_ns = clock_now_ns(NULL);
    if (w->ready_ns && now_ns - w->ready_ns > clock_ns_of_ms(STEADY_MS)) l->failures = 0;
    if (w->ready_ns && now_ns - w->asked_ns < clock_ns_of_ms(HEALTH_MS)) return false;
    w->asked_ns = now_ns;
    bool well = is_well(l);
    w->unwell = well ? 0 : w->unwell + 1;
    if (well && !w->ready_ns) {
        w->ready_ns = now_ns;
        local_set_state(l, LOCAL_READY, pid);
    }
    if (w->ready_ns ? w->unwell < UNWELL_MAX : now_ns - w->begun_ns < clock_ns_of_ms(LOAD_MS_MAX)) return false;
    log_warn("local.hangs", "%s does not answer any more", l->argv[0]);
    return true;
}

/* Until the child ends, hangs, or we are to end; it is gone then. */
static void look_after(struct local *l, pid_t pid) {
    struct watch w = {.begun_ns = clock_now_ns(NULL)};
    for (int status = 0;;) {
        if (has_ended(pid, &status)) {
            tell_end(l, status);
            return;
        }
        if (sleep_ms(l, LOOK_MS) || hangs(l, &w, pid)) {
            local_end(pid);
            return;
        }
    }
}

/* Starts it again and again, after pauses that double, until it fails too often or we are to end. */
static void *local_main(void *arg) {
    struct local *l = arg;
    for (;;) {
        pid_t us = getpid(), pid = fork();
        if (pid == 0) become_server(l, us);
        local_set_state(l, LOCAL_LOADING, pid > 0 ? pid : 0);
        if (pid > 0) look_after(l, pid);
        bool failed = ++l->failures >= LOCAL_FAILURES_MAX;
        local_set_state(l, failed ? LOCAL_FAILED : LOCAL_LOADING, 0);
        uint64_t wait_ms = (uint64_t)l->opts.backoff_ms << (l->failures - 1);
        if (failed || sleep_ms(l, wait_ms < BACKOFF_MS_MAX ? (unsigned)wait_ms : BACKOFF_MS_MAX)) return NULL;
    }
}

/* ---- open ---- */

bool local_find_server(const char *named, char *out, size_t size, struct err *e) {
    static const char *const ON_PATH[] = {"/usr/local/bin/llama-server", "/usr/bin/llama-server"};
    if (named && named[0]) {
        if (snprintf(out, size, "%s", named) < (int)size && access(out, X_OK) == 0) return true;
        return err_set(e, ERR_IO, "%s: is no program that can be run", named);
    }
    if (state_dir_path("llama/llama-server", out, size) && access(out, X_OK) == 0) return true;
    for (size_t i = 0; i < sizeof ON_PATH / sizeof ON_PATH[0]; i++)
        if (access(ON_PATH[i], X_OK) == 0) return snprintf(out, size, "%s", ON_PATH[i]) < (int)size;
    return err_set(e, ERR_IO, "llama-server is not there: 'logclass llm local --build' builds it, --server names one");
}

static bool check_model(struct local *l, struct err *e) {
    const char *path = l->opts.model;
    struct stat st;
    char magic[4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
        if (fd >= 0) close(fd);
        return false;
    }
    bool is_gguf = S_ISREG(st.st_mode) && read(fd, magic, 4) == 4 && memcmp(magic, "GGUF", 4) == 0;
    close(fd);
    if (!l->opts.memory_max) l->opts.memory_max = 2 * (uint64_t)st.st_size + ((uint64_t)4 << 30);
    return is_gguf || err_set(e, ERR_INPUT, "%s: is no GGUF file", path);
}

/* Finds out whether the port is free, or which one is. */
static bool choose_port(struct local *l, struct err *e) {
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)l->opts.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
              getsockname(fd, (struct sockaddr *)&at, &n) == 0;
    if (!ok) err_set(e, ERR_IO, "127.0.0.1 port %u: %s", l->opts.port, strerror(errno));
    if (fd >= 0) close(fd);
    l->port = ntohs(at.sin_port);
    return ok;
}

static const char *local_number(char out[16], unsigned n) {
    snprintf(out, 16, "%u", n);
    return out;
}

/* One question at a time, nothing but answers to them, nothing over the network; models that think do not. */
static void write_arguments(struct local *l) {
    const struct local_opts *o = &l->opts;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = o->threads ? o->threads : cores > 2 ? (unsigned)cores - 1 : 1;
    const char *t = local_number(l->number[0], threads);
    const char *const all[] = {
        o->server,
        "--model",
        o->model,
        "--host",
        "127.0.0.1",
        "--port",
        local_number(l->number[1], l->port),
        "--threads",
        t,
        "--threads-batch",
        t,
        "--threads-http",
        "2",
        "--poll",
        "0",
        "--ctx-size",
        local_number(l->number[2], o->context),
        "--parallel",
        "1",
        "--cache-ram",
        "256",
        "--offline",
        "--no-ui",
        "--no-slots",
        "--cors-origins",
        "localhost",
        "--reasoning-budget",
        "0",
        "--log-colors",
        "off",
        "--log-verbosity",
        o->verbose ? "3" : "2",
    };
    _Static_assert(sizeof all / sizeof all[0] < ARGS_MAX, "room for the end");
    memcpy(l->argv, all, sizeof all);
}

struct local *local_open(const struct local_opts *o, struct err *e) {
    struct local *l = must_calloc(1, sizeof *l);
    l->opts = *o;
    if (!l->opts.backoff_ms) l->opts.backoff_ms = BACKOFF_MS;
    if (!check_model(l, e) || !choose_port(l, e)) {
        free(l);
        return NULL;
    }
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&l->changed, &a);
    pthread_condattr_destroy(&a);
    pthread_mutex_init(&l->lock, NULL);
    snprintf(l->url, sizeof l->url, "http://127.0.0.1:%u/v1", l->port);
    write_arguments(l);
    l->thread = thread_start(local_main, l);
    return l;
}

void local_close(struct local *l) {
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
