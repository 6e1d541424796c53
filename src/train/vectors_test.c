#include "train/vectors.h"

#include "base/check.h"
#include "base/file.h"

#include <unistd.h>

enum { N = 50, DIM = 7 };

static char path[] = "/tmp/vectors_test_XXXXXX";
static char name[N][16];
static struct span text[N];
static float vector[N * DIM];
static struct err err;

static void what_is_written_is_found(void) {
    struct vectors v;
    uint64_t owner = vectors_owner(1, "scalar");
    CHECK(close(mkstemp(path)) == 0 && unlink(path) == 0);
    CHECK(vectors_read(&v, path, owner, DIM, &err));
    CHECK(v.n == 0 && vectors_find(&v, SPAN_LIT("x")) == NULL);
    for (unsigned i = 0; i < N; i++) {
        snprintf(name[i], sizeof name[i], "text %u", i);
        text[i] = span_of(name[i]);
        for (unsigned k = 0; k < DIM; k++) vector[i * DIM + k] = (float)(i * 100 + k);
    }
    CHECK(vectors_write(&v, path, text, vector, N, &err));
    vectors_release(&v);
    CHECK(vectors_read(&v, path, owner, DIM, &err));
    for (unsigned i = 0; i < N; i++) {
        const float *found = vectors_find(&v, text[i]);
        CHECK(found && memcmp(found, vector + i * DIM, sizeof(float) * DIM) == 0);
    }
    CHECK(vectors_find(&v, SPAN_LIT("other")) == NULL);
    vectors_release(&v);
}

static void a_file_of_another_owner_is_empty(void) {
    struct vectors v;
    CHECK(vectors_owner(1, "scalar") != vectors_owner(1, "avx2") &&
          vectors_owner(1, "avx2") != vectors_owner(2, "avx2"));
    CHECK(vectors_read(&v, path, vectors_owner(2, "scalar"), DIM, &err) && v.n == 0);
    CHECK(vectors_read(&v, path, vectors_owner(1, "scalar"), DIM + 1, &err) && v.n == 0);
}

static void a_broken_file_is_refused(void) {
    struct vectors v;
    struct span whole;
    CHECK(file_read(path, 1 << 20, &whole, &err));
    CHECK(file_write(path, span_sub(whole, 0, whole.n - 1), &err));
    CHECK(!vectors_read(&v, path, vectors_owner(1, "scalar"), DIM, &err));
    CHECK(strstr(err.msg, "do not hold 50 vectors"));
    CHECK(file_write(path, SPAN_LIT("hello"), &err));
    CHECK(!vectors_read(&v, path, 1, DIM, &err));
    CHECK(strstr(err.msg, "not a file of vectors"));
    file_free(&whole);
    unlink(path);
}

CHECK_MAIN(CHECK_TEST(what_is_written_is_found), CHECK_TEST(a_file_of_another_owner_is_empty),
           CHECK_TEST(a_broken_file_is_refused))
