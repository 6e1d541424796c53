/* What was rotated away before it was read: found again beside its path, by identity, else as a copy, compressed or
 * not; and the generations after it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "metrics/metrics.h"
#include "stream/follow.h"
#include "stream/glob.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SIBLINGS_MAX = 256, LISTINGS_MAX = 6, LISTING_REST_MS = 10, CONTENT_PATH = 32, MAKING_MS = 200 };

struct sibling {
    char path[PATH_MAX];
    int fd; /* it stays this file, whoever renames it meanwhile */
    struct follow_id id;
    uint64_t size;
    int64_t mtime_ns;
};

/* ---- names ---- */

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ".1", "-20240131", ".2024-01-31.3": a separator, then digits and separators. Returns what follows it; NULL: none. */
static const char *pass_number(const char *s) {
    if (!strchr(".-_", *s) || !*s || s[1] < '0' || s[1] > '9') return NULL;
    s++;
    while ((*s >= '0' && *s <= '9') || *s == 'T' || *s == 'Z' || *s == ':' ||
           (*s && strchr(".-_", *s) && s[1] >= '0' && s[1] <= '9'))
        s++;
    return s;
}

static bool is_packing(const char *s) {
    return *s == '\0' || strcmp(s, ".gz") == 0 || strcmp(s, ".zst") == 0;
}

/* Of whatever: it ends with a number, .old or packing. */
static bool may_be_rotated(const char *path) {
    size_t n = strlen(path);
    const char *dot = strrchr(path, '.'), *ends = n > 0 ? path + n - 1 : path;
    if ((*ends >= '0' && *ends <= '9') || !dot) return n > 0 && *ends >= '0' && *ends <= '9';
    bool stem = dot > path && dot[-1] >= '0' && dot[-1] <= '9'; /* name-20240131.log */
    return stem || strcmp(dot, ".gz") == 0 || strcmp(dot, ".zst") == 0 || strcmp(dot, ".old") == 0;
}

static bool is_original(const char *name, const char *path, bool (*each)(void *, const char *), void *self) {
    return follow_rest_is_rotated(name, path) && each(self, name);
}

void follow_rest_originals(const char *path, bool (*each)(void *self, const char *name), void *self) {
    const char *base = base_of(path);
    char name[PATH_MAX];
    if (!*base || strlen(path) >= sizeof name || !may_be_rotated(path)) return;
    for (const char *p = base + 1; *p; p++) {
        if (!strchr(".-_", *p)) continue;
        int front = (int)(p - path);
        snprintf(name, sizeof name, "%.*s", front, path); /* name.1, name.gz */
        if (is_original(name, path, each, self)) return;
        const char *ending = pass_number(p); /* stem-20240131.log.gz */
        if (!ending || *ending != '.') continue;
        size_t n = strlen(ending), packed = n;
        for (int i = 0; i < 2; i++) {
            const char *packing = i ? ".zst" : ".gz";
            if (n > strlen(packing) && strcmp(ending + n - strlen(packing), packing) == 0) packed = n - strlen(packing);
        }
        snprintf(name, sizeof name, "%.*s%.*s", front, path, (int)packed, ending);
        if (is_original(name, path, each, self)) return;
    }
}

bool follow_rest_is_rotated(const char *name, const char *path) {
    const char *base = base_of(name), *other = base_of(path), *dot = strrchr(base, '.'), *rest;
    size_t folder = (size_t)(base - name), n = strlen(base), stem = dot && dot > base ? (size_t)(dot - base) : 0;
    if ((size_t)(other - path) != folder || strncmp(name, path, folder) != 0 || strcmp(base, other) == 0) return false;
    if (strncmp(other, base, n) == 0) {
        rest = pass_number(other + n);
        if (rest && is_packing(rest)) return true;
        if (strcmp(other + n, ".old") == 0 || strcmp(other + n, ".gz") == 0 || strcmp(other + n, ".zst") == 0)
            return true;
    }
    if (stem == 0 || strncmp(other, base, stem) != 0 || !(rest = pass_number(other + stem))) return false;
    return strncmp(rest, dot, n - stem) == 0 && is_packing(rest + (n - stem));
}

