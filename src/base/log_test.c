#include "base/log.h"

#include "base/check.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Writes lines to a stderr that nobody reads, through alarm: a write that waits kills the test. Gives what was lost. */
static uint64_t lost_into(const int end[2]) {
    int before = dup(STDERR_FILENO);
    char text[65536];
    uint64_t lost = log_lost();
    dup2(end[1], STDERR_FILENO);
    alarm(20);
    for (int i = 0; i < LOG_BURST - 50; i++) log_error("log.test", "%0800d", i); /* within the rate limit */
    fcntl(end[0], F_SETFL, O_NONBLOCK);
    while (read(end[0], text, sizeof text) > 0) /* the reader is back */
        ;
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    log_error("log.test", "later");
    alarm(0);
    ssize_t n = read(end[0], text, sizeof text - 1);
    dup2(before, STDERR_FILENO);
    close(before);
    text[n > 0 ? n : 0] = '\0';
    CHECK(strstr(text, "later") != NULL && strstr(text, "log.dropped") != NULL);
    close(end[0]);
    close(end[1]);
    return log_lost() - lost;
}

static void a_pipe_that_nobody_reads_stops_nobody(void) {
    int end[2];
    CHECK(pipe(end) == 0);
    CHECK(lost_into(end) > 0);
}

static void a_socket_that_nobody_reads_stops_nobody(void) {
    int end[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, end) == 0);
    int bytes = 4096;
    CHECK(setsockopt(end[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) == 0);
    CHECK(lost_into(end) > 0);
}

CHECK_MAIN(CHECK_TEST(a_pipe_that_nobody_reads_stops_nobody), CHECK_TEST(a_socket_that_nobody_reads_stops_nobody))
