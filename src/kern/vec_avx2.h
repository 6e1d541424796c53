/* vec: the few vector operations the kernels are written in, here 8 floats wide. Only for files compiled with AVX2 and
 * FMA; everything is static, so that no other file can end up with this code. `_part` touches the first n < VEC
 * elements only. */
#ifndef KERN_VEC_AVX2_H
#define KERN_VEC_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { VEC = 8 };
typedef __m256 vec;
typedef int32_t veci __attribute__((vector_size(32))); /* GCC 12 keeps arrays of __m256i in memory */

static const int32_t VEC_MASK[2 * VEC] = {-1, -1, -1, -1, -1, -1, -1, -1};

INLINE __m256i vec_mask(size_t n) {
    return _mm256_loadu_si256((const __m256i *)(const void *)(VEC_MASK + VEC - n));
}

INLINE vec vec_set(float x) {
    return _mm256_set1_ps(x);
}
INLINE vec vec_load(const float *p) {
    return _mm256_loadu_ps(p);
}
INLINE void vec_store(float *p, vec v) {
    _mm256_storeu_ps(p, v);
}
INLINE vec vec_load_part(const float *p, size_t n) {
    return _mm256_maskload_ps(p, vec_mask(n));
}
INLINE void vec_store_part(float *p, vec v, size_t n) {
    _mm256_maskstore_ps(p, vec_mask(n), v);
}
/* v's first n elements, `other` in the rest */
INLINE vec vec_part(vec v, float other, size_t n) {
    return _mm256_blendv_ps(_mm256_set1_ps(other), v, _mm256_castsi256_ps(vec_mask(n)));
}

INLINE vec vec_add(vec a, vec b) {
    return _mm256_add_ps(a, b);
}
INLINE vec vec_sub(vec a, vec b) {
    return _mm256_sub_ps(a, b);
}
INLINE vec vec_mul(vec a, vec b) {
    return _mm256_mul_ps(a, b);
}
INLINE vec vec_div(vec a, vec b) {
    return _mm256_div_ps(a, b);
}
INLINE vec vec_fma(vec a, vec b, vec c) {
    return _mm256_fmadd_ps(a, b, c);
}
/* When a is NaN the result is b. */
INLINE vec vec_max(vec a, vec b) {
    return _mm256_max_ps(a, b);
}
INLINE vec vec_min(vec a, vec b) {
    return _mm256_min_ps(a, b);
}
INLINE vec vec_abs(vec v) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}
INLINE vec vec_copysign(vec size, vec sign) {
    vec bit = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(bit, size), _mm256_and_ps(bit, sign));
}

INLINE veci vec_to_int(vec v) {
    return (veci)_mm256_cvtps_epi32(v);
}
INLINE vec vec_from_int(veci v) {
    return _mm256_cvtepi32_ps((__m256i)v);
}
INLINE vec vec_round(vec v) {
    return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* v · 2^n for whole n with a normal result */
INLINE vec vec_scale_2(vec v, vec n) {
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(v), _mm256_slli_epi32((__m256i)vec_to_int(n), 23)));
}

/* a[0], b[0], a[1], b[1] ... of the lower halves of a and b; of the upper halves. */
INLINE vec vec_deal_low(vec a, vec b) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20);
}
INLINE vec vec_deal_high(vec a, vec b) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31);
}

INLINE float vec_sum(vec v) {
    __m128 a = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    a = _mm_add_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)));
}
INLINE float vec_most(vec v) {
    __m128 a = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    a = _mm_max_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_max_ss(a, _mm_movehdup_ps(a)));
}

INLINE veci vec_load_int(const void *p) {
    return (veci)_mm256_load_si256(p);
}

/* VEC ints of -128..127 to groups of four bytes, `step` bytes apart. */
INLINE void vec_scatter_bytes(int8_t *p, size_t step, veci v) {
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));
    int32_t group[4];
    _mm_storeu_si128((__m128i *)(void *)group, _mm_packs_epi16(words, words));
    for (int i = 0; i < 2; i++) memcpy(p + (size_t)i * step, &group[i], sizeof group[i]);
}

/* VEC ints of 0..255 as bytes. */
INLINE void vec_store_bytes(uint8_t *p, veci v) {
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));
    _mm_storel_epi64((__m128i *)(void *)p, _mm_packus_epi16(words, words));
}

#endif
