/* kern: the encoder's arithmetic, one table of functions per instruction set. The scalar table is the reference the
 * others are tested against; kern_select picks the best one the CPU has.
 *
 * Common to all tables: functions are pure (outputs depend on the arguments only), allocate nothing, may run on any
 * number of threads, read no element past the stated shapes, and treat each row (or line) by itself: the bits of a row
 * do not depend on how many rows come with it. Pointers need float alignment only, rows of quantised bytes 64 bytes.
 *
 * Two kinds of table. fp32: weights and activations are floats. int8: weights are signed bytes with one scale per
 * output, w[o][i] ≈ scale[o] * q[o][i]; activations are bytes with a scale and a base per row, x[r][i] ≈ base[r] +
 * scale[r] * q[r][i]; products are summed exactly in 32 bits. Layouts, formulas and error bounds: docs/model.md. */
#ifndef KERN_KERN_H
#define KERN_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* y = x · Wᵀ + bias, packed for one kernel. Filled by kern.linear_pack; owns nothing. */
struct kern_linear {
    unsigned in, out;
    void *w;      /* kern.linear_bytes(in, out) bytes, 64-byte aligned, in the kernel's own layout */
    float *bias;  /* [kern_padded(out)], zeros past out; so are the next two */
    float *scale; /* int8: one unit of q in W's terms */
    float *sum;   /* int8: scale[o] * Σ_i q[o][i], what a row's base is multiplied with */
    /* int8: [in], or NULL for ones. Inputs are multiplied with it before they become bytes, weights divided by it: it
     * takes range from inputs that are large and gives it to the weights. To be set before linear_pack. */
    const float *factor;
};

/* Activations as `linear` reads them: f for fp32 kernels, the others for int8 kernels. */
struct kern_in {
    float *f;        /* [rows][f_stride] */
    size_t f_stride; /* floats from row to row */
    uint8_t *q;      /* [rows][q_stride]: 0..255 */
    size_t q_stride; /* bytes from row to row: kern_padded of the width, or more in steps of 64 */
    float *scale;    /* [rows] */
    float *base;     /* [rows] */
};

/* What becomes of a linear layer's result v; may be combined, ADD comes first. */
enum kern_then {
    KERN_STORE = 0, /* y = v */
    KERN_ADD = 1,   /* y = y + v: a residual, or the part of other inputs */
    KERN_GELU = 2   /* y = v/2 · (1 + erf(v/√2)) */
};

struct kern_out {
    float *y;      /* [rows][stride] */
    size_t stride; /* floats */
    unsigned then; /* enum kern_then */
};

struct kern_norm {
    const float *gamma, *beta; /* [width] */
    float eps;
    unsigned width;
};

/* Self-attention of one line. In a row of qkv lie the queries, keys and values of all heads: 3 × heads × head_dim
 * floats. */
struct kern_attention {
    const float *qkv; /* [tokens][qkv_stride] */
    size_t qkv_stride;
    unsigned tokens, heads, head_dim;
    float *out; /* [tokens][out_stride]: the heads' results side by side */
    size_t out_stride;
    float *scratch; /* kern_attention_scratch(tokens, head_dim) floats */
};

struct kern {
    const char *name;
    unsigned needs;      /* bits of enum kern_cpu */
    bool int8;           /* linear reads kern_in.q: call quantise first */
    unsigned input_max;  /* int8: greatest quantised input */
    unsigned weight_max; /* int8: greatest quantised weight of either sign */
    unsigned group_max;  /* int8: what the weights of one sign in a group may sum to (pack.h); 0: whatever there are */
    unsigned slice;      /* int8: inputs of a slice, which has scales of its own; KERN_SLICE_MAX or less */
    unsigned rows_block; /* rows to hand to a chain of linear calls at once, so that they stay in the cache */

    size_t (*linear_bytes)(unsigned in, unsigned out);
    /* Fills l->w, bias, scale and sum (memory given by the caller) from w[out][stride], in <= stride columns of it, and
     * bias[out] (NULL: zeros). */
    void (*linear_pack)(struct kern_linear *l, const float *w, size_t stride, const float *bias);
    void (*linear)(const struct kern_linear *l, const struct kern_in *x, size_t rows, const struct kern_out *y);
    /* Fills x->q, scale and base from x->f, times l->factor, for l to read; NULL in fp32 tables. NaN and infinity give
     * some finite bytes. */
    void (*quantise)(const struct kern_linear *l, const struct kern_in *x, size_t rows);
    /* Layer norm of each row, in place: (x - mean) / √(variance + eps) · gamma + beta. */
    void (*norm)(const struct kern_norm *n, float *x, size_t stride, size_t rows);
    void (*attend)(const struct kern_attention *a);
    /* What the product could do at best: `times` rounds of its innermost instructions on registers alone. Returns the
     * operations done, two a multiplication. NULL in the scalar tables. */
    size_t (*register_loop)(size_t times);
};

enum kern_cpu {
    KERN_CPU_AVX2 = 1,     /* AVX2, FMA, F16C */
    KERN_CPU_AVX512 = 2,   /* F, BW, VL, DQ */
    KERN_CPU_VNNI = 4,     /* AVX512_VNNI */
    KERN_CPU_AMX_INT8 = 8, /* AMX tiles and int8, with the kernel's permission to use them */
    KERN_CPU_AVX_VNNI = 16,
};

enum {
    KERN_PAD = 64,          /* outputs of a linear layer are padded to this, and quantised rows to as many bytes */
    KERN_SLICE_MAX = 384,   /* inputs of a slice */
    KERN_ATTEND_ROWS = 8,   /* most queries an attention kernel has in flight */
    KERN_TOKENS_MAX = 4096, /* a line's tokens; keeps all sizes far from overflow */
    KERN_WIDTH_MAX = 16384, /* of any matrix: 2^14 · 2^8 · 2^7 stays inside 32 bits */
};

#define KERN_FLOAT_MAX 1e30f  /* what quantise takes as infinite: room for sums */
#define KERN_SCALE_MIN 1e-30f /* and as no range at all: 1 / scale stays finite */

static inline unsigned kern_padded(unsigned n) {
    return (n + KERN_PAD - 1) / KERN_PAD * KERN_PAD;
}

static inline size_t kern_attention_scratch(unsigned tokens, unsigned head_dim) {
    return (size_t)kern_padded(tokens) * (head_dim + KERN_ATTEND_ROWS);
}

/* The table for this CPU. name NULL or "auto": the fastest one there is; else that one, or NULL when the name is
 * unknown or the CPU lacks what it needs. Asks the operating system for the AMX tiles when they are there. */
const struct kern *kern_select(const char *name);

/* The ladder, slowest first, for tests and messages; NULL past the end. kern_usable: this CPU has what it needs. */
const struct kern *kern_at(unsigned i);
bool kern_usable(const struct kern *k);

extern const struct kern kern_scalar, kern_scalar_int8, kern_avx2, kern_avx2_int8, kern_avxvnni_int8, kern_avx512,
    kern_avx512_int8, kern_amx_int8;

#endif
