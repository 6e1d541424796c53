#include "http/refuse.h"

#include "base/must.h"

static const struct refuse_row ROWS[REFUSE_COUNT] = {
    {0},
#define REFUSE(id, status, reason, retry_after_s) {status, reason, retry_after_s},
#include "http/refuse.def"
#undef REFUSE
};

const struct refuse_row *refuse_row(enum refusal r) {
    MUST(r > REFUSE_NONE && r < REFUSE_COUNT);
    return &ROWS[r];
}
