/* field: the one list of names that a record's fields go by (field.def), and how one is found by it. */
#ifndef DATA_FIELD_H
#define DATA_FIELD_H

#include "base/buf.h"
#include "base/span.h"
#include "text/csv.h"

enum field { FIELD_MESSAGE, FIELD_SOURCE, FIELD_SEVERITY, FIELD_LABEL, FIELD_SYSTEM, FIELD_CONFIDENCE, FIELD_COUNT };

struct yyjson_val;

/* The field of a JSON object: of its names, the first whose value is a string. p == NULL: there is none. The span lies
 * where the document lies. */
struct span field_in_object(struct yyjson_val *object, enum field f);

/* The value, whatever it is, of the member that `path` names: as it stands, or "a.b" as b inside a. NULL: none. */
struct yyjson_val *field_at(struct yyjson_val *object, const char *path);

/* Index of the field's column in a CSV header (ASCII case is ignored); -1: there is none. */
int field_in_header(const struct csv_row *header, enum field f);

/* Appends the field's names: "log_message, message or text". */
void field_list(struct buf *out, enum field f);

#endif
