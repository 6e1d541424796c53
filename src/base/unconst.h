/* unconst: takes the const off a pointer, in the two cases where that is right: the memory is our own, kept behind a
 * pointer that others may only read through; or a library's signature lacks a const although it only reads. The one
 * place where this is done, so that each use can be found. */
#ifndef BASE_UNCONST_H
#define BASE_UNCONST_H

#include <stdint.h>

static inline void *unconst(const void *p) {
    return (void *)(uintptr_t)p;
}

#endif
