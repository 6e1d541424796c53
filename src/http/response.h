/* reply: the bytes of an answer around what the handler wrote into x->out. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "http/exchange.h"

#define RESPONSE_JSON   "application/json"
#define RESPONSE_NDJSON "application/x-ndjson"
#define RESPONSE_TEXT   "text/plain; version=0.0.4; charset=utf-8"

/* The handler's answer: status 200 unless given, and the type of what is in x->out. Returns STEP_SEND. */
enum step response_send(struct exchange *x, unsigned status, const char *type);

/* Puts the refusal's status and {"error":"…"} in place of whatever x->out holds. */
void response_refusal(struct exchange *x);

/* Writes x->frame for what is in x->out: the header of the answer (once), a chunk's size (streams). close: this answer
 * is the connection's last. */
void response_frame(struct exchange *x, bool close);

/* The whole answer to a client there is no room for: no request was read. Returns its length. */
size_t response_no_room(char *to, size_t size, unsigned connections_max);

#endif
