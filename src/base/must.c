#include "base/must.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

_Noreturn void must_fail(const char *expr, const char *file, int line) {
    fprintf(stderr, "logclass: bug: %s does not hold at %s:%d\n", expr, file, line);
    abort();
}

_Noreturn void must_lack(const char *what, const char *why) {
    fprintf(stderr, "logclass: the system gives no %s (%s): stopped\n", what, why);
    abort();
}

static void *must_have(void *p, size_t bytes) {
    char why[48];
    snprintf(why, sizeof why, "%zu bytes", bytes);
    if (!p) must_lack("memory", why);
    return p;
}

void *must_calloc(size_t n, size_t size) {
    return must_have(calloc(n ? n : 1, size ? size : 1), n * size);
}

void *must_aligned(size_t align, size_t bytes) {
    MUST(align > 0 && (align & (align - 1)) == 0 && bytes <= SIZE_MAX - align);
    size_t rounded = (bytes + align - 1) / align * align;
    void *p = must_have(aligned_alloc(align, rounded ? rounded : align), rounded);
    memset(p, 0, rounded ? rounded : align);
    return p;
}
