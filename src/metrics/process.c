#include "base/file.h"
#include "base/log.h"
#include "metrics/table.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { PROC_FILE_MAX = 64 * 1024 };

static double seconds_of(struct timespec t) {
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double clock_seconds(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return seconds_of(t);
}

/* proc(5), /proc/self/stat: the fields after the command's name in brackets; 20 is num_threads, 22 starttime in ticks
 * since boot, 23 vsize in bytes, 24 rss in pages. */
struct proc_stat {
    unsigned long long threads, start_ticks, virtual_bytes, rss_pages;
};

static bool read_stat(struct proc_stat *out) {
    struct span text;
    struct err e;
    if (!file_read("/proc/self/stat", PROC_FILE_MAX, &text, &e)) return false;
    const char *p = memrchr(text.p, ')', text.n);
    bool ok =
        p && sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %llu %*d %llu %llu %llu",
                    &out->threads, &out->start_ticks, &out->virtual_bytes, &out->rss_pages) == 4;
    file_free(&text);
    return ok;
}

static unsigned count_fds(void) {
    DIR *d = opendir("/proc/self/fd");
    if (!d) return 0;
    unsigned n = 0;
    while (readdir(d)) n++;
    closedir(d);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

/* Wall-clock time of the start, fixed at the first scrape so that a clock step does not look like a restart. */
static double g_start_time;
static pthread_mutex_t g_start_lock = PTHREAD_MUTEX_INITIALIZER;

static double start_time(double uptime) {
    pthread_mutex_lock(&g_start_lock);
    if (g_start_time == 0) g_start_time = clock_seconds(CLOCK_REALTIME) - uptime;
    double t = g_start_time;
    pthread_mutex_unlock(&g_start_lock);
    return t;
}

void metrics_sample_process(void) {
    struct proc_stat st;
    metrics_gauge_set(METRIC_LOG_LOST, 0, (double)log_lost());
    if (read_stat(&st)) {
        double uptime = clock_seconds(CLOCK_BOOTTIME) - (double)st.start_ticks / (double)sysconf(_SC_CLK_TCK);
        metrics_gauge_set(METRIC_PROCESS_THREADS, 0, (double)st.threads);
        metrics_gauge_set(METRIC_PROCESS_VIRTUAL, 0, (double)st.virtual_bytes);
        metrics_gauge_set(METRIC_PROCESS_RSS, 0, (double)st.rss_pages * (double)sysconf(_SC_PAGESIZE));
        metrics_gauge_set(METRIC_PROCESS_START_TIME, 0, start_time(uptime));
        metrics_gauge_set(METRIC_UPTIME, 0, uptime);
    }
    struct rlimit fds;
    if (getrlimit(RLIMIT_NOFILE, &fds) == 0) metrics_gauge_set(METRIC_PROCESS_MAX_FDS, 0, (double)fds.rlim_cur);
    metrics_gauge_set(METRIC_PROCESS_OPEN_FDS, 0, count_fds());
    metrics_gauge_set(METRIC_PROCESS_CPU, 0, clock_seconds(CLOCK_PROCESS_CPUTIME_ID));
    metrics_gauge_set(METRIC_BUILD_INFO, 0, 1);
}
