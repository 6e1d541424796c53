#include "encoder/shape.h"

#include "base/file.h"
#include "kern/kern.h"
#include "text/encoder_prompt.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <yyjson.h>

enum { PATH_BYTES = 4096, VOCAB_BYTES_MAX = 16 << 20, CONFIG_BYTES_MAX = 1 << 20 };

/* The numbers of config.json: where they go and what they may be. */
static const struct {
    const char *key;
    size_t at;
    unsigned min, max;
} NUMBERS[] = {
    {"vocab_size", offsetof(struct shape, vocab), 2, 1 << 20},
    {"max_position_embeddings", offsetof(struct shape, positions), 2, KERN_TOKENS_MAX},
    {"type_vocab_size", offsetof(struct shape, types), 1, 16},
    {"hidden_size", offsetof(struct shape, hidden), 1, 4096},
    {"num_hidden_layers", offsetof(struct shape, layers), 1, 64},
    {"num_attention_heads", offsetof(struct shape, heads), 1, 256},
    {"intermediate_size", offsetof(struct shape, inner), 1, KERN_WIDTH_MAX},
};

/* Words of config.json that must be as said when they are there. */
static const struct {
    const char *key, *expected;
} WORDS[] = {{"model_type", "bert"}, {"hidden_act", "gelu"}, {"position_embedding_type", "absolute"}};

static bool shape_read_numbers(struct shape *s, yyjson_val *root, const char *path, struct err *e) {
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        yyjson_val *v = yyjson_obj_get(root, NUMBERS[i].key);
        uint64_t n = yyjson_get_uint(v);
        if (!yyjson_is_uint(v) || n < NUMBERS[i].min || n > NUMBERS[i].max)
            return err_set(e, ERR_MODEL, "%s: %s must be a whole number from %u to %u", path, NUMBERS[i].key,
                           NUMBERS[i].min, NUMBERS[i].max);
        memcpy((char *)s + NUMBERS[i].at, &(unsigned){(unsigned)n}, sizeof(unsigned));
    }
    return true;
}

static bool shape_read_config(struct shape *s, yyjson_val *root, const char *path, struct err *e) {
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        yyjson_val *v = yyjson_obj_get(root, WORDS[i].key);
        if (v && !yyjson_equals_str(v, WORDS[i].expected))
            return err_set(e, ERR_MODEL, "%s: %s must be \"%s\"", path, WORDS[i].key, WORDS[i].expected);
    }
    if (!shape_read_numbers(s, root, path, e)) return false;
    if (s->hidden % s->heads != 0)
        return err_set(e, ERR_MODEL, "%s: hidden_size %u is not a multiple of num_attention_heads %u", path, s->hidden,
                       s->heads);
    yyjson_val *eps = yyjson_obj_get(root, "layer_norm_eps");
    double norm_eps = eps ? yyjson_get_num(eps) : 1e-12;
    if (!(norm_eps > 0 && norm_eps < 1))
        return err_set(e, ERR_MODEL, "%s: layer_norm_eps must lie between 0 and 1", path);
    s->norm_eps = (float)norm_eps;
    return true;
}

/* sentence-transformers' pooling; exactly one of the modes may be on. */
static bool read_pooling(struct shape *s, yyjson_val *root, const char *path, struct err *e) {
    static const char PREFIX[] = "pooling_mode_";
    unsigned on = 0;
    size_t i, count;
    yyjson_val *key, *v;
    yyjson_obj_foreach(root, i, count, key, v) {
        const char *name = yyjson_get_str(key);
        if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 || !yyjson_is_true(v)) continue;
        on++;
        s->pool_cls = strcmp(name, "pooling_mode_cls_token") == 0;
        if (!s->pool_cls && strcmp(name, "pooling_mode_mean_tokens") != 0)
            return err_set(e, ERR_MODEL, "%s: %s is not supported; mean_tokens and cls_token are", path, name);
    }
    if (on > 1) return err_set(e, ERR_MODEL, "%s: more than one pooling mode is on", path);
    return true;
}

typedef bool reader(struct shape *s, yyjson_val *root, const char *path, struct err *e);

static bool read_json(struct shape *s, const char *path, reader *read, struct err *e) {
    struct span text;
    if (!file_read(path, CONFIG_BYTES_MAX, &text, e)) return false;
    s->hash = XXH3_64bits_withSeed(text.p, text.n, s->hash);
    yyjson_doc *doc = yyjson_read(text.p, text.n, YYJSON_READ_NOFLAG);
    yyjson_val *root = yyjson_doc_get_root(doc);
    bool ok = yyjson_is_obj(root) ? read(s, root, path, e) : err_set(e, ERR_MODEL, "%s: is no JSON object", path);
    yyjson_doc_free(doc);
    file_free(&text);
    return ok;
}

/* Other tokens of the same text are another model: a head must not be put on it. What is missing is nothing. */
static void hash_tokenizer(struct shape *s, const char *model_dir) {
    static const char *const NAME[] = {"vocab.txt", "tokenizer_config.json"};
    for (size_t i = 0; i < sizeof NAME / sizeof NAME[0]; i++) {
        char path[PATH_BYTES];
        struct span text;
        struct err ignored;
        if (!file_join(path, sizeof path, model_dir, NAME[i]) || !file_read(path, VOCAB_BYTES_MAX, &text, &ignored))
            continue;
        s->hash = XXH3_64bits_withSeed(text.p, text.n, s->hash);
        file_free(&text);
    }
}

/* So is a text with other words before it. The many models without a prompt keep the hash that their heads name. */
static bool hash_prompt(struct shape *s, const char *model_dir, struct err *e) {
    char prompt[ENCODER_PROMPT_BYTES];
    if (!encoder_prompt_read(prompt, model_dir, e)) return false;
    if (prompt[0]) s->hash = XXH3_64bits_withSeed(prompt, strlen(prompt), s->hash);
    return true;
}

bool shape_read(struct shape *s, const char *model_dir, struct err *e) {
    char path[PATH_BYTES];
    *s = (struct shape){0};
    if (!file_join(path, sizeof path, model_dir, "config.json"))
        return err_set(e, ERR_MODEL, "%s: the path is too long", model_dir);
    if (!read_json(s, path, shape_read_config, e)) return false;
    hash_tokenizer(s, model_dir);
    if (!hash_prompt(s, model_dir, e)) return false;
    if (!file_join(path, sizeof path, model_dir, "1_Pooling/config.json") || access(path, F_OK) != 0) return true;
    return read_json(s, path, read_pooling, e);
}
