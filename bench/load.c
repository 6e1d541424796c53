/* load: sends POST /classify at a given rate, whether or not answers come (open loop), and tells how long they took.
 *
 *     load PORT BODIES CONNECTIONS RATE SECONDS
 *
 * BODIES: a file, one request body a line, sent in turn and begun again at its end. RATE: requests a second; 0: each
 * connection sends its next request when the last is answered. A request's time begins when it was due, so that a
 * server that stalls is charged for the requests that could not be sent meanwhile. One that is LATE_MAX late is given
 * up and counted as unsent. Prints one JSON object: totals, and a row for each second. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { IN_BYTES = 64 * 1024, SECONDS_MAX = 600, FINE_BITS = 5, BUCKETS = 48 << FINE_BITS, EVENTS = 512, DRAIN_S = 30 };
static const uint64_t NS = 1000000000, LATE_MAX = 1000000000;

/* Times in ns, 32 buckets an octave: 3 % fine. */
struct histogram {
    uint32_t bucket[BUCKETS];
    uint64_t n, max;
};

struct second {
    struct histogram ok, refused;
    uint64_t other, failed, unsent;
};

struct conn {
    int fd;
    bool busy;
    uint64_t due_ns;
    const char *body;
    size_t body_n, head_n, sent, in_n;
    struct conn *next; /* idle */
    char head[160];
    char in[IN_BYTES];
};

static struct {
    unsigned port, connections, seconds;
    double rate;
    const char *text, *at, *end;
    int epoll_fd;
    struct conn *conn, *idle;
    uint64_t begun_ns;
    struct second *second;
    unsigned busy;
} g;

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

static void note(struct histogram *h, uint64_t ns) {
    unsigned top = 63 - (unsigned)__builtin_clzll(ns | 1), shift = top > FINE_BITS ? top - FINE_BITS : 0;
    unsigned i = (shift << FINE_BITS) + (unsigned)(ns >> shift);
    h->bucket[i < BUCKETS ? i : BUCKETS - 1]++;
    h->n++;
    if (ns > h->max) h->max = ns;
}

static double quantile_ms(const struct histogram *h, double q) {
    uint64_t want = (uint64_t)((double)h->n * q), seen = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen <= want) continue;
        unsigned shift = i < 2u << FINE_BITS ? 0 : (i >> FINE_BITS) - 1;
        return (double)((uint64_t)(i - (shift << FINE_BITS)) << shift) * 1e-6;
    }
    return (double)h->max * 1e-6;
}

static struct second *second_of(uint64_t ns) {
    uint64_t s = ns < g.begun_ns ? 0 : (ns - g.begun_ns) / NS;
    return &g.second[s < g.seconds ? s : g.seconds];
}

/* ---- connections ---- */

static void to_idle(struct conn *c) {
    g.busy -= c->busy;
    c->busy = false;
    c->next = g.idle;
    g.idle = c;
}

static void dial(struct conn *c) {
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)g.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a) != 0) die("connect");
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if (epoll_ctl(g.epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) != 0) die("epoll");
}

static void redial(struct conn *c) {
    if (c->busy) second_of(c->due_ns)->failed++;
    bool was_busy = c->busy;
    close(c->fd);
    dial(c);
    if (was_busy) to_idle(c);
}

static void send_some(struct conn *c) {
    size_t total = c->head_n + c->body_n;
    while (c->busy && c->sent < total) {
        size_t in_body = c->sent > c->head_n ? c->sent - c->head_n : 0, in_head = c->sent - in_body;
        struct iovec part[2] = {{c->head + in_head, c->head_n - in_head},
                                {(char *)c->body + in_body, c->body_n - in_body}};
        struct msghdr msg = {.msg_iov = part, .msg_iovlen = 2};
        ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) {
            redial(c);
            return;
        }
        c->sent += (size_t)n;
    }
}

