/* reader_join: lines that belong together: the frames of a stack trace to the line that began it, the parts that a
 * container runtime (CRI) cut a line into. Pure. */
#ifndef STREAM_READER_JOIN_H
#define STREAM_READER_JOIN_H

#include "base/span.h"

/* Does the line go on what stands before it? in_traceback: of this record, kept from line to line, false at first. */
bool reader_join_goes_on(struct span line, bool *in_traceback);

/* "2016-10-06T00:17:09.669794202Z stdout F message": takes the runtime's part off. */
struct reader_join_cri {
    struct span text;
    bool partial; /* the next line goes on */
};
bool reader_join_is_cri(struct span line, struct reader_join_cri *out);

#endif
