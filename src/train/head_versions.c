#include "train/head_versions.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/must.h"
#include "text/mask.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum { HASH_DIGITS = 16, TAUGHT_BYTES_MAX = HEAD_VERSIONS_TAUGHT_MAX * (HASH_DIGITS + 1) };

static const char CURRENT[] = "current.json";

static bool path_of(const char *folder, const char *name, const char *end, char out[PATH_MAX]) {
    char file[HEAD_VERSIONS_NAME_MAX + 16];
    snprintf(file, sizeof file, "%s%s", name, end);
    return file_join(out, PATH_MAX, folder, file);
}

bool head_versions_path(const char *folder, const char *name, char *out, size_t size) {
    char path[PATH_MAX];
    return path_of(folder, name, ".json", path) && access(path, F_OK) == 0 &&
           snprintf(out, size, "%s", path) < (int)size;
}

bool head_versions_current(const char *folder, char *out, size_t size) {
    return file_join(out, size, folder, CURRENT) && access(out, R_OK) == 0;
}

/* What current.json points to, without ".json"; "": nothing. */
static void read_link(const char *folder, char name[HEAD_VERSIONS_NAME_MAX]) {
    char path[PATH_MAX];
    ssize_t n = file_join(path, sizeof path, folder, CURRENT) ? readlink(path, name, HEAD_VERSIONS_NAME_MAX - 1) : -1;
    name[n > 5 ? n - 5 : 0] = '\0';
}

/* Points current.json to the file, in one step. */
static bool link_to(const char *folder, const char *name, struct err *e) {
    char link[PATH_MAX], fresh[PATH_MAX], file[HEAD_VERSIONS_NAME_MAX + 16];
    snprintf(file, sizeof file, "%s.json", name);
    if (!file_join(link, sizeof link, folder, CURRENT) || !file_join(fresh, sizeof fresh, folder, ".current.json"))
        return err_set(e, ERR_USAGE, "%s: the path is too long", folder);
    unlink(fresh);
    return (symlink(file, fresh) == 0 && rename(fresh, link) == 0) ||
           err_set(e, ERR_IO, "%s: %s", link, strerror(errno));
}

/* ---- the list ---- */

/* NAME of "NAME.json" when that is a name of ours: digits and '-'. */
static bool is_head(const char *file, char name[HEAD_VERSIONS_NAME_MAX]) {
    size_t n = strlen(file);
    if (n <= 5 || n - 5 >= HEAD_VERSIONS_NAME_MAX || strcmp(file + n - 5, ".json") != 0) return false;
    memcpy(name, file, n - 5);
    name[n - 5] = '\0';
    return strspn(name, "0123456789-") == n - 5;
}

static int newest_first(const void *a, const void *b) {
    const struct head_versions_entry *x = a, *y = b;
    return strcmp(y->name, x->name);
}

unsigned head_versions_list(const char *folder, struct head_versions_entry *out) {
    char current[HEAD_VERSIONS_NAME_MAX];
    unsigned n = 0;
    DIR *d = opendir(folder);
    read_link(folder, current);
    for (struct dirent *f; d && n <= HEAD_VERSIONS_MAX && (f = readdir(d)) != NULL;) {
        if (!is_head(f->d_name, out[n].name)) continue;
        out[n].current = strcmp(out[n].name, current) == 0;
        n++;
    }
    if (d) closedir(d);
    qsort(out, n, sizeof *out, newest_first);
    return n;
}

/* Before a new one comes: removes the oldest ones beyond the limit. */
static void head_versions_make_room(const char *folder) {
    struct head_versions_entry all[HEAD_VERSIONS_MAX + 1];
    char path[PATH_MAX];
    unsigned n = head_versions_list(folder, all);
    for (unsigned i = n; i-- > 0 && n >= HEAD_VERSIONS_MAX;) {
        if (all[i].current) continue;
        if (path_of(folder, all[i].name, ".json", path)) unlink(path);
        if (path_of(folder, all[i].name, ".taught", path)) unlink(path);
        n--;
    }
}

/* ---- install, restore ---- */

static bool write_taught(const char *path, const struct head_versions_lesson *l, struct err *e) {
    struct buf b;
    buf_init(&b, TAUGHT_BYTES_MAX);
    for (size_t i = 0; i < l->n && i < HEAD_VERSIONS_TAUGHT_MAX; i++)
        buf_printf(&b, "%016llx\n", (unsigned long long)l->taught[i]);
    bool ok = b.failed ? err_set(e, ERR_MEMORY, "no memory for %zu hashes", l->n) : file_write(path, buf_span(&b), e);
    buf_release(&b);
    return ok;
}

/* The first name of the second that is free: two runs may end in one second. */
static bool name_for(const char *folder, int64_t now_s, char name[HEAD_VERSIONS_NAME_MAX], char path[PATH_MAX]) {
    time_t t = (time_t)now_s;
    struct tm utc;
    char second[24];
    gmtime_r(&t, &utc);
    strftime(second, sizeof second, "%Y%m%d-%H%M%S", &utc);
    for (unsigned i = 1; i < 100; i++) {
        snprintf(name, HEAD_VERSIONS_NAME_MAX, i > 1 ? "%s-%02u" : "%s", second, i);
        if (!path_of(folder, name, ".json", path)) return false;
        if (access(path, F_OK) != 0) return true;
    }
    return false;
}

