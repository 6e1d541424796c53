#include "llm/key.h"

#include "base/file.h"
#include "base/log.h"
#include "base/unconst.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENV_FILE_BYTES_MAX = 65536 };

const char *key_variable(enum openai_dialect d) {
    static const char *const NAME[OPENAI_DIALECTS] = {
        [OPENAI_OPENAI] = "OPENAI_API_KEY", [OPENAI_GROQ] = "GROQ_API_KEY"};
    return NAME[d];
}

static bool key_keep(struct span key, const char *place, char *out, struct err *e) {
    key = span_trim(key);
    if (key.n >= KEY_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "%s: the key is longer than %d bytes", place, KEY_BYTES_MAX - 1);
    if (key.n == 0) return err_set(e, ERR_INPUT, "%s: contains no key; expected an API key", place);
    memcpy(out, key.p, key.n);
    out[key.n] = '\0';
    return true;
}

/* The file's memory held a secret. */
static void wipe(struct span *text) {
    if (text->p) explicit_bzero(unconst(text->p), text->n);
    file_free(text);
}

static bool from_file(const char *path, char *out, struct err *e) {
    struct span text;
    if (!file_read(path, KEY_BYTES_MAX, &text, e)) return false;
    struct span rest = text;
    bool ok = key_keep(span_take_line(&rest), path, out, e);
    wipe(&text);
    if (ok && file_is_open_to_others(path)) log_warn("key.open", "%s is open to others: chmod 640 it", path);
    return ok;
}

/* The value of `NAME=value`, `export NAME="value"`, …; n == 0: the line is another. */
static struct span value_of(struct span line, const char *name) {
    if (span_starts(line, SPAN_LIT("export "))) line = span_trim(span_sub(line, 7, line.n));
    size_t n = strlen(name);
    if (!span_starts(line, span_of(name)) || line.n == n || line.p[n] != '=') return (struct span){0};
    struct span value = span_trim(span_sub(line, n + 1, line.n));
    if (value.n >= 2 && (value.p[0] == '"' || value.p[0] == '\'') && value.p[value.n - 1] == value.p[0])
        value = span_sub(value, 1, value.n - 1);
    return value;
}

/* Whatever lies about in the current folder under that name: only a file ends. */
static bool is_regular(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool from_env_file(const char *path, const char *name, char *out, struct err *e) {
    struct span text;
    struct err none;
    if (!is_regular(path) || access(path, R_OK) != 0 || !file_read(path, ENV_FILE_BYTES_MAX, &text, &none)) return true;
    bool ok = true;
    for (struct span rest = text; ok && rest.n > 0 && !out[0];) {
        struct span value = value_of(span_trim(span_take_line(&rest)), name);
        if (value.n > 0) ok = key_keep(value, path, out, e);
    }
    wipe(&text);
    return ok;
}

bool key_find(const char *path, enum openai_dialect d, const char *env_file, char *out, struct err *e) {
    out[0] = '\0';
    if (path && path[0]) return from_file(path, out, e);
    const char *name = key_variable(d), *value = name ? getenv(name) : NULL;
    if (!name) return true;
    if (value && value[0]) return key_keep(span_of(value), name, out, e);
    return from_env_file(env_file ? env_file : ".env", name, out, e);
}

void key_place(const char *path, enum openai_dialect d, const char *env_file, char *text, size_t size) {
    char key[KEY_BYTES_MAX];
    struct err none = {0};
    const char *name = key_variable(d), *value = name ? getenv(name) : NULL;
    text[0] = '\0';
    if (path && path[0]) {
        snprintf(text, size, "the file %s", path);
    } else if (value && value[0]) {
        snprintf(text, size, "%s", name);
    } else if (key_find("", d, env_file, key, &none) && key[0]) {
        snprintf(text, size, "%s", env_file ? env_file : "./.env");
    }
    explicit_bzero(key, sizeof key);
}

void key_guard(void) {
    if (prctl(PR_SET_DUMPABLE, 0) != 0) log_warn("key.unguarded", "a crash may write the key into a core file");
}
