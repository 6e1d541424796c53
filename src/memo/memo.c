#include "memo/memo.h"

#include "base/must.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <xxhash.h>

enum { WAYS = 8, SHARDS = 256 };

struct entry {
    struct memo_key key; /* {0, 0}: empty */
    double confidence;
    uint8_t label, decider;
    bool used; /* since the hand last passed */
    uint8_t kind[3];
    uint16_t lines; /* of that kind, since the last sweep */
};

struct set {
    struct entry way[WAYS];
};

struct shard {
    pthread_mutex_t lock;
    uint8_t hand;
    size_t n;
    uint64_t *counted; /* a bit a row: lines were counted in it since the last sweep */
    char pad[128 - sizeof(pthread_mutex_t) - 3 * sizeof(size_t)]; /* neighbours' locks on other cache lines */
};

struct memo {
    size_t sets; /* power of two */
    uint64_t seed;
    struct memo_tally tally; /* add is NULL: nobody counts */
    struct set *set;
    struct shard shard[SHARDS];
};

/* Zeroed pages that cost nothing before they are touched, and entries that do not straddle cache lines. */
static struct set *map_sets(size_t n) {
    _Static_assert(sizeof(struct entry) == 32, "two entries a cache line");
    void *p = mmap(NULL, n * sizeof(struct set), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

struct memo *memo_open(size_t entries) {
    if (entries < MEMO_ENTRIES_MIN) entries = MEMO_ENTRIES_MIN;
    if (entries > MEMO_ENTRIES_MAX) entries = MEMO_ENTRIES_MAX;
    struct memo *m = must_calloc(1, sizeof *m);
    m->sets = MEMO_ENTRIES_MIN / WAYS;
    MUST(m->sets >= SHARDS && m->sets % SHARDS == 0);
    while (m->sets * WAYS < entries) m->sets *= 2;
    m->set = map_sets(m->sets);
    if (!m->set) {
        free(m);
        return NULL;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&m->shard[i].lock, NULL);
        m->shard[i].counted = must_calloc(m->sets / SHARDS / 64 + 1, sizeof *m->shard[i].counted);
    }
    if (getrandom(&m->seed, sizeof m->seed, GRND_NONBLOCK) != sizeof m->seed) m->seed = (uintptr_t)m;
    return m;
}

void memo_close(struct memo *m) {
    if (!m) return;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_destroy(&m->shard[i].lock);
        free(m->shard[i].counted);
    }
    munmap(m->set, m->sets * sizeof *m->set);
    free(m);
}

struct memo_key memo_key(const struct memo *m, struct span template, uint64_t version) {
    XXH128_hash_t h = XXH3_128bits_withSeed(template.p, template.n, m->seed ^ version);
    if (h.low64 == 0 && h.high64 == 0) h.low64 = 1; /* {0, 0} marks an empty entry */
    return (struct memo_key){h.low64, h.high64};
}

static struct shard *shard_of(struct memo *m, struct memo_key key) {
    return &m->shard[key.hi % SHARDS];
}

/* Sets of one shard share hi % SHARDS, so that a set is only ever touched under its shard's lock. */
static size_t row_of(const struct memo *m, struct memo_key key) {
    return (size_t)(key.lo % (m->sets / SHARDS));
}

static struct set *set_in(struct memo *m, struct memo_key key, size_t row) {
    return &m->set[row * SHARDS + key.hi % SHARDS];
}

static struct set *set_of(struct memo *m, struct memo_key key) {
    return set_in(m, key, row_of(m, key));
}

/* Where an entry lies unless another took the place first: a lookup then touches one cache line of the set. */
static size_t memo_home_of(struct memo_key key) {
    return (size_t)(key.hi / SHARDS % WAYS);
}

/* The entry with key `what`, looked for from the home of `key` on. */
static struct entry *find_from(struct set *s, struct memo_key key, struct memo_key what) {
    size_t home = memo_home_of(key);
    for (size_t i = 0; i < WAYS; i++) {
        struct entry *e = &s->way[(home + i) % WAYS];
        if (memo_key_eq(e->key, what)) return e;
    }
    return NULL;
}

static struct entry *memo_find(struct set *s, struct memo_key key) {
    return find_from(s, key, key);
}

void memo_prefetch(struct memo *m, struct memo_key key) {
    __builtin_prefetch(&set_of(m, key)->way[memo_home_of(key)]);
}

