/* fixture: for tests of the server: one that runs, and a client on a plain socket. The site is the test's: here routes
 * that are enough to try HTTP itself; the API's tests bring their own (api/fixture.h). */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include "base/check.h"
#include "base/clock.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIXTURE_ANSWER_MAX = 4 << 20, FIXTURE_WAIT_MS = 30000 };

static struct {
    struct server *server;
    pthread_t thread;
    char answer[FIXTURE_ANSWER_MAX]; /* what fix_read read last, NUL-terminated */
    size_t answer_bytes;
    const char *body; /* in answer */
} fix;

static inline void *fix_server_main(void *arg) {
    struct err e = {0};
    CHECK(server_run(fix.server, &e));
    return arg;
}

/* Runs a server that was opened; NULL: it could not be. */
static inline bool fix_run(struct server *s, const struct err *e) {
    fix.server = s;
    if (!s) fprintf(stderr, "the server does not open: %s\n", e->msg);
    CHECK(s != NULL);
    if (!s) return false;
    CHECK(pthread_create(&fix.thread, NULL, fix_server_main, NULL) == 0);
    return true;
}

/* Stops it and waits until its drain is over; it is still to be closed. */
static inline void fix_stop(void) {
    server_stop(fix.server);
    pthread_join(fix.thread, NULL);
}

static inline int fix_connect(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server_port(fix.server))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

static char fix_later[FIXTURE_ANSWER_MAX]; /* bytes behind the answer read, and those that came while we wrote */
static size_t fix_later_bytes;

/* Once more after a signal: libFuzzer's clock is one. */
static inline int fix_poll(struct pollfd *p, int wait_ms) {
    int n;
    while ((n = poll(p, 1, wait_ms)) < 0 && errno == EINTR)
        ;
    return n;
}

/* Writes all, and takes what the server says meanwhile, so that neither waits for the other. */
static inline void fix_write(int fd, const char *p, size_t n) {
    while (n > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLIN | POLLOUT};
        if (fix_poll(&ready, FIXTURE_WAIT_MS) <= 0) return;
        if (!(ready.revents & POLLOUT)) {
            ssize_t r = recv(fd, fix_later + fix_later_bytes, sizeof fix_later - fix_later_bytes, MSG_DONTWAIT);
            if (r <= 0) return;
            fix_later_bytes += (size_t)r;
            continue;
        }
        ssize_t w = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (w <= 0) return; /* refused in the middle: the answer says why */
        p += w;
        n -= (size_t)w;
    }
}

static inline void fix_say(int fd, const char *text) {
    fix_write(fd, text, strlen(text));
}

/* Waits for more bytes; 0: the server has closed, -1: nothing came in time. */
static inline ssize_t fix_more(int fd, int wait_ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (fix_poll(&p, wait_ms) <= 0) return -1;
    ssize_t n = recv(fd, fix.answer + fix.answer_bytes, sizeof fix.answer - 1 - fix.answer_bytes, 0);
    if (n > 0) fix.answer_bytes += (size_t)n;
    fix.answer[fix.answer_bytes] = '\0';
    return n < 0 ? 0 : n;
}

/* Length of the whole answer at the front of fix.answer; 0: more is needed. is_head: it has no body. */
static inline size_t fix_whole(bool is_head) {
    const char *end = strstr(fix.answer, "\r\n\r\n");
    if (!end) return 0;
    fix.body = end + 4;
    size_t head = (size_t)(fix.body - fix.answer);
    if (is_head || strncmp(fix.answer, "HTTP/1.1 100", 12) == 0) return head;
    const char *length = strstr(fix.answer, "Content-Length: "),
               *chunks = strstr(fix.answer, "Transfer-Encoding: chunked");
    if (chunks && chunks < end) {
        size_t left = fix.answer_bytes - head;
        const char *last = memmem(fix.body, left, "\r\n0\r\n\r\n", 7); /* no line of the tests holds this */
        return last ? (size_t)(last + 7 - fix.answer) : 0;
    }
    if (!length || length > end) return 0; /* ends with the connection */
    size_t all = head + strtoul(length + 16, NULL, 10);
    return fix.answer_bytes >= all ? all : 0;
}

/* Reads one answer; returns its status, 0 when the server closed without one. What follows it is kept for the next
 * call. */
static inline int fix_read_as(int fd, bool is_head) {
    memcpy(fix.answer, fix_later, fix_later_bytes);
    fix.answer_bytes = fix_later_bytes;
    fix.answer[fix.answer_bytes] = '\0';
    fix_later_bytes = 0;
    size_t all;
    while ((all = fix_whole(is_head)) == 0) {
        ssize_t n = fix_more(fd, FIXTURE_WAIT_MS);
        CHECK(n >= 0);
        if (n <= 0) break;
    }
    if (all) {
        fix_later_bytes = fix.answer_bytes - all;
        memcpy(fix_later, fix.answer + all, fix_later_bytes);
        fix.answer[all] = '\0';
    }
    return fix.answer_bytes > 12 ? atoi(fix.answer + 9) : 0;
}

static inline int fix_read(int fd) {
    return fix_read_as(fd, false);
}

/* Whether the server says nothing more and closes. */
static inline bool fix_closes(int fd) {
    if (fix_later_bytes > 0) return false;
    fix.answer_bytes = 0;
    return fix_more(fd, FIXTURE_WAIT_MS) == 0;
}

/* One request on a connection of its own; returns the status. */
static inline int fix_ask(const char *request) {
    fix_later_bytes = 0;
    int fd = fix_connect();
    fix_say(fd, request);
    int status = fix_read_as(fd, strncmp(request, "HEAD", 4) == 0);
    close(fd);
    return status;
}

/* POST /classify with a body and further header lines. */
static inline int fix_post(const char *fields, const char *body, size_t bytes) {
    fix_later_bytes = 0;
    char head[512];
    int n = snprintf(head, sizeof head, "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n%s\r\n", bytes,
                     fields);
    int fd = fix_connect();
    fix_write(fd, head, (size_t)n);
    fix_write(fd, body, bytes);
    int status = fix_read(fd);
    close(fd);
    return status;
}

static inline int fix_post_text(const char *body) {
    return fix_post("", body, strlen(body));
}

static inline bool fix_says(const char *part) {
    bool found = strstr(fix.answer, part) != NULL;
    if (!found) fprintf(stderr, "answer without \"%s\":\n%s\n", part, fix.answer);
    return found;
}

#endif
