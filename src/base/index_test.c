#include "base/index.h"

#include "base/check.h"

/* Keys whose low halves collide: only the whole key makes two things equal. */
static struct index_key key_of_number(uint32_t i) {
    return (struct index_key){.lo = i % 7, .hi = i};
}

static void equal_keys_get_one_number(void) {
    enum { N = 3000 };
    struct index x;
    bool is_new;
    index_init(&x, N);
    for (uint32_t i = 0; i < N; i++) {
        CHECK_INT(index_find(&x, key_of_number(i), &is_new), i);
        CHECK(is_new);
        CHECK_INT(index_find(&x, key_of_number(i / 2), &is_new), i / 2);
        CHECK(!is_new);
    }
    CHECK_INT(x.n, N);
    CHECK_INT(index_find(&x, key_of_number(N), &is_new), INDEX_FULL);
    CHECK(is_new && x.n == N);
    CHECK_INT(index_find(&x, key_of_number(17), &is_new), 17);
    index_release(&x);
}

static void zero_is_a_key(void) {
    struct index x;
    bool is_new;
    index_init(&x, 2);
    CHECK(index_find(&x, (struct index_key){0}, &is_new) == 0 && is_new);
    CHECK(index_find(&x, (struct index_key){0}, &is_new) == 0 && !is_new);
    index_release(&x);
}

CHECK_MAIN(CHECK_TEST(equal_keys_get_one_number), CHECK_TEST(zero_is_a_key))
