/* Which files there are: the patterns, what the kernel tells, and a scan now and then for what it does not. */
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "metrics/metrics.h"
#include "stream/checkpoint.h"
#include "stream/follow.h"
#include "stream/glob.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- what is ours ---- */

bool follow_find_wants(const struct follow *s, const char *path) {
    if (glob_fits_any(s->conf->exclude, path)) return false;
    for (unsigned i = 0; i < s->patterns_n; i++)
        if (glob_fits(s->pattern[i], path)) return true;
    return false;
}

/* What we write ourselves is never read: a loop would feed itself. */
static bool is_own(const struct follow *s, struct follow_id id) {
    struct follow_id own;
    uint64_t size;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        if (follow_look(fd, NULL, &own, &size, NULL) && follow_id_is_same(own, id)) return true;
    return s->o.own_path && follow_look(-1, s->o.own_path, &own, &size, NULL) && follow_id_is_same(own, id);
}

void follow_find_retire(struct follow *s, struct follow_file *f, unsigned rotation) {
    struct err ignored = {0};
    if (f->state == FOLLOW_ROTATED) return;
    f->state = FOLLOW_ROTATED;
    f->changed_ns = clock_now_ns(NULL);
    f->wakes = s->timers = true;
    metrics_add(METRIC_FOLLOW_ROTATIONS, rotation, 0, 0, 1);
    follow_set_open(&s->set, f, &ignored); /* while its path, or another, may still lead to it */
    follow_set_queue(&s->set, f);
}

static void watch_link(struct follow *s, const char *path) {
    char real[PATH_MAX];
    if (!realpath(path, real)) return;
    char *slash = strrchr(real, '/');
    if (!slash || strcmp(real, path) == 0) return;
    *slash = '\0';
    follow_watch_add(s->watch, real[0] ? real : "/", true);
}

/* Is there a live file of which the path's is a copy in the making, or a finished one: copytruncate? */
struct original {
    const struct follow_set *set;
    bool found;
};

static bool original_is_live(void *self, const char *name) {
    struct original *o = self;
    return o->found = follow_set_by_path(o->set, name) != NULL;
}

static bool has_original(const struct follow *s, const char *path) {
    struct original o = {&s->set, false};
    follow_rest_originals(path, original_is_live, &o);
    return o.found;
}

/* Was it made after the checkpoint was written? Then it has no row because it is new, not because nobody followed it.
 */
static bool is_new(const struct follow *s, struct follow_id id, int64_t mtime_s) {
    if (s->kept_ns == 0) return false;
    return id.born ? (int64_t)id.born >= s->kept_ns : mtime_s > s->kept_ns / 1000000000;
}

static void add_found(struct follow *s, const char *path, struct follow_id id, int64_t mtime_s, uint64_t size) {
    bool old = s->conf->ignore_older > 0 && mtime_s < time(NULL) - s->conf->ignore_older;
    if (!s->begun && old) return;
    struct follow_file *before = follow_set_newest(&s->set, path, NULL);
    struct follow_file *f = follow_set_add(&s->set, path, path, id, FOLLOW_LIVE);
    if (!f) return;
    f->size = size;
    f->seen_s = mtime_s;
    f->changed_ns = clock_now_ns(NULL);
    follow_rest_chain(f, before);
    s->moved = true;
    watch_link(s, path);
    if (s->begun) f->may_be_copy = has_original(s, path);
    f->scan = s->scan_n;
    if (!s->begun && !is_new(s, id, mtime_s) && strcmp(s->conf->start, "end") == 0) {
        struct err ignored = {0};
        if (follow_set_open(&s->set, f, &ignored)) follow_file_skip_to_end(f);
    }
    follow_set_queue(&s->set, f);
}

/* It was known by another path, or by the checkpoint alone. */
static void adopt(struct follow *s, struct follow_file *f, const char *path, uint64_t size) {
    follow_set_move(&s->set, f, path);
    f->state = FOLLOW_LIVE;
    f->size = size;
    f->scan = s->scan_n;
    f->changed_ns = clock_now_ns(NULL);
    watch_link(s, path);
    follow_set_queue(&s->set, f);
}

