/* service_json: the described services' JSON, both ways: {"message": "…"} → {"label_id", "label", "confidence"}.
 * Reading is strict; whatever is not exactly that is ERR_DECODE. Pure. */
#ifndef REMOTE_SERVICE_JSON_H
#define REMOTE_SERVICE_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "data/label.h"

struct service_json_answer {
    unsigned label; /* in the label set */
    double confidence;
};

/* Appends {"message":"…"}, and a member "source" where it is not empty; invalid UTF-8 becomes U+FFFD. */
void service_json_write_question(struct buf *out, struct span message, struct span source);

/* Appends s as a JSON string; invalid UTF-8 becomes U+FFFD. */
void service_json_write_string(struct buf *out, struct span s);

/* An object with a known label_id, a string as label and a confidence in [0, 1]. Other members are ignored, of equal
 * names the last counts, and nothing may stand behind the object. */
bool service_json_read_answer(struct span body, const struct label_set *labels, struct service_json_answer *out,
                              struct err *e);

#endif
