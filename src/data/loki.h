/* loki: push requests of Grafana Loki → records, and records → requests. The wire form is a protocol buffer, which
 * travels packed by snappy; the JSON form as it is. Pure. */
#ifndef DATA_LOKI_H
#define DATA_LOKI_H

#include "base/buf.h"
#include "data/intake.h"

/* Reads a request, unpacked; chunks come from `in`. False: in->trouble; e says what is wrong where it is
 * INTAKE_MALFORMED. */
bool loki_read(struct span request, struct intake *in, struct err *e);
bool loki_read_json(struct span request, struct intake *in, struct err *e);

/* Appends labels as the text that tells streams apart: {app="web", env="prod"}. */
void loki_put_labels(struct buf *out, const struct attr *label, uint32_t n);

/* What is added to an entry. */
struct loki_answer {
    struct span label, confidence, stage;
};

/* What of a record becomes labels of its stream, beside those that it came with; see loki_put_stream. */
enum { LOKI_LABELS_MAX = 32 };

/* Appends the labels that record i's stream has: those that it came with; else, of the names listed (service_name,
 * host, filename, label, or an attribute's), those that it has. A stream needs one: job="logclass". */
void loki_put_stream(struct buf *out, const struct chunk *c, uint32_t i, const char *names, struct span label);

/* Appends record i as the field entries of a stream, in time_ns: its line, and what else is known of it as structured
 * metadata, the answer too. */
void loki_put_entry(struct buf *out, const struct chunk *c, uint32_t i, uint64_t time_ns, const struct loki_answer *a);

/* When the record happened; now_ns: where it does not say. */
uint64_t loki_time(const struct chunk *c, uint32_t i, uint64_t now_ns);

#endif
