/* otlp: log requests of the OpenTelemetry protocol (ExportLogsServiceRequest) → records, and records → requests. The
 * wire form is read and written by a walker of our own: a record that came as OTLP goes on as it came, byte for byte,
 * whatever fields it has, but for the attributes that are added. Pure. */
#ifndef DATA_OTLP_H
#define DATA_OTLP_H

#include "base/buf.h"
#include "data/intake.h"

/* Reads a request in its wire form; chunks come from `in`. False: in->trouble; e says what is wrong where it is
 * INTAKE_MALFORMED. */
bool otlp_read(struct span request, struct intake *in, struct err *e);

/* Appends a request in OTLP's JSON form in the wire form. Unknown members are passed over, as the protocol asks.
 * False: it is no such request. */
bool otlp_json_to_wire(struct span json, struct buf *out, struct err *e);

/* What is added to a record; replaces what it has under these names. */
struct otlp_answer {
    struct span label, stage;
    double confidence;
};

/* Appends record i of the chunk as the field log_records of a ScopeLogs, the answer among its attributes. */
void otlp_put_record(struct buf *out, const struct chunk *c, uint32_t i, const struct otlp_answer *a);

/* Appends a ResourceLogs around records of the chunk (otlp_put_record's text), which all stand in the same as record i.
 */
void otlp_put_group(struct buf *out, const struct chunk *c, uint32_t i, struct span records);

/* Do two records of the chunk stand in one ResourceLogs? */
bool otlp_is_same_group(const struct chunk *c, uint32_t a, uint32_t b);

#endif
