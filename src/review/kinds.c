#include "review/kinds.h"

#include "base/must.h"
#include "review/kinds_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xxhash.h>

enum { SLACK = 256, COLLISIONS_MAX = 8 }; /* SLACK: slots of a shard that wait for a sweep, besides a quarter */

/* ---- open and close ---- */

/* Pages that cost nothing before they are touched. */
static void *kinds_map(size_t n, size_t size) {
    void *p = mmap(NULL, n * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) must_lack("memory", "kinds-max");
    return p;
}

static void shard_open(struct kinds_shard *sh, size_t max) {
    pthread_mutex_init(&sh->lock, NULL);
    sh->max = (uint32_t)max;
    sh->slots = sh->max + sh->max / 4 + SLACK;
    sh->mask = 64;
    while (sh->mask < 2 * sh->max) sh->mask *= 2;
    sh->index = kinds_map(sh->mask--, sizeof *sh->index);
    sh->kind = kinds_map(sh->slots, sizeof *sh->kind);
    sh->past = kinds_map(sh->slots, sizeof *sh->past);
    sh->family = kinds_map(sh->slots, sizeof *sh->family);
    sh->fifo = kinds_map(sh->slots, sizeof *sh->fifo);
    sh->free = sh->dying = sh->dead = KIND_NONE;
}

static void shard_close(struct kinds_shard *sh) {
    kinds_texts_release(&sh->texts);
    munmap(sh->index, (sh->mask + (size_t)1) * sizeof *sh->index);
    munmap(sh->kind, sh->slots * sizeof *sh->kind);
    munmap(sh->past, sh->slots * sizeof *sh->past);
    munmap(sh->family, sh->slots * sizeof *sh->family);
    if (sh->untold) munmap(sh->untold, sh->slots * sizeof *sh->untold);
    munmap(sh->fifo, sh->slots * sizeof *sh->fifo);
    pthread_mutex_destroy(&sh->lock);
}

static uint64_t kinds_xxh(const void *text, size_t n, uint64_t seed) {
    return XXH3_64bits_withSeed(text, n, seed);
}

uint64_t kinds_id_of(struct span text) {
    return kinds_xxh(text.p, text.n, 0);
}

struct kinds *kinds_open(const struct kinds_opts *o) {
    _Static_assert(sizeof(struct kind) == 64, "one cache line a kind");
    struct kinds *k = must_calloc(1, sizeof *k);
    MUST(o->max >= 1 && o->max <= KINDS_MAX_MAX);
    k->o = *o;
    if (!k->o.hash) k->o.hash = kinds_xxh;
    if (!k->o.rise) k->o.rise = 3;
    k->deleted = must_calloc(KINDS_DELETED_MAX, sizeof *k->deleted);
    pthread_mutex_init(&k->names_lock, NULL);
    pthread_mutex_init(&k->deleted_lock, NULL);
    pthread_mutex_init(&k->rises_lock, NULL);
    kinds_bloom_open(&k->bloom);
    for (unsigned i = 0; i < KINDS_SHARDS; i++) shard_open(&k->shard[i], (o->max + KINDS_SHARDS - 1) / KINDS_SHARDS);
    return k;
}

void kinds_close(struct kinds *k) {
    if (!k) return;
    for (unsigned i = 0; i < KINDS_SHARDS; i++) shard_close(&k->shard[i]);
    kinds_bloom_close(&k->bloom);
    pthread_mutex_destroy(&k->names_lock);
    pthread_mutex_destroy(&k->deleted_lock);
    pthread_mutex_destroy(&k->rises_lock);
    free(k->deleted);
    free(k);
}

/* ---- labels ---- */

