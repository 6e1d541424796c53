/* Any bytes as the query of the page's requests: what is decoded is no longer, and a value that was decoded and encoded
 * again is the same. */
#include "api/params.h"
#include "base/must.h"
#include "http/query.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void try_value(struct span value) {
    char *text = must_calloc(1, value.n + 1), *again = must_calloc(3, value.n + 1), *back = must_calloc(1, value.n + 1);
    size_t n = params_decode(value, text), m = 0;
    uint64_t id;
    if (n != SIZE_MAX) {
        MUST(n <= value.n);
        for (size_t i = 0; i < n; i++) m += (size_t)snprintf(again + m, 4, "%%%02X", (unsigned char)text[i]);
        MUST(params_decode((struct span){again, m}, back) == n && memcmp(back, text, n) == 0);
        if (params_id((struct span){text, n}, &id)) MUST(n == 16);
    }
    free(text), free(again), free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct span rest = {(const char *)data, n}, name, value;
    while (query_next(&rest, &name, &value)) {
        try_value(name);
        try_value(value);
    }
    return 0;
}