/* ---- the folder ---- */

static int by_age(const void *a, const void *b) {
    const struct sibling *x = a, *y = b;
    if (x->mtime_ns != y->mtime_ns) return x->mtime_ns < y->mtime_ns ? -1 : 1;
    return strcmp(y->path, x->path); /* name.2 is older than name.1 */
}

static void free_siblings(struct sibling *v, size_t n) {
    for (size_t i = 0; i < n; i++) close(v[i].fd);
    free(v);
}

/* How the content is read: by the descriptor, not by a name that may be another file's by now. */
static const char *content_of(const struct sibling *v, char path[CONTENT_PATH]) {
    snprintf(path, CONTENT_PATH, "/proc/self/fd/%d", v->fd);
    return path;
}

static bool rest_is_listed(const struct sibling *v, size_t n, struct follow_id id) {
    for (size_t i = 0; i < n; i++)
        if (follow_id_is_same(v[i].id, id)) return true;
    return false;
}

/* Opens the file for the list. False: it is not one for it. */
static bool sibling_open(struct sibling *v, size_t n, const char *name, struct follow_id id) {
    struct sibling *s = &v[n];
    struct stat st;
    s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool fine = s->fd >= 0 && follow_look(s->fd, NULL, &s->id, &s->size, NULL) && fstat(s->fd, &st) == 0 &&
                (strcmp(s->path, name) != 0 || follow_id_is_same(s->id, id)) && !rest_is_listed(v, n, s->id);
    if (fine) s->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (!fine && s->fd >= 0) close(s->fd);
    return fine;
}

static size_t list_once(struct sibling *v, const char *folder, const char *name, struct follow_id id) {
    size_t n = 0;
    DIR *d = opendir(folder[0] ? folder : ".");
    if (!d) return 0;
    for (struct dirent *item; n < SIBLINGS_MAX && (item = readdir(d));) {
        if (snprintf(v[n].path, sizeof v[n].path, "%s%s", folder, item->d_name) >= (int)sizeof v[n].path) continue;
        if (item->d_ino != id.ino && !follow_rest_is_rotated(name, v[n].path)) continue;
        n += sibling_open(v, n, name, id);
    }
    closedir(d);
    return n;
}

static bool is_unchanged(const char *folder, struct timespec *since) {
    struct stat st;
    struct timespec before = *since;
    if (stat(folder[0] ? folder : ".", &st) != 0) return true;
    *since = st.st_mtim;
    return before.tv_sec == since->tv_sec && before.tv_nsec == since->tv_nsec;
}

/* The rotated files of name, and the one with this identity whatever its name; oldest first. Again, when somebody
 * renamed while we looked, for then one may be missing. free_siblings. */
static struct sibling *list_siblings(const char *name, struct follow_id id, size_t *n) {
    char folder[PATH_MAX];
    struct timespec since = {0};
    struct sibling *v = must_calloc(SIBLINGS_MAX, sizeof *v);
    snprintf(folder, sizeof folder, "%.*s", (int)(base_of(name) - name), name);
    is_unchanged(folder, &since);
    for (unsigned i = 0; i < LISTINGS_MAX; i++) {
        *n = list_once(v, folder, name, id);
        if (is_unchanged(folder, &since) || i + 1 == LISTINGS_MAX) break;
        for (size_t k = 0; k < *n; k++) close(v[k].fd);
        nanosleep(&(struct timespec){.tv_nsec = LISTING_REST_MS * 1000000L}, NULL);
    }
    qsort(v, *n, sizeof *v, by_age);
    return v;
}

/* ---- one generation ---- */

/* f goes on in the file of the sibling, at its place: it is the same under another name, or a copy. */
static void go_on_in(struct follow *s, struct follow_file *f, const struct sibling *v) {
    follow_set_move(&s->set, f, v->path);
    if (!follow_id_is_same(f->id, v->id)) follow_set_identify(&s->set, f, v->id);
    f->state = FOLLOW_LIVE;
    f->size = v->size;
    follow_find_retire(s, f, FOLLOW_RENAMED);
}

