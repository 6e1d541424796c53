/* Makes the n-th call of one kind fail, once or from then on: preloaded into the program as it is shipped, so that calls
 * of the libraries (SQLite, Hyperscan, curl) count too. With AddressSanitizer nothing can come before its malloc: there
 * FAULT_LINKED makes it a part of the program, by the linker's --wrap, and only the program's own calls count.
 *
 *     FAULT_KIND=malloc|read|write|sync|rename|mmap|thread|connect  FAULT_AT=N  FAULT_STICKY=1  FAULT_LOG=FILE
 *
 * The log tells how many calls of the kind there were and from where the first that failed was made. With FAULT_AT=0
 * nothing fails, and it tells the number of each call that comes from a place which none before it came from: two frames
 * of the program itself, so that what a library does for one call of ours is one place. Calls count from main on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { MALLOC, READ, WRITE, SYNC, RENAME, MMAP, THREAD, CONNECT, KINDS };
static const char *const NAMES[KINDS] = {"malloc", "read", "write", "sync", "rename", "mmap", "thread", "connect"};
static const int CAUSE[KINDS] = {ENOMEM, EIO, ENOSPC, EIO, EIO, ENOMEM, EAGAIN, ENETUNREACH};

static enum kind g_kind = KINDS;
static long g_at;
static bool g_sticky;
static int g_log = -1;
static atomic_long g_calls;
static atomic_bool g_said;
static __thread bool t_inside; /* dladdr and the like may allocate */

static void say(const char *text, int n) {
    if (g_log >= 0) syscall(SYS_write, g_log, text, n);
}

/* Where it failed, as FILE+OFFSET for addr2line; written by system calls of its own. */
static void say_place(void *from) {
    char text[512];
    Dl_info at;
    t_inside = true;
    if (!dladdr(from, &at)) at = (Dl_info){.dli_fname = "?", .dli_fbase = NULL};
    int n = snprintf(text, sizeof text, "place %s+0x%zx\n", at.dli_fname, (size_t)((char *)from - (char *)at.dli_fbase));
    say(text, n);
    t_inside = false;
}

/* ---- places ---- */

enum { SEEN = 1 << 16, DEEP = 24 };
static uintptr_t g_from, g_to; /* the program's code */
static uint64_t g_seen[SEEN];
static pthread_mutex_t g_seen_lock = PTHREAD_MUTEX_INITIALIZER;

static int find_program(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size, (void)unused;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
            g_from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            g_to = g_from + info->dlpi_phdr[i].p_memsz;
        }
    return 1; /* the first is the program */
}

/* from: where the call returns to; the frames before it are this file's. */
static uint64_t place_of(void *from) {
    void *frame[DEEP];
    uint64_t hash = 1;
    int n = backtrace(frame, DEEP), first = 0;
    while (first < n && frame[first] != from) first++;
    for (int i = first < n ? first : 0, ours = 0; i < n && ours < 2; i++) {
        uintptr_t at = (uintptr_t)frame[i];
        if (at < g_from || at >= g_to) continue;
        hash = (hash ^ at) * 0x9e3779b97f4a7c15u;
        ours++;
    }
    return hash;
}

static void note_place(long n, void *from) {
    char text[64];
    t_inside = true;
    uint64_t place = place_of(from);
    pthread_mutex_lock(&g_seen_lock);
    size_t i = place >> 48;
    while (g_seen[i] && g_seen[i] != place) i = (i + 1) % SEEN;
    bool new = !g_seen[i];
    g_seen[i] = place;
    pthread_mutex_unlock(&g_seen_lock);
    if (new) say(text, snprintf(text, sizeof text, "new %ld\n", n));
    t_inside = false;
}

static bool fails(enum kind kind, void *from) {
    if (kind != g_kind || t_inside) return false;
    long n = atomic_fetch_add(&g_calls, 1) + 1;
    if (g_at == 0) note_place(n, from);
    if (n != g_at && !(g_sticky && n > g_at && g_at > 0)) return false;
    if (!atomic_exchange(&g_said, true)) say_place(from);
    errno = CAUSE[kind];
    return true;
}

#define FAILS(kind) fails(kind, __builtin_return_address(0))

/* HOOK: the name that callers get; REAL: declares `real`, what they would have got. */
#ifdef FAULT_LINKED
#define HOOK(name) __wrap_##name
#define REAL(name) \
    extern __typeof__(name) __real_##name; \
    __typeof__(name) *real = __real_##name
#else
#define HOOK(name) name
#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#endif

/* ---- memory: preloaded, by glibc's own names, so that nothing is needed to find them ---- */

#ifdef FAULT_LINKED
#define MEMORY(name) __real_##name
#else
#define MEMORY(name) __libc_##name
#define __libc_aligned_alloc __libc_memalign
#endif

extern void *MEMORY(malloc)(size_t);
extern void *MEMORY(calloc)(size_t, size_t);
extern void *MEMORY(realloc)(void *, size_t);
extern void *MEMORY(aligned_alloc)(size_t, size_t);

void *HOOK(malloc)(size_t n) {
    return FAILS(MALLOC) ? NULL : MEMORY(malloc)(n);
}