/* Looks who is at the path, which is one of ours. */
static void examine(struct follow *s, const char *path) {
    struct follow_id id;
    uint64_t size;
    int64_t mtime_s;
    struct follow_file *now = follow_set_by_path(&s->set, path);
    if (!follow_look(-1, path, &id, &size, &mtime_s)) {
        if (now && errno == ENOENT) follow_find_retire(s, now, FOLLOW_DELETED);
        return;
    }
    if (now && follow_id_is_same(now->id, id)) {
        now->scan = s->scan_n;
        if (size != now->size && !now->in) now->changed_ns = clock_now_ns(NULL), now->size = size;
        if (size != now->at) follow_set_queue(&s->set, now);
        return;
    }
    if (is_own(s, id)) return;
    if (now) follow_find_retire(s, now, FOLLOW_RENAMED);
    struct follow_file *known = follow_set_by_id(&s->set, id);
    if (known)
        adopt(s, known, path, size);
    else
        add_found(s, path, id, mtime_s, size);
}

/* ---- scans ---- */

static void on_found_file(void *self, const char *path) {
    struct follow *s = self;
    if (!glob_fits_any(s->conf->exclude, path)) examine(s, path);
}

static void on_found_folder(void *self, const char *folder) {
    struct follow *s = self;
    follow_watch_add(s->watch, folder, false);
}

static void scan(struct follow *s) {
    struct glob_walker w = {on_found_file, on_found_folder, s};
    s->scan_ns = clock_now_ns(NULL);
    s->scan_soon = false;
    s->scan_n++;
    for (unsigned i = 0; i < s->patterns_n; i++) glob_walk(s->pattern[i], &w);
    if (!s->begun) return;
    for (struct follow_file *f = s->set.all, *next; f; f = next) { /* whose path is gone, without news of it */
        next = f->all_next;
        if (f->state == FOLLOW_LIVE && f->scan != s->scan_n) examine(s, f->path);
    }
}

/* ---- news ---- */

static void note_written(struct follow *s, const struct follow_event *ev) {
    struct follow_file *f = follow_set_by_path(&s->set, ev->path);
    struct follow_id id;
    uint64_t size;
    if (!f && ev->by_link && follow_look(-1, ev->path, &id, &size, NULL)) f = follow_set_by_id(&s->set, id);
    if (!f && follow_find_wants(s, ev->path)) examine(s, ev->path); /* one that was too old until now */
    if (!f) return;
    f->changed_ns = clock_now_ns(NULL);
    f->at_end = false;
    follow_set_queue(&s->set, f);
}

/* The file was deleted by its name. What the kernel told of before is read: then there is nothing to look for. */
static void note_gone(struct follow *s, const char *path) {
    struct follow_file *f = follow_set_by_path(&s->set, path);
    bool done = f && f->at_end && !f->partial && !f->is_queued && f->at >= f->size && !f->is_used;
    examine(s, path);
    if (done && f->state == FOLLOW_ROTATED && !f->is_used) f->lost = true;
}

void follow_find_missed(struct follow *s, const char *name, const char *path, struct follow_id id, uint64_t size) {
    struct follow_file *live = follow_set_by_path(&s->set, name), *before = follow_set_newest(&s->set, name, live);
    struct follow_file *f = follow_set_add(&s->set, name, path, id, FOLLOW_LIVE);
    if (!f) return;
    f->size = size;
    follow_rest_chain(f, before);
    f->may_be_copy = has_original(s, name);
    if (live && live->at == 0 && !live->at_end) follow_rest_chain(live, f);
    follow_find_retire(s, f, FOLLOW_RENAMED);
}

static void note_renamed(struct follow *s, const struct follow_event *ev) {
    struct follow_id id;
    uint64_t size;
    bool from_ours = ev->cookie == s->left_cookie && s->left[0];
    bool wanted = follow_find_wants(s, ev->path);
    if (from_ours && follow_look(-1, ev->path, &id, &size, NULL) && !is_own(s, id)) {
        struct follow_file *f = follow_set_by_id(&s->set, id), *there = follow_set_by_path(&s->set, ev->path);
        if (there && there != f) follow_find_retire(s, there, FOLLOW_RENAMED); /* what was renamed over */
        if (f) {
            follow_set_move(&s->set, f, ev->path);
            if (!wanted) follow_find_retire(s, f, FOLLOW_RENAMED);
        } else {
            follow_find_missed(s, s->left, ev->path, id, size);
        }
    }
    s->left[0] = '\0';
    if (wanted) examine(s, ev->path);
}

static void find_take_event(struct follow *s, const struct follow_event *ev) {
    switch (ev->news) {
    case FOLLOW_WRITTEN: note_written(s, ev); return;
    case FOLLOW_APPEARED:
        if (follow_find_wants(s, ev->path)) examine(s, ev->path);
        return;
    case FOLLOW_GONE:
        if (follow_find_wants(s, ev->path)) note_gone(s, ev->path);
        return;
    case FOLLOW_LEFT:
        if (s->left[0]) examine(s, s->left);
        s->left[0] = '\0';
        if (follow_find_wants(s, ev->path) || follow_set_by_path(&s->set, ev->path)) {
            snprintf(s->left, sizeof s->left, "%s", ev->path);
            s->left_cookie = ev->cookie;
        }
        return;
    case FOLLOW_CAME: note_renamed(s, ev); return;
    case FOLLOW_FOLDER: s->scan_soon = true; return;
    case FOLLOW_OVERFLOW:
        log_warn("follow.overflow", "the kernel dropped news of files; all are looked at");
        s->scan_soon = true;
        return;
    }
}

