/* AVX-512 in fp32: 6 × 4 vectors of sums, 16 floats each. */
#include "kern/kern.h"
#include "kern/pack.h"

#include <math.h>

#include "kern/vec_avx512.h"
enum { TILE_VECS = 4 };
#include "kern/math_simd.h"
#include "kern/tile_simd.h"
#include "kern/rows_simd.h"
#include "kern/attend_simd.h"
#include "kern/linear_f32_simd.h"

const struct kern kern_avx512 = {
    .name = "avx512",
    .needs = KERN_CPU_AVX512,
    .rows_block = 48,
    .linear_bytes = f32_bytes,
    .linear_pack = f32_pack,
    .linear = f32_linear,
    .norm = norm,
    .attend = attend,
    .register_loop = f32_register_loop,
};
