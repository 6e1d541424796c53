/* openapi: the description of the API (OpenAPI 3.1), from the route table. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "api/routes.h"
#include "base/buf.h"

void openapi_write(struct buf *out, const struct api_opts *o, const struct label_set *labels);

/* Its "paths" alone, without braces, of these rows; a path is written once, however many methods it has. */
void openapi_write_paths(struct buf *out, const struct routes_row *row, unsigned n);

#endif
