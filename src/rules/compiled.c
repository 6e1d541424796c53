#include "rules/compiled.h"

#include "base/cache.h"
#include "base/log.h"
#include "base/must.h"
#include "base/unconst.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FORM = 1 };

void compiled_init(struct compiled *c, size_t n) {
    *c = (struct compiled){.span = must_calloc(n + 1, sizeof(hs_database_t *)), .n = n};
}

void compiled_release(struct compiled *c) {
    for (size_t i = 0; i < c->n; i++) hs_free_database(c->span[i]);
    free(c->span);
    hs_free_database(c->messages);
    hs_free_database(c->sources);
    *c = (struct compiled){0};
}

/* The databases in the order of the file: messages, sources, spans. */
static hs_database_t **compiled_at(const struct compiled *c, size_t i) {
    struct compiled *all = unconst(c);
    return i == 0 ? &all->messages : i == 1 ? &all->sources : &all->span[i - 2];
}

/* ---- the file ---- */

static uint64_t text_hash(const char *s, uint64_t seed) {
    return XXH3_64bits_withSeed(s ? s : "", s ? strlen(s) + 1 : 0, seed);
}

/* Of the patterns in their order, the library, the CPU as the library sees it, and what the patterns were held to. */
static uint64_t compiled_key(const struct rules_list *list) {
    hs_platform_info_t cpu = {0};
    MUST(hs_populate_platform(&cpu) == HS_SUCCESS);
    const uint64_t fixed[] = {
        FORM, cpu.tune, cpu.cpu_features, list->n, RULES_COMPILED_MAX, RULES_DATABASE_MAX, RULES_SPAN_POSITIONS_MAX};
    uint64_t hash = text_hash(hs_version(), XXH3_64bits(fixed, sizeof fixed));
    for (size_t i = 0; i < list->n; i++) hash = text_hash(list->rule[i].source, text_hash(list->rule[i].pattern, hash));
    return hash;
}

static bool compiled_path(char out[CACHE_PATH_BYTES], uint64_t key, bool make) {
    char name[32];
    snprintf(name, sizeof name, "rules-%u.bin", (unsigned)(key % COMPILED_SLOTS));
    return cache_path(out, name, make);
}

/* The contents: the size of every database (0: none), then the databases. They are whole, as their hash says. */
static bool take_databases(struct compiled *c, const char *contents, size_t n) {
    size_t count = c->n + 2, at = count * sizeof(uint64_t);
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        uint64_t bytes;
        memcpy(&bytes, contents + i * sizeof bytes, sizeof bytes);
        ok = bytes <= n - at &&
             (bytes == 0 || hs_deserialize_database(contents + at, bytes, compiled_at(c, i)) == HS_SUCCESS);
        at += bytes;
    }
    return ok && at == n;
}

bool compiled_read(struct compiled *c, const struct rules_list *list) {
    char path[CACHE_PATH_BYTES];
    struct cache_head h;
    uint64_t key = compiled_key(list);
    int fd = compiled_path(path, key, false) ? cache_open(path, &h) : -1;
    if (fd < 0) return false;
    size_t sizes = (c->n + 2) * sizeof(uint64_t), most = sizes + 3 * (size_t)RULES_DATABASE_MAX;
    bool ok = h.key == key && h.bytes >= sizes && h.bytes <= most;
    char *contents = ok ? must_calloc(h.bytes, 1) : NULL;
    ok = ok && cache_read(fd, contents, h.bytes) && XXH128_isEqual(XXH3_128bits(contents, h.bytes), h.hash) &&
         take_databases(c, contents, h.bytes);
    free(contents);
    close(fd);
    if (ok) return true;
    log_debug("rules.compiled", "%s does not fit and is made anew", path);
    compiled_release(c);
    compiled_init(c, list->n);
    return false;
}

void compiled_write(const struct compiled *c, const struct rules_list *list) {
    char path[CACHE_PATH_BYTES], **piece = must_calloc(c->n + 2, sizeof *piece);
    size_t count = c->n + 2, *bytes = must_calloc(count, sizeof *bytes);
    size_t n = sizeof(struct cache_head) + count * sizeof(uint64_t);
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        ok = !*compiled_at(c, i) || hs_serialize_database(*compiled_at(c, i), &piece[i], &bytes[i]) == HS_SUCCESS;
        n += bytes[i];
    }
    char *all = must_calloc(n, 1), *size = all + sizeof(struct cache_head), *to = size + count * sizeof(uint64_t);
    for (size_t i = 0; i < count && ok; i++) {
        memcpy(size + i * sizeof(uint64_t), &(uint64_t){bytes[i]}, sizeof(uint64_t));
        if (bytes[i]) memcpy(to, piece[i], bytes[i]);
        to += bytes[i];
    }
    uint64_t key = compiled_key(list);
    ok = ok && compiled_path(path, key, true) && cache_write(path, key, all, n, true);
    if (ok) log_debug("rules.compiled", "%s is written", path);
    for (size_t i = 0; i < count; i++) free(piece[i]);
    free(piece), free(bytes), free(all);
}
