/* An answer store with any bytes changed: it is refused with a reason, or gives answers that keep to the limits; a budget
 * is never passed. The input is pairs of a place (3 bytes) and what to write there (1 byte). */
#include "base/log.h"
#include "base/must.h"
#include "llm/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { IMAGE_MAX = 1 << 17 };

static char g_path[64];
static uint8_t g_image[IMAGE_MAX]; /* of a whole store */
static size_t g_image_n;

static const struct store_origin ORIGIN = {.version = 7, .prompt = 9, .model = "m"};

static void forget(void) {
    static const char *const END[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof END / sizeof END[0]; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s%s", g_path, END[i]);
        unlink(path);
    }
}

static void write_image(const uint8_t *image) {
    int fd = open(g_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    MUST(fd >= 0 && write(fd, image, g_image_n) == (ssize_t)g_image_n);
    close(fd);
}

static void make_image(void) {
    struct err e = {0};
    log_setup(LOG_ERROR, false); /* that a broken file can't be written is no news here */
    snprintf(g_path, sizeof g_path, "/dev/shm/fuzz_store_%ld", (long)getpid());
    forget();
    struct store *s = store_open(&(struct store_opts){.path = g_path}, &e);
    MUST(s != NULL);
    for (unsigned i = 0; i < 40; i++) {
        char template[64];
        struct store_answer a = {.label = "BACKUP", .confidence = 0.5, .negative = i % 3 == 0, .labels = 9};
        snprintf(template, sizeof template, "template number %u of several", i);
        a.likelihood[i % 9] = 1;
        store_put(s, &ORIGIN, span_of(template), &a);
    }
    struct store_window w = {.kind = 1, .start = 86400};
    MUST(store_spend(s, &w, 1, &(struct store_cost){1, 100}, &e));
    store_close(s); /* the last one leaves no log behind */
    int fd = open(g_path, O_RDONLY);
    ssize_t got = read(fd, g_image, sizeof g_image);
    MUST(got > 4096 && got < IMAGE_MAX);
    g_image_n = (size_t)got;
    close(fd);
    atexit(forget);
}

static void check_answer(const struct store_answer *a) {
    MUST(memchr(a->label, '\0', sizeof a->label) != NULL && a->labels <= LABEL_MAX);
    MUST(a->confidence >= 0 && a->confidence <= 1);
    for (unsigned i = 0; i < a->labels; i++) MUST(a->likelihood[i] >= 0 && a->likelihood[i] <= 1);
}

static bool take(void *self, const struct store_row *row, struct err *e) {
    (void)self;
    (void)e;
    check_answer(&row->answer);
    return true;
}

static void use(struct store *s) {
    struct err e = {0};
    struct store_answer a;
    for (unsigned i = 0; i < 4; i++) {
        char template[64];
        snprintf(template, sizeof template, "template number %u of several", 11 * i);
        if (store_find(s, &ORIGIN, span_of(template), &a)) check_answer(&a);
    }
    struct store_window w = {.kind = 1, .start = 86400, .calls_max = 3, .tokens_max = 1000};
    for (unsigned i = 0; i < 4; i++)
        if (store_spend(s, &w, 1, &(struct store_cost){1, 300}, &e)) MUST(w.calls <= 3 && w.tokens <= 1000);
    store_put(s, &ORIGIN, SPAN_LIT("another"), &(struct store_answer){.label = "INFO", .confidence = 1});
    store_flush(s, &e);
    store_each(s, take, NULL, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static uint8_t image[IMAGE_MAX];
    if (!g_image_n) make_image();
    memcpy(image, g_image, g_image_n);
    for (size_t i = 0; i + 4 <= n; i += 4)
        image[(data[i] + 256u * data[i + 1] + 65536u * data[i + 2]) % g_image_n] = data[i + 3];
    forget();
    write_image(image);
    struct err e = {0};
    struct store *s = store_open(&(struct store_opts){.path = g_path}, &e);
    MUST(s || strstr(e.msg, g_path));
    if (s) use(s);
    store_close(s);
    return 0;
}
