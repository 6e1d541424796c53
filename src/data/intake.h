/* intake: the chunks that the decoder of a request fills, as many as it needs. What the records point to is copied into
 * the chunk's arena, so that the request may go as soon as it is decoded. */
#ifndef DATA_INTAKE_H
#define DATA_INTAKE_H

#include "base/err.h"
#include "data/chunk.h"

/* INTAKE_RECORD_MAX: bytes of one record, its attributes and what stands around it included. */
enum { INTAKE_ALIGNMENT = 16, INTAKE_RECORD_MAX = 3 << 19 /* 1.5 MiB */, INTAKE_ATTRS_MAX = 128 };

enum intake_trouble {
    INTAKE_OK,
    INTAKE_MALFORMED, /* the request is not what it should be, and never will be */
    INTAKE_TOO_LARGE, /* one record is */
    INTAKE_NO_ROOM    /* there was no further chunk */
};

struct intake {
    struct chunk *(*take)(void *self); /* an empty chunk; NULL: there is none */
    void *self;
    struct chunk *now; /* the one that is being filled; NULL: none yet */
    char *room;        /* what intake_room has reserved there */
    size_t room_n;
    uint64_t records; /* altogether */
    enum intake_trouble trouble;
};

/* Room for one more record with so many bytes, in in->now or in a new chunk: what intake_copy and intake_attrs then
 * take from. False: in->trouble says why. */
bool intake_room(struct intake *in, size_t bytes);

/* The same, but only in in->now; false: there is none, or it is full, which is no trouble. */
bool intake_room_here(struct intake *in, size_t bytes);

struct span intake_copy(struct intake *in, struct span s);

/* Room for n attributes, before any copies or behind intake_align; so many bytes of the room. */
struct attr *intake_attrs(struct intake *in, size_t n);

/* Passes over up to INTAKE_ALIGNMENT bytes of the room, so that attributes may stand behind copies. */
void intake_align(struct intake *in);

/* A record in in->now, and its empty origin. */
struct origin *intake_add(struct intake *in, struct span source, struct span message);

/* The request is not well-formed; returns false. */
bool intake_malformed(struct intake *in, struct err *e, const char *what);

#endif
