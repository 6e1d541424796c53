/* result_json: a result as the contract's JSON object. `{"label_id":…,"label":…,"source":…,"confidence":…}`, in that
 * order. */
#ifndef DATA_RESULT_JSON_H
#define DATA_RESULT_JSON_H

#include "base/buf.h"
#include "data/batch.h"
#include "data/label.h"

/* The whole object. */
void result_json(struct buf *out, const struct label_set *labels, const struct result *r);

/* The four members without the braces, for answers that add members of their own behind them. */
void result_json_members(struct buf *out, const struct label_set *labels, const struct result *r);

/* The shortest decimal that reads back as the same double: 0.95, 1, 0; never an exponent for 1e-6 <= |v| < 1e15. v must
 * be finite: JSON has no other numbers. */
void result_json_number(struct buf *out, double v);

#endif
