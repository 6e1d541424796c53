#include "base/log.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048, MESSAGE_MAX_BYTES = 1024 };

static struct {
    pthread_mutex_t lock;
    _Atomic enum log_level least;
    atomic_bool json;
    uint64_t window_s; /* the second that `said` counts */
    unsigned said, dropped;
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

static void log_put_line(enum log_level level, const char *event, const char *message) {
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
    if (n < 0) return;
    size_t bytes = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    if (write(STDERR_FILENO, line, bytes) < 0) return; /* stderr is gone: there is nowhere to say so */
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
        if (g_log.dropped) {
            snprintf(note, sizeof note, "%u lines were not written", g_log.dropped);
            log_put_line(LOG_WARN, "log.dropped", note);
        }
        g_log.window_s = second;
        g_log.said = g_log.dropped = 0;
    }
    if (g_log.said < LOG_BURST) {
        g_log.said++;
        log_put_line(level, event, message);
    } else {
        g_log.dropped++;
    }
    pthread_mutex_unlock(&g_log.lock);
}
