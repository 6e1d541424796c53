/* otlp_wire: the numbers of OTLP's fields, and its values as text. Private to data/otlp. */
#ifndef DATA_OTLP_WIRE_H
#define DATA_OTLP_WIRE_H

#include "base/buf.h"
#include "text/proto.h"

enum { OTLP_DEPTH_MAX = 32 };

enum { REQUEST_RESOURCE_LOGS = 1 };
enum { RESOURCE_LOGS_RESOURCE = 1, RESOURCE_LOGS_SCOPE_LOGS = 2, RESOURCE_LOGS_SCHEMA_URL = 3 };
enum { RESOURCE_ATTRIBUTES = 1, RESOURCE_DROPPED = 2 };
enum { SCOPE_LOGS_SCOPE = 1, SCOPE_LOGS_RECORDS = 2, SCOPE_LOGS_SCHEMA_URL = 3 };
enum { SCOPE_NAME = 1, SCOPE_VERSION = 2, SCOPE_ATTRIBUTES = 3, SCOPE_DROPPED = 4 };
enum {
    RECORD_TIME = 1,
    RECORD_SEVERITY = 2,
    RECORD_SEVERITY_TEXT = 3,
    RECORD_BODY = 5,
    RECORD_ATTRIBUTES = 6,
    RECORD_DROPPED = 7,
    RECORD_FLAGS = 8,
    RECORD_TRACE_ID = 9,
    RECORD_SPAN_ID = 10,
    RECORD_OBSERVED_TIME = 11,
    RECORD_EVENT_NAME = 12
};
enum { KEY_VALUE_KEY = 1, KEY_VALUE_VALUE = 2 };
enum { VALUE_STRING = 1, VALUE_BOOL, VALUE_INT, VALUE_DOUBLE, VALUE_ARRAY, VALUE_KVLIST, VALUE_BYTES };
enum { LIST_VALUES = 1 };

/* Appends an AnyValue as JSON. False: it is not well-formed, or nested deeper than OTLP_DEPTH_MAX. */
bool otlp_wire_json(struct buf *out, struct span value, unsigned depth);

/* The value's string; p == NULL: it is of another kind, which *kind tells (0: it is empty). False: it is not
 * well-formed. */
bool otlp_wire_string(struct span value, struct span *text, uint32_t *kind);

/* Takes a KeyValue apart; value is an AnyValue. False: it is not well-formed. */
bool otlp_wire_pair(struct span pair, struct span *key, struct span *value);

#endif
