/* AVX2 + FMA: 6 × 2 vectors of 8 floats, or 4 × 2 vectors of int8 sums. */
#include "kern/kern.h"
#include "kern/pack.h"

#include <math.h>

#include "kern/vec_avx2.h"

enum { TILE_VECS = 2, INT8_ROWS = 4, INT8_SIGNED = 1 };

/* There is no product of unsigned with signed bytes here that can not overflow: vpmaddubsw adds two of them in 16 bits,
 * and 255 · 127 · 2 is too much. So inputs are signed, -128..127, and x · w is taken as |x| · (w with x's sign): 128 ·
 * 127 · 2 = 32,512 fits. The sums are those of the other kernels. */
struct int8_inputs {
    __m256i bytes, size;
};

INLINE struct int8_inputs int8_spread(const uint8_t *q) {
    int32_t four;
    memcpy(&four, q, sizeof four);
    __m256i x = _mm256_set1_epi32(four);
    return (struct int8_inputs){x, _mm256_abs_epi8(x)};
}

INLINE veci int8_dot(veci sum, struct int8_inputs x, veci w) {
    __m256i pairs = _mm256_maddubs_epi16(x.size, _mm256_sign_epi8((__m256i)w, x.bytes));
    return sum + (veci)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
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
};

const struct kern kern_avx2_int8 = {
    .name = "avx2-int8",
    .needs = KERN_CPU_AVX2,
    .int8 = true,
    .rows_block = 48,
    .linear_bytes = int8_bytes,
    .linear_pack = int8_pack,
    .linear = int8_linear,
    .quantise = quantise,
    .norm = norm,
    .attend = attend,
};
