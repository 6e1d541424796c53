/* request: what the HTTP parser reports about a request, and whether the request is admitted: decided when its header
 * is complete, before a byte of its body is read. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/inflate.h"
#include "base/span.h"

struct request;

#include <llhttp.h>

/* The parser's callbacks; parser->data is the struct conn. The parser stops (HPE_PAUSED) behind each request, and with
 * an error when the connection's exchange is refused in a way that leaves no next request. */
extern const llhttp_settings_t request_settings;

/* Finds path and query in what has been read of the target. */
void request_split_target(struct request *r);

/* The format that a Content-Encoding value names (case-insensitive; "" is no encoding). False: it is unknown, as a list
 * of several is. */
bool request_encoding(struct span value, enum inflate_format *format);

#endif
