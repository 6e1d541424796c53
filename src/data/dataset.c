#include "data/dataset.h"

#include "base/must.h"
#include "base/rng.h"

#include <stdlib.h>
#include <xxhash.h>

#define DATASET_BYTES_MAX ((size_t)4 << 30)
enum { ROWS_FIRST = 1024, GROUPS_FIRST = 64 };

void dataset_init(struct dataset *d) {
    *d = (struct dataset){0};
    arena_init(&d->arena, DATASET_BYTES_MAX);
    index_init(&d->by_name, DATASET_GROUPS_MAX);
}

void dataset_release(struct dataset *d) {
    arena_release(&d->arena);
    free(d->row);
    free(d->group);
    index_release(&d->by_name);
    *d = (struct dataset){0};
}

static bool add_group(struct dataset *d, struct span name, struct err *e) {
    if (d->groups == DATASET_GROUPS_MAX) return err_set(e, ERR_LIMIT, "more than %d systems", DATASET_GROUPS_MAX);
    if (d->groups == d->groups_cap) {
        unsigned cap = d->groups_cap ? 2 * d->groups_cap : GROUPS_FIRST;
        struct span *g = realloc(d->group, cap * sizeof *g);
        if (!g) return err_set(e, ERR_MEMORY, "no memory for %u systems", cap);
        d->group = g;
        d->groups_cap = cap;
    }
    struct span copy = arena_copy(&d->arena, name);
    if (!copy.p) return err_set(e, ERR_MEMORY, "no memory for the name of a system");
    d->group[d->groups++] = copy;
    return true;
}

/* Index of the group with this name, which is added when it is new. */
static bool find_group(struct dataset *d, struct span name, uint32_t *index, struct err *e) {
    XXH128_hash_t hash = XXH3_128bits(name.p ? name.p : "", name.n);
    bool is_new;
    *index = index_find(&d->by_name, (struct index_key){hash.low64, hash.high64}, &is_new);
    return !is_new || add_group(d, name, e);
}

bool dataset_add(struct dataset *d, const struct dataset_row *row, struct span group, struct err *e) {
    if (d->n == DATASET_ROWS_MAX) return err_set(e, ERR_LIMIT, "more than %d rows", DATASET_ROWS_MAX);
    if (d->n == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : ROWS_FIRST;
        struct dataset_row *r = realloc(d->row, cap * sizeof *r);
        if (!r) return err_set(e, ERR_MEMORY, "no memory for %zu rows", cap);
        d->row = r;
        d->cap = cap;
    }
    struct dataset_row copy = *row;
    if (!find_group(d, group, &copy.group, e)) return false;
    copy.source = arena_copy(&d->arena, row->source);
    copy.message = arena_copy(&d->arena, row->message);
    if (!copy.source.p || !copy.message.p) return err_set(e, ERR_MEMORY, "no memory for row %zu", d->n + 1);
    d->row[d->n++] = copy;
    return true;
}

void dataset_fold_rows(const struct dataset *d, unsigned k, uint64_t seed, uint8_t *fold) {
    MUST(k > 0 && k <= DATASET_FOLDS_MAX);
    uint32_t *order = must_calloc(d->n, sizeof *order);
    for (uint32_t i = 0; i < d->n; i++) order[i] = i;
    rng_shuffle(&(struct rng){seed}, order, d->n);
    unsigned dealt[256] = {0};
    for (size_t i = 0; i < d->n; i++) fold[order[i]] = (uint8_t)(dealt[d->row[order[i]].label]++ % k);
    free(order);
}

struct group_size {
    uint32_t group, rows, luck;
};

static int larger_first(const void *a, const void *b) {
    const struct group_size *x = a, *y = b;
    if (x->rows != y->rows) return x->rows < y->rows ? 1 : -1;
    if (x->luck != y->luck) return x->luck < y->luck ? 1 : -1;
    return x->group < y->group ? -1 : 1;
}

void dataset_fold_groups(const struct dataset *d, unsigned k, uint64_t seed, uint8_t *fold) {
    MUST(k > 0 && k <= DATASET_FOLDS_MAX);
    struct group_size *size = must_calloc(d->groups, sizeof *size);
    uint8_t *of_group = must_calloc(d->groups, sizeof *of_group);
    struct rng rng = {seed};
    for (uint32_t g = 0; g < d->groups; g++) size[g] = (struct group_size){g, 0, (uint32_t)rng_next(&rng)};
    for (size_t i = 0; i < d->n; i++) size[d->row[i].group].rows++;
    qsort(size, d->groups, sizeof *size, larger_first);
    size_t filled[DATASET_FOLDS_MAX] = {0};
    for (unsigned g = 0; g < d->groups; g++) {
        unsigned least = 0;
        for (unsigned f = 1; f < k; f++)
            if (filled[f] < filled[least]) least = f;
        filled[least] += size[g].rows;
        of_group[size[g].group] = (uint8_t)least;
    }
    for (size_t i = 0; i < d->n; i++) fold[i] = of_group[d->row[i].group];
    free(size);
    free(of_group);
}
