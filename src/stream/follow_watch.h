/* follow_watch: what the kernel tells of the folders in which files are followed: one inotify watch a folder, however
 * many files it holds. One thread. */
#ifndef STREAM_FOLLOW_WATCH_H
#define STREAM_FOLLOW_WATCH_H

#include "base/err.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum { FOLLOW_FOLDERS_MAX = 65536 };

struct follow_watch;

enum follow_news {
    FOLLOW_APPEARED, /* a file was made, or a link to one */
    FOLLOW_WRITTEN,
    FOLLOW_GONE,     /* deleted */
    FOLLOW_LEFT,     /* renamed: what was its path; the next is FOLLOW_CAME, unless it has left our folders */
    FOLLOW_CAME,     /* renamed: what is its path */
    FOLLOW_FOLDER,   /* a folder came or went */
    FOLLOW_OVERFLOW, /* news were lost: look at everything */
};

struct follow_event {
    enum follow_news news;
    char path[PATH_MAX];
    uint32_t cookie; /* the same for FOLLOW_LEFT and its FOLLOW_CAME */
    bool by_link;    /* the folder is watched because a link leads into it: the path is not one of ours */
};

struct follow_watch *follow_watch_open(struct err *e);
void follow_watch_close(struct follow_watch *w); /* NULL is fine */

/* Watches the folder; again is fine. by_link: see above. False: it can't be watched (said once): it is looked at with
 * each scan. */
bool follow_watch_add(struct follow_watch *w, const char *folder, bool by_link);

int follow_watch_fd(const struct follow_watch *w); /* readable: there is news */

/* The next event, without waiting. False: there is none now. */
bool follow_watch_next(struct follow_watch *w, struct follow_event *ev);

#endif
