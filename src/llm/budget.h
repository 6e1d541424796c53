/* budget: how much asking may cost, in calls and tokens, per minute and per day (UTC). What is spent is kept in the
 * store, so that restarts and other processes do not start at nothing. One thread at a time.
 *
 * What is guaranteed: where any limit is set, a call's reservation (one call, the most tokens it may take) is in the
 * file before the call is made, checked against what all processes have reserved in the same transaction. So no crash,
 * no kill and no second process ever takes the calls past a limit; after a kill, calls that were on their way stay
 * counted at their reservation, since they may have been billed. Where no limit is set there is nothing to check, and
 * the reservation reaches the file together with the answer; a kill loses what was on its way. What a call did cost is
 * corrected together with its answer, too. So a question costs one transaction, but two where a limit is set and no
 * other answer comes in at the moment of its call. */
#ifndef LLM_BUDGET_H
#define LLM_BUDGET_H

#include "base/err.h"
#include "llm/store.h"

enum budget_window { BUDGET_MINUTE, BUDGET_DAY, BUDGET_WINDOWS }; /* as they stand in the store */

struct budget_opts { /* 0: no limit */
    uint64_t calls_minute, tokens_minute;
    uint64_t calls_day, tokens_day;
    double price_in, price_out; /* of a million tokens, in any currency; for the estimate */
};

struct budget {
    struct budget_opts opts;
    struct store *store;
    int64_t (*now_s)(void); /* seconds since the epoch */
};

/* A call's reservation. */
struct budget_call {
    struct store_window window[BUDGET_WINDOWS];
    uint64_t tokens; /* reserved */
};

/* store must outlive the budget. now_s: NULL for the real time. */
void budget_init(struct budget *b, const struct budget_opts *o, struct store *store, int64_t (*now_s)(void));

/* Reserves a call of at most `tokens` tokens. False: ERR_BUSY, and which limit is reached or why the
 * reservation could not be kept where a limit is set; the call must not be made. */
bool budget_reserve(struct budget *b, uint64_t tokens, struct budget_call *call, struct err *e);

/* The call cost so many tokens; in the file after the next flush of the store. A call whose cost is never learnt keeps
 * its reservation: it may have been billed. */
void budget_charge(struct budget *b, const struct budget_call *call, uint64_t tokens_in, uint64_t tokens_out);

/* What tokens cost, by the configured prices. */
double budget_price(const struct budget_opts *o, uint64_t tokens_in, uint64_t tokens_out);

#endif
