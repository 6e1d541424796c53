/* refuse: the reasons for which a request is not served, from refuse.def. */
#ifndef HTTP_REFUSE_H
#define HTTP_REFUSE_H

enum refusal {
    REFUSE_NONE,
#define REFUSE(id, ...) REFUSE_##id,
#include "http/refuse.def"
#undef REFUSE
    REFUSE_COUNT
};

struct refuse_row {
    unsigned status;
    const char *reason;
    unsigned retry_after_s;
};

const struct refuse_row *refuse_row(enum refusal r);

#endif
