/* check: the test macros. A test file lists its tests at the bottom:
 *
 *     static void adds(void) { CHECK(1 + 1 == 2); }
 *     CHECK_MAIN(CHECK_TEST(adds), CHECK_TEST(…))
 *
 * A failed CHECK prints the place and both values; the test goes on, the program exits 1. The closing line counts
 * tests. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is this a build with sanitizers? There the same loops take 10 to 50 times as long; a test may take fewer samples. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CHECK_SANITIZED = 1 };
#else
enum { CHECK_SANITIZED = 0 };
#endif

struct check_test {
    const char *name;
    void (*run)(void);
};

static atomic_int check_failures; /* tests may check on several threads */

#define CHECK(x)                                                                                                \
    do {                                                                                                        \
        if (!(x)) atomic_fetch_add(&check_failures, 1), fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
    } while (0)

#define CHECK_INT(got, want)                                                                      \
    do {                                                                                          \
        long long g_ = (long long)(got), w_ = (long long)(want);                                  \
        if (g_ != w_)                                                                             \
            atomic_fetch_add(&check_failures, 1),                                                 \
                fprintf(stderr, "%s:%d: %s: %lld, not %lld\n", __FILE__, __LINE__, #got, g_, w_); \
    } while (0)

#define CHECK_STR(got, want)                                                                          \
    do {                                                                                              \
        const char *g_ = (got), *w_ = (want);                                                         \
        if (strcmp(g_, w_) != 0)                                                                      \
            atomic_fetch_add(&check_failures, 1),                                                     \
                fprintf(stderr, "%s:%d: %s: \"%s\", not \"%s\"\n", __FILE__, __LINE__, #got, g_, w_); \
    } while (0)

/* s is a struct span. */
#define CHECK_SPAN(s, want)                                                                                          \
    do {                                                                                                             \
        const char *w_ = (want);                                                                                     \
        if ((s).n != strlen(w_) || ((s).n > 0 && memcmp((s).p, w_, (s).n) != 0))                                     \
            atomic_fetch_add(&check_failures, 1),                                                                    \
                fprintf(stderr, "%s:%d: %s: \"%.*s\", not \"%s\"\n", __FILE__, __LINE__, #s, (int)(s).n, (s).p, w_); \
    } while (0)

#define CHECK_NEAR(got, want, eps)                                                            \
    do {                                                                                      \
        double g_ = (got), w_ = (want);                                                       \
        if (!(fabs(g_ - w_) <= (eps)))                                                        \
            atomic_fetch_add(&check_failures, 1),                                             \
                fprintf(stderr, "%s:%d: %s: %g, not %g\n", __FILE__, __LINE__, #got, g_, w_); \
    } while (0)

#define CHECK_TEST(fn) \
    { #fn, fn }

#define CHECK_MAIN(...)                                                                                          \
    int main(void) {                                                                                             \
        static const struct check_test tests[] = {__VA_ARGS__};                                                  \
        size_t n = sizeof tests / sizeof tests[0], failed = 0;                                                   \
        for (size_t i = 0; i < n; i++) {                                                                         \
            int before = check_failures;                                                                         \
            tests[i].run();                                                                                      \
            if (check_failures != before) failed++, fprintf(stderr, "FAILED %s: %s\n", __FILE__, tests[i].name); \
        }                                                                                                        \
        printf("%zu passed, %zu failed\n", n - failed, failed);                                                  \
        return failed ? 1 : 0;                                                                                   \
    }

#endif
