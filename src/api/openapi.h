/* openapi: the description of the API (OpenAPI 3.1), from the route table. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "http/server.h"

void openapi_write(struct buf *out, const struct server_opts *o, const struct label_set *labels);

#endif