static bool write_version(const char *folder, const char *name, const struct head_versions_lesson *l, struct err *e) {
    char head[PATH_MAX], taught[PATH_MAX];
    return ((path_of(folder, name, ".json", head) && path_of(folder, name, ".taught", taught)) ||
            err_set(e, ERR_IO, "%s: the path is too long", folder)) &&
           write_taught(taught, l, e) && head_write(head, l->content, e);
}

static bool fresh_name(const char *folder, int64_t now_s, char *name, struct err *e) {
    char head[PATH_MAX];
    head_versions_make_room(folder);
    return name_for(folder, now_s, name, head) || err_set(e, ERR_IO, "%s: there is no name for another head", folder);
}

bool head_versions_install(const char *folder, const struct head_versions_lesson *l, char *name, struct err *e) {
    return fresh_name(folder, l->now_s, name, e) && write_version(folder, name, l, e) && link_to(folder, name, e);
}

bool head_versions_keep(const char *folder, const struct head_versions_lesson *l, struct err *e) {
    return head_versions_discard(folder, e) && write_version(folder, HEAD_VERSIONS_CANDIDATE, l, e);
}

static bool move_version(const char *folder, const char *name, const char *end, struct err *e) {
    char from[PATH_MAX], to[PATH_MAX];
    return (path_of(folder, HEAD_VERSIONS_CANDIDATE, end, from) && path_of(folder, name, end, to) &&
            rename(from, to) == 0) ||
           err_set(e, ERR_IO, "%s/" HEAD_VERSIONS_CANDIDATE "%s: %s", folder, end, strerror(errno));
}

/* The head's file goes last: while it is not there under its name, nothing is listed. */
bool head_versions_accept(const char *folder, int64_t now_s, char *name, struct err *e) {
    char path[PATH_MAX];
    if (!head_versions_path(folder, HEAD_VERSIONS_CANDIDATE, path, sizeof path))
        return err_set(e, ERR_INPUT, "no head waits to be installed; 'logclass learn --candidate' makes one");
    return fresh_name(folder, now_s, name, e) && move_version(folder, name, ".taught", e) &&
           move_version(folder, name, ".json", e) && link_to(folder, name, e);
}

bool head_versions_discard(const char *folder, struct err *e) {
    static const char *const ENDS[] = {".json", ".taught"};
    char path[PATH_MAX];
    for (size_t i = 0; i < 2; i++)
        if (path_of(folder, HEAD_VERSIONS_CANDIDATE, ENDS[i], path) && unlink(path) != 0 && errno != ENOENT)
            return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    return true;
}

bool head_versions_restore(const char *folder, const char *name, struct err *e) {
    char path[PATH_MAX], file[HEAD_VERSIONS_NAME_MAX + 16], ours[HEAD_VERSIONS_NAME_MAX];
    if (strcmp(name, "shipped") == 0) {
        bool gone = file_join(path, sizeof path, folder, CURRENT) && (unlink(path) == 0 || errno == ENOENT);
        return gone || err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    }
    bool ok = snprintf(file, sizeof file, "%s.json", name) < (int)sizeof file && is_head(file, ours) &&
              path_of(folder, name, ".json", path) && access(path, R_OK) == 0;
    return ok ? link_to(folder, name, e)
              : err_set(e, ERR_INPUT, "there is no head '%s'; 'logclass learn --list' shows them", name);
}

void head_versions_taught(const char *folder, uint64_t **out, size_t *n) {
    char name[HEAD_VERSIONS_NAME_MAX], path[PATH_MAX];
    struct span text = {0};
    struct err none;
    *out = NULL, *n = 0;
    read_link(folder, name);
    if (!name[0] || !path_of(folder, name, ".taught", path) || !file_read(path, TAUGHT_BYTES_MAX, &text, &none)) return;
    *out = must_calloc(text.n / (HASH_DIGITS + 1) + 1, sizeof **out);
    for (struct span rest = text; rest.n > 0;) {
        struct span line = span_take_line(&rest);
        if (line.n == HASH_DIGITS) (*out)[(*n)++] = strtoull(line.p, NULL, 16);
    }
    file_free(&text);
}

/* ---- elsewhere ---- */

enum { HEAD_BYTES_MAX = 4 << 20 };

bool head_versions_read(const char *folder, struct span *text, uint64_t *mark, struct err *e) {
    char path[PATH_MAX];
    *text = (struct span){0};
    *mark = 0;
    if (!head_versions_current(folder, path, sizeof path)) return true;
    if (!file_read(path, HEAD_BYTES_MAX, text, e)) return false;
    *mark = XXH3_64bits(text->p, text->n);
    return true;
}

bool head_versions_receive(const char *folder, struct span text, const struct head_versions_fit *fit, int64_t now_s,
                           struct err *e) {
    char path[PATH_MAX], name[HEAD_VERSIONS_NAME_MAX];
    if (!file_join(path, sizeof path, folder, ".received.json")) return err_set(e, ERR_IO, "%s: too long", folder);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) return err_set(e, ERR_IO, "%s: %s", folder, strerror(errno));
    struct head *h = file_write(path, text, e) ? head_open(path, e) : NULL;
    bool ok = h && head_check(h, fit->labels, fit->model_hash, MASK_VERSION, e);
    if (ok)
        ok = head_versions_install(folder, &(struct head_versions_lesson){.content = head_content(h), .now_s = now_s},
                                   name, e);
    head_close(h);
    unlink(path);
    return ok;
}