uint8_t kinds_label(struct kinds *k, struct span id) {
    if (id.n == 0 || id.n >= LABEL_ID_MAX) return 0;
    pthread_mutex_lock(&k->names_lock);
    unsigned n = atomic_load(&k->names), found = 0;
    for (unsigned i = 1; i <= n && !found; i++)
        if (span_eq(span_of(k->name[i]), id)) found = i;
    if (!found && n < KINDS_LABELS_MAX) {
        found = n + 1;
        memcpy(k->name[found], id.p, id.n);
        atomic_store(&k->names, found);
    }
    pthread_mutex_unlock(&k->names_lock);
    return (uint8_t)found;
}

const char *kinds_label_id(const struct kinds *k, uint8_t label) {
    return label <= atomic_load(&k->names) ? k->name[label] : "";
}

uint64_t kinds_entered_by(const struct kinds *k, uint8_t label) {
    return atomic_load(&k->entered_by[label]);
}

unsigned kinds_labels(const struct kinds *k) {
    return atomic_load(&k->names);
}

/* ---- the index ---- */

static uint32_t index_home(const struct kinds_shard *sh, uint64_t id) {
    return (uint32_t)(id >> 6) & sh->mask;
}

uint32_t kinds_slot_of(const struct kinds_shard *sh, uint64_t id) {
    for (uint32_t at = index_home(sh, id); sh->index[at]; at = (at + 1) & sh->mask)
        if (sh->kind[sh->index[at] - 1].id == id) return sh->index[at] - 1;
    return KIND_NONE;
}

static void index_add(struct kinds_shard *sh, uint32_t slot) {
    uint32_t at = index_home(sh, sh->kind[slot].id);
    while (sh->index[at]) at = (at + 1) & sh->mask;
    sh->index[at] = slot + 1;
}

/* What stands behind moves up, so that no search ends too soon. */
static void index_remove(struct kinds_shard *sh, uint32_t slot) {
    uint32_t hole = index_home(sh, sh->kind[slot].id);
    while (sh->index[hole] != slot + 1) hole = (hole + 1) & sh->mask;
    for (uint32_t at = (hole + 1) & sh->mask; sh->index[at]; at = (at + 1) & sh->mask) {
        uint32_t home = index_home(sh, sh->kind[sh->index[at] - 1].id);
        if (((at - home) & sh->mask) < ((at - hole) & sh->mask)) continue;
        sh->index[hole] = sh->index[at];
        hole = at;
    }
    sh->index[hole] = 0;
}

/* ---- dropping ---- */

void kinds_note_dropped(struct kinds *k, uint64_t id) {
    pthread_mutex_lock(&k->deleted_lock);
    if (k->deleted_n < KINDS_DELETED_MAX) k->deleted[k->deleted_n++] = id; /* more: when the file is loaded */
    pthread_mutex_unlock(&k->deleted_lock);
}

size_t kinds_take_dropped(struct kinds *k, uint64_t *out) {
    pthread_mutex_lock(&k->deleted_lock);
    size_t n = k->deleted_n;
    memcpy(out, k->deleted, n * sizeof *out);
    k->deleted_n = 0;
    pthread_mutex_unlock(&k->deleted_lock);
    return n;
}

static void shard_drop(struct kinds *k, struct kinds_shard *sh, uint32_t slot) {
    struct kind *d = &sh->kind[slot];
    index_remove(sh, slot);
    if (d->flags & KIND_FLAG_STORED) kinds_note_dropped(k, d->id);
    kinds_texts_let_go(&sh->texts, d->text, d->text_n);
    *d = (struct kind){.flags = KIND_FLAG_GONE, .reuse = (uint8_t)(d->reuse + 1), .state_at = sh->dying};
    sh->past[slot] = (struct kind_past){0};
    if (sh->untold) sh->untold[slot] = 0;
    sh->dying = slot;
    sh->n--;
}

