#include "stream/glob.h"

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct glob_place {
    char path[PATH_MAX];
    size_t n;
};

static bool has_wildcard(const char *part, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strchr("*?[", part[i])) return true;
    return false;
}

static bool part_fits(const char *part, size_t n, const char *name, size_t name_n) {
    char pattern[NAME_MAX + 1], text[NAME_MAX + 1];
    if (n >= sizeof pattern || name_n >= sizeof text) return false;
    memcpy(pattern, part, n), pattern[n] = '\0';
    memcpy(text, name, name_n), text[name_n] = '\0';
    return fnmatch(pattern, text, FNM_PERIOD) == 0;
}

/* Appends "name", with a slash where one is needed. False: too long. */
static bool place_add(struct glob_place *p, const char *name, size_t n) {
    bool slash = p->n > 0 && p->path[p->n - 1] != '/';
    if (p->n + slash + n >= sizeof p->path) return false;
    if (slash) p->path[p->n++] = '/';
    memcpy(p->path + p->n, name, n);
    p->n += n;
    p->path[p->n] = '\0';
    return true;
}

static void glob_from(struct glob_place *p, const char *rest, unsigned depth, const struct glob_walker *w);

/* What the pattern says of one name in the folder at p: the end of it, or the way on. */
static void glob_name(struct glob_place *p, const char *name, size_t n, const char *rest, unsigned depth,
                      const struct glob_walker *w) {
    size_t before = p->n;
    struct stat st;
    if (!place_add(p, name, n)) return;
    bool there = stat(p->path, &st) == 0;
    if (there && *rest && S_ISDIR(st.st_mode)) glob_from(p, rest, depth + 1, w);
    if (there && !*rest && !S_ISDIR(st.st_mode)) w->on_file(w->self, p->path);
    p->n = before;
    p->path[before] = '\0';
}

static void glob_folder(struct glob_place *p, const char *part, size_t n, const char *rest, unsigned depth,
                        const struct glob_walker *w) {
    bool any_depth = n == 2 && memcmp(part, "**", 2) == 0;
    DIR *d = opendir(p->n ? p->path : ".");
    if (!d) return;
    if (any_depth && *rest) glob_from(p, rest, depth + 1, w); /* no folder at all */
    for (struct dirent *item; (item = readdir(d));) {
        const char *name = item->d_name;
        size_t name_n = strlen(name);
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (any_depth) {
            /* A folder, into which the same part leads again; links are not followed, or a loop of them would be. */
            bool folder = (item->d_type == DT_DIR || item->d_type == DT_UNKNOWN) && name[0] != '.';
            if (folder) glob_name(p, name, name_n, *rest ? part : "**", depth, w);
        } else if (part_fits(part, n, name, name_n)) {
            glob_name(p, name, name_n, rest, depth, w);
        }
    }
    closedir(d);
}

static void glob_from(struct glob_place *p, const char *rest, unsigned depth, const struct glob_walker *w) {
    if (depth > GLOB_DEPTH_MAX) return;
    size_t n = strcspn(rest, "/");
    const char *next = rest + n + strspn(rest + n, "/");
    bool wild = has_wildcard(rest, n);
    if (wild || !*next) w->on_folder(w->self, p->n ? p->path : ".");
    if (wild)
        glob_folder(p, rest, n, next, depth, w);
    else
        glob_name(p, rest, n, next, depth, w);
}

void glob_walk(const char *pattern, const struct glob_walker *w) {
    struct glob_place p = {.n = 0};
    if (pattern[0] == '/') place_add(&p, "/", 1);
    const char *rest = pattern + strspn(pattern, "/");
    if (*rest) glob_from(&p, rest, 0, w);
}

static bool parts_fit(const char *pattern, const char *path, unsigned depth) {
    size_t n = strcspn(pattern, "/"), m = strcspn(path, "/");
    const char *rest = pattern + n + strspn(pattern + n, "/"), *next = path + m + strspn(path + m, "/");
    if (!*pattern || !*path || depth > GLOB_DEPTH_MAX) return !*pattern && !*path;
    if (n == 2 && memcmp(pattern, "**", 2) == 0)
        return !*rest || parts_fit(rest, path, depth + 1) ||
               (*next && path[0] != '.' && parts_fit(pattern, next, depth + 1));
    return part_fits(pattern, n, path, m) && parts_fit(rest, next, depth + 1);
}

bool glob_fits(const char *pattern, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!strchr(pattern, '/')) return fnmatch(pattern, slash ? slash + 1 : path, 0) == 0;
    if ((pattern[0] == '/') != (path[0] == '/')) return false;
    return parts_fit(pattern + strspn(pattern, "/"), path + strspn(path, "/"), 0);
}

bool glob_fits_any(const char *patterns, const char *path) {
    char pattern[PATH_MAX];
    while (*(patterns += strspn(patterns, ", \t"))) {
        size_t n = strcspn(patterns, ",");
        int shown = snprintf(pattern, sizeof pattern, "%.*s", (int)n, patterns);
        while (shown > 0 && (pattern[shown - 1] == ' ' || pattern[shown - 1] == '\t')) pattern[--shown] = '\0';
        if (glob_fits(pattern, path)) return true;
        patterns += n;
    }
    return false;
}
