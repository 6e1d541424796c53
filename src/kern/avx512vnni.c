/* AVX-512 VNNI: int8 products four at a time, 6 × 4 vectors of sums. Of the 32 registers 24 hold sums, 4 weights, 1
 * inputs. */
#include "kern/kern.h"
#include "kern/pack.h"

#include <math.h>

#include "kern/vec_avx512.h"

enum { INT8_VECS = 4 };

INLINE veci vnni_repeat(int32_t four) {
    return (veci)_mm512_set1_epi32(four);
}

INLINE veci vnni_dot(veci sum, veci x, veci w) {
    return (veci)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x, (__m512i)w);
}

#include "kern/vnni_simd.h"

const struct kern kern_avx512_int8 = {
    .name = "avx512-int8",
    .needs = KERN_CPU_AVX512 | KERN_CPU_VNNI,
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
