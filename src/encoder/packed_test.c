/* The packed file: used when it is right, made anew when it is not, and never a different answer. The model is the real
 * one, seen through a folder of links, so that the file lands there. */
#include "base/cache.h"
#include "base/check.h"
#include "base/file.h"
#include "base/must.h"
#include "encoder/forward.h"
#include "encoder/load.h"
#include "encoder/packed.h"
#include "encoder/weights.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKENS = 9, DIM = 384, BYTES_MAX = 64 << 20 };

static const char MODEL_DIR[] = "models/all-MiniLM-L6-v2";
static const char *const FILES[] = {"config.json", "model.safetensors", "1_Pooling"};
static char g_dir[] = "/tmp/logclass_packed_test_XXXXXX", g_path[200];

static void in_dir(char *out, size_t size, const char *name) {
    MUST(file_join(out, size, g_dir, name));
}

static void link_model(void) {
    char root[PATH_MAX], from[PATH_MAX], to[200];
    MUST(mkdtemp(g_dir) && realpath(MODEL_DIR, root));
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        MUST(file_join(from, sizeof from, root, FILES[i]));
        in_dir(to, sizeof to, FILES[i]);
        MUST(symlink(from, to) == 0);
    }
}

/* The path of the only packed file in `dir`, or "". */
static void find_packed(const char *dir, char *out, size_t size) {
    DIR *d = opendir(dir);
    MUST(d != NULL);
    out[0] = '\0';
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (strncmp(entry->d_name, "packed-", 7) == 0) MUST(!out[0] && file_join(out, size, dir, entry->d_name));
    closedir(d);
}

struct vector {
    float x[DIM];
};

static struct vector packed_embed(const struct model *m) {
    static const uint32_t ids[TOKENS] = {101, 8833, 2013, 1996, 8241, 3478, 2006, 2012, 102};
    unsigned tokens = TOKENS;
    struct forward_scratch s;
    struct vector v;
    forward_scratch_init(&s, m, TOKENS);
    forward_run(m, &s, ids, &tokens, 1, v.x);
    forward_scratch_release(&s);
    return v;
}

static void packed_open_model(struct model *m) {
    struct err e;
    MUST(load_model(m, g_dir, NULL, kern_select("auto"), &e));
}

/* Opens the model with the packed file as it lies there; the answer must be `want`, and the file right after it. */
static void check_open(const struct vector *want) {
    struct model m;
    packed_open_model(&m);
    struct vector got = packed_embed(&m);
    CHECK(memcmp(&got, want, sizeof got) == 0);
    CHECK(packed_read(&m, g_dir, 0));
    got = packed_embed(&m);
    CHECK(memcmp(&got, want, sizeof got) == 0);
    model_close(&m);
}

static void spoil(struct span good, size_t keep, size_t at) {
    struct err e;
    char *bytes = must_calloc(good.n, 1);
    memcpy(bytes, good.p, good.n);
    if (at < good.n) bytes[at] ^= 4;
    MUST(file_write(g_path, (struct span){bytes, keep < good.n ? keep : good.n}, &e));
    free(bytes);
}

static void what_does_not_fit_is_made_anew(void) {
    struct model m;
    struct err e;
    struct span good;
    packed_open_model(&m);
    if (!m.kern->int8) { /* only those pack for long */
        model_close(&m);
        return;
    }
    struct vector want = packed_embed(&m);
    find_packed(g_dir, g_path, sizeof g_path);
    MUST(g_path[0] && file_read(g_path, BYTES_MAX, &good, &e));
    CHECK(packed_read(&m, g_dir, 0));
    m.hash ^= PACKED_SLOTS; /* another model, the same slot */
    CHECK(!packed_read(&m, g_dir, 0));
    model_close(&m);
    check_open(&want);
    const struct {
        size_t keep, at;
    } cases[] = {{SIZE_MAX, good.n / 2}, {SIZE_MAX, 60} /* factors */, {good.n - 1, SIZE_MAX},
                 {0, SIZE_MAX},          {SIZE_MAX, 9} /* stale */,    {SIZE_MAX, 0}};
    for (size_t i = 0; i < (CHECK_SANITIZED ? 2 : sizeof cases / sizeof cases[0]); i++) {
        spoil(good, cases[i].keep, cases[i].at);
        check_open(&want);
        struct span now;
        MUST(file_read(g_path, BYTES_MAX, &now, &e));
        CHECK(now.n == good.n && memcmp(now.p, good.p, good.n) == 0);
        file_free(&now);
    }
    file_free(&good);
}

/* The witness that the file says. */
static uint64_t witness_of(const char *path) {
    struct span all;
    struct err e;
    uint64_t witness;
    MUST(file_read(path, BYTES_MAX, &all, &e));
    memcpy(&witness, all.p + sizeof(struct cache_head), sizeof witness);
    file_free(&all);
    return witness;
}

static bool recalls(uint64_t witness, uint64_t *hash) {
    struct model m = {.kern = kern_select("auto")};
    struct err e;
    MUST(shape_read(&m.shape, g_dir, &e) && model_lay_out(&m, &e));
    bool found = packed_recall(&m, g_dir, witness);
    *hash = m.hash;
    model_close(&m);
    return found;
}

