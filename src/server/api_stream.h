/* api_stream: POST /classify with application/x-ndjson. One entry a line in, one answer a line out, while the body is
 * still being read: memory is bounded by one batch, however long the body. A line that is no entry is answered by
 * {"error":"line 3: …"} in its place, and the stream goes on. Empty lines count but are not answered. */
#ifndef SERVER_API_STREAM_H
#define SERVER_API_STREAM_H

#include "server/route.h"

enum { STREAM_LINES_MAX = 512, STREAM_BATCH_BYTES = 256 * 1024 }; /* a batch ends at either */

struct stream;

enum step api_stream_run(struct exchange *x);
void api_stream_close(struct stream *s); /* NULL is fine */

#endif
