#include "app/shipped.h"

#include "base/file.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The installed layout has everything in one folder; the source tree has data/ and models/. */
static const struct {
    const char *name, *in_tree;
} SHIPPED[] = {
    {"rules.conf", "data/rules.conf"},
    {"head.json", "data/head.json"},
    {"head-ops.json", "data/head-ops.json"},
    {"adapter.safetensors", "data/adapter.safetensors"},
    {"corpus", "data/corpus"},
    {"model", "models/all-MiniLM-L6-v2"},
};

static const char *tree_name(const char *name) {
    for (size_t i = 0; i < sizeof SHIPPED / sizeof SHIPPED[0]; i++)
        if (strcmp(SHIPPED[i].name, name) == 0) return SHIPPED[i].in_tree;
    return name;
}

static bool exists(const char *path) {
    return access(path, R_OK) == 0;
}

bool shipped_path(const char *name, char *out, size_t size) {
    const char *dir = getenv("LOGCLASS_DATA_DIR");
    if (dir) return file_join(out, size, dir, name) && exists(out);
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0) return false;
    exe[n] = '\0';
    char *prefix = dirname(dirname(exe)); /* PREFIX/bin/logclass */
    char share[PATH_MAX];
    if (file_join(share, sizeof share, prefix, "share/logclass") && file_join(out, size, share, name) && exists(out))
        return true;
    char *root = dirname(prefix); /* build/<mode>/logclass in the source tree */
    return file_join(out, size, root, tree_name(name)) && exists(out);
}

bool shipped_choose(const char *value, const char *name, bool needed, char *out, struct err *e) {
    out[0] = '\0';
    if (value && strcmp(value, "none") == 0) return true;
    if (value && value[0]) {
        size_t n = strlen(value);
        if (n >= PATH_MAX) return err_set(e, ERR_USAGE, "a path of %zu bytes is too long", n);
        memcpy(out, value, n + 1);
        return true;
    }
    if (shipped_path(name, out, PATH_MAX)) return true;
    out[0] = '\0';
    return !needed ||
           err_set(e, ERR_IO, "the shipped %s is not there: looked in $LOGCLASS_DATA_DIR, or where the program is%s",
                   name, strcmp(name, "model") == 0 ? "; 'make model' fetches it" : "");
}

struct encoder *shipped_encoder(const struct shipped_encoder_opts *o, struct err *e) {
    char model[PATH_MAX], adapter[PATH_MAX];
    if (!shipped_choose(o->model, "model", false, model, e) ||
        !shipped_choose(o->adapter, "adapter.safetensors", false, adapter, e))
        return NULL;
    if (model[0])
        return encoder_open(&(struct encoder_opts){.model_dir = model, .adapter_path = adapter, .kernel = o->kernel},
                            e);
    err_set(e, ERR_IO, "the model is not there; 'make model' fetches it, --model names another");
    return NULL;
}
