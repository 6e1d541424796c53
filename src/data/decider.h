/* decider: who decided a line. The names ("regex", …) are the contract's `source` and the metrics' `classifier`. */
#ifndef DATA_DECIDER_H
#define DATA_DECIDER_H

enum decider { DECIDER_REGEX, DECIDER_BERT, DECIDER_LLM, DECIDER_FALLBACK, DECIDER_COUNT };

const char *decider_name(enum decider d);

#endif
