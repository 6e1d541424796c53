/* frame: where one syslog message ends in a stream and the next begins, found out for each message: "LENGTH MESSAGE"
 * (RFC 6587, octet counting) where it begins with a length, a space and '<'; else up to a newline or NUL. Pure. */
#ifndef TEXT_FRAME_H
#define TEXT_FRAME_H

#include "base/span.h"

struct frame {
    struct span message; /* cut at the most bytes that were asked for */
    size_t used;         /* bytes from the front that this message takes */
    size_t skip;         /* bytes behind them that belong to it too, and have not come yet */
    bool cut;            /* it is longer than the most bytes */
    bool to_newline;     /* what is not there of it goes up to the next newline */
};

/* Takes the first message off data. ended: nothing comes after data. False: the message is not whole yet. */
bool frame_take(struct span data, size_t bytes_max, bool ended, struct frame *out);

#endif
