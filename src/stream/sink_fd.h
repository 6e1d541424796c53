/* sink_fd: answers as text to a file descriptor: a terminal, a pipe, a file. A chunk is settled when write(2) has taken
 * all of it; what becomes of it then is the descriptor's matter. */
#ifndef STREAM_SINK_FD_H
#define STREAM_SINK_FD_H

#include "data/label.h"
#include "data/reason.h"
#include "stream/sink.h"

struct sink_fd_result {
    uint64_t lines; /* decided, and written unless the filter leaves them out */
    uint64_t written;
    uint64_t by[DECIDER_COUNT][LABEL_MAX]; /* of them, per decider and label */
    uint64_t reasons[REASON_COUNT];        /* of UNCLASSIFIED: why */
    uint64_t memo_hits;                    /* answered from memory */
    bool reader_gone;                      /* whoever read our output closed it: the flow failed, but it is no error */
};

#endif
