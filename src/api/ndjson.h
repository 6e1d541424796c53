/* ndjson: POST /classify with application/x-ndjson. One entry a line in, one answer a line out, while the body is
 * still being read: memory is bounded by one batch, however long the body. A line that is no entry is answered by
 * {"error":"line 3: …"} in its place, and the stream goes on. Empty lines count but are not answered,
 * so only NDJSON_BLANK_BYTES_MAX of them in a row are read: a small compressed body could hold a gigabyte. */
#ifndef API_NDJSON_H
#define API_NDJSON_H

#include "http/route.h"

enum { NDJSON_LINES_MAX = 512, NDJSON_BATCH_BYTES = 256 * 1024 }; /* a batch ends at either */
enum { NDJSON_BLANK_BYTES_MAX = 256 * 1024 };

route_run ndjson_run; /* the handler */

#endif