void follow_rest_chain(struct follow_file *f, struct follow_file *before) {
    for (const struct follow_file *g = before; g; g = g->after)
        if (g == f) return;
    follow_set_chain(f, before);
}

/* The generations after v[from - 1], up to what is live, are read one after the other. */
static void read_newer(struct follow *s, const struct sibling *v, size_t from, size_t n, struct follow_file *before,
                       struct follow_file *live) {
    const char *name = live ? live->name : before ? before->name : NULL;
    for (size_t i = from; i < n && name; i++) {
        struct follow_file *f = follow_set_by_id(&s->set, v[i].id);
        if (!f) {
            f = follow_set_add(&s->set, name, v[i].path, v[i].id, FOLLOW_LIVE);
            if (!f) return;
            f->size = v[i].size;
            log_info("follow.found", "%s is a generation of %s that was not read", f->path, name);
            follow_find_retire(s, f, FOLLOW_RENAMED);
        }
        if (f == live || f == before || f->lost) continue;
        follow_rest_chain(f, before);
        before = f;
    }
    if (live && live != before && live->at == 0) follow_rest_chain(live, before);
}

/* Where the generation with this head and place is; n: nowhere. */
static size_t find_copy(const struct sibling *v, size_t n, const struct follow_file *f, struct follow_id except) {
    char path[CONTENT_PATH];
    struct follow_place place = follow_file_place(f);
    for (size_t i = 0; i < n; i++)
        if (!follow_id_is_same(v[i].id, except) && follow_file_is_copy(content_of(&v[i], path), f->head, &place))
            return i;
    return n;
}

static void count_lost(const struct follow_file *f) {
    if (f->size <= f->at) return;
    metrics_add(METRIC_FOLLOW_LOST_BYTES, 0, 0, 0, f->size - f->at);
    log_error("follow.lost", "%s is gone, and with it %llu bytes that were not read", f->path,
              (unsigned long long)(f->size - f->at));
}

/* ---- a file that was cut ---- */

/* The copy, as a file of its own at f's place; the same object when it is known already and was not begun. */
static struct follow_file *take_copy(struct follow *s, const struct follow_file *f, struct follow_hash head,
                                     struct follow_place p, const struct sibling *v) {
    struct follow_file *g = follow_set_by_id(&s->set, v->id);
    if (g && (g->at > 0 || g->out > 0)) return NULL; /* it is read already */
    if (!g) g = follow_set_add(&s->set, f->name, v->path, v->id, FOLLOW_LIVE);
    if (!g) return NULL;
    log_info("follow.copy", "%s is a copy of what %s was; what was not read is read there", v->path, f->name);
    g->size = v->size;
    g->head = head;
    g->at = p.at, g->mark = p.mark, g->skipping = p.skipping, g->checked = false;
    g->stream_at[0] = p.stream_at[0], g->stream_at[1] = p.stream_at[1];
    g->safe = p;
    g->may_be_copy = false;
    if (follow_find_wants(s, v->path))
        follow_set_queue(&s->set, g);
    else
        follow_find_retire(s, g, FOLLOW_TRUNCATED);
    return g;
}

void follow_rest_of_cut(struct follow *s, struct follow_file *f) {
    size_t n, at;
    struct sibling *v = list_siblings(f->name, f->id, &n);
    at = find_copy(v, n, f, f->id);
    struct follow_file *copy = at < n ? take_copy(s, f, f->head, follow_file_place(f), &v[at]) : NULL;
    f->cut_head = at < n ? (struct follow_hash){0} : f->head;
    f->cut_place = follow_file_place(f);
    if (at == n) count_lost(f);
    metrics_add(METRIC_FOLLOW_ROTATIONS, FOLLOW_TRUNCATED, 0, 0, 1);
    log_info("follow.cut", "%s was cut or written anew; it is read from its beginning", f->path);
    follow_file_rewind(f);
    follow_set_chain(f, NULL);
    f->was_cut = true;
    f->cut_since_ns = at < n  ? v[at].mtime_ns
                      : n > 0 ? v[n - 1].mtime_ns
                              : 0; /* later ones: follow_rest_between_cuts */
    if (copy && !f->after) follow_rest_chain(f, copy);
    free_siblings(v, n);
    f->changed_ns = clock_now_ns(NULL);
    follow_set_queue(&s->set, f);
}

