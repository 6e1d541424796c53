#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

/* Chunks grow with the arena: thousands of small requests must not hold 64 KiB each. */
enum { ARENA_ALIGN = 16, ARENA_CHUNK_FIRST = 4096, ARENA_CHUNK_MIN = 64 * 1024 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used;
    alignas(ARENA_ALIGN) char data[];
};

void arena_init(struct arena *a, size_t bytes_max) {
    *a = (struct arena){.bytes_max = bytes_max};
}

static struct arena_chunk *chunk_add(struct arena *a, size_t need) {
    size_t left = a->bytes_max - a->bytes;
    if (need > left) return NULL;
    size_t size = a->bytes < ARENA_CHUNK_FIRST ? ARENA_CHUNK_FIRST : a->bytes;
    if (size > ARENA_CHUNK_MIN) size = ARENA_CHUNK_MIN;
    if (size < need) size = need;
    if (size > left) size = left;
    struct arena_chunk *c = malloc(sizeof *c + size);
    if (!c) return NULL;
    *c = (struct arena_chunk){.size = size};
    a->bytes += size;
    if (a->current) {
        c->next = a->current->next;
        a->current->next = c;
    } else {
        a->first = c;
    }
    a->current = c;
    return c;
}

void *arena_alloc(struct arena *a, size_t n) {
    if (n > SIZE_MAX - ARENA_ALIGN) return NULL;
    n = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct arena_chunk *c = a->current;
    while (c && c->size - c->used < n && c->next) {
        c = c->next;
        a->current = c;
    }
    if (!c || c->size - c->used < n) c = chunk_add(a, n);
    if (!c) return NULL;
    void *p = c->data + c->used;
    c->used += n;
    return p;
}

struct span arena_copy(struct arena *a, struct span s) {
    char *p = arena_alloc(a, s.n + 1);
    if (!p) return (struct span){0};
    if (s.n) memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct span){p, s.n};
}

void arena_reset(struct arena *a) {
    for (struct arena_chunk *c = a->first; c; c = c->next) c->used = 0;
    a->current = a->first;
}

void arena_release(struct arena *a) {
    for (struct arena_chunk *c = a->first, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    *a = (struct arena){.bytes_max = a->bytes_max};
}