static void begin(uint64_t due_ns) {
    struct conn *c = g.idle;
    g.idle = c->next;
    const char *nl = memchr(g.at, '\n', (size_t)(g.end - g.at));
    c->body = g.at;
    c->body_n = (size_t)((nl ? nl : g.end) - g.at);
    g.at = nl && nl + 1 < g.end ? nl + 1 : g.text;
    c->head_n = (size_t)snprintf(
        c->head, sizeof c->head,
        "POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        c->body_n);
    c->busy = true;
    c->due_ns = due_ns;
    c->sent = c->in_n = 0;
    g.busy++;
    send_some(c);
}

/* The whole answer's length, once its header is here; 0: not yet. */
static size_t answer_bytes(struct conn *c) {
    c->in[c->in_n] = '\0';
    const char *end = strstr(c->in, "\r\n\r\n"), *length = strcasestr(c->in, "\r\ncontent-length:");
    if (!end) return 0;
    size_t body = length && length < end ? strtoull(length + 17, NULL, 10) : 0;
    return (size_t)(end + 4 - c->in) + body;
}

static void answered(struct conn *c) {
    int status = c->in_n > 12 ? atoi(c->in + 9) : 0;
    struct second *s = second_of(c->due_ns);
    uint64_t took = now() - c->due_ns;
    if (status == 200)
        note(&s->ok, took);
    else if (status == 503 || status == 429)
        note(&s->refused, took);
    else
        s->other++;
    to_idle(c);
}

static void receive(struct conn *c) {
    for (;;) {
        ssize_t n = recv(c->fd, c->in + c->in_n, IN_BYTES - 1 - c->in_n, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            redial(c);
            return;
        }
        c->in_n += (size_t)n;
        size_t whole = answer_bytes(c);
        if (c->busy && whole && c->in_n >= whole) answered(c);
        if (c->in_n == IN_BYTES - 1) die("an answer is too large");
    }
}

/* ---- the run ---- */

static void send_due(uint64_t t, uint64_t *due, uint64_t end_ns) {
    uint64_t gap = g.rate > 0 ? (uint64_t)((double)NS / g.rate) : 0;
    if (gap == 0) {
        while (g.idle && t < end_ns) begin(t);
        return;
    }
    while (*due <= t && *due < end_ns) {
        if (t - *due > LATE_MAX)
            second_of(*due)->unsent++;
        else if (g.idle)
            begin(*due);
        else
            return;
        *due += gap;
    }
}

static void run(void) {
    struct epoll_event ev[EVENTS];
    uint64_t due = g.begun_ns = now(), end_ns = due + g.seconds * NS;
    for (;;) {
        uint64_t t = now();
        send_due(t, &due, end_ns);
        if (t >= end_ns && (g.busy == 0 || t >= end_ns + DRAIN_S * NS)) return;
        uint64_t wait = g.rate > 0 && g.idle && due < end_ns ? (due > t ? due - t : 0) : NS / 20;
        struct timespec ts = {(time_t)(wait / NS), (long)(wait % NS)};
        int n = epoll_pwait2(g.epoll_fd, ev, EVENTS, &ts, NULL);
        for (int i = 0; i < n; i++) {
            struct conn *c = ev[i].data.ptr;
            if (ev[i].events & EPOLLOUT) send_some(c);
            if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
        }
    }
}

static void add(struct histogram *to, const struct histogram *h) {
    for (unsigned i = 0; i < BUCKETS; i++) to->bucket[i] += h->bucket[i];
    to->n += h->n;
    if (h->max > to->max) to->max = h->max;
}

static void print(const struct second *s) {
    printf("{\"ok\":%llu,\"refused\":%llu,\"other\":%llu,\"failed\":%llu,\"unsent\":%llu", (unsigned long long)s->ok.n,
           (unsigned long long)s->refused.n, (unsigned long long)s->other, (unsigned long long)s->failed,
           (unsigned long long)s->unsent);
    printf(",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f", quantile_ms(&s->ok, .5), quantile_ms(&s->ok, .99),
           (double)s->ok.max * 1e-6);
    printf(",\"refused_p50_ms\":%.3f,\"refused_p99_ms\":%.3f,\"refused_max_ms\":%.3f", quantile_ms(&s->refused, .5),
           quantile_ms(&s->refused, .99), (double)s->refused.max * 1e-6);
}

static void report(void) {
    struct second *sum = calloc(1, sizeof *sum);
    if (!sum) die("memory");
    for (unsigned i = 0; i < g.seconds; i++) {
        const struct second *s = &g.second[i];
        add(&sum->ok, &s->ok);
        add(&sum->refused, &s->refused);
        sum->other += s->other, sum->failed += s->failed, sum->unsent += s->unsent;
    }
    print(sum);
    printf(",\"unanswered\":%u,\"seconds\":[", g.busy);
    for (unsigned i = 0; i < g.seconds; i++) {
        if (i) printf(",");
        print(&g.second[i]);
        printf("}");
    }
    printf("]}\n");
}

static void map(const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0) die(path);
    g.text = g.at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (g.text == MAP_FAILED) die(path);
    g.end = g.text + st.st_size;
    close(fd);
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: load PORT BODIES CONNECTIONS RATE SECONDS\n");
        return 2;
    }
    g.port = (unsigned)atoi(argv[1]);
    map(argv[2]);
    g.connections = (unsigned)atoi(argv[3]);
    g.rate = atof(argv[4]);
    g.seconds = (unsigned)atoi(argv[5]);
    if (g.seconds < 1 || g.seconds > SECONDS_MAX) die("SECONDS: expected 1 to 600");
    prctl(PR_SET_TIMERSLACK, 1000);
    struct rlimit lim = {g.connections + 64, g.connections + 64};
    if (lim.rlim_cur > 1024) setrlimit(RLIMIT_NOFILE, &lim);
    g.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    g.conn = calloc(g.connections, sizeof *g.conn);
    g.second = calloc(g.seconds + 1, sizeof *g.second);
    if (g.epoll_fd < 0 || !g.conn || !g.second) die("start");
    for (unsigned i = 0; i < g.connections; i++) {
        dial(&g.conn[i]);
        to_idle(&g.conn[i]);
    }
    run();
    report();
    return 0;
}
