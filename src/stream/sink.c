#include "stream/sink.h"

#define SINK(id, kind) extern const struct sink_kind kind;
#include "stream/sink.def"
#undef SINK

const struct sink_kind *const sink_table[SINK_COUNT] = {
#define SINK(id, kind) &kind,
#include "stream/sink.def"
#undef SINK
};
