/* Models and adapters of its own making: other sizes, other types, and files that lie. */
#include "base/check.h"
#include "base/file.h"
#include "base/must.h"
#include "encoder/forward.h"
#include "encoder/load.h"

#include <sys/stat.h>
#include <unistd.h>

enum {
    VOCAB = 40,
    POSITIONS = 12,
    HIDDEN = 20,
    LAYERS = 2,
    HEADS = 5,
    INNER = 28,
    TENSORS_MAX = 64,
    DATA_MAX = 1 << 20
};

/* A safetensors file being put together. */
struct file {
    char header[16384], data[DATA_MAX];
    size_t header_n, data_n;
};

static char g_dir[64];
static uint32_t g_state = 99;

static float model_any(void) {
    g_state = g_state * 1664525 + 1013904223;
    return ((float)(g_state >> 16) / 32768 - 1) * 0.3f;
}

static uint16_t half_of(float f) { /* exact for the values used: multiples of 1/1024 below 1 */
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if (f == 0) return 0;
    return (uint16_t)((bits >> 16 & 0x8000) | ((bits >> 23 & 255) - 112) << 10 | (bits >> 13 & 1023));
}

/* Adds a tensor; columns 0: a vector of `rows`. Values are multiples of 1/1024, so that F16 holds them too. */
static void model_add(struct file *f, const char *name, unsigned rows, unsigned columns, const char *type) {
    size_t n = (size_t)rows * (columns ? columns : 1), from = f->data_n;
    for (size_t i = 0; i < n; i++) {
        float v = roundf(model_any() * 1024) / 1024;
        uint16_t h = half_of(v);
        bool half = strcmp(type, "F16") == 0;
        memcpy(f->data + f->data_n, half ? (void *)&h : (void *)&v, half ? 2 : 4);
        f->data_n += half ? 2 : 4;
    }
    char shape[40];
    if (columns)
        snprintf(shape, sizeof shape, "%u,%u", rows, columns);
    else
        snprintf(shape, sizeof shape, "%u", rows);
    f->header_n += (size_t)snprintf(f->header + f->header_n, sizeof f->header - f->header_n,
                                    "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                                    f->header_n ? "," : "{", name, type, shape, from, f->data_n);
}

static void model_write_file(const char *name, const void *p, size_t n) {
    char path[200];
    struct err e;
    MUST(file_join(path, sizeof path, g_dir, name));
    MUST(file_write(path, (struct span){p, n}, &e));
}

static void write_tensors(struct file *f, const char *name) {
    static char whole[DATA_MAX + 32768];
    f->header[f->header_n++] = '}';
    uint64_t n = f->header_n;
    memcpy(whole, &n, sizeof n);
    memcpy(whole + sizeof n, f->header, f->header_n);
    memcpy(whole + sizeof n + f->header_n, f->data, f->data_n);
    model_write_file(name, whole, sizeof n + f->header_n + f->data_n);
}

static void add_norm(struct file *f, const char *prefix) {
    char name[200];
    snprintf(name, sizeof name, "%s.weight", prefix);
    model_add(f, name, HIDDEN, 0, "F32");
    snprintf(name, sizeof name, "%s.bias", prefix);
    model_add(f, name, HIDDEN, 0, "F32");
}

static void add_linear(struct file *f, const char *prefix, unsigned out, unsigned in, const char *type) {
    char name[200];
    snprintf(name, sizeof name, "%s.weight", prefix);
    model_add(f, name, out, in, type);
    snprintf(name, sizeof name, "%s.bias", prefix);
    model_add(f, name, out, 0, "F32");
}

static const char *const LINEARS[] = {"attention.self.query",   "attention.self.key", "attention.self.value",
                                      "attention.output.dense", "intermediate.dense", "output.dense"};

/* What write_model adds to the last layer's output.dense.weight (F32 only), to merge an adapter by hand. */
static const float *g_delta;

static void add_delta(struct file *f, size_t at) {
    for (size_t i = 0; g_delta && i < HIDDEN * INNER; i++) {
        float w;
        memcpy(&w, f->data + at + 4 * i, sizeof w);
        w += g_delta[i];
        memcpy(f->data + at + 4 * i, &w, sizeof w);
    }
}

/* The same weights whatever the type they are stored in and the prefix of their names. */
static void write_model(const char *prefix, const char *type) {
    static struct file f;
    char name[120], in_layer[160];
    memset(&f, 0, sizeof f);
    g_state = 99;
    snprintf(name, sizeof name, "%sembeddings.word_embeddings.weight", prefix);
    model_add(&f, name, VOCAB, HIDDEN, type);
    snprintf(name, sizeof name, "%sembeddings.position_embeddings.weight", prefix);
    model_add(&f, name, POSITIONS, HIDDEN, type);
    snprintf(name, sizeof name, "%sembeddings.token_type_embeddings.weight", prefix);
    model_add(&f, name, 2, HIDDEN, type);
    snprintf(name, sizeof name, "%sembeddings.LayerNorm", prefix);
    add_norm(&f, name);
    for (unsigned l = 0; l < LAYERS; l++) {
        for (size_t i = 0; i < 6; i++) {
            snprintf(in_layer, sizeof in_layer, "%sencoder.layer.%u.%s", prefix, l, LINEARS[i]);
            size_t at = f.data_n;
            add_linear(&f, in_layer, i == 4 ? INNER : HIDDEN, i == 5 ? INNER : HIDDEN, type);
            if (i == 5 && l + 1 == LAYERS) add_delta(&f, at);
        }
        snprintf(in_layer, sizeof in_layer, "%sencoder.layer.%u.attention.output.LayerNorm", prefix, l);
        add_norm(&f, in_layer);
        snprintf(in_layer, sizeof in_layer, "%sencoder.layer.%u.output.LayerNorm", prefix, l);
        add_norm(&f, in_layer);
    }
    write_tensors(&f, "model.safetensors");
}

static void write_config(const char *act, unsigned heads) {
    char text[400];
    int n = snprintf(text, sizeof text,
                     "{\"model_type\":\"bert\",\"hidden_act\":\"%s\",\"vocab_size\":%d,\"max_position_embeddings\":%d,"
                     "\"type_vocab_size\":2,\"hidden_size\":%d,\"num_hidden_layers\":%d,\"num_attention_heads\":%u,"
                     "\"intermediate_size\":%d}",
                     act, VOCAB, POSITIONS, HIDDEN, LAYERS, heads, INNER);
    model_write_file("config.json", text, (size_t)n);
}

static void model_embed(const char *adapter, const struct kern *k, float v[2][HIDDEN], uint64_t *hash) {
    static const uint32_t ids[] = {3, 1, 4, 15, 9, 26, 5, 35};
    static const unsigned tokens[] = {5, 3};
    char path[200] = "";
    if (adapter) MUST(file_join(path, sizeof path, g_dir, adapter));
    struct model m;
    struct err e = {0};
    bool ok = load_model(&m, g_dir, path, k, &e);
    CHECK_STR(e.msg, "");
    MUST(ok);
    struct forward_scratch s;
    forward_scratch_init(&s, &m, 8);
    forward_run(&m, &s, ids, tokens, 2, v[0]);
    if (hash) *hash = m.hash;
    forward_scratch_release(&s);
    model_close(&m);
}

static double distance(float a[2][HIDDEN], float b[2][HIDDEN]) {
    double worst = 0;
    for (size_t i = 0; i < 2 * HIDDEN; i++)
        worst = fmax(worst, fabs((double)a[i / HIDDEN][i % HIDDEN] - (double)b[i / HIDDEN][i % HIDDEN]));
    return worst;
}

static void make_dir(void) {
    snprintf(g_dir, sizeof g_dir, "/tmp/logclass_model_test_XXXXXX");
    MUST(mkdtemp(g_dir));
    write_config("gelu", HEADS);
    write_model("", "F32");
}

static void remove_dir(void) {
    static const char *const names[] = {"config.json",
                                        "model.safetensors",
                                        "adapter.safetensors",
                                        "1_Pooling/config.json",
                                        "vocab.txt",
                                        "tokenizer_config.json",
                                        "config_sentence_transformers.json"};
    char path[200];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (file_join(path, sizeof path, g_dir, names[i])) unlink(path);
    if (file_join(path, sizeof path, g_dir, "1_Pooling")) rmdir(path);
    rmdir(g_dir);
}

static void odd_sizes_load_on_every_kernel(void) {
    make_dir();
    float want[2][HIDDEN], got[2][HIDDEN];
    model_embed(NULL, &kern_scalar, want, NULL);
    for (unsigned i = 0; kern_at(i); i++) {
        if (!kern_usable(kern_at(i))) continue;
        model_embed(NULL, kern_at(i), got, NULL);
        CHECK(distance(got, want) < (kern_at(i)->int8 ? 0.03 : 1e-5));
    }
    remove_dir();
}

static void type_and_prefix_do_not_matter(void) {
    make_dir();
    float want[2][HIDDEN], got[2][HIDDEN];
    model_embed(NULL, &kern_scalar, want, NULL);
    write_model("bert.", "F16");
    model_embed(NULL, &kern_scalar, got, NULL);
    CHECK(distance(got, want) == 0);
    remove_dir();
}

static void pooling_is_read(void) {
    make_dir();
    char path[200];
    float mean[2][HIDDEN], got[2][HIDDEN];
    struct model m;
    struct err e;
    model_embed(NULL, &kern_scalar, mean, NULL);
    MUST(file_join(path, sizeof path, g_dir, "1_Pooling") && mkdir(path, 0755) == 0);
    static const char first[] = "{\"pooling_mode_cls_token\":true,\"pooling_mode_mean_tokens\":false}";
    static const char max[] = "{\"pooling_mode_max_tokens\":true}";
    model_write_file("1_Pooling/config.json", first, sizeof first - 1);
    model_embed(NULL, &kern_scalar, got, NULL);
    CHECK(distance(got, mean) > 0.01);
    model_write_file("1_Pooling/config.json", max, sizeof max - 1);
    CHECK(!load_model(&m, g_dir, NULL, &kern_scalar, &e));
    CHECK(strstr(e.msg, "pooling_mode_max_tokens is not supported"));
    remove_dir();
}

static uint64_t hash_now(void) {
    struct shape s;
    struct err e;
    MUST(shape_read(&s, g_dir, &e));
    return s.hash;
}

/* Other tokens for the same text are another model, so that no head is put on them. */
static void the_tokenizer_is_part_of_the_hash(void) {
    make_dir();
    struct model m;
    struct err e;
    float got[2][HIDDEN];
    model_embed(NULL, &kern_scalar, got, NULL);
    uint64_t bare = hash_now();
    model_write_file("vocab.txt", "[PAD]\na\nb\n", 10);
    uint64_t one = hash_now();
    model_write_file("vocab.txt", "[PAD]\nb\na\n", 10);
    uint64_t turned = hash_now();
    model_write_file("tokenizer_config.json", "{\"do_lower_case\":false}", 23);
    uint64_t cased = hash_now();
    CHECK(bare != one && one != turned && turned != cased);
    static const char none[] = "{\"prompts\":{\"q\":\"ask: \"}}";
    static const char asks[] = "{\"prompts\":{\"q\":\"ask: \"},\"default_prompt_name\":\"q\"}";
    model_write_file("config_sentence_transformers.json", none, sizeof none - 1);
    CHECK(hash_now() == cased);
    model_write_file("config_sentence_transformers.json", asks, sizeof asks - 1);
    CHECK(hash_now() != cased);
    CHECK(load_model(&m, g_dir, NULL, &kern_scalar, &e));
    model_close(&m);
    remove_dir();
}

/* B · A, as floats in a file of A[rank][INNER] and B[HIDDEN][rank] */
static void model_multiply(const struct file *f, unsigned rank, float *to) {
    for (size_t o = 0; o < HIDDEN; o++)
        for (size_t i = 0; i < INNER; i++) {
            double sum = 0;
            for (size_t r = 0; r < rank; r++) {
                float a, b;
                memcpy(&a, f->data + 4 * (r * INNER + i), sizeof a);
                memcpy(&b, f->data + 4 * ((size_t)rank * INNER + o * rank + r), sizeof b);
                sum += (double)a * b;
            }
            to[o * INNER + i] = (float)sum;
        }
}

/* The adapter gives what the same change made to the weights by hand gives. */
static void an_adapter_is_merged(void) {
    static struct file f;
    static float delta[HIDDEN * INNER];
    float plain[2][HIDDEN], adapted[2][HIDDEN], by_hand[2][HIDDEN];
    uint64_t hash, other;
    make_dir();
    model_embed(NULL, &kern_scalar, plain, &hash);
    memset(&f, 0, sizeof f);
    model_add(&f, "encoder.layer.1.output.dense.weight.lora_A", 3, INNER, "F32");
    model_add(&f, "encoder.layer.1.output.dense.weight.lora_B", HIDDEN, 3, "F32");
    model_multiply(&f, 3, delta);
    write_tensors(&f, "adapter.safetensors");
    model_embed("adapter.safetensors", &kern_scalar, adapted, &other);
    g_delta = delta;
    write_model("", "F32");
    g_delta = NULL;
    model_embed(NULL, &kern_scalar, by_hand, NULL);
    CHECK(hash != other);
    CHECK(distance(adapted, plain) > 0.001);
    CHECK(distance(adapted, by_hand) < 1e-6);
    remove_dir();
}

static void an_adapter_replaces_vectors(void) {
    static struct file f;
    float plain[2][HIDDEN], got[2][HIDDEN];
    make_dir();
    model_embed(NULL, &kern_scalar, plain, NULL);
    memset(&f, 0, sizeof f);
    model_add(&f, "encoder.layer.0.output.LayerNorm.bias", HIDDEN, 0, "F16");
    write_tensors(&f, "adapter.safetensors");
    model_embed("adapter.safetensors", &kern_scalar, got, NULL);
    CHECK(distance(got, plain) > 0.001);
    remove_dir();
}

static void wrong_adapters_are_refused(void) {
    static const struct {
        const char *name;
        unsigned rows, columns;
        const char *part;
    } cases[] = {
        {"encoder.layer.0.output.dense.weight.lora_A", 2, INNER,
         "is there without encoder.layer.0.output.dense.weight.lora_B"},
        {"encoder.layer.9.output.dense.bias", HIDDEN, 0, "belongs to nothing in the model"},
        {"encoder.layer.0.output.dense.weight", HIDDEN, INNER, "belongs to nothing in the model"},
        {"encoder.layer.0.output.dense.bias", HIDDEN + 1, 0, "must have the shape [20]"},
    };
    make_dir();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct file f;
        char path[200];
        struct model m;
        struct err e = {0};
        memset(&f, 0, sizeof f);
        model_add(&f, cases[i].name, cases[i].rows, cases[i].columns, "F32");
        write_tensors(&f, "adapter.safetensors");
        MUST(file_join(path, sizeof path, g_dir, "adapter.safetensors"));
        CHECK(!load_model(&m, g_dir, path, &kern_scalar, &e));
        if (!strstr(e.msg, cases[i].part)) CHECK_STR(e.msg, cases[i].part);
    }
    remove_dir();
}

static void wrong_files_are_refused(void) {
    static const struct {
        const char *header; /* with no data behind it */
        uint64_t said;      /* header length in the file; 0: the true one */
        const char *part;
    } cases[] = {
        {"", 1u << 30, "more than the file"},
        {"", 5, "more than the file"},
        {"{\"a\":", 0, "header:"},
        {"[]", 0, "is no JSON object"},
        {"{}", 0, "embeddings.word_embeddings.weight is missing"},
        {"{\"a\":1}", 0, "tensor a: dtype must be a string"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 0, "data_offsets lie outside the file"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 0, "data_offsets lie outside the file"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,0]}}", 0, "shape and data_offsets do not agree"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,0]}}", 0, "shape must be a list"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
         "shape must be a list"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0]}}", 0, "data_offsets must be two numbers"},
        {"{\"a\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"I8\",\"shape\":[0],\"data_"
         "offsets\":"
         "[0,0]}}",
         0, "tensor a is there twice"},
    };
    make_dir();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[400];
        uint64_t n = strlen(cases[i].header), said = cases[i].said ? cases[i].said : n;
        struct model m;
        struct err e = {0};
        memcpy(bytes, &said, sizeof said);
        memcpy(bytes + sizeof said, cases[i].header, n);
        model_write_file("model.safetensors", bytes, sizeof said + n);
        CHECK(!load_model(&m, g_dir, NULL, &kern_scalar, &e));
        if (!strstr(e.msg, cases[i].part)) CHECK_STR(e.msg, cases[i].part);
    }
    remove_dir();
}

