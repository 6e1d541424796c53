#include "stream/follow_watch.h"

#include "base/log.h"
#include "base/must.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    NEWS_BYTES = 64 << 10,
    NEWS_WANTED = IN_CREATE | IN_MODIFY | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR
};

struct watched_folder {
    char *path; /* NULL: not watched */
    bool by_link;
};

struct follow_watch {
    int fd;
    struct watched_folder *folder; /* by watch descriptor */
    size_t n;
    bool failure_said;
    size_t at, got; /* in text */
    _Alignas(struct inotify_event) char text[NEWS_BYTES];
};

struct follow_watch *follow_watch_open(struct err *e) {
    struct follow_watch *w = must_calloc(1, sizeof *w);
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd >= 0) return w;
    err_set(e, ERR_IO, "inotify: %s", strerror(errno));
    follow_watch_close(w);
    return NULL;
}

void follow_watch_close(struct follow_watch *w) {
    if (!w) return;
    if (w->fd >= 0) close(w->fd);
    for (size_t i = 0; i < w->n; i++) free(w->folder[i].path);
    free(w->folder);
    free(w);
}

int follow_watch_fd(const struct follow_watch *w) {
    return w->fd;
}

static void watch_room(struct follow_watch *w, size_t n) {
    if (n <= w->n) return;
    size_t more = n < 2 * w->n ? 2 * w->n : n + 16;
    struct watched_folder *bigger = realloc(w->folder, more * sizeof *bigger);
    MUST_MEMORY(bigger);
    memset(bigger + w->n, 0, (more - w->n) * sizeof *bigger);
    w->folder = bigger;
    w->n = more;
}

bool follow_watch_add(struct follow_watch *w, const char *folder, bool by_link) {
    int wd = inotify_add_watch(w->fd, folder, NEWS_WANTED);
    if (wd < 0 || wd >= FOLLOW_FOLDERS_MAX) {
        if (!w->failure_said)
            log_warn("follow.watch", "%s is not watched (%s); it is looked at with each scan", folder,
                     wd < 0 ? strerror(errno) : "too many folders");
        w->failure_said = true;
        return false;
    }
    watch_room(w, (size_t)wd + 1);
    struct watched_folder *f = &w->folder[wd];
    if (f->path && (by_link || strcmp(f->path, folder) == 0)) return true; /* a path of ours comes before a link's */
    free(f->path);
    *f = (struct watched_folder){strdup(folder), by_link};
    MUST_MEMORY(f->path);
    return true;
}

static bool watch_translate(struct follow_watch *w, const struct inotify_event *in, struct follow_event *ev) {
    if (in->mask & IN_Q_OVERFLOW) {
        *ev = (struct follow_event){.news = FOLLOW_OVERFLOW};
        return true;
    }
    if (in->wd < 0 || (size_t)in->wd >= w->n || !w->folder[in->wd].path) return false;
    struct watched_folder *f = &w->folder[in->wd];
    if (in->mask & IN_IGNORED) { /* the folder is gone */
        free(f->path);
        f->path = NULL;
        ev->news = FOLLOW_FOLDER;
        ev->path[0] = '\0';
        return true;
    }
    if (in->len == 0) return false;
    ev->cookie = in->cookie;
    ev->by_link = f->by_link;
    const char *slash = strcmp(f->path, "/") == 0 ? "" : "/";
    if (snprintf(ev->path, sizeof ev->path, "%s%s%s", f->path, slash, in->name) >= (int)sizeof ev->path) return false;
    ev->news = in->mask & IN_ISDIR        ? FOLLOW_FOLDER
               : in->mask & IN_MODIFY     ? FOLLOW_WRITTEN
               : in->mask & IN_CREATE     ? FOLLOW_APPEARED
               : in->mask & IN_DELETE     ? FOLLOW_GONE
               : in->mask & IN_MOVED_FROM ? FOLLOW_LEFT
                                          : FOLLOW_CAME;
    return true;
}

bool follow_watch_next(struct follow_watch *w, struct follow_event *ev) {
    for (;;) {
        while (w->at < w->got) {
            const struct inotify_event *in = (const struct inotify_event *)(const void *)(w->text + w->at);
            w->at += sizeof *in + in->len;
            if (watch_translate(w, in, ev)) return true;
        }
        ssize_t r = read(w->fd, w->text, sizeof w->text);
        if (r <= 0) return false;
        w->at = 0;
        w->got = (size_t)r;
    }
}
