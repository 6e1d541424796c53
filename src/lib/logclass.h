/* logclass: says what log lines are about, in your process: rules, a sentence encoder with a trained head, a memory of
 * templates, and an LLM only where you configure one. Link with `pkg-config --cflags --libs logclass`.
 *
 *     struct logclass_options o = {.size = sizeof o};
 *     struct logclass_error e;
 *     struct logclass *c = logclass_open(&o, &e);
 *
 * What holds for all of it:
 * - Threads: any number may use one classifier at the same time, and any number of classifiers live beside each other.
 *   logclass_close is called when nobody uses it any more.
 * - The process: nothing ends it (no exit), no signal handler is set, the working folder, locale and environment stay
 * as they are, and nothing is written to stdout or stderr. A bug of the library's own, and memory that runs out for one
 *   of its few fixed structures, abort with a line on stderr. The classifier's threads take no signals.
 * - fork: a classifier belongs to the process that opened it. In a child it refuses to work (LOGCLASS_FORKED), and
 *   logclass_close does nothing there.
 * - Text that is passed in is borrowed until the function returns, any bytes, UTF-8 expected; text that is returned
 *   belongs to the library and stays until logclass_close.
 * - Errors: 0 is fine, everything else is an enum logclass_status, with a whole sentence in the error, which may be
 * NULL.
 * - The ABI: structures grow at their end only, options tell their size, and functions are never taken away from
 *   liblogclass.so.0. */
#ifndef LOGCLASS_H
#define LOGCLASS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LOGCLASS_API __attribute__((visibility("default")))

enum logclass_status {
    LOGCLASS_OK = 0,
    LOGCLASS_USAGE = 1,  /* an argument, option or setting is wrong */
    LOGCLASS_FILES = 2,  /* a file (rules, model, head, …) is missing, damaged or does not fit the others */
    LOGCLASS_MEMORY = 3, /* memory ran out */
    LOGCLASS_FORKED = 4, /* the classifier was opened by another process */
    LOGCLASS_FAILED = 5  /* anything else that the system refused */
};

struct logclass_error {
    int status; /* enum logclass_status */
    char text[512];
};

/* Zero-filled but for size is fine. */
struct logclass_options {
    size_t size; /* sizeof(struct logclass_options) */

    /* The folder of rules.conf, head.json, adapter.safetensors and model/. NULL: $LOGCLASS_DATA_DIR, or where the
     * library was installed (PREFIX/share/logclass). */
    const char *data_dir;

    /* Options of docs/configuration.md that `logclass classify` and `follow` share, "labels=ops", "workers=2", …, with
     * a NULL behind the last; NULL: none. Neither config files nor LOGCLASS_ variables are read. Two defaults differ:
     * no connection is opened unless "offline=no" stands here, and nothing is kept from one run to the next
     * ("memo-store", "llm-store"). */
    const char *const *settings;

    /* 1: what was learnt and said on this machine counts as it does for the command line: the state folder's learnt
     * head, rules of the page, and corrections, which come into force within a second. */
    int use_state;
};

/* A classifier: 100 ms and 100 MB. NULL: the error says why. */
struct logclass;
LOGCLASS_API struct logclass *logclass_open(const struct logclass_options *options, struct logclass_error *error);
LOGCLASS_API void logclass_close(struct logclass *c); /* NULL is fine */

/* A line to judge. */
struct logclass_line {
    const char *source; /* the program, logger or host that wrote it; NULL: not known */
    size_t source_bytes;
    const char *message; /* NULL: empty */
    size_t message_bytes;
};

enum logclass_decider { LOGCLASS_REGEX, LOGCLASS_BERT, LOGCLASS_LLM, LOGCLASS_FALLBACK };

/* The answer. The same line gets the same answer as on the command line and over HTTP, whatever stands beside it. */
struct logclass_answer {
    double confidence; /* 0 to 1, rounded to 4 decimals */
    uint16_t label;    /* see logclass_label_id */
    uint8_t decider;   /* enum logclass_decider */
    uint8_t reason;    /* why it is UNCLASSIFIED: see logclass_reason_name; 0: it is not */
    uint32_t reserved; /* 0 */
};

/* Judges line[n] into answer[n], and returns when all are decided: by all the classifier's workers, so that a few
 * thousand lines a call are best. Any n. Where an LLM is asked, this waits for it. */
LOGCLASS_API int logclass_classify(struct logclass *c, const struct logclass_line *line, size_t n,
                                   struct logclass_answer *answer, struct logclass_error *error);

/* Why a line gets its answer: a JSON object as `POST /classify?explain=1` gives it, as a C string that is the caller's
 * (logclass_free). It costs a few milliseconds. NULL: the error says why. */
LOGCLASS_API char *logclass_explain(struct logclass *c, const struct logclass_line *line, struct logclass_error *error);
LOGCLASS_API void logclass_free(char *text); /* NULL is fine */

/* The labels: a classifier has the same ones, in the same order, as long as it is open. id "AUTH_ERROR", name
 * "Authentication Error", about: what lines it is for. NULL: there is no such label. */
LOGCLASS_API unsigned logclass_labels(const struct logclass *c);
LOGCLASS_API const char *logclass_label_id(const struct logclass *c, unsigned label);
LOGCLASS_API const char *logclass_label_name(const struct logclass *c, unsigned label);
LOGCLASS_API const char *logclass_label_about(const struct logclass *c, unsigned label);

/* "regex", "bert", "llm", "fallback"; and "other", "below_threshold", …, or "" for 0. NULL: there is no such number. */
LOGCLASS_API const char *logclass_decider_name(unsigned decider);
LOGCLASS_API const char *logclass_reason_name(unsigned reason);

/* What decides, in a line for people: rules, encoder, head, LLM. */
LOGCLASS_API const char *logclass_about(const struct logclass *c);

LOGCLASS_API const char *logclass_version(void); /* "0.10.0" */

#ifdef __cplusplus
}
#endif

#endif