static void a_file_cut_anywhere_is_refused(void) {
    make_dir();
    char path[200];
    struct span whole;
    struct err e;
    struct model m;
    MUST(file_join(path, sizeof path, g_dir, "model.safetensors") && file_read(path, 1 << 20, &whole, &e));
    for (size_t n = 0; n < whole.n; n += n < 300 ? 7 : 997) {
        model_write_file("model.safetensors", whole.p, n);
        CHECK(!load_model(&m, g_dir, NULL, &kern_scalar, &e));
    }
    file_free(&whole);
    remove_dir();
}

static void wrong_configs_are_refused(void) {
    struct model m;
    struct err e;
    make_dir();
    write_config("relu", HEADS);
    CHECK(!load_model(&m, g_dir, NULL, &kern_scalar, &e) && strstr(e.msg, "hidden_act must be \"gelu\""));
    write_config("gelu", 3);
    CHECK(!load_model(&m, g_dir, NULL, &kern_scalar, &e) && strstr(e.msg, "not a multiple of num_attention_heads"));
    write_config("gelu", 0);
    CHECK(!load_model(&m, g_dir, NULL, &kern_scalar, &e) &&
          strstr(e.msg, "num_attention_heads must be a whole number"));
    remove_dir();
}

CHECK_MAIN(CHECK_TEST(odd_sizes_load_on_every_kernel), CHECK_TEST(type_and_prefix_do_not_matter),
           CHECK_TEST(pooling_is_read), CHECK_TEST(the_tokenizer_is_part_of_the_hash), CHECK_TEST(an_adapter_is_merged),
           CHECK_TEST(an_adapter_replaces_vectors), CHECK_TEST(wrong_adapters_are_refused),
           CHECK_TEST(wrong_files_are_refused), CHECK_TEST(a_file_cut_anywhere_is_refused),
           CHECK_TEST(wrong_configs_are_refused))
