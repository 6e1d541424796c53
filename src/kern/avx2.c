/* AVX2 + FMA: 6 × 2 vectors of 8 floats, or 4 × 2 of int8 sums. */
#include "kern/kern.h"
#include "kern/pack.h"

#include <math.h>
#include <string.h>

#include "kern/vec_avx2.h"

enum {
    TILE_VECS = 2,
    INT8_ROWS = 4,
    INT8_VECS = 2,
    INT8_GROUPS = 2,
    INT8_INPUT_MAX = 160,
    INT8_WEIGHT_MAX = 80,
    INT8_GROUP_MAX = 204
};

INLINE veci int8_repeat(int32_t four) {
    return (veci)_mm256_set1_epi32(four);
}

INLINE __m256i int8_pairs(veci x, veci w) {
    return _mm256_maddubs_epi16((__m256i)x, (__m256i)w);
}

/* vpmaddubsw adds two products of bytes in 16 bits, and a second one may be added to it before vpmaddwd widens them:
 * five instructions for 64 products, where inputs of 16 bits need eight. What is added is 160 times a group's weights
 * of one sign at most, and those sum to no more than 204 (160 · 204 = 32,640 < 2^15): so it is exact. Few groups of a
 * matrix would sum to more with weights up to 80, and encoder/round.h makes good what they lose. Steps so coarse are
 * made good by slices of 128 inputs, whose ranges are narrower than those of 384. */
INLINE veci int8_dot(veci sum, const veci *x, const veci *w) {
    __m256i fours = _mm256_add_epi16(int8_pairs(x[0], w[0]), int8_pairs(x[1], w[1]));
    return sum + (veci)_mm256_madd_epi16(fours, _mm256_set1_epi16(1));
}

#include "kern/math_simd.h"
#include "kern/tile_simd.h"
#include "kern/rows_simd.h"
#include "kern/attend_simd.h"
#include "kern/quantise_simd.h"
#include "kern/linear_f32_simd.h"
#include "kern/pack_int8_simd.h"
#include "kern/linear_int8_simd.h"

const struct kern kern_avx2 = {
    .name = "avx2",
    .needs = KERN_CPU_AVX2,
    .rows_block = 48,
    .linear_bytes = f32_bytes,
    .linear_pack = f32_pack,
    .linear = f32_linear,
    .norm = norm,
    .attend = attend,
    .register_loop = f32_register_loop,
};

const struct kern kern_avx2_int8 = {
    .name = "avx2-int8",
    .needs = KERN_CPU_AVX2,
    .int8 = true,
    .input_max = INT8_INPUT_MAX,
    .weight_max = INT8_WEIGHT_MAX,
    .group_max = INT8_GROUP_MAX,
    .slice = 128,
    .rows_block = 48,
    .linear_bytes = int8_bytes,
    .linear_pack = int8_pack,
    .linear = int8_linear,
    .quantise = quantise,
    .norm = norm,
    .attend = attend,
    .register_loop = int8_register_loop,
};
