/* loki_wire: the numbers of the fields of Loki's push request. Private to data/loki. */
#ifndef DATA_LOKI_WIRE_H
#define DATA_LOKI_WIRE_H

enum { PUSH_STREAMS = 1 };
enum { STREAM_LABELS = 1, STREAM_ENTRIES = 2 };
enum { ENTRY_TIME = 1, ENTRY_LINE = 2, ENTRY_METADATA = 3 };
enum { TIME_SECONDS = 1, TIME_NANOS = 2 };
enum { PAIR_NAME = 1, PAIR_VALUE = 2 };

#endif