static uint32_t memo_kind_of(const struct entry *e) {
    return (uint32_t)e->kind[0] | (uint32_t)e->kind[1] << 8 | (uint32_t)e->kind[2] << 16;
}

static void memo_set_kind(struct entry *e, uint32_t kind) {
    for (unsigned i = 0; i < 3; i++) e->kind[i] = (uint8_t)(kind >> 8 * i);
}

/* Hands on what was counted. */
static void memo_hand_on(const struct memo *m, struct entry *e) {
    uint32_t kind = memo_kind_of(e);
    if (kind && m->tally.add && !m->tally.add(m->tally.self, kind, e->lines)) memo_set_kind(e, 0);
    e->lines = 0;
}

static void count_line(const struct memo *m, struct shard *sh, struct entry *e, size_t row) {
    if (e->lines == 0) sh->counted[row / 64] |= UINT64_C(1) << row % 64; /* it stands there until the sweep */
    if (++e->lines == UINT16_MAX) memo_hand_on(m, e);
}

static bool look_up(struct memo *m, struct memo_key key, bool counts, struct answer *out) {
    struct shard *sh = shard_of(m, key);
    size_t row = row_of(m, key);
    pthread_mutex_lock(&sh->lock);
    struct entry *e = memo_find(set_in(m, key, row), key);
    if (e) {
        e->used = true;
        uint32_t kind = memo_kind_of(e);
        if (counts && kind) count_line(m, sh, e, row);
        *out = (struct answer){.confidence = e->confidence, .label = e->label, .decider = e->decider, .kind = kind};
    }
    pthread_mutex_unlock(&sh->lock);
    return e != NULL;
}

bool memo_get(struct memo *m, struct memo_key key, struct answer *out) {
    return look_up(m, key, false, out);
}

bool memo_see(struct memo *m, struct memo_key key, struct answer *out) {
    return look_up(m, key, true, out);
}

/* Second chance: the first entry from the hand on that was not used since the hand last passed. */
static struct entry *victim(struct set *s, uint8_t *hand) {
    for (;;) {
        struct entry *e = &s->way[*hand % WAYS];
        *hand = (uint8_t)(*hand + 1);
        if (!e->used) return e;
        e->used = false;
    }
}

bool memo_put(struct memo *m, struct memo_key key, const struct answer *a) {
    struct shard *sh = shard_of(m, key);
    pthread_mutex_lock(&sh->lock);
    struct set *s = set_of(m, key);
    struct entry *e = memo_find(s, key);
    bool evicted = false, fresh = e == NULL;
    if (fresh) e = find_from(s, key, (struct memo_key){0, 0});
    if (!e) {
        e = victim(s, &sh->hand);
        evicted = true;
        memo_hand_on(m, e);
    }
    if (fresh && !evicted) sh->n++;
    if (fresh) *e = (struct entry){.key = key};
    e->confidence = a->confidence;
    e->label = a->label;
    e->decider = a->decider;
    if (a->kind) memo_set_kind(e, a->kind);
    pthread_mutex_unlock(&sh->lock);
    return evicted;
}

size_t memo_count(struct memo *m) {
    size_t n = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&m->shard[i].lock);
        n += m->shard[i].n;
        pthread_mutex_unlock(&m->shard[i].lock);
    }
    return n;
}

void memo_set_tally(struct memo *m, const struct memo_tally *t) {
    m->tally = *t;
}

static void sweep_row(struct memo *m, size_t shard, size_t row, bool all) {
    struct set *set = &m->set[row * SHARDS + shard];
    for (size_t i = 0; i < WAYS; i++)
        if (all || set->way[i].lines) memo_hand_on(m, &set->way[i]);
}

void memo_sweep(struct memo *m, bool all) {
    size_t rows = m->sets / SHARDS;
    for (size_t n = 0; n < SHARDS; n++) {
        struct shard *sh = &m->shard[n];
        pthread_mutex_lock(&sh->lock);
        for (size_t row = 0; all && row < rows; row++) sweep_row(m, n, row, all);
        for (size_t i = 0; !all && i < (rows + 63) / 64; i++)
            for (uint64_t left = sh->counted[i]; left; left &= left - 1)
                sweep_row(m, n, 64 * i + (size_t)__builtin_ctzll(left), all);
        memset(sh->counted, 0, (rows + 63) / 64 * sizeof *sh->counted);
        pthread_mutex_unlock(&sh->lock);
    }
}
