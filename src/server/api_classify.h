/* api_classify: POST /classify. */
#ifndef SERVER_API_CLASSIFY_H
#define SERVER_API_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

struct exchange;

/* Writes the answer to entry i of the exchange's batch into x->out, with its explanation where ?explain=1 asks for one.
 */
void api_classify_result(struct exchange *x, uint32_t i);

/* Whether the query asks for explanations. */
bool api_classify_explains(const struct exchange *x);

#endif
