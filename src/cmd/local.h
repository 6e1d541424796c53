/* local: llama.cpp's server as a child of ours: on loopback only, with fewer threads than there are cores, with limits,
 * started again when it dies or hangs, gone when we are. One thread looks after it. */
#ifndef CMD_LOCAL_H
#define CMD_LOCAL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct local;

enum { LOCAL_FAILURES_MAX = 5 };

struct local_opts {
    const char *server;  /* the program, built by scripts/build-llama */
    const char *model;   /* GGUF file */
    unsigned port;       /* on 127.0.0.1; 0: any free one */
    unsigned threads;    /* 0: one less than there are cores */
    unsigned context;    /* tokens of prompt and answer */
    uint64_t memory_max; /* bytes of address space; 0: twice the model and 4 GiB */
    unsigned backoff_ms; /* before the first new start, doubled for each failure in a row; 0: a second */
    bool verbose;        /* pass on all that the server says, not only warnings */
};

/* The program: `named`, else in the state folder, else on the PATH. False: it is nowhere, and e says how to build it.
 */
bool local_find_server(const char *named, char *out, size_t size, struct err *e);

/* Checks the options and starts; the model may take a while to load. Strings must outlive it. */
struct local *local_open(const struct local_opts *o, struct err *e);
void local_close(struct local *l); /* asks the server to end, then makes it; NULL is fine */

enum local_state { LOCAL_LOADING, LOCAL_READY, LOCAL_FAILED /* for good: LOCAL_FAILURES_MAX times in a row */ };

/* Waits up to wait_ms for a state other than LOADING. */
enum local_state local_wait(struct local *l, unsigned wait_ms);

const char *local_url(const struct local *l); /* for --llm-url */
int local_pid(struct local *l);               /* 0: between two starts; tests */

#endif