/* By the clock that file systems take a file's time of birth from. */
static int64_t births_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void follow_find_news(struct follow *s) {
    static _Thread_local struct follow_event ev;
    s->known_ns = births_now_ns();
    while (follow_watch_next(s->watch, &ev)) find_take_event(s, &ev);
    if (s->left[0]) { /* it has left our folders */
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s", s->left);
        s->left[0] = '\0';
        examine(s, path);
    }
    uint64_t rest_ms = s->scan_soon ? FOLLOW_TICK_MS : (uint64_t)s->conf->scan_interval * 1000;
    if (clock_now_ns(NULL) - s->scan_ns >= clock_ns_of_ms(rest_ms)) scan(s);
}

/* ---- the start ---- */

/* Absolute, without "./" and doubled slashes, so that one file has one path. */
static bool add_pattern(struct follow *s, const char *text, struct err *e) {
    char path[2 * PATH_MAX], cwd[PATH_MAX] = "";
    size_t n = 0;
    if (s->patterns_n == FOLLOW_PATTERNS_MAX)
        return err_set(e, ERR_LIMIT, "[source %s]: more than %d patterns", s->conf->name, FOLLOW_PATTERNS_MAX);
    if (text[0] != '/' && !getcwd(cwd, sizeof cwd)) return err_set(e, ERR_IO, "%s: %s", text, strerror(errno));
    n = (size_t)snprintf(path, sizeof path, "%s", strcmp(cwd, "/") == 0 ? "" : cwd);
    while (*(text += strspn(text, "/"))) {
        size_t part = strcspn(text, "/");
        bool nothing = part == 1 && text[0] == '.';
        if (!nothing && n + part + 1 >= sizeof path) return err_set(e, ERR_USAGE, "%s: the path is too long", text);
        if (!nothing) n += (size_t)snprintf(path + n, sizeof path - n, "/%.*s", (int)part, text);
        text += part;
    }
    if (n >= PATH_MAX || n == 0) return err_set(e, ERR_USAGE, "%s: expected the path of a file", path);
    s->pattern[s->patterns_n] = strdup(path);
    MUST_MEMORY(s->pattern[s->patterns_n]);
    s->patterns_n++;
    return true;
}

static bool open_patterns(struct follow *s, struct err *e) {
    char item[PATH_MAX];
    for (const char *at = s->conf->include; section_next_item(&at, item, sizeof item);)
        if (!add_pattern(s, item, e)) return false;
    return true;
}

/* Files of the checkpoint that are at no path of ours: copied here from elsewhere, or rotated away. */
static void find_orphans(struct follow *s) {
    for (struct follow_file *f = s->set.all, *next; f; f = next) {
        next = f->all_next;
        if (f->state != FOLLOW_ORPHAN) continue;
        struct follow_file *live = follow_set_by_path(&s->set, f->name);
        follow_rest_of_gone(s, f, live);
        next = s->set.all; /* it may have added and removed any; orphans become fewer each time */
    }
}

/* What was written just now may be a copy in the making also at the start. */
static void find_copies(struct follow *s) {
    int64_t since = time(NULL) - s->conf->rotate_wait;
    for (struct follow_file *f = s->set.all; f; f = f->all_next)
        if (f->state == FOLLOW_LIVE && f->checked && f->at == 0 && f->seen_s >= since)
            f->may_be_copy = has_original(s, f->path);
}

bool follow_find_open(struct follow *s, struct err *e) {
    s->watch = follow_watch_open(e);
    if (!s->watch || !open_patterns(s, e)) return false;
    if (s->o.checkpoint) s->kept_ns = follow_set_read_rows(&s->set, checkpoint_rows(s->o.checkpoint, s->conf->name));
    s->known_ns = births_now_ns();
    scan(s);
    find_orphans(s);
    if (s->kept_ns > 0) follow_rest_unsaved(s);
    find_copies(s);
    s->begun = true;
    return true;
}

void follow_find_close(struct follow *s) {
    follow_set_release(&s->set);
    follow_watch_close(s->watch);
    for (unsigned i = 0; i < s->patterns_n; i++) free(s->pattern[i]);
}
