/* http_client: requests in flight, several at once, on one thread; connections are kept and used again. A reply is cut
 * at HTTP_REPLY_BYTES_MAX, redirects are not followed, proxies are used only when configured, certificates are checked,
 * and a call past its time is cancelled. One thread owns a client; only http_client_wake may come from others. */
#ifndef REMOTE_HTTP_CLIENT_H
#define REMOTE_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

enum {
    HTTP_CALLS_MAX = 1024,
    HTTP_REQUEST_BYTES_MAX = 1 << 20,
    HTTP_REPLY_BYTES_MAX = 1 << 20,
    HTTP_HEADER_BYTES_MAX = 64 << 10,
    HTTP_NOTE_BYTES = 256,
};

struct http_client;
struct http_endpoint; /* one URL with its headers; immutable, must outlive the calls to it */

struct http_endpoint_opts {
    const char *url;      /* http:// or https://, without user, password or fragment */
    const char *key;      /* sent as "Authorization: Bearer …", to this URL only; NULL or "": none */
    const char *proxy;    /* URL; NULL or "": none, whatever the environment says */
    const char *type;     /* Content-Type and Accept; NULL: application/json */
    const char *encoding; /* Content-Encoding; NULL: none */
    const char *headers;  /* further ones, "Name: value", separated by commas; NULL or "": none */
    bool get;             /* a GET, without a body */
    const char *ca_file;  /* certificates to trust instead of the system's; NULL or "": the system's */
};

/* Copies what it needs. Errors never contain the key. */
struct http_endpoint *http_endpoint_open(const struct http_endpoint_opts *o, struct err *e);
/* Would a key leave this machine unencrypted? A URL that can't be read: no. */
bool http_url_is_in_clear(const char *url);

void http_endpoint_close(struct http_endpoint *p); /* overwrites the key; NULL is fine */
const char *http_endpoint_url(const struct http_endpoint *p);

/* Appends the headers it sends, a line each, without the key. */
void http_endpoint_show_headers(const struct http_endpoint *p, struct buf *out);

/* One exchange. Belongs to its client; the user fills `request` and reads the rest once it is done. */
struct http_call {
    struct buf request;     /* HTTP_REQUEST_BYTES_MAX at most, unless the user raises request.max */
    struct buf reply;       /* HTTP_REPLY_BYTES_MAX at most, unless the user raises reply.max */
    long status;            /* 0: no answer came */
    int64_t retry_after_ms; /* how long the service asks us to stay away; -1: it does not */
    struct err err;         /* code ERR_OK: a whole answer came, with whatever status */
    void *user;
    _Alignas(16) char note[HTTP_NOTE_BYTES]; /* the writer's of the request, for the reader of the reply */
    struct http_transfer *transfer;          /* the client's */
};

/* calls_max: 1..HTTP_CALLS_MAX calls in flight at once. */
struct http_client *http_client_open(unsigned calls_max, struct err *e);
void http_client_close(struct http_client *c); /* cancels what is in flight; NULL is fine */

/* An idle call with an empty request; NULL when all are in use. */
struct http_call *http_client_take(struct http_client *c);

/* Sends call->request. It is done at the latest after timeout_ms. False: it could not start. */
bool http_client_start(struct http_client *c, struct http_call *call, const struct http_endpoint *to,
                       uint64_t timeout_ms, struct err *e);

/* Moves everything in flight as far as it goes without waiting. Returns a call that is done, once; NULL: none. */
struct http_call *http_client_step(struct http_client *c);

/* Ends a call, in flight or done, and takes it back. */
void http_client_give_back(struct http_client *c, struct http_call *call);

/* Sleeps until there is something to do for http_client_step, somebody wakes us, or the time is over. */
void http_client_wait(struct http_client *c, int timeout_ms);
void http_client_wake(struct http_client *c); /* any thread */

/* ERR_OK for 200; HTTP_RETRY for 408, 429 and 5xx; HTTP_STATUS for the rest. */
enum err_code http_status_code(long status);

#endif
