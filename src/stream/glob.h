/* glob: files by patterns, with the folders in which more of them may appear. A pattern's parts may hold *, ? and
 * [a-z]; a part "**" stands for any folders, or none. Names that begin with a dot need a pattern that does. */
#ifndef STREAM_GLOB_H
#define STREAM_GLOB_H

#include <stdbool.h>

enum { GLOB_DEPTH_MAX = 64 };

struct glob_walker {
    void (*on_file)(void *self, const char *path);     /* something that is there and no folder */
    void (*on_folder)(void *self, const char *folder); /* a folder in which the pattern is looked for; may come again */
    void *self;
};

/* Calls back for what is there now; what can't be read is passed over. */
void glob_walk(const char *pattern, const struct glob_walker *w);

/* Does the path fit the pattern? A pattern without a slash is for the name alone. */
bool glob_fits(const char *pattern, const char *path);

/* The same for any of a list's patterns, separated by commas. */
bool glob_fits_any(const char *patterns, const char *path);

#endif