/* Those on probation that were seen again go over to the rest; the first that was not is dropped. */
static bool drop_on_probation(struct kinds *k, struct kinds_shard *sh, uint32_t keep) {
    while (sh->fifo_n > keep) {
        uint32_t slot = sh->fifo[sh->fifo_from];
        struct kind *c = &sh->kind[slot];
        sh->fifo_from = (sh->fifo_from + 1) % sh->slots;
        sh->fifo_n--;
        if (!(c->flags & KIND_FLAG_PROBATION)) continue; /* dropped by hand, or its slot is another's */
        c->flags = (uint8_t)(c->flags & ~KIND_FLAG_PROBATION);
        if (c->lines > 1 || (c->flags & KIND_FLAG_KEPT)) continue;
        shard_drop(k, sh, slot);
        return true;
    }
    return false;
}

/* Second chance: the first that was not seen since the hand last passed. */
static bool drop_by_hand(struct kinds *k, struct kinds_shard *sh) {
    for (uint32_t i = 0; i < 2 * sh->top; i++) {
        uint32_t slot = sh->hand;
        struct kind *c = &sh->kind[slot];
        sh->hand = (sh->hand + 1) % sh->top;
        if (!c->text || (c->flags & (KIND_FLAG_KEPT | KIND_FLAG_PROBATION))) continue;
        if (c->flags & KIND_FLAG_USED) {
            c->flags = (uint8_t)(c->flags & ~KIND_FLAG_USED);
            continue;
        }
        shard_drop(k, sh, slot);
        return true;
    }
    return false;
}

static bool shard_make_room(struct kinds *k, struct kinds_shard *sh) {
    if (sh->n < sh->max) return true;
    bool dropped = drop_on_probation(k, sh, sh->max / 10) || drop_by_hand(k, sh) || drop_on_probation(k, sh, 0);
    sh->forgotten += dropped;
    return dropped;
}

/* ---- entering ---- */

static uint32_t take_slot(struct kinds_shard *sh) {
    uint32_t slot = sh->free;
    if (slot != KIND_NONE) {
        sh->free = sh->kind[slot].state_at;
        return slot;
    }
    return sh->top < sh->slots ? sh->top++ : KIND_NONE;
}

/* Without memory they stay where they are. */
static void put_texts_elsewhere(struct kinds_shard *sh) {
    struct kinds_texts all = {0};
    if (!kinds_texts_reserve(&all, sh->texts.live)) {
        kinds_texts_release(&all);
        return;
    }
    for (uint32_t i = 0; i < sh->top; i++) {
        struct kind *c = &sh->kind[i];
        if (c->text) c->text = kinds_texts_put(&all, (struct span){c->text, c->text_n});
    }
    kinds_texts_release(&sh->texts);
    sh->texts = all;
}

uint32_t kinds_enter(struct kinds *k, struct kinds_shard *sh, uint64_t id, struct span text) {
    if (sh->free == KIND_NONE && sh->top == sh->slots) return KIND_NONE; /* until a sweep has ended */
    if (!shard_make_room(k, sh)) return KIND_NONE;
    if (kinds_texts_wasteful(&sh->texts)) put_texts_elsewhere(sh);
    char *copy = kinds_texts_put(&sh->texts, text);
    uint32_t slot = copy ? take_slot(sh) : KIND_NONE;
    if (slot == KIND_NONE) return KIND_NONE;
    struct kind *c = &sh->kind[slot];
    *c = (struct kind){
        .id = id, .text = copy, .text_n = (uint16_t)text.n, .reuse = c->reuse, .flags = KIND_FLAG_PROBATION};
    index_add(sh, slot);
    sh->n++;
    if (sh->fifo_n < sh->slots) sh->fifo[(sh->fifo_from + sh->fifo_n++) % sh->slots] = slot;
    return slot;
}

/* The text as it is kept: it, or what became of it in b, which is the caller's to release. */
static struct span kinds_text(const struct kinds *k, struct span text, struct buf *b) {
    buf_init(b, KINDS_TEXT_MAX - 1);
    if (!k->o.redact) return span_sub(text, 0, KINDS_TEXT_MAX - 1);
    k->o.redact(k->o.self, text, b);
    return buf_span(b);
}

