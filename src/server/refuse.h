/* refuse: the reasons for which a request is not served, from refuse.def. */
#ifndef SERVER_REFUSE_H
#define SERVER_REFUSE_H

enum refusal {
    REFUSE_NOT,
#define REFUSE(id, ...) REFUSE_##id,
#include "server/refuse.def"
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
