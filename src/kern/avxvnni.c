/* AVX-VNNI: int8 products four at a time, 6 × 2 vectors of sums. Of the 16 registers 12 hold sums, 2 weights, 1 inputs.
 */
#include "kern/kern.h"
#include "kern/pack.h"

#include <math.h>
#include <string.h>

#include "kern/vec_avx2.h"

enum { INT8_ROWS = 6, INT8_SUMS = 2, INT8_VECS = 2, INT8_DOTS = 4 };

INLINE veci int8_inputs(const uint8_t *q, unsigned i) {
    int32_t four;
    memcpy(&four, q + i, sizeof four);
    return (veci)_mm256_set1_epi32(four);
}

INLINE veci int8_weights(const int8_t *w, int v) {
    return vec_load_int(w + v * VEC * 4);
}

INLINE veci int8_dot(veci sum, veci x, veci w) {
    return (veci)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)x, (__m256i)w);
}

INLINE veci int8_result(const veci *sum, int v) {
    return sum[v];
}

INLINE void int8_store(uint8_t *q, unsigned i, veci v) {
    vec_store_bytes(q + i, v);
}

#include "kern/math_simd.h"
#include "kern/tile_simd.h"
#include "kern/rows_simd.h"
#include "kern/attend_simd.h"
#include "kern/quantise_simd.h"
#include "kern/pack_int8_simd.h"
#include "kern/linear_int8_simd.h"

const struct kern kern_avxvnni_int8 = {
    .name = "avxvnni-int8",
    .needs = KERN_CPU_AVX2 | KERN_CPU_AVX_VNNI,
    .int8 = true,
    .input_bytes = 1,
    .rows_block = 48,
    .linear_bytes = int8_bytes,
    .linear_pack = int8_pack,
    .linear = int8_linear,
    .quantise = quantise,
    .norm = norm,
    .attend = attend,
    .spin = int8_spin,
};