static bool has_text(const struct kinds *k, const struct kind *c, struct span text) {
    if (!(c->flags & KIND_FLAG_REDACTED)) return c->text_n == text.n && memcmp(c->text, text.p, text.n) == 0;
    struct buf b;
    bool same = span_eq(kinds_text(k, text, &b), (struct span){c->text, c->text_n});
    buf_release(&b);
    return same;
}

/* The slot of the kind with this text, under whichever of the ids that are its turn; KIND_NONE: there is none, and *id
 * is free. */
static uint32_t find_text(const struct kinds *k, const struct kinds_shard *sh, struct span text, uint64_t *id) {
    for (uint64_t seed = 0; seed < COLLISIONS_MAX; seed++) {
        *id = k->o.hash(text.p, text.n, seed);
        uint32_t slot = kinds_slot_of(sh, *id);
        if (slot == KIND_NONE || has_text(k, &sh->kind[slot], text)) return slot;
    }
    *id = 0;
    return KIND_NONE;
}

static void take_decision(struct kind *c, const struct kinds_sight *s) {
    bool changes = c->label != s->label || c->stage != s->stage || c->p1 != s->p1;
    c->label = s->label;
    c->stage = s->stage;
    if (s->best) c->best = s->best, c->second = s->second, c->p1 = s->p1, c->p2 = s->p2;
    if (changes) c->flags |= KIND_FLAG_DIRTY;
}

uint32_t kinds_enter_new(struct kinds *k, struct kinds_shard *sh, uint64_t id, struct span text, uint8_t label) {
    uint32_t slot = kinds_enter(k, sh, id, text);
    if (slot == KIND_NONE) return slot;
    struct kind *c = &sh->kind[slot];
    uint32_t now = atomic_load_explicit(&k->now_s, memory_order_relaxed);
    c->first = c->last = c->state_at = now;
    c->flags |= KIND_FLAG_DIRTY;
    if (kinds_bloom_add(&k->bloom, id, now)) return slot;
    c->state = KIND_NEW;
    if (atomic_load_explicit(&k->counts, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&k->entered, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&k->entered_by[label], 1, memory_order_relaxed);
    }
    return slot;
}

void kind_set_message(struct kinds_shard *sh, uint32_t slot, size_t at) {
    struct kind *c = &sh->kind[slot];
    c->message_at = (uint16_t)(at < c->text_n ? at : 0);
    sh->family[slot] = c->message_at ? kinds_xxh(c->text + c->message_at, c->text_n - c->message_at, 0)
                                     : kinds_xxh(c->text, c->text_n, 0);
}

static uint32_t enter_new(struct kinds *k, struct kinds_shard *sh, const struct kinds_sight *s, uint64_t id) {
    struct buf b;
    if (id == 0) return KIND_NONE;
    struct span text = kinds_text(k, s->text, &b);
    uint32_t slot = kinds_enter_new(k, sh, id, text, s->label);
    if (slot != KIND_NONE) {
        kind_set_message(sh, slot, s->message_at);
        sh->kind[slot].flags |= span_eq(text, s->text) ? 0 : KIND_FLAG_REDACTED;
    }
    buf_release(&b);
    return slot;
}

uint32_t kinds_see(struct kinds *k, const struct kinds_sight *s) {
    unsigned n = (unsigned)(k->o.hash(s->text.p, s->text.n, 0) % KINDS_SHARDS);
    struct kinds_shard *sh = &k->shard[n];
    uint64_t id;
    pthread_mutex_lock(&sh->lock);
    uint32_t slot = find_text(k, sh, s->text, &id), number = 0;
    bool fresh = slot == KIND_NONE;
    if (fresh) slot = enter_new(k, sh, s, id);
    if (slot != KIND_NONE) {
        struct kind *c = &sh->kind[slot];
        if (s->decided || fresh) take_decision(c, s);
        if (s->by_rule) c->flags |= KIND_FLAG_BY_RULE;
        kind_add(k, sh, slot, s->lines);
        number = kind_number(n, slot, c);
    }
    pthread_mutex_unlock(&sh->lock);
    return number;
}

