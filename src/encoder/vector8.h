/* vector8: a vector of the encoder in 8 bits a number, with one scale: number = scale * step, steps -127 … 127. What
 * decides is always the rounded vector, so that an answer is the same whether its vector is fresh or was kept. */
#ifndef ENCODER_VECTOR8_H
#define ENCODER_VECTOR8_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

enum { VECTOR8_DIM_MAX = 1024 };

/* Packs vector[dim] into step[dim]; returns the scale. */
static inline float vector8_pack(const float *vector, size_t dim, int8_t *step) {
    float max = 0;
    for (size_t i = 0; i < dim; i++) max = fmaxf(max, fabsf(vector[i]));
    float scale = max / 127;
    for (size_t i = 0; i < dim; i++) step[i] = scale > 0 ? (int8_t)lrintf(vector[i] / scale) : 0;
    return scale;
}

static inline void vector8_unpack(const int8_t *step, float scale, size_t dim, float *vector) {
    for (size_t i = 0; i < dim; i++) vector[i] = scale * (float)step[i];
}

/* Packs and unpacks vector[dim] in place, dim <= VECTOR8_DIM_MAX. */
static inline void vector8_round(float *vector, size_t dim) {
    int8_t step[VECTOR8_DIM_MAX];
    vector8_unpack(step, vector8_pack(vector, dim, step), dim, vector);
}

#endif
