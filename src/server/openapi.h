/* openapi: the description of the API (OpenAPI 3.1), from the route table. */
#ifndef SERVER_OPENAPI_H
#define SERVER_OPENAPI_H

#include "server/server.h"

void openapi_write(struct buf *out, const struct server_opts *o, const struct label_set *labels);

#endif
