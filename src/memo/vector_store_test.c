#include "memo/vector_store.h"

#include "base/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DIM = 384, BYTES_MAX = 1 << 20, RECORD = 24 + DIM, HEAD = 64 };

static char g_dir[] = "/tmp/logclass-vectors-XXXXXX", g_path[64];

static struct vector_store *vectors_reopen(size_t bytes_max) {
    struct err e = {0};
    struct vector_store *s = vector_store_open(g_path, DIM, bytes_max, &e);
    if (!s) fprintf(stderr, "  %s\n", e.msg);
    CHECK(s != NULL);
    return s;
}

static void begin_anew(void) {
    static const char *const END[] = {"", ".old", ".damaged"};
    char path[80];
    for (size_t i = 0; i < 3; i++) snprintf(path, sizeof path, "%s%s", g_path, END[i]), unlink(path);
}

static struct memo_key key_of(const struct vector_store *s, unsigned i) {
    char text[32];
    snprintf(text, sizeof text, "template %u", i);
    return vector_store_key(s, span_of(text), 7);
}

static void put_vector(struct vector_store *s, unsigned i) {
    int8_t step[DIM];
    for (unsigned k = 0; k < DIM; k++) step[k] = (int8_t)(i * 31 + k * 7);
    vector_store_put(s, key_of(s, i), step, (float)i / 100);
}

/* True: the store has the vector that put_vector put. */
static bool has_vector(struct vector_store *s, unsigned i) {
    int8_t step[DIM];
    float scale;
    if (!vector_store_get(s, key_of(s, i), step, &scale)) return false;
    bool same = scale == (float)i / 100;
    for (unsigned k = 0; k < DIM; k++) same &= step[k] == (int8_t)(i * 31 + k * 7);
    CHECK(same);
    return true;
}

static unsigned count_vectors(struct vector_store *s, unsigned from, unsigned to) {
    unsigned n = 0;
    for (unsigned i = from; i < to; i++) n += has_vector(s, i);
    return n;
}

static void fill_store(unsigned from, unsigned to, size_t bytes_max) {
    struct vector_store *s = vectors_reopen(bytes_max);
    for (unsigned i = from; i < to; i++) put_vector(s, i);
    vector_store_close(s);
}