/* ---- by number ---- */

/* Locks its shard, whose number is told; NULL: it is gone, and nothing is locked. A number of the memo has no part that
 * tells reuse: such are cleared before a slot is used again. */
static struct kind *lock_number(struct kinds *k, uint32_t number, bool whole, unsigned *shard) {
    uint32_t at = (number & ((1U << KINDS_NUMBER_BITS) - 1)) - 1, slot = at / KINDS_SHARDS;
    *shard = at % KINDS_SHARDS;
    struct kinds_shard *sh = &k->shard[*shard];
    if (number == 0 || slot >= sh->slots) return NULL;
    pthread_mutex_lock(&sh->lock);
    struct kind *c = &sh->kind[slot];
    if (slot < sh->top && c->text && (!whole || c->reuse == number >> KINDS_NUMBER_BITS)) return c;
    pthread_mutex_unlock(&sh->lock);
    return NULL;
}

bool kinds_count(struct kinds *k, uint32_t kind, uint32_t n) {
    unsigned shard;
    struct kind *c = lock_number(k, kind, false, &shard);
    if (!c) return false;
    if (n > 0) kind_add(k, &k->shard[shard], (uint32_t)(c - k->shard[shard].kind), n);
    pthread_mutex_unlock(&k->shard[shard].lock);
    return true;
}

void kinds_decided(struct kinds *k, uint32_t kind, uint8_t label, uint8_t stage) {
    unsigned shard;
    struct kind *c = lock_number(k, kind, kind >> KINDS_NUMBER_BITS != 0, &shard);
    if (!c) return;
    c->label = label;
    c->stage = stage;
    c->flags |= KIND_FLAG_DIRTY;
    pthread_mutex_unlock(&k->shard[shard].lock);
}

/* ---- by id ---- */

uint32_t kinds_lock_id(struct kinds *k, uint64_t id, struct kinds_shard **sh) {
    for (unsigned i = 0; i < KINDS_SHARDS; i++) { /* the first is the one but for ids that collided */
        *sh = &k->shard[(id + i) % KINDS_SHARDS];
        pthread_mutex_lock(&(*sh)->lock);
        uint32_t slot = kinds_slot_of(*sh, id);
        if (slot != KIND_NONE) return slot;
        pthread_mutex_unlock(&(*sh)->lock);
    }
    return KIND_NONE;
}

bool kinds_set_state(struct kinds *k, uint64_t id, enum kind_state state, uint32_t until_s) {
    struct kinds_shard *sh;
    uint32_t slot = kinds_lock_id(k, id, &sh);
    if (slot == KIND_NONE) return false;
    struct kind *c = &sh->kind[slot];
    c->state = (uint8_t)state;
    c->state_at = until_s;
    c->flags |= KIND_FLAG_KEPT | KIND_FLAG_DIRTY;
    pthread_mutex_unlock(&sh->lock);
    return true;
}

void kinds_keep(struct kinds *k, uint64_t id, bool keep) {
    struct kinds_shard *sh;
    uint32_t slot = kinds_lock_id(k, id, &sh);
    if (slot == KIND_NONE) return;
    struct kind *c = &sh->kind[slot];
    uint8_t flags = (uint8_t)(keep ? c->flags | KIND_FLAG_KEPT : c->flags & ~KIND_FLAG_KEPT);
    if (flags != c->flags) c->flags = (uint8_t)(flags | KIND_FLAG_DIRTY);
    pthread_mutex_unlock(&sh->lock);
}

bool kinds_forget(struct kinds *k, uint64_t id) {
    struct kinds_shard *sh;
    uint32_t slot = kinds_lock_id(k, id, &sh);
    if (slot == KIND_NONE) return false;
    shard_drop(k, sh, slot);
    pthread_mutex_unlock(&sh->lock);
    return true;
}
