#include "data/intake.h"

#include "base/must.h"

/* What a chunk's arena may keep from before: its pieces may be too small, and then a record still fits behind them. */
enum { INTAKE_KEPT_MAX = 4 * CHUNK_BYTES - INTAKE_RECORD_MAX - 65536 };

static bool intake_reserve(struct intake *in, size_t bytes) {
    in->room = arena_alloc(&in->now->arena, bytes);
    in->room_n = in->room ? bytes : 0;
    return in->room != NULL;
}

static bool intake_next_chunk(struct intake *in, size_t bytes) {
    in->now = in->take(in->self);
    if (!in->now) {
        in->trouble = INTAKE_NO_ROOM;
        return false;
    }
    chunk_want_origins(in->now);
    if (in->now->arena.bytes > INTAKE_KEPT_MAX) arena_release(&in->now->arena);
    MUST(intake_reserve(in, bytes));
    return true;
}

bool intake_room(struct intake *in, size_t bytes) {
    if (in->trouble) return false;
    if (bytes > INTAKE_RECORD_MAX) {
        in->trouble = INTAKE_TOO_LARGE;
        return false;
    }
    return intake_room_here(in, bytes) || intake_next_chunk(in, bytes);
}

bool intake_room_here(struct intake *in, size_t bytes) {
    return in->now && in->now->batch.n < CHUNK_RECORDS && intake_reserve(in, bytes);
}

static char *intake_part(struct intake *in, size_t n) {
    MUST(n <= in->room_n);
    char *p = in->room;
    in->room += n;
    in->room_n -= n;
    return p;
}

void intake_align(struct intake *in) {
    size_t over = (uintptr_t)in->room % INTAKE_ALIGNMENT;
    intake_part(in, over ? INTAKE_ALIGNMENT - over : 0);
}

struct span intake_copy(struct intake *in, struct span s) {
    char *p = intake_part(in, s.n);
    if (s.n > 0) memcpy(p, s.p, s.n);
    return (struct span){p, s.n};
}

struct attr *intake_attrs(struct intake *in, size_t n) {
    return (void *)intake_part(in, n * sizeof(struct attr));
}

struct origin *intake_add(struct intake *in, struct span source, struct span message) {
    in->records++;
    return chunk_point(in->now, source, message);
}

bool intake_malformed(struct intake *in, struct err *e, const char *what) {
    in->trouble = INTAKE_MALFORMED;
    return err_set(e, ERR_INPUT, "%s", what);
}
