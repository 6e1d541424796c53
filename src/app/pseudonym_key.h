/* pseudonym_key: what pseudonyms are made with (llm/pseudonym.h), so that a name has the same one in every run here. */
#ifndef APP_PSEUDONYM_KEY_H
#define APP_PSEUDONYM_KEY_H

#include <stdint.h>

/* From pseudonym.key in the state folder, for its owner only; made where it is missing or damaged. Where it can't be
 * kept, which is told, it is one for this run. */
uint64_t pseudonym_key(void);

#endif