/* Was it written so lately that it may be in the making? What it holds says nothing, then. */
static bool is_in_the_making(const struct sibling *v) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - v->mtime_ns < MAKING_MS * INT64_C(1000000);
}

/* Is it a generation that f was before it was cut again, of which nothing was read? */
static bool is_missed(struct follow *s, const struct follow_file *f, const struct sibling *v, struct span begin) {
    char path[CONTENT_PATH];
    return !follow_id_is_same(v->id, f->id) && !follow_set_by_id(&s->set, v->id) &&
           !follow_file_begins_like(content_of(v, path), begin);
}

bool follow_rest_between_cuts(struct follow *s, struct follow_file *f, struct span begin) {
    size_t n;
    char path[CONTENT_PATH];
    bool waits = false;
    struct follow_file *before = f->after;
    struct sibling *v = list_siblings(f->name, f->id, &n);
    for (size_t i = 0; i < n && !waits; i++) {
        if (v[i].mtime_ns <= f->cut_since_ns) continue;
        bool missed = is_missed(s, f, &v[i], begin);
        waits = missed && is_in_the_making(&v[i]);
        if (waits) continue;
        f->cut_since_ns = v[i].mtime_ns;
        if (!missed) continue;
        bool late =
            follow_file_is_copy(content_of(&v[i], path), f->cut_head, &f->cut_place); /* what was not found, then */
        if (late) take_copy(s, f, f->cut_head, f->cut_place, &v[i]);
        read_newer(s, v, i, i + 1, f->after, f);
    }
    free_siblings(v, n);
    if (waits) f->wakes = s->timers = true;
    return waits || f->after != before;
}

/* ---- a file that is gone from its path ---- */

/* What is live at the path now is the same text on another disk: f's place counts for it. */
static bool is_moved_here(struct follow *s, struct follow_file *f, struct follow_file *live) {
    struct follow_place place = follow_file_place(f);
    if (!live || live->at > 0 || live->out > 0 || !follow_file_is_copy(live->path, f->head, &place)) return false;
    struct sibling here = {.id = live->id, .size = live->size};
    snprintf(here.path, sizeof here.path, "%s", live->path);
    follow_set_remove(&s->set, live);
    go_on_in(s, f, &here);
    f->state = FOLLOW_LIVE;
    return true;
}

static size_t find_by_id(const struct sibling *v, size_t n, struct follow_id id) {
    size_t i = 0;
    while (i < n && !follow_id_is_same(v[i].id, id)) i++;
    return i;
}

/* Those that were last written after the checkpoint: of more we can't know. */
static size_t first_since(const struct sibling *v, size_t n, int64_t seen_s) {
    size_t i = n;
    while (seen_s > 0 && i > 0 && v[i - 1].mtime_ns / 1000000000 >= seen_s) i--;
    return i;
}

static void give_up(struct follow *s, struct follow_file *f) {
    count_lost(f);
    f->state = FOLLOW_ROTATED;
    f->lost = f->at_end = true;
    f->wakes = s->timers = true;
}

/* A copy of f that is in the set already, because a pattern of ours leads to it, takes f's place over. */
static bool rest_hand_over(struct follow *s, struct follow_file *f, const struct sibling *v) {
    struct follow_file *g = follow_set_by_id(&s->set, v->id);
    if (!g || g == f) return false;
    if (g->at == 0 && g->out == 0) take_copy(s, f, f->head, follow_file_place(f), v);
    f->lost = f->at_end = true; /* nothing is missing: g has it */
    f->state = FOLLOW_ROTATED;
    f->wakes = s->timers = true;
    return true;
}

