/* question: a record on its way over the network: what is asked about it, and who waits for the answer. */
#ifndef DATA_QUESTION_H
#define DATA_QUESTION_H

#include "base/err.h"
#include "base/span.h"
#include "data/answer.h"
#include "data/batch.h"

/* What services are asked about. Borrowed: valid during the call that hands it over. */
struct question {
    struct span message;  /* as it came; services of the described wire get it */
    struct span template; /* what is left of it when values are masked; the LLM gets only this */
    struct span source;   /* who wrote the message; may be empty */
    const float *head;    /* [labels]: what the encoder's head thinks of each label; NULL: it was not asked */
    unsigned labels;      /* 0 without head */
};

/* Who waits. Copied by whoever keeps it. */
struct pending {
    struct batch *batch;
    uint32_t i;          /* record of the batch */
    struct memo_key key; /* of the template; {0, 0}: the answer is not to be remembered */
    uint64_t begun_ns;   /* when its classification began */
};

/* Takes the answer to a question, once, on the network's thread; it must not block. NULL: there is none, for the reason
 * `why`. */
typedef void question_answer(void *ctx, const struct pending *p, const struct answer *a, enum err_code why);

#endif
