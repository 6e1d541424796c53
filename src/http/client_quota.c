#include "http/client_quota.h"

#include "base/must.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct client_quota_key client_quota_key_of(const struct sockaddr_storage *peer) {
    struct client_quota_key k = {0};
    if (peer->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, peer, sizeof v4);
        k.network = v4.sin_addr.s_addr;
    } else if (peer->ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, peer, sizeof v6);
        k.is_v6 = !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
        if (k.is_v6)
            memcpy(&k.network, v6.sin6_addr.s6_addr, 8);
        else
            memcpy(&k.network, v6.sin6_addr.s6_addr + 12, 4);
    }
    return k;
}

/* Half the slots stay free, so probes stay short. */
void client_quota_init(struct client_quota *s, unsigned clients_max) {
    uint32_t slots = 64;
    while (slots < 2 * clients_max) slots *= 2;
    *s = (struct client_quota){.mask = slots - 1, .used_max = slots / 2};
    s->slot = must_calloc(slots, sizeof *s->slot);
    pthread_mutex_init(&s->lock, NULL);
}

void client_quota_release(struct client_quota *s) {
    if (!s->slot) return;
    pthread_mutex_destroy(&s->lock);
    free(s->slot);
    *s = (struct client_quota){0};
}

/* splitmix64's finaliser (Steele, Lea, Flood 2014). */
static uint32_t quota_home_of(const struct client_quota *s, struct client_quota_key k) {
    uint64_t z = k.network + (k.is_v6 ? 0x9e3779b97f4a7c15u : 0);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(z ^ (z >> 31)) & s->mask;
}

/* The client's slot, or the free one where it belongs. */
static struct client_quota_slot *quota_find(struct client_quota *s, struct client_quota_key k) {
    uint32_t i = quota_home_of(s, k);
    while (s->slot[i].held && (s->slot[i].key.network != k.network || s->slot[i].key.is_v6 != k.is_v6))
        i = (i + 1) & s->mask;
    return &s->slot[i];
}

/* Frees slot i and closes the gap: later slots of the same run move up unless that would pass their home (Knuth, TAOCP
 * 3, 6.4, algorithm R). */
static void empty_slot(struct client_quota *s, uint32_t i) {
    for (uint32_t j = (i + 1) & s->mask; s->slot[j].held; j = (j + 1) & s->mask) {
        uint32_t home = quota_home_of(s, s->slot[j].key);
        if (((j - home) & s->mask) < ((j - i) & s->mask)) continue;
        s->slot[i] = s->slot[j];
        i = j;
    }
    s->slot[i].held = 0;
}

bool client_quota_take(struct client_quota *s, struct client_quota_key key, size_t n, size_t held_max) {
    if (n == 0) return true;
    pthread_mutex_lock(&s->lock);
    struct client_quota_slot *slot = quota_find(s, key);
    bool is_new = slot->held == 0;
    bool ok = n <= held_max && slot->held <= held_max - n && (!is_new || s->used < s->used_max);
    if (ok) {
        s->used += is_new;
        slot->key = key;
        slot->held += n;
    }
    pthread_mutex_unlock(&s->lock);
    return ok;
}

void client_quota_give(struct client_quota *s, struct client_quota_key key, size_t n) {
    if (n == 0) return;
    pthread_mutex_lock(&s->lock);
    struct client_quota_slot *slot = quota_find(s, key);
    MUST(slot->held >= n);
    slot->held -= n;
    if (slot->held == 0) {
        s->used--;
        empty_slot(s, (uint32_t)(slot - s->slot));
    }
    pthread_mutex_unlock(&s->lock);
}
