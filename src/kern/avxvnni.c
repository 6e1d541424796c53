/* AVX-VNNI: int8 products four at a time, 6 × 2 vectors of sums. Of the 16 registers 12 hold sums, 2 weights, 1 inputs.
 */
#include "kern/kern.h"
#include "kern/pack.h"

#include <math.h>

#include "kern/vec_avx2.h"

enum { INT8_VECS = 2 };

INLINE veci vnni_repeat(int32_t four) {
    return (veci)_mm256_set1_epi32(four);
}

INLINE veci vnni_dot(veci sum, veci x, veci w) {
    return (veci)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)x, (__m256i)w);
}

#include "kern/vnni_simd.h"

const struct kern kern_avxvnni_int8 = {
    .name = "avxvnni-int8",
    .needs = KERN_CPU_AVX2 | KERN_CPU_AVX_VNNI,
    .int8 = true,
    .input_max = INT8_INPUT_MAX,
    .weight_max = INT8_WEIGHT_MAX,
    .slice = KERN_SLICE_MAX,
    .rows_block = 48,
    .linear_bytes = int8_bytes,
    .linear_pack = int8_pack,
    .linear = int8_linear,
    .quantise = quantise,
    .norm = norm,
    .attend = attend,
    .register_loop = int8_register_loop,
};
