/* Any bytes: the template keeps to its limit, and to blanks between words. */
#include "base/must.h"
#include "text/mask.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static char out[MASK_OUTPUT_MAX];
    size_t m = mask_line((struct span){(const char *)data, n}, out);
    MUST(m <= MASK_OUTPUT_MAX);
    for (size_t i = 0; i < m; i++) MUST(out[i] != '\t' && out[i] != '\n' && out[i] != '\0');
    MUST(m == 0 || (out[0] != ' ' && out[m - 1] != ' '));
    return 0;
}