static void it_is_found_by_its_witness(void) {
    struct model m;
    uint64_t hash;
    if (!g_path[0]) return;
    packed_open_model(&m);
    uint64_t witness = witness_of(g_path);
    CHECK(witness != 0 && recalls(witness, &hash) && hash == m.hash);
    CHECK(!recalls(witness ^ 1, &hash) && hash == 0);
    CHECK(packed_read(&m, g_dir, 0) && witness_of(g_path) == witness); /* none is known: it keeps its own */
    packed_write(&m, g_dir, 0);
    CHECK(!recalls(0, &hash) && hash == 0);
    CHECK(packed_read(&m, g_dir, witness) && recalls(witness, &hash) && hash == m.hash);
    struct span good;
    struct err e;
    MUST(file_read(g_path, BYTES_MAX, &good, &e));
    spoil(good, SIZE_MAX, good.n / 2);
    CHECK(!recalls(witness, &hash) && hash == 0);
    file_free(&good);
    model_close(&m);
}

/* All but the one at g_path, which is that of the model alone. */
static void remove_packed(void) {
    char path[400];
    DIR *d = opendir(g_dir);
    MUST(d != NULL);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        in_dir(path, sizeof path, entry->d_name);
        if (strncmp(entry->d_name, "packed-", 7) == 0 && strcmp(path, g_path) != 0) unlink(path);
    }
    closedir(d);
}

/* An adapter that puts one number in place of a norm's biases, written over the file as it lies. */
static void write_adapter(const char *path, float bias) {
    static const char HEADER[] = "{\"encoder.layer.0.output.LayerNorm.bias\":"
                                 "{\"dtype\":\"F32\",\"shape\":[384],\"data_offsets\":[0,1536]}}";
    uint64_t n = sizeof HEADER - 1;
    float biases[DIM];
    for (size_t i = 0; i < DIM; i++) biases[i] = bias;
    FILE *f = fopen(path, "w");
    MUST(f && fwrite(&n, sizeof n, 1, f) == 1 && fwrite(HEADER, n, 1, f) == 1 &&
         fwrite(biases, sizeof biases, 1, f) == 1 && fclose(f) == 0);
}

static uint64_t witness_with(const char *adapter) {
    struct weights w;
    struct err e;
    char path[200];
    in_dir(path, sizeof path, "model.safetensors");
    MUST(weights_open(&w, path, adapter, &e));
    uint64_t witness = weights_witness(&w);
    weights_close(&w);
    return witness;
}

static uint64_t hash_with(const char *adapter) {
    struct model m;
    struct err e;
    MUST(load_model(&m, g_dir, adapter, kern_select("auto"), &e));
    uint64_t hash = m.hash;
    model_close(&m);
    return hash;
}

/* Written in place, of one size, at nearly one time. */
static void a_changed_adapter_is_seen(void) {
    char adapter[200];
    if (!g_path[0]) return;
    in_dir(adapter, sizeof adapter, "adapter.safetensors");
    write_adapter(adapter, 0.25F);
    CHECK(witness_with(adapter) == 0 && witness_with(NULL) != 0);
    uint64_t first = hash_with(adapter);
    sleep(3);
    CHECK(witness_with(adapter) != 0); /* old enough to be known by its times */
    CHECK(hash_with(adapter) == first && hash_with(adapter) == first);
    write_adapter(adapter, 0.5F);
    uint64_t second = hash_with(adapter);
    CHECK(second != first && hash_with(adapter) == second);
    sleep(3);
    CHECK(hash_with(adapter) == second && hash_with(adapter) == second);
    unlink(adapter);
    remove_packed();
}

/* The matrices are the same, and the model is another one. */
static void a_changed_vocabulary_is_seen(void) {
    char vocab[200];
    if (!g_path[0]) return;
    in_dir(vocab, sizeof vocab, "vocab.txt");
    uint64_t before = hash_with(NULL);
    FILE *f = fopen(vocab, "w");
    MUST(f && fputs("[PAD]\n[UNK]\n[CLS]\n[SEP]\n", f) > 0 && fclose(f) == 0);
    uint64_t after = hash_with(NULL);
    CHECK(after != before && hash_with(NULL) == after);
    unlink(vocab);
    CHECK(hash_with(NULL) == before);
    remove_packed();
}

/* The file can't stand beside the model: it goes to `folder`, and is found there. */
static void check_place(const char *folder) {
    char path[300];
    struct model m;
    packed_open_model(&m);
    struct vector want = packed_embed(&m);
    model_close(&m);
    find_packed(folder, path, sizeof path);
    CHECK(path[0] != '\0');
    check_open(&want);
    unlink(path), rmdir(folder);
}

static void another_place_will_do(void) {
    char cache[200], below[200], service[200];
    if (!g_path[0]) return;
    in_dir(cache, sizeof cache, "cache");
    in_dir(service, sizeof service, "service");
    MUST(unlink(g_path) == 0 && mkdir(g_path, 0700) == 0 && setenv("XDG_CACHE_HOME", cache, 1) == 0);
    MUST(file_join(below, sizeof below, cache, "logclass"));
    check_place(below);
    MUST(mkdir(service, 0700) == 0 && setenv("CACHE_DIRECTORY", service, 1) == 0);
    check_place(service);
    MUST(unsetenv("CACHE_DIRECTORY") == 0);
    rmdir(cache), rmdir(g_path);
}

static void packed_clean_up(void) {
    char path[200];
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        in_dir(path, sizeof path, FILES[i]);
        unlink(path);
    }
    CHECK(rmdir(g_dir) == 0); /* nothing else was left there */
}

CHECK_MAIN(CHECK_TEST(link_model), CHECK_TEST(what_does_not_fit_is_made_anew), CHECK_TEST(it_is_found_by_its_witness),
           CHECK_TEST(a_changed_adapter_is_seen), CHECK_TEST(a_changed_vocabulary_is_seen),
           CHECK_TEST(another_place_will_do), CHECK_TEST(packed_clean_up))
