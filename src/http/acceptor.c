#include "http/acceptor.h"

#include "base/log.h"
#include "http/internal.h"
#include "http/response.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 64 };

static void refuse_as(struct server_thread *t, int fd, unsigned max, const char *of, const char *option) {
    char text[512];
    size_t n = response_no_room(text, sizeof text, max, of, option);
    ssize_t sent = send(fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* a client that can't take it has lost nothing */
    shutdown(fd, SHUT_WR);
    close(fd);
    http_metrics_refusal(&t->server->metrics, REFUSE_CONNECTIONS);
}

static void refuse_connection(struct server_thread *t, int fd) {
    refuse_as(t, fd, t->set->o.connections_max, "", "connections-max");
}

static void accept_conn(struct server_thread *t, int fd, const struct sockaddr_storage *peer) {
    struct server *s = t->server;
    struct client_quota_key client = client_quota_key_of(peer);
    unsigned max = t->set->o.client_connections_max;
    if (atomic_fetch_add_explicit(&s->connections, 1, memory_order_relaxed) >= t->set->o.connections_max) {
        atomic_fetch_sub_explicit(&s->connections, 1, memory_order_relaxed);
        refuse_connection(t, fd);
        return;
    }
    if (!client_quota_take(&s->clients, client, 1, max)) {
        atomic_fetch_sub_explicit(&s->connections, 1, memory_order_relaxed);
        refuse_as(t, fd, max, " of one client", "client-connections-max");
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    conn_open(t, fd, &client);
}

/* No descriptor is left: gives up the spare one for a moment, so that the waiting client gets an answer and the
 * listening socket does not report it for ever. */
static void accept_with_spare(struct acceptor *a) {
    if (a->spare_fd >= 0) close(a->spare_fd);
    int fd = accept4(a->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) refuse_connection(a->thread, fd);
    a->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    log_warn("server.descriptors", "no file descriptor is left for a connection");
}

void acceptor_accept(struct acceptor *a) {
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t size = sizeof peer;
        int fd = accept4(a->listen_fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            accept_conn(a->thread, fd, &peer);
        else if (errno == EMFILE || errno == ENFILE)
            accept_with_spare(a);
        else if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

static void acceptor_ready(void *self, unsigned events) {
    struct acceptor *a = self;
    (void)events;
    if (a->open) acceptor_accept(a);
}

bool acceptor_open(struct acceptor *a, struct server_thread *t, int listen_fd, struct err *e) {
    *a = (struct acceptor){.thread = t, .source = {acceptor_ready, a}, .open = true, .listen_fd = listen_fd};
    a->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return (a->spare_fd >= 0 && loop_watch(&t->loop, listen_fd, EPOLLIN, &a->source)) ||
           err_set(e, ERR_IO, "listening socket: %s", strerror(errno));
}

bool acceptor_is_open(const struct acceptor *a) {
    return a->open;
}

void acceptor_close(struct acceptor *a) {
    if (!a->open) return;
    a->open = false;
    close(a->listen_fd);
    if (a->spare_fd >= 0) close(a->spare_fd);
}
