#include "http/client_quota.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct client_quota_key quota_key_of(const char *address) {
    struct sockaddr_storage peer = {0};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        memcpy(&peer, &v4, sizeof v4);
    else if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1)
        memcpy(&peer, &v6, sizeof v6);
    return client_quota_key_of(&peer);
}

static bool same(const char *a, const char *b) {
    struct client_quota_key x = quota_key_of(a), y = quota_key_of(b);
    return x.network == y.network && x.is_v6 == y.is_v6;
}

static void addresses_and_networks(void) {
    CHECK(same("10.0.0.1", "10.0.0.1") && !same("10.0.0.1", "10.0.0.2"));
    CHECK(same("10.0.0.1", "::ffff:10.0.0.1"));
    CHECK(same("2001:db8::1", "2001:db8::ffff:1"));
    CHECK(!same("2001:db8::1", "2001:db8:0:1::1"));
    CHECK(!same("0.0.0.1", "::1"));
}

static void a_share_has_an_end(void) {
    struct client_quota s;
    client_quota_init(&s, 100);
    struct client_quota_key a = quota_key_of("10.0.0.1"), b = quota_key_of("10.0.0.2");
    CHECK(client_quota_take(&s, a, 7, 10));
    CHECK(!client_quota_take(&s, a, 4, 10));
    CHECK(client_quota_take(&s, a, 3, 10));
    CHECK(client_quota_take(&s, b, 10, 10));
    CHECK(!client_quota_take(&s, b, 11, 10));
    client_quota_give(&s, a, 10);
    CHECK_INT(s.used, 1);
    CHECK(client_quota_take(&s, a, 10, 10));
    client_quota_give(&s, a, 10);
    client_quota_give(&s, b, 10);
    CHECK_INT(s.used, 0);
    client_quota_release(&s);
}

enum { CLIENTS = 200, ROUNDS = 100000 };

/* Random takes and gives against a plain array: a slot lost by a removal would show. */
static void agrees_with_an_array(void) {
    struct client_quota s;
    client_quota_init(&s, CLIENTS);
    unsigned held[CLIENTS] = {0};
    uint64_t r = 88172645463325252u; /* xorshift64 (Marsaglia 2003) */
    for (int i = 0; i < ROUNDS; i++) {
        r ^= r << 13, r ^= r >> 7, r ^= r << 17;
        unsigned c = (unsigned)(r % CLIENTS), n = (unsigned)(r >> 40) % 8;
        struct client_quota_key k = {.network = c * 0x10001u, .is_v6 = c & 1};
        if (r & 0x100) {
            bool fits = held[c] + n <= 20;
            CHECK(client_quota_take(&s, k, n, 20) == fits);
            if (fits) held[c] += n;
        } else {
            if (n > held[c]) n = held[c];
            client_quota_give(&s, k, n);
            held[c] -= n;
        }
    }
    unsigned used = 0;
    for (int c = 0; c < CLIENTS; c++) used += held[c] > 0;
    CHECK_INT(s.used, used);
    CHECK(used > 20);
    client_quota_release(&s);
}

CHECK_MAIN(CHECK_TEST(addresses_and_networks), CHECK_TEST(a_share_has_an_end), CHECK_TEST(agrees_with_an_array))