static void what_was_put_is_there_after_the_next_start(void) {
    begin_anew();
    fill_store(0, 300, BYTES_MAX);
    fill_store(300, 500, BYTES_MAX);
    struct vector_store *s = vectors_reopen(BYTES_MAX);
    CHECK_INT(vector_store_count(s), 500);
    CHECK_INT(count_vectors(s, 0, 500), 500);
    CHECK_INT(count_vectors(s, 500, 600), 0);
    struct memo_key other = vector_store_key(s, SPAN_LIT("template 1"), 8); /* another model */
    int8_t step[DIM];
    float scale;
    CHECK(!vector_store_get(s, other, step, &scale));
    vector_store_close(s);
    struct stat st;
    CHECK(stat(g_path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_INT(st.st_size, HEAD + 500 * RECORD);
}

static void what_is_used_stays_and_the_rest_goes(void) {
    enum { SMALL = 200 * RECORD };
    begin_anew();
    fill_store(0, 90, SMALL);
    for (unsigned round = 1; round < 8; round++) {
        struct vector_store *s = vectors_reopen(SMALL);
        CHECK_INT(count_vectors(s, 0, 10), 10); /* asked for in every run */
        for (unsigned i = 0; i < 40; i++) put_vector(s, round * 1000 + i);
        vector_store_close(s);
    }
    struct vector_store *s = vectors_reopen(SMALL);
    CHECK_INT(count_vectors(s, 0, 10), 10);
    CHECK_INT(count_vectors(s, 7000, 7040), 40);
    CHECK_INT(count_vectors(s, 50, 90), 0);
    vector_store_close(s);
    struct stat st, old;
    char path[80];
    snprintf(path, sizeof path, "%s.old", g_path);
    CHECK(stat(g_path, &st) == 0 && stat(path, &old) == 0);
    CHECK(st.st_size + old.st_size <= SMALL + 2 * HEAD);
}

static void half_a_record_at_the_end_is_no_record(void) {
    for (unsigned cut = 1; cut < RECORD; cut += 97) {
        begin_anew();
        fill_store(0, 20, BYTES_MAX);
        CHECK(truncate(g_path, HEAD + 20 * RECORD - cut) == 0);
        fill_store(20, 30, BYTES_MAX);
        struct vector_store *s = vectors_reopen(BYTES_MAX);
        CHECK_INT(count_vectors(s, 0, 30), 29);
        CHECK(!has_vector(s, 19));
        vector_store_close(s);
    }
}

static void flip_byte(off_t at) {
    char c;
    int fd = open(g_path, O_RDWR);
    CHECK(pread(fd, &c, 1, at) == 1);
    c = (char)(c ^ 0x40);
    CHECK(pwrite(fd, &c, 1, at) == 1);
    close(fd);
}

/* Wherever a byte of a file is wrong, no wrong vector comes out, and the next start begins a new file. */
static void a_damaged_file_is_set_aside(void) {
    static const off_t AT[] = {0, 20, 24, 40, 60, HEAD + 3, HEAD + 17, HEAD + 22, HEAD + 200, HEAD + 7 * RECORD + 100};
    char path[80];
    snprintf(path, sizeof path, "%s.damaged", g_path);
    for (size_t i = 0; i < sizeof AT / sizeof AT[0]; i++) {
        begin_anew();
        fill_store(0, 20, BYTES_MAX);
        flip_byte(AT[i]);
        struct vector_store *s = vectors_reopen(BYTES_MAX);
        if (s) count_vectors(s, 0, 20); /* checks each that it gets */
        vector_store_close(s);
        fill_store(20, 30, BYTES_MAX);
        s = vectors_reopen(BYTES_MAX);
        CHECK_INT(count_vectors(s, 20, 30), 10);
        vector_store_close(s);
        bool lost_key = AT[i] == HEAD + 3; /* a key that nobody asks for is not looked at */
        CHECK(lost_key || access(path, F_OK) == 0);
    }
}

static void a_file_of_something_else_is_set_aside(void) {
    begin_anew();
    int fd = open(g_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(write(fd, "something else", 14) == 14);
    close(fd);
    fill_store(0, 3, BYTES_MAX);
    struct vector_store *s = vectors_reopen(BYTES_MAX);
    CHECK_INT(count_vectors(s, 0, 3), 3);
    vector_store_close(s);
}

static void without_a_folder_there_is_none(void) {
    struct err e = {0};
    CHECK(!vector_store_open("/dev/null/vectors", DIM, BYTES_MAX, &e));
    CHECK(strstr(e.msg, "/dev/null/vectors: Not a directory") != NULL);
}

/* Several processes append to one file, and some are killed while they do. */
static void processes_share_the_file(void) {
    enum { CHILDREN = 6, EACH = 200 };
    begin_anew();
    fill_store(0, 1, BYTES_MAX); /* the seed is there */
    pid_t child[CHILDREN];
    for (unsigned c = 0; c < CHILDREN; c++) {
        child[c] = fork();
        if (child[c] == 0) {
            struct vector_store *s = vectors_reopen(BYTES_MAX);
            for (unsigned i = 0; s && i < EACH; i++) {
                put_vector(s, 1000 * (c + 1) + i);
                if (c % 2 && i % 50 == 49) usleep(300);
            }
            if (c % 2) raise(SIGKILL);
            vector_store_close(s);
            _exit(0);
        }
    }
    for (unsigned c = 0; c < CHILDREN; c++) waitpid(child[c], NULL, 0);
    struct vector_store *s = vectors_reopen(BYTES_MAX);
    for (unsigned c = 0; c < CHILDREN; c += 2) CHECK_INT(count_vectors(s, 1000 * (c + 1), 1000 * (c + 1) + EACH), EACH);
    for (unsigned c = 1; c < CHILDREN; c += 2) count_vectors(s, 1000 * (c + 1), 1000 * (c + 1) + EACH);
    vector_store_close(s);
    CHECK(access(g_path, F_OK) == 0);
}

static void *put_and_get(void *arg) {
    struct vector_store *s = arg;
    for (unsigned i = 0; i < 400; i++) {
        put_vector(s, i);
        has_vector(s, i % 50);
    }
    return NULL;
}

static void threads_share_the_store(void) {
    begin_anew();
    struct vector_store *s = vectors_reopen(300 * RECORD); /* it turns over meanwhile */
    pthread_t t[4];
    for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, put_and_get, s);
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    vector_store_close(s);
    s = vectors_reopen(300 * RECORD);
    CHECK(vector_store_count(s) > 0);
    vector_store_close(s);
}

static void make_store_folder(void) {
    CHECK(mkdtemp(g_dir) != NULL);
    snprintf(g_path, sizeof g_path, "%s/vectors", g_dir);
}

static void remove_store_folder(void) {
    begin_anew();
    CHECK(rmdir(g_dir) == 0); /* nothing else was left there */
}

CHECK_MAIN(CHECK_TEST(make_store_folder), CHECK_TEST(what_was_put_is_there_after_the_next_start),
           CHECK_TEST(what_is_used_stays_and_the_rest_goes), CHECK_TEST(half_a_record_at_the_end_is_no_record),
           CHECK_TEST(a_damaged_file_is_set_aside), CHECK_TEST(a_file_of_something_else_is_set_aside),
           CHECK_TEST(without_a_folder_there_is_none), CHECK_TEST(processes_share_the_file),
           CHECK_TEST(threads_share_the_store), CHECK_TEST(remove_store_folder))
