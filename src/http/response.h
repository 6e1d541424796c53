/* response: the bytes of an answer around what the handler wrote into x->out. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "http/exchange.h"

#define RESPONSE_JSON   "application/json"
#define RESPONSE_NDJSON "application/x-ndjson"
#define RESPONSE_TEXT   "text/plain; version=0.0.4; charset=utf-8"

enum { RESPONSE_STATUS_MAX = 600 };

/* The handler's answer is in x->out, or (where it streams) the last part of it. type: its Content-Type. Returns
 * STEP_SEND. */
enum step response_send(struct exchange *x, unsigned status, const char *type);

/* x->out holds a part of the answer; the handler is run again when it is sent. Returns STEP_SEND. */
enum step response_part(struct exchange *x, unsigned status, const char *type);

/* The next larger status that a server can answer with; 0: there is none. */
unsigned response_status_after(unsigned status);

/* ---- for the connection ---- */

/* Puts the refusal's status and {"error":"…"} in place of whatever x->out holds. */
void response_refusal(struct exchange *x);

/* Writes x->frame for what is in x->out: the header of the answer (once), a chunk's size (streams). close: this answer
 * is the connection's last. */
void response_frame(struct exchange *x, bool close);

/* The complete response for a connection that is refused before a request has been read: more than max are open. of: ""
 * or " of one client"; option: the name of the limit. Returns its length. */
size_t response_no_room(char *to, size_t size, unsigned max, const char *of, const char *option);

#endif