bool follow_rest_of_gone(struct follow *s, struct follow_file *f, struct follow_file *live) {
    size_t n, at;
    if (is_moved_here(s, f, live)) return true;
    struct sibling *v = list_siblings(f->name, f->id, &n);
    at = find_by_id(v, n, f->id);
    if (at == n) at = find_copy(v, n, f, (struct follow_id){0});
    bool found = at < n;
    if (found && !rest_hand_over(s, f, &v[at])) go_on_in(s, f, &v[at]);
    if (!found) give_up(s, f);
    /* While it runs, later generations are known by the kernel's news, and may be read and forgotten already. */
    if (!s->begun) read_newer(s, v, found ? at + 1 : first_since(v, n, f->seen_s), n, found ? f : NULL, live);
    free_siblings(v, n);
    return found;
}

/* ---- what the checkpoint knows nothing of ---- */

enum { UNSAVED_MAX = 4096 };

struct unsaved {
    char *path, *name; /* where it is; what it was */
    struct follow_id id;
    uint64_t size;
    int64_t mtime_ns;
};

struct unsaved_list {
    struct follow *s;
    struct unsaved *v;
    size_t n;
    char name[PATH_MAX];
};

static bool unsaved_is_ours(void *self, const char *name) {
    struct unsaved_list *l = self;
    bool ours = follow_find_wants(l->s, name) && !follow_set_is_kept(&l->s->set, name);
    if (ours) snprintf(l->name, sizeof l->name, "%s", name);
    return ours;
}

/* Was it made, and written last, after the checkpoint was? A packed one keeps its time of writing. */
static bool is_after_checkpoint(const struct follow *s, const struct unsaved *u) {
    return u->mtime_ns >= s->kept_ns && (u->id.born == 0 || (int64_t)u->id.born >= s->kept_ns);
}

static void unsaved_look(struct unsaved_list *l, const char *path) {
    struct unsaved u = {0};
    struct stat st;
    l->name[0] = '\0';
    if (l->n == UNSAVED_MAX || follow_find_wants(l->s, path)) return;
    follow_rest_originals(path, unsaved_is_ours, l);
    if (!l->name[0] || !follow_look(-1, path, &u.id, &u.size, NULL) || stat(path, &st) != 0) return;
    u.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (!is_after_checkpoint(l->s, &u) || follow_set_by_id(&l->s->set, u.id)) return;
    u.path = strdup(path);
    u.name = strdup(l->name);
    MUST_MEMORY(u.path && u.name ? u.path : NULL);
    l->v[l->n++] = u;
}

static void unsaved_in_folder(void *self, const char *folder) {
    char path[PATH_MAX];
    DIR *d = opendir(folder);
    if (!d) return;
    for (struct dirent *item; (item = readdir(d));) {
        const char *slash = strcmp(folder, "/") == 0 ? "" : "/";
        if (item->d_type != DT_REG && item->d_type != DT_UNKNOWN) continue;
        if (!may_be_rotated(item->d_name)) continue;
        if (snprintf(path, sizeof path, "%s%s%s", folder, slash, item->d_name) < (int)sizeof path)
            unsaved_look(self, path);
    }
    closedir(d);
}

static void unsaved_pass_file(void *self, const char *path) {
    (void)self, (void)path;
}

static int unsaved_by_age(const void *a, const void *b) {
    const struct unsaved *x = a, *y = b;
    if (x->mtime_ns != y->mtime_ns) return x->mtime_ns < y->mtime_ns ? -1 : 1;
    return strcmp(y->path, x->path); /* name.2 is older than name.1 */
}

void follow_rest_unsaved(struct follow *s) {
    struct unsaved_list l = {.s = s, .v = must_calloc(UNSAVED_MAX, sizeof *l.v)};
    struct glob_walker w = {unsaved_pass_file, unsaved_in_folder, &l};
    for (unsigned i = 0; i < s->patterns_n; i++) glob_walk(s->pattern[i], &w);
    qsort(l.v, l.n, sizeof *l.v, unsaved_by_age);
    for (size_t i = 0; i < l.n; i++) {
        struct unsaved *u = &l.v[i];
        if (!follow_set_by_id(&s->set, u->id)) { /* two patterns may lead to one folder */
            log_info("follow.found", "%s is a generation of %s that was not read", u->path, u->name);
            follow_find_missed(s, u->name, u->path, u->id, u->size);
        }
        free(u->path);
        free(u->name);
    }
    free(l.v);
}
