/* AMX int8: tiles of 16 rows × 64 bytes. Four tiles of sums, 2 × 2, fed by two of inputs and two of weights. What is
 * not a matrix product is the code of the AVX-512 kernel, and so are the results, bit for bit.
 *
 * A test builds this file a second time with KERN_AMX_EMULATED: then the instructions come from amx_emulated.h, and the
 * tile algorithm runs on any AVX-512 machine. */
#include "kern/kern.h"
#include "kern/pack.h"

#include <math.h>
#include <string.h>

#include "kern/vec_avx512.h"

enum { INT8_VECS = 2, INT8_INPUT_MAX = 255, INT8_WEIGHT_MAX = 127, INT8_GROUP_MAX = 0 };

#include "kern/math_simd.h"
#include "kern/tile_simd.h"
#include "kern/rows_simd.h"
#include "kern/attend_simd.h"
#include "kern/quantise_simd.h"
#include "kern/pack_int8_simd.h"

/* What ldtilecfg reads: the shape of each tile. */
struct amx_config {
    uint8_t palette, start_row, zeros[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

#ifdef KERN_AMX_EMULATED
#    include "kern/amx_emulated.h"
#    define AMX_TABLE kern_amx_emulated
extern const struct kern kern_amx_emulated;
#else
#    include "kern/amx_tiles.h"
#    define AMX_TABLE kern_amx_int8
#endif

enum { SUM_00, SUM_01, SUM_10, SUM_11, IN_0, IN_1, WEIGHTS_0, WEIGHTS_1, TILES };
enum { AMX_ROWS = 16, AMX_BYTES = 64, AMX_BLOCK = 2 * AMX_ROWS };

/* Shapes for `rows` rows, 1 to AMX_BLOCK: no tile reads past the last of them. Second tiles that are not used have one
 * row. */
static void amx_shape(size_t rows) {
    uint8_t first = (uint8_t)(rows < AMX_ROWS ? rows : AMX_ROWS),
            second = (uint8_t)(rows > AMX_ROWS ? rows - AMX_ROWS : 1);
    struct amx_config c = {
        .palette = 1,
        .rows = {[SUM_00] = first,
                 [SUM_01] = first,
                 [SUM_10] = second,
                 [SUM_11] = second,
                 [IN_0] = first,
                 [IN_1] = second,
                 [WEIGHTS_0] = AMX_BYTES / 4,
                 [WEIGHTS_1] = AMX_BYTES / 4},
    };
    for (int i = 0; i < TILES; i++) c.row_bytes[i] = AMX_BYTES;
    amx_configure(&c);
}

/* sums[rows][INT8_COLUMNS] of up to AMX_BLOCK rows of q and one panel of weights, `bytes` inputs */
static void amx_sums(const uint8_t *q, size_t stride, size_t rows, const int8_t *w, size_t bytes, int32_t *sums) {
    enum { PANEL_ROW = INT8_COLUMNS * 4, SUMS_ROW = INT8_COLUMNS * sizeof(int32_t) };
    bool both = rows > AMX_ROWS;
    amx_zero(SUM_00), amx_zero(SUM_01), amx_zero(SUM_10), amx_zero(SUM_11);
    for (size_t i = 0; i < bytes; i += AMX_BYTES, w += AMX_BYTES / 4 * PANEL_ROW) {
        amx_load(IN_0, q + i, stride);
        amx_load(WEIGHTS_0, w, PANEL_ROW);
        amx_load(WEIGHTS_1, w + PANEL_ROW / 2, PANEL_ROW);
        amx_dot(SUM_00, IN_0, WEIGHTS_0);
        amx_dot(SUM_01, IN_0, WEIGHTS_1);
        if (!both) continue;
        amx_load(IN_1, q + AMX_ROWS * stride + i, stride);
        amx_dot(SUM_10, IN_1, WEIGHTS_0);
        amx_dot(SUM_11, IN_1, WEIGHTS_1);
    }
    amx_store(SUM_00, sums, SUMS_ROW);
    amx_store(SUM_01, sums + VEC, SUMS_ROW);
    if (!both) return;
    amx_store(SUM_10, sums + AMX_ROWS * INT8_COLUMNS, SUMS_ROW);
    amx_store(SUM_11, sums + AMX_ROWS * INT8_COLUMNS + VEC, SUMS_ROW);
}

/* All outputs for up to AMX_BLOCK rows from `row` on. */
static void amx_rows(const struct kern_linear *l, const struct kern_in *x, size_t row, size_t rows,
                     const struct kern_out *y) {
    _Alignas(64) int32_t sums[AMX_BLOCK * INT8_COLUMNS];
    struct tile t = {l, x, y, row, 0};
    size_t bytes = kern_padded(l->in);
    const int8_t *w = l->w;
    for (; t.column < l->out; t.column += INT8_COLUMNS, w += bytes * INT8_COLUMNS) {
        amx_sums(x->q + row * x->q_stride, x->q_stride, rows, w, bytes, sums);
        EACH(v, INT8_VECS) {
            const struct epilogue e = int8_epilogue(&t, (unsigned)v * VEC);
            for (size_t r = 0; r < rows; r++) int8_put(&e, r, vec_load_int(sums + r * INT8_COLUMNS + v * VEC));
        }
    }
}

static void amx_linear(const struct kern_linear *l, const struct kern_in *x, size_t rows, const struct kern_out *y) {
    size_t row = 0;
    if (rows >= AMX_BLOCK) amx_shape(AMX_BLOCK);
    for (; row + AMX_BLOCK <= rows; row += AMX_BLOCK) amx_rows(l, x, row, AMX_BLOCK, y);
    if (row < rows) {
        amx_shape(rows - row);
        amx_rows(l, x, row, rows - row, y);
    }
    amx_release();
}

static size_t amx_register_loop(size_t times) {
    amx_shape(AMX_BLOCK);
    amx_zero(SUM_00), amx_zero(SUM_01), amx_zero(SUM_10), amx_zero(SUM_11);
    amx_zero(IN_0), amx_zero(IN_1), amx_zero(WEIGHTS_0), amx_zero(WEIGHTS_1);
    for (size_t t = 0; t < times; t++) {
        amx_dot(SUM_00, IN_0, WEIGHTS_0), amx_dot(SUM_01, IN_0, WEIGHTS_1);
        amx_dot(SUM_10, IN_1, WEIGHTS_0), amx_dot(SUM_11, IN_1, WEIGHTS_1);
    }
    amx_release();
    return times * 4 * AMX_ROWS * (AMX_BYTES / 4) * AMX_BYTES * 2;
}

const struct kern AMX_TABLE = {
    .name = "amx-int8",
    .needs = KERN_CPU_AVX512 | KERN_CPU_VNNI | KERN_CPU_AMX_INT8,
    .int8 = true,
    .input_max = INT8_INPUT_MAX,
    .weight_max = INT8_WEIGHT_MAX,
    .slice = KERN_SLICE_MAX,
    .rows_block = 64,
    .linear_bytes = int8_bytes,
    .linear_pack = int8_pack,
    .linear = amx_linear,
    .quantise = quantise,
    .norm = norm,
    .attend = attend,
    .register_loop = amx_register_loop,
};
