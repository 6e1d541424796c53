/* The AMX instructions in C, for the test of the tile algorithm on machines without them. Same names as amx_tiles.h. */
#ifndef KERN_AMX_EMULATED_H
#define KERN_AMX_EMULATED_H

static struct {
    struct amx_config config;
    uint8_t byte[8][16][64];
} amx;

static void amx_configure(const struct amx_config *c) {
    memset(&amx, 0, sizeof amx);
    amx.config = *c;
}

static void amx_release(void) {
    memset(&amx, 0, sizeof amx);
}

static void amx_zero(int tile) {
    memset(amx.byte[tile], 0, sizeof amx.byte[tile]);
}

static void amx_load(int tile, const void *p, size_t stride) {
    amx_zero(tile);
    for (size_t r = 0; r < amx.config.rows[tile]; r++)
        memcpy(amx.byte[tile][r], (const uint8_t *)p + r * stride, amx.config.row_bytes[tile]);
}

static void amx_store(int tile, void *p, size_t stride) {
    for (size_t r = 0; r < amx.config.rows[tile]; r++)
        memcpy((uint8_t *)p + r * stride, amx.byte[tile][r], amx.config.row_bytes[tile]);
}

static void amx_dot(int sums, int inputs, int weights) {
    for (size_t m = 0; m < amx.config.rows[sums]; m++)
        for (size_t n = 0; n < amx.config.row_bytes[sums] / 4u; n++) {
            int32_t sum;
            memcpy(&sum, amx.byte[sums][m] + 4 * n, sizeof sum);
            for (size_t k = 0; k < amx.config.row_bytes[inputs]; k++)
                sum += amx.byte[inputs][m][k] * (int8_t)amx.byte[weights][k / 4][4 * n + k % 4];
            memcpy(amx.byte[sums][m] + 4 * n, &sum, sizeof sum);
        }
}

#endif
