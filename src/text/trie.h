/* trie: a set of byte strings with a number each, for longest-prefix look-ups; a double array, one memory access a
 * byte. Immutable after trie_build. Private to src/text. */
#ifndef TEXT_TRIE_H
#define TEXT_TRIE_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRIE_NODES_MAX = 1 << 24, TRIE_KEY_MAX = 512 };

struct trie {
    struct trie_node *node;
    uint32_t n; /* a multiple of 256 */
};

#define TRIE_ROOT 0u
#define TRIE_NONE 0xffffffffu

/* Key i gets the number i; empty keys are left out, of equal keys the last counts. Fails with LIMIT above the limits.
 */
bool trie_build(struct trie *t, const struct span *key, uint32_t n, struct err *e);
void trie_release(struct trie *t); /* zero-filled is fine */

/* The node reached from `node` over key, or TRIE_NONE. */
uint32_t trie_walk(const struct trie *t, uint32_t node, struct span key);

/* The longest front part of text[0, n) that is a key below `node`: its length, and its number in *value; 0: none. */
size_t trie_longest(const struct trie *t, uint32_t node, const char *text, size_t n, uint32_t *value);

/* The number of key, or TRIE_NONE. */
uint32_t trie_find(const struct trie *t, struct span key);

#endif
