#include "base/must.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

_Noreturn void must_fail(const char *expr, const char *file, int line) {
    fprintf(stderr, "logclass: bug: %s does not hold at %s:%d\n", expr, file, line);
    abort();
}

void *must_calloc(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size ? size : 1);
    MUST(p != NULL);
    return p;
}

void *must_aligned(size_t align, size_t bytes) {
    MUST(align > 0 && (align & (align - 1)) == 0 && bytes <= SIZE_MAX - align);
    size_t rounded = (bytes + align - 1) / align * align;
    void *p = aligned_alloc(align, rounded ? rounded : align);
    MUST(p != NULL);
    memset(p, 0, rounded ? rounded : align);
    return p;
}
