/* share: how many log entries each client address has in flight, so that one can't take the whole queue. Any thread. */
#ifndef SERVER_SHARE_H
#define SERVER_SHARE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IPv4 address, or the first 64 bits of an IPv6 address: what one client usually can choose addresses from. */
struct share_key {
    uint64_t network;
    bool is_v6;
};

struct share_slot {
    struct share_key key;
    uint32_t entries; /* 0: free */
};

struct share {
    pthread_mutex_t lock;
    struct share_slot *slot; /* open addressing, linear probing */
    uint32_t mask;           /* slots - 1 */
    uint32_t used, used_max;
};

struct share_key share_key_of(const struct sockaddr_storage *peer);

void share_init(struct share *s, unsigned clients_max); /* clients with something in flight at the same time */
void share_release(struct share *s);

/* Takes n entries for the client. False, and nothing taken: it would hold more than entries_max. */
bool share_take(struct share *s, struct share_key key, unsigned n, unsigned entries_max);
void share_give(struct share *s, struct share_key key, unsigned n);

#endif
