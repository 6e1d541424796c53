#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048, MESSAGE_MAX_BYTES = 1024 };
_Static_assert(LINE_MAX_BYTES + MESSAGE_MAX_BYTES <= 4096, "a pipe that poll calls writable takes a line whole");

static struct {
    pthread_mutex_t lock;
    _Atomic enum log_level least;
    atomic_bool json;
    uint64_t window_s; /* the second that `said` counts */
    unsigned said;
    uint64_t dropped; /* since a line last told of them */
    _Atomic uint64_t lost;
} g_log = {.lock = PTHREAD_MUTEX_INITIALIZER, .least = LOG_INFO};

static const char *const LEVEL[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level least, bool json) {
    g_log.least = least;
    g_log.json = json;
}

/* Quoted for both forms: JSON's escapes are fine in key=value text too. */
static void quote(char *out, size_t size, const char *s) {
    size_t n = 0;
    for (; *s && n + 8 < size; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            n += (size_t)snprintf(out + n, size - n, "\\u%04x", c);
        } else {
            out[n++] = (char)c;
        }
    }
    out[n] = '\0';
}

/* Writes a line without waiting; false: there is no room for it. stderr is not made non-blocking, because others share
 * it: a socket is asked not to wait, a pipe with room for a page is known to take a line. (Where another process fills
 * the pipe between the two calls, or on a terminal that is stopped, the write may wait all the same.) */
static bool log_put_bytes(const char *line, size_t n) {
    if (send(STDERR_FILENO, line, n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    if (errno != ENOTSOCK) return true; /* stderr is gone: there is nowhere to say so */
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&room, 1, 0) == 0) return false;
    return write(STDERR_FILENO, line, n) >= 0 || errno != EAGAIN;
}

static bool log_put_line(enum log_level level, const char *event, const char *message) {
    char quoted[MESSAGE_MAX_BYTES * 2], line[LINE_MAX_BYTES + MESSAGE_MAX_BYTES];
    quote(quoted, sizeof quoted, message);
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    char ts[40];
    strftime(ts, sizeof ts, "%Y-%m-%dT%H:%M:%S", &utc);
    const char *form = g_log.json ? "{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",\"event\":\"%s\",\"msg\":\"%s\"}\n"
                                  : "ts=%s.%03ldZ level=%s event=%s msg=\"%s\"\n";
    int n = snprintf(line, sizeof line, form, ts, now.tv_nsec / 1000000L, LEVEL[level], event, quoted);
    if (n < 0) return true;
    size_t bytes = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    return log_put_bytes(line, bytes);
}

void log_write(enum log_level level, const char *event, const char *fmt, ...) {
    if (level < g_log.least) return;
    char message[MESSAGE_MAX_BYTES], note[64];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    uint64_t second = clock_now_ns(NULL) / 1000000000u;
    pthread_mutex_lock(&g_log.lock);
    if (second != g_log.window_s) {
        snprintf(note, sizeof note, "%llu lines were not written", (unsigned long long)g_log.dropped);
        if (g_log.dropped && log_put_line(LOG_WARN, "log.dropped", note)) g_log.dropped = 0;
        g_log.window_s = second;
        g_log.said = 0;
    }
    if (g_log.said++ >= LOG_BURST || !log_put_line(level, event, message)) {
        g_log.dropped++;
        atomic_fetch_add(&g_log.lost, 1);
    }
    pthread_mutex_unlock(&g_log.lock);
}

uint64_t log_lost(void) {
    return atomic_load(&g_log.lost);
}
