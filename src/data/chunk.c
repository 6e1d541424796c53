#include "data/chunk.h"

#include "base/must.h"

struct span chunk_time(const struct origin *o, char room[RFC3339_BYTES]) {
    if (o->time.n > 0 || !o->time_ns) return o->time;
    return (struct span){room, rfc3339_write(o->time_ns, room)};
}

uint64_t chunk_time_ns(const struct origin *o) {
    uint64_t ns;
    if (o->time_ns) return o->time_ns;
    return o->time.n > 0 && rfc3339_read(o->time, &ns) ? ns : 0;
}

void chunk_init(struct chunk *c) {
    *c = (struct chunk){.text = must_calloc(1, CHUNK_BYTES)};
    arena_init(&c->arena, 4 * (size_t)CHUNK_BYTES);
    c->batch.rec = c->rec;
    c->batch.res = c->res;
    c->batch.place = c->place;
}

void chunk_release(struct chunk *c) {
    free(c->text);
    free(c->origin_room);
    arena_release(&c->arena);
    *c = (struct chunk){0};
}

void chunk_reset(struct chunk *c) {
    c->batch.n = 0;
    c->text_n = 0;
    c->origin = NULL;
    arena_reset(&c->arena);
}

bool chunk_has_room(const struct chunk *c, size_t bytes) {
    return c->batch.n < CHUNK_RECORDS && bytes <= CHUNK_BYTES - c->text_n;
}

static struct span chunk_copy(struct chunk *c, struct span s) {
    char *to = c->text + c->text_n;
    if (s.n > 0) memcpy(to, s.p, s.n);
    c->text_n += s.n;
    return (struct span){to, s.n};
}

void chunk_want_origins(struct chunk *c) {
    if (!c->origin_room) c->origin_room = must_calloc(CHUNK_RECORDS, sizeof *c->origin_room);
    c->origin = c->origin_room;
}

struct origin *chunk_point(struct chunk *c, struct span source, struct span message) {
    MUST(c->batch.n < CHUNK_RECORDS);
    uint32_t i = c->batch.n++;
    c->rec[i] = (struct record){source, message};
    c->place[i] = (struct place){.severity = SEVERITY_NONE};
    if (c->origin) c->origin[i] = (struct origin){0};
    return c->origin ? &c->origin[i] : NULL;
}

void chunk_add(struct chunk *c, struct span source, struct span message) {
    MUST(chunk_has_room(c, source.n + message.n));
    struct span own = chunk_copy(c, source);
    chunk_point(c, own, chunk_copy(c, message));
}
