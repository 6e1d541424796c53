/* The int8 products of the two VNNI tables: four at a time, bytes as they are. Include after vec_*.h and these:
 *   INT8_VECS                  vectors of sums for each of six rows
 *   vnni_repeat(four)          32 bits in every lane
 *   vnni_dot(sum, x, w)        sum[lane] += four products of unsigned and signed bytes
 * It brings the rest of an int8 table along. */
#ifndef KERN_VNNI_SIMD_H
#define KERN_VNNI_SIMD_H

#include <string.h>

enum { INT8_ROWS = 6, INT8_GROUPS = 1, INT8_INPUT_MAX = 255, INT8_WEIGHT_MAX = 127, INT8_GROUP_MAX = 0 };

INLINE veci int8_repeat(int32_t four) {
    return vnni_repeat(four);
}

INLINE veci int8_dot(veci sum, const veci *x, const veci *w) {
    return vnni_dot(sum, x[0], w[0]);
}

#include "kern/math_simd.h"
#include "kern/tile_simd.h"
#include "kern/rows_simd.h"
#include "kern/attend_simd.h"
#include "kern/quantise_simd.h"
#include "kern/pack_int8_simd.h"
#include "kern/linear_int8_simd.h"

#endif
