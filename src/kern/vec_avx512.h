/* vec: the same operations as vec_avx2.h, 16 floats wide. Only for files compiled with AVX-512 F, BW, VL and DQ. */
#ifndef KERN_VEC_AVX512_H
#define KERN_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { VEC = 16 };
typedef __m512 vec;
typedef int32_t veci __attribute__((vector_size(64))); /* GCC 12 keeps arrays of __m512i in memory */

INLINE __mmask16 vec_mask(size_t n) {
    return (__mmask16)((1u << n) - 1);
}

INLINE vec vec_set(float x) {
    return _mm512_set1_ps(x);
}
INLINE vec vec_load(const float *p) {
    return _mm512_loadu_ps(p);
}
INLINE void vec_store(float *p, vec v) {
    _mm512_storeu_ps(p, v);
}
INLINE vec vec_load_part(const float *p, size_t n) {
    return _mm512_maskz_loadu_ps(vec_mask(n), p);
}
INLINE void vec_store_part(float *p, vec v, size_t n) {
    _mm512_mask_storeu_ps(p, vec_mask(n), v);
}
INLINE vec vec_part(vec v, float other, size_t n) {
    return _mm512_mask_mov_ps(_mm512_set1_ps(other), vec_mask(n), v);
}

INLINE vec vec_add(vec a, vec b) {
    return _mm512_add_ps(a, b);
}
INLINE vec vec_sub(vec a, vec b) {
    return _mm512_sub_ps(a, b);
}
INLINE vec vec_mul(vec a, vec b) {
    return _mm512_mul_ps(a, b);
}
INLINE vec vec_div(vec a, vec b) {
    return _mm512_div_ps(a, b);
}
INLINE vec vec_fma(vec a, vec b, vec c) {
    return _mm512_fmadd_ps(a, b, c);
}
INLINE vec vec_max(vec a, vec b) {
    return _mm512_max_ps(a, b);
}
INLINE vec vec_min(vec a, vec b) {
    return _mm512_min_ps(a, b);
}
INLINE vec vec_abs(vec v) {
    return _mm512_abs_ps(v);
}
INLINE vec vec_copysign(vec size, vec sign) {
    return _mm512_or_ps(vec_abs(size), _mm512_and_ps(_mm512_set1_ps(-0.0f), sign));
}

INLINE veci vec_to_int(vec v) {
    return (veci)_mm512_cvtps_epi32(v);
}
INLINE vec vec_from_int(veci v) {
    return _mm512_cvtepi32_ps((__m512i)v);
}
INLINE vec vec_round(vec v) {
    return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vec vec_scale_2(vec v, vec n) {
    return _mm512_scalef_ps(v, n);
}

/* a[0], b[0], a[1], b[1] ... of the lower halves of a and b; of the upper halves. */
INLINE vec vec_deal_low(vec a, vec b) {
    const __m512i order = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    return _mm512_permutex2var_ps(a, order, b);
}
INLINE vec vec_deal_high(vec a, vec b) {
    const __m512i order = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    return _mm512_permutex2var_ps(a, order, b);
}

INLINE float vec_sum(vec v) {
    return _mm512_reduce_add_ps(v);
}
INLINE float vec_most(vec v) {
    return _mm512_reduce_max_ps(v);
}

INLINE veci vec_load_int(const void *p) {
    return (veci)_mm512_load_si512(p);
}
/* VEC ints of -128..127 to groups of four bytes, `step` bytes apart. */
INLINE void vec_scatter_bytes(int8_t *p, size_t step, veci v) {
    int32_t group[4];
    _mm_storeu_si128((__m128i *)(void *)group, _mm512_cvtsepi32_epi8((__m512i)v));
    for (int i = 0; i < 4; i++) memcpy(p + (size_t)i * step, &group[i], sizeof group[i]);
}
/* VEC ints of 0..255 as bytes. */
INLINE void vec_store_bytes(uint8_t *p, veci v) {
    _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtusepi32_epi8((__m512i)v));
}

#endif
