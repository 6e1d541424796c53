/* The AMX instructions. Written as assembler because GCC 12's intrinsics do not say what they touch: it takes
 * _tile_loadconfig for a read of 8 bytes and _tile_loadd for none, and may drop or move the stores before them. */
#ifndef KERN_AMX_TILES_H
#define KERN_AMX_TILES_H

INLINE void amx_configure(const struct amx_config *c) {
    __asm__ volatile("ldtilecfg %0" : : "m"(*c));
}
INLINE void amx_release(void) {
    __asm__ volatile("tilerelease" : : : "memory");
}
INLINE void amx_zero(const int tile) {
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(tile));
}

INLINE void amx_load(const int tile, const void *p, size_t stride) {
    __asm__ volatile("tileloadd (%0,%1), %%tmm%c2" : : "r"(p), "r"(stride), "i"(tile) : "memory");
}

INLINE void amx_store(const int tile, void *p, size_t stride) {
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1)" : : "r"(p), "r"(stride), "i"(tile) : "memory");
}

/* sums[m][n] += Σ of 4 · k products, unsigned inputs[m][4k..] times signed weights[k][4n..] */
INLINE void amx_dot(const int sums, const int inputs, const int weights) {
    __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(sums), "i"(inputs), "i"(weights));
}

#endif
