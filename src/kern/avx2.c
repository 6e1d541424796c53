/* AVX2 + FMA: 6 × 2 vectors of 8 floats, or of int8 sums. */
#include "kern/kern.h"
#include "kern/pack.h"

#include <math.h>
#include <string.h>

#include "kern/vec_avx2.h"

enum { TILE_VECS = 2, INT8_ROWS = 6, INT8_SUMS = 2, INT8_VECS = 1, INT8_DOTS = 2 };

/* Every product of unsigned with signed bytes on this instruction set can overflow: vpmaddubsw adds two of them in 16
 * bits. So inputs are kept in 16 bits, weights are widened as they are read (once for six rows), and vpmaddwd, which is
 * exact, multiplies them: as many products a cycle, because vpmaddubsw needs a vpmaddwd behind it. Two lanes hold the
 * sums of an output, one for inputs 0, 1 and one for 2, 3. The sums are those of the other kernels. */
INLINE veci int8_inputs(const uint8_t *q, unsigned i) {
    int64_t four;
    memcpy(&four, q + 2 * (size_t)i, sizeof four);
    return (veci)_mm256_set1_epi64x(four);
}

INLINE veci int8_weights(const int8_t *w, int v) {
    return (veci)_mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(const void *)(w + v * 16)));
}

INLINE veci int8_dot(veci sum, veci x, veci w) {
    return sum + (veci)_mm256_madd_epi16((__m256i)x, (__m256i)w);
}

INLINE veci int8_result(const veci *sum, int v) {
    (void)v;
    return (veci)_mm256_permute4x64_epi64(_mm256_hadd_epi32((__m256i)sum[0], (__m256i)sum[1]), 0xd8);
}

INLINE void int8_store(uint8_t *q, unsigned i, veci v) {
    vec_store_words(q + 2 * (size_t)i, v);
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
    .input_bytes = 2,
    .rows_block = 48,
    .linear_bytes = int8_bytes,
    .linear_pack = int8_pack,
    .linear = int8_linear,
    .quantise = quantise,
    .norm = norm,
    .attend = attend,
    .register_loop = int8_register_loop,
};
