#include "review/overlay.h"

#include "base/must.h"
#include "review/kinds.h"
#include "text/mask.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

enum { SOURCE_BYTES = 128 };

struct overlay_entry {
    XXH128_hash_t key; /* {0, 0}: free */
    uint32_t id;
    char label[LABEL_ID_MAX];
};

struct overlay {
    atomic_uint refs;
    uint64_t seed; /* nobody can prepare a line that collides with another */
    bool by_source, by_hash;
    size_t slots; /* a power of two, at most half of them taken */
    struct overlay_entry *entry;
};

static uint64_t source_seed(const struct overlay *o, struct span source) {
    char masked[MASK_OUTPUT_MAX];
    if (source.n == 0) return o->seed;
    size_t n = mask_line(span_sub(source, 0, SOURCE_BYTES), masked);
    return XXH3_64bits_withSeed(masked, n, o->seed) | 1;
}

static XXH128_hash_t overlay_key(struct span masked, uint64_t seed) {
    XXH128_hash_t h = XXH3_128bits_withSeed(masked.p, masked.n, seed);
    if (h.low64 == 0 && h.high64 == 0) h.low64 = 1;
    return h;
}

/* The entry with this key, or the free one where it belongs. */
static struct overlay_entry *overlay_slot(const struct overlay *o, XXH128_hash_t key) {
    for (size_t at = (size_t)key.low64 & (o->slots - 1);; at = (at + 1) & (o->slots - 1)) {
        struct overlay_entry *e = &o->entry[at];
        if (XXH128_isEqual(e->key, key) || (e->key.low64 == 0 && e->key.high64 == 0)) return e;
    }
}

/* Of a word whose text is not the template: by the template's hash, which nobody has to guess who wants the label. */
static XXH128_hash_t overlay_key_of_hash(uint64_t family, uint64_t seed) {
    return (XXH128_hash_t){family, seed | 1};
}

static void overlay_add(struct overlay *o, const struct correction *c) {
    char masked[MASK_OUTPUT_MAX];
    uint64_t seed = source_seed(o, c->source);
    XXH128_hash_t key = c->redacted ? overlay_key_of_hash(c->family, seed)
                                    : overlay_key((struct span){masked, mask_line(c->message, masked)}, seed);
    struct overlay_entry *e = overlay_slot(o, key);
    e->key = key;
    e->id = c->id;
    memcpy(e->label, c->label, sizeof e->label);
    o->by_source |= c->source.n > 0;
    o->by_hash |= c->redacted;
}

static bool overlay_takes(const struct correction *c) {
    return !c->undone && !c->state[0];
}

struct overlay *overlay_open(const struct corrections *c) {
    size_t live = 0;
    for (size_t i = 0; i < c->n; i++) live += overlay_takes(&c->row[i]);
    if (live == 0) return NULL;
    struct overlay *o = must_calloc(1, sizeof *o);
    atomic_init(&o->refs, 1);
    if (getrandom(&o->seed, sizeof o->seed, GRND_NONBLOCK) != sizeof o->seed) o->seed = (uintptr_t)o;
    o->seed &= ~UINT64_C(1); /* that of all sources is even, those of one odd */
    for (o->slots = 64; o->slots < 2 * live; o->slots *= 2)
        ;
    o->entry = must_calloc(o->slots, sizeof *o->entry);
    for (size_t i = 0; i < c->n; i++)
        if (overlay_takes(&c->row[i])) overlay_add(o, &c->row[i]);
    return o;
}

struct overlay *overlay_ref(struct overlay *o) {
    if (o) atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
    return o;
}

void overlay_unref(struct overlay *o) {
    if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1) return;
    free(o->entry);
    free(o);
}

/* False: nothing was said, or it was taken back by a later word. */
static bool overlay_look(const struct overlay *o, XXH128_hash_t key, struct overlay_word *out) {
    const struct overlay_entry *e = overlay_slot(o, key);
    if (!XXH128_isEqual(e->key, key) || !e->label[0]) return false;
    *out = (struct overlay_word){e->label, e->id};
    return true;
}

static bool overlay_look_seeded(const struct overlay *o, struct span masked, uint64_t seed, struct overlay_word *out) {
    if (overlay_look(o, overlay_key(masked, seed), out)) return true;
    return o->by_hash && overlay_look(o, overlay_key_of_hash(kinds_id_of(masked), seed), out);
}

bool overlay_find(const struct overlay *o, struct span source, struct span masked, struct overlay_word *out) {
    if (o->by_source && source.n > 0 && overlay_look_seeded(o, masked, source_seed(o, source), out)) return true;
    return overlay_look_seeded(o, masked, o->seed, out);
}