void *HOOK(calloc)(size_t n, size_t size) {
    return FAILS(MALLOC) ? NULL : MEMORY(calloc)(n, size);
}

void *HOOK(realloc)(void *p, size_t n) {
    return FAILS(MALLOC) ? NULL : MEMORY(realloc)(p, n);
}

void *HOOK(aligned_alloc)(size_t align, size_t n) {
    return FAILS(MALLOC) ? NULL : MEMORY(aligned_alloc)(align, n);
}

int HOOK(posix_memalign)(void **out, size_t align, size_t n) {
    if (FAILS(MALLOC)) return ENOMEM;
    *out = MEMORY(aligned_alloc)(align, n);
    return *out ? 0 : ENOMEM;
}

/* ---- files ---- */

/* An eventfd or timerfd: to read or write one of these can't fail, and so it is not made to. */
static bool is_file(int fd) {
    struct stat st;
    return fstat(fd, &st) != 0 || (st.st_mode & S_IFMT) != 0;
}

#define WRAP(kind, type, name, parameters, arguments, failed) \
    type HOOK(name) parameters { \
        REAL(name); \
        return FAILS(kind) ? (type)failed : real arguments; \
    }

extern ssize_t __read_chk(int, void *, size_t, size_t);
extern ssize_t __pread_chk(int, void *, size_t, off_t, size_t);
extern ssize_t __pread64_chk(int, void *, size_t, off64_t, size_t);
extern void *mmap(void *, size_t, int, int, int, off_t);
extern void *mmap64(void *, size_t, int, int, int, off64_t);
extern int rename(const char *, const char *);

WRAP(READ, ssize_t, pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at), -1)
WRAP(READ, ssize_t, pread64, (int fd, void *p, size_t n, off64_t at), (fd, p, n, at), -1)
WRAP(READ, ssize_t, __pread_chk, (int fd, void *p, size_t n, off_t at, size_t room), (fd, p, n, at, room), -1)
WRAP(READ, ssize_t, __pread64_chk, (int fd, void *p, size_t n, off64_t at, size_t room), (fd, p, n, at, room), -1)
WRAP(WRITE, ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at), -1)
WRAP(WRITE, ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at), -1)
WRAP(SYNC, int, fsync, (int fd), (fd), -1)
WRAP(SYNC, int, fdatasync, (int fd), (fd), -1)
WRAP(RENAME, int, rename, (const char *from, const char *to), (from, to), -1)
WRAP(MMAP, void *, mmap, (void *p, size_t n, int prot, int flags, int fd, off_t at), (p, n, prot, flags, fd, at), -1)
WRAP(MMAP, void *, mmap64, (void *p, size_t n, int prot, int flags, int fd, off64_t at), (p, n, prot, flags, fd, at), -1)
WRAP(CONNECT, int, connect, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n), -1)

ssize_t HOOK(read)(int fd, void *p, size_t n) {
    REAL(read);
    return is_file(fd) && FAILS(READ) ? -1 : real(fd, p, n);
}

ssize_t HOOK(__read_chk)(int fd, void *p, size_t n, size_t room) {
    REAL(__read_chk);
    return is_file(fd) && FAILS(READ) ? -1 : real(fd, p, n, room);
}

/* What is said about a failure must be heard: stderr is not counted. */
ssize_t HOOK(write)(int fd, const void *p, size_t n) {
    REAL(write);
    return fd != STDERR_FILENO && is_file(fd) && FAILS(WRITE) ? -1 : real(fd, p, n);
}

int HOOK(pthread_create)(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg) {
    REAL(pthread_create);
    return FAILS(THREAD) ? EAGAIN : real(t, a, run, arg);
}

/* ---- from main to the end ---- */

static void say_count(void) {
    char text[64];
    say(text, snprintf(text, sizeof text, "calls %ld\n", atomic_load(&g_calls)));
}

void HOOK(_exit)(int status) {
    say_count();
    for (;;) syscall(SYS_exit_group, status);
}

static int (*g_main)(int, char **, char **);

static int begin(int argc, char **argv, char **env) {
    const char *kind = getenv("FAULT_KIND"), *at = getenv("FAULT_AT"), *log = getenv("FAULT_LOG");
    atexit(say_count);
    if (log) g_log = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    g_at = at ? atol(at) : 0;
    g_sticky = getenv("FAULT_STICKY") != NULL;
    dl_iterate_phdr(find_program, NULL);
    backtrace((void *[1]){NULL}, 1); /* the first call loads a library */
    for (unsigned k = 0; kind && k < KINDS; k++)
        if (strcmp(kind, NAMES[k]) == 0) g_kind = (enum kind)k;
    return g_main(argc, argv, env);
}

#ifdef FAULT_LINKED
extern int __real_main(int, char **, char **);

int __wrap_main(int argc, char **argv, char **env) {
    g_main = __real_main;
    return begin(argc, argv, env);
}
#else
int __libc_start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
int __libc_start_main(int (*program)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack) {
    REAL(__libc_start_main);
    g_main = program;
    return real(begin, argc, argv, init, fini, rtld_fini, stack);
}
#endif
