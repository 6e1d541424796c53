#include "app/shipped.h"

#include "base/file.h"

#include <dlfcn.h>
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

/* In the file that this code was loaded from, where that is a library; else in the program's. */
static bool own_file(char out[PATH_MAX]) {
    Dl_info at;
    if (dladdr(SHIPPED, &at) != 0 && at.dli_fname && strstr(at.dli_fname, ".so")) return realpath(at.dli_fname, out);
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (n <= 0) return false;
    out[n] = '\0';
    return true;
}

/* From PREFIX/bin or PREFIX/lib/ARCHITECTURE up to PREFIX, and from build/<mode> up to the source tree. */
bool shipped_path(const char *name, char *out, size_t size) {
    enum { LEVELS = 2 };
    const char *data = getenv("LOGCLASS_DATA_DIR");
    if (data && data[0]) return shipped_find(data, name, out, size);
    char file[PATH_MAX], share[PATH_MAX];
    if (!own_file(file)) return false;
    char *dir = dirname(file);
    for (int i = 0; i < LEVELS; i++) {
        dir = dirname(dir);
        if (file_join(share, sizeof share, dir, "share/logclass") && shipped_find(share, name, out, size)) return true;
    }
    return file_join(out, size, dir, tree_name(name)) && exists(out);
}

bool shipped_find(const char *dir, const char *name, char *out, size_t size) {
    if (!dir || !dir[0]) return shipped_path(name, out, size);
    return file_join(out, size, dir, name) && exists(out);
}

bool shipped_choose(const char *dir, const char *value, const char *name, bool needed, char *out, struct err *e) {
    out[0] = '\0';
    if (value && strcmp(value, "none") == 0) return true;
    if (value && value[0]) {
        size_t n = strlen(value);
        if (n >= PATH_MAX) return err_set(e, ERR_USAGE, "a path of %zu bytes is too long", n);
        memcpy(out, value, n + 1);
        return true;
    }
    if (shipped_find(dir, name, out, PATH_MAX)) return true;
    out[0] = '\0';
    const char *fetch = strcmp(name, "model") == 0 ? "; 'make model' fetches it" : "";
    if (needed && dir && dir[0]) return err_set(e, ERR_IO, "data-dir: there is no %s in %s%s", name, dir, fetch);
    return !needed ||
           err_set(e, ERR_IO, "the shipped %s is not there: looked in $LOGCLASS_DATA_DIR, or where the program is%s",
                   name, fetch);
}

struct encoder *shipped_encoder(const struct shipped_encoder_opts *o, struct err *e) {
    char model[PATH_MAX], adapter[PATH_MAX];
    if (!shipped_choose(NULL, o->model, "model", false, model, e) ||
        !shipped_choose(NULL, o->adapter, "adapter.safetensors", false, adapter, e))
        return NULL;
    if (model[0])
        return encoder_open(&(struct encoder_opts){.model_dir = model, .adapter_path = adapter, .kernel = o->kernel},
                            e);
    err_set(e, ERR_IO, "the model is not there; 'make model' fetches it, --model names another");
    return NULL;
}
