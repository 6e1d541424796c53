/* form: how a sink's text looks: answers with where their lines come from, as JSON lines, as the input with the answer
 * spliced in, as ECS, as what rsyslog's mmexternal reads; or the writer's CSV and table. And which records are written
 * at all. One thread at a time. */
#ifndef STREAM_FORM_H
#define STREAM_FORM_H

#include "data/chunk.h"
#include "data/label.h"
#include "stream/writer.h"

enum form_id {
    FORM_JSONL, /* {"label_id":…,"label":…,"source":…,"confidence":…,"log_time":…,…,"log_message":…} */
    FORM_ANNOTATED,  /* the input's JSON object with logclass_label, logclass_confidence, logclass_stage */
    FORM_ECS,        /* Elastic Common Schema */
    FORM_MMEXTERNAL, /* {"$!":{"logclass":{…}}}: what rsyslog merges into the message */
    FORM_SYSLOG,     /* RFC 5424 with octet counting; the answer is structured data */
    FORM_CSV,
    FORM_TABLE,
    FORM_COUNT
};

enum { FORM_METRICS_MAX = 256 }; /* an engine has the metrics' index in a byte */

struct form {
    enum form_id id;
    struct writer writer; /* of the last two; what it holds is released by form_close */
    const char *sd_id;    /* FORM_SYSLOG: the element's name */
    const char *drop;     /* labels, separated by commas, whose records are only counted; NULL: none */
    /* private */
    bool drop_is_known;
    uint64_t drop_version; /* of the engine whose labels `dropped` counts */
    bool dropped[LABEL_MAX];
    uint32_t counted[FORM_METRICS_MAX]; /* of the last chunk, by the metrics' index of the label */
};

int form_find(const char *name); /* "jsonl", "annotated", …; -1: none of them */

/* Appends the records of a chunk that is pinned. */
void form_chunk(struct form *f, struct buf *out, const struct chunk *c);

/* The same for those who write records their own way: form_start for a chunk that is pinned, then form_drops for each
 * of its records: it is not written. */
void form_start(struct form *f, const struct chunk *c);
bool form_drops(struct form *f, const struct chunk *c, uint32_t i);

void form_one(struct form *f, struct buf *out, const struct chunk *c, uint32_t i); /* a record of it, dropped or not */

/* Appends what is known of a record as members, each with a comma in front: "log_time", …, "log_message". o: NULL:
 * nothing else. */
void form_origin(struct buf *out, const struct record *rec, const struct origin *o);

void form_count(const struct form *f); /* what form_chunk left out the last time, in /metrics: the chunk is written */

void form_close(struct form *f);

#endif
