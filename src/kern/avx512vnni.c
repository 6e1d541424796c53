/* AVX-512 VNNI: int8 products four at a time, 6 × 4 vectors of sums. Of the 32 registers 24 hold sums, 4 weights, 1
 * inputs. */
#include "kern/kern.h"
#include "kern/pack.h"

#include <math.h>
#include <string.h>

#include "kern/vec_avx512.h"

enum { INT8_ROWS = 6, INT8_SUMS = 4, INT8_VECS = 4, INT8_DOTS = 4 };

INLINE veci int8_inputs(const uint8_t *q, unsigned i) {
    int32_t four;
    memcpy(&four, q + i, sizeof four);
    return (veci)_mm512_set1_epi32(four);
}

INLINE veci int8_weights(const int8_t *w, int v) {
    return vec_load_int(w + v * VEC * 4);
}

INLINE veci int8_dot(veci sum, veci x, veci w) {
    return (veci)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x, (__m512i)w);
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

const struct kern kern_avx512_int8 = {
    .name = "avx512-int8",
    .needs = KERN_CPU_AVX512 | KERN_CPU_VNNI,
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
