/* instances: those that follow this desk: when they were last heard of, and how far they are. Bounded; the one that was
 * not heard of for longest goes. Any thread. */
#ifndef API_INSTANCES_H
#define API_INSTANCES_H

#include "base/buf.h"
#include "base/span.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { INSTANCES_MAX = 256, INSTANCES_NAME_MAX = 64, INSTANCES_SILENT_S = 60 };

struct instance {
    uint64_t run; /* another one at each start of the process; 0: free */
    char name[INSTANCES_NAME_MAX];
    uint32_t heard_s, behind_s; /* when last; since when it lacks words, 0: it has all */
};

struct instances {
    pthread_mutex_t lock;
    struct instance at[INSTANCES_MAX];
};

void instances_init(struct instances *in);
void instances_release(struct instances *in);

/* An instance has asked, and has all words or lacks some. */
void instances_hear(struct instances *in, uint64_t run, struct span name, bool has_all, uint32_t now_s);

/* It has told what it counted. */
void instances_note(struct instances *in, uint64_t run, struct span name, uint32_t now_s);

/* [{"name","heard","lag_s","silent"}…], by name. An older process of the same name, once silent, is left out. */
void instances_put(struct instances *in, struct buf *out, uint32_t now_s);

#endif
