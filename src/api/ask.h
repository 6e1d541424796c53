/* ask: the JSON object that a request of the page sends, where a member that is missing or of another type counts as
 * not said (body.h refuses such). Strings are borrowed from it. */
#ifndef API_ASK_H
#define API_ASK_H

#include "base/span.h"
#include "http/exchange.h"

#include <stdint.h>

enum { ASK_LIST_MAX = 500 };

struct yyjson_val;
struct yyjson_doc;

struct ask {
    struct yyjson_doc *doc;
    struct yyjson_val *root;
};

/* Reads x->body. False, and x is refused: it is too large, compressed, or not an object. */
bool ask_open(struct exchange *x, struct ask *a);
void ask_close(struct ask *a); /* zero-filled is fine */

/* A member; what is not there, or of another type, is empty, `otherwise`, false. */
struct span ask_text(const struct ask *a, const char *name);
double ask_number(const struct ask *a, const char *name, double otherwise);
bool ask_flag(const struct ask *a, const char *name);

/* The texts of a member that is an array, into out[ASK_LIST_MAX]; returns how many. Further ones are left out. */
size_t ask_texts(const struct ask *a, const char *name, struct span *out);

/* The number written as hexadecimal text; 0: there is none. */
uint64_t ask_hash(const struct ask *a, const char *name);

/* {"error":"…"} into x->out; returns status, for the handler to return. */
unsigned ask_error(struct exchange *x, unsigned status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
