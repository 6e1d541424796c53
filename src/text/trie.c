#include "text/trie.h"

#include "base/must.h"

#include <stdlib.h>

enum { BYTES = 256 };

/* The child of node s for byte c is at base(s) ^ c, if that slot's parent is s. */
struct trie_node {
    uint32_t base;
    uint32_t parent; /* TRIE_NONE: the slot is free */
    uint32_t value;  /* TRIE_NONE: no key ends here */
};

struct entry {
    struct span key;
    uint32_t value;
};

struct builder {
    struct trie *t;
    struct entry *entry; /* in the order of the keys */
    uint32_t free_from;  /* no free slot before this */
};

static int by_key(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
    int order = n > 0 ? memcmp(x->key.p, y->key.p, n) : 0;
    if (order != 0) return order;
    if (x->key.n != y->key.n) return x->key.n < y->key.n ? -1 : 1;
    return x->value < y->value ? -1 : 1;
}

static bool trie_grow(struct trie *t, uint32_t slots, struct err *e) {
    uint32_t n = (slots + BYTES - 1) / BYTES * BYTES;
    if (n <= t->n) return true;
    if (n > TRIE_NODES_MAX) return err_set(e, ERR_LIMIT, "the words need more than %d nodes", TRIE_NODES_MAX);
    if (n < t->n / 2 * 3 && t->n / 2 * 3 <= TRIE_NODES_MAX) n = t->n / 2 * 3 / BYTES * BYTES;
    struct trie_node *node = realloc(t->node, n * sizeof *node);
    if (!node) return err_set(e, ERR_MEMORY, "no memory for %u nodes", n);
    memset(node + t->n, 0xff, (n - t->n) * sizeof *node);
    t->node = node;
    t->n = n;
    return true;
}

static bool is_free(const struct trie *t, uint32_t slot) {
    return slot >= t->n || t->node[slot].parent == TRIE_NONE;
}

/* A base under which the slots of all these bytes are free. */
static uint32_t find_base(struct builder *b, const unsigned char *byte, size_t n) {
    while (!is_free(b->t, b->free_from)) b->free_from++;
    for (uint32_t slot = b->free_from;; slot++) {
        uint32_t base = slot ^ byte[0];
        size_t i = 0;
        while (i < n && is_free(b->t, base ^ byte[i])) i++;
        if (i == n) return base;
    }
}

/* A node whose children are still to be placed: the keys [from, to) share their first `depth` bytes. */
struct job {
    uint32_t node, from, to, depth;
};

/* The different bytes at `depth`, and where the keys of each begin. */
static size_t children(const struct builder *b, const struct job *j, unsigned char *byte, uint32_t *begin) {
    size_t n = 0;
    for (uint32_t i = j->from; i < j->to; i++) {
        struct span key = b->entry[i].key;
        if (key.n == j->depth) continue; /* ends here */
        unsigned char c = (unsigned char)key.p[j->depth];
        if (n == 0 || byte[n - 1] != c) byte[n] = c, begin[n++] = i;
    }
    return n;
}

/* Places the children of one node and pushes their jobs. */
static bool trie_place(struct builder *b, struct job j, struct job *stack, size_t *top, struct err *e) {
    unsigned char byte[BYTES];
    uint32_t begin[BYTES];
    for (uint32_t i = j.from; i < j.to && b->entry[i].key.n == j.depth; i++)
        if (j.depth > 0) b->t->node[j.node].value = b->entry[i].value;
    size_t n = children(b, &j, byte, begin);
    if (n == 0) return true;
    uint32_t base = find_base(b, byte, n);
    if (!trie_grow(b->t, (base | (BYTES - 1)) + 1, e)) return false;
    b->t->node[j.node].base = base;
    for (size_t i = 0; i < n; i++) {
        b->t->node[base ^ byte[i]].parent = j.node;
        uint32_t end = i + 1 < n ? begin[i + 1] : j.to;
        stack[(*top)++] = (struct job){base ^ byte[i], begin[i], end, j.depth + 1};
    }
    return true;
}

static bool place_all(struct builder *b, uint32_t keys, struct err *e) {
    /* Depth first: a level adds less than BYTES waiting siblings. */
    struct job *stack = must_calloc(((size_t)TRIE_KEY_MAX + 1) * BYTES, sizeof *stack);
    size_t top = 0;
    stack[top++] = (struct job){.node = TRIE_ROOT, .to = keys};
    bool ok = trie_grow(b->t, BYTES, e);
    if (ok) b->t->node[TRIE_ROOT].parent = TRIE_ROOT; /* taken; child() knows it is nobody's child */
    while (ok && top > 0) ok = trie_place(b, stack[--top], stack, &top, e);
    free(stack);
    return ok;
}

bool trie_build(struct trie *t, const struct span *key, uint32_t n, struct err *e) {
    *t = (struct trie){0};
    struct builder b = {.t = t, .entry = must_calloc((size_t)n + 1, sizeof *b.entry)};
    bool ok = true;
    for (uint32_t i = 0; i < n && ok; i++) {
        b.entry[i] = (struct entry){key[i], i};
        if (key[i].n > TRIE_KEY_MAX) ok = err_set(e, ERR_LIMIT, "word %u is longer than %d bytes", i, TRIE_KEY_MAX);
    }
    if (ok && n > 0) qsort(b.entry, n, sizeof *b.entry, by_key);
    ok = ok && place_all(&b, n, e);
    free(b.entry);
    if (!ok) trie_release(t);
    return ok;
}

void trie_release(struct trie *t) {
    free(t->node);
    *t = (struct trie){0};
}

/* The child for byte c, or TRIE_NONE. A leaf's base is TRIE_NONE and leads out of the array. */
static inline uint32_t child(const struct trie *t, uint32_t node, unsigned char c) {
    uint32_t slot = t->node[node].base ^ c;
    return slot < t->n && t->node[slot].parent == node && slot != TRIE_ROOT ? slot : TRIE_NONE;
}

uint32_t trie_walk(const struct trie *t, uint32_t node, struct span key) {
    for (size_t i = 0; i < key.n && node != TRIE_NONE; i++) node = child(t, node, (unsigned char)key.p[i]);
    return node;
}

size_t trie_longest(const struct trie *t, uint32_t node, const char *text, size_t n, uint32_t *value) {
    size_t longest = 0;
    for (size_t i = 0; i < n && node != TRIE_NONE; i++) {
        node = child(t, node, (unsigned char)text[i]);
        if (node == TRIE_NONE) break;
        if (t->node[node].value != TRIE_NONE) longest = i + 1, *value = t->node[node].value;
    }
    return longest;
}

uint32_t trie_find(const struct trie *t, struct span key) {
    uint32_t node = key.n > 0 ? trie_walk(t, TRIE_ROOT, key) : TRIE_NONE;
    return node == TRIE_NONE ? TRIE_NONE : t->node[node].value;
}
