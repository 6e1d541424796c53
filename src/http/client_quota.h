/* client_quota: how much of something (log entries in flight, bytes of memory) each client address holds, so that one
 * can't take it all. Any thread. */
#ifndef HTTP_CLIENT_QUOTA_H
#define HTTP_CLIENT_QUOTA_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IPv4 address, or the first 64 bits of an IPv6 address: what one client usually can choose addresses from. */
struct client_quota_key {
    uint64_t network;
    bool is_v6;
};

struct client_quota_slot {
    struct client_quota_key key;
    size_t held; /* 0: free */
};

struct client_quota {
    pthread_mutex_t lock;
    struct client_quota_slot *slot; /* open addressing, linear probing */
    uint32_t mask;                  /* slots - 1 */
    uint32_t used, used_max;
};

struct client_quota_key client_quota_key_of(const struct sockaddr_storage *peer);

void client_quota_init(struct client_quota *s,
                       unsigned clients_max); /* clients with something in flight at the same time */
void client_quota_release(struct client_quota *s);

/* Takes n more for the client. False, and nothing taken: it would hold more than held_max, or there are too many
 * clients.
 */
bool client_quota_take(struct client_quota *s, struct client_quota_key key, size_t n, size_t held_max);
void client_quota_give(struct client_quota *s, struct client_quota_key key, size_t n);

#endif
