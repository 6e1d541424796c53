/* The int8 products of the two VNNI tables: four at a time, bytes as they are. Include after vec_*.h and these:
 *   INT8_VECS                  vectors of sums for each of six rows
 *   vnni_repeat(four)          32 bits in every lane
 *   vnni_dot(sum, x, w)        sum[lane] += four products of unsigned and signed bytes
 * It brings the rest of an int8 table along. */
#ifndef KERN_VNNI_SIMD_H
#define KERN_VNNI_SIMD_H

#include <string.h>

enum { INT8_ROWS = 6, INT8_SUMS = INT8_VECS, INT8_DOTS = 4 };

INLINE veci int8_inputs(const uint8_t *q, unsigned i) {
    int32_t four;
    memcpy(&four, q + i, sizeof four);
    return vnni_repeat(four);
}

INLINE veci int8_weights(const int8_t *w, int v) {
    return vec_load_int(w + v * VEC * 4);
}

INLINE veci int8_dot(veci sum, veci x, veci w) {
    return vnni_dot(sum, x, w);
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

#endif
