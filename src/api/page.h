/* page: the files of the page for people, which the program carries in itself. */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "base/span.h"

#include <stdbool.h>

struct page_file {
    const char *name, *type; /* its path below /ui/, its Content-Type */
    struct span plain, gzip; /* its bytes, and the same compressed */
};

/* The file of this name, "" being index.html; false: there is none. Any thread. */
bool page_find(struct span name, struct page_file *to);

#endif
