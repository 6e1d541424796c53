/* find_text: whether a text stands in another, where the case of ASCII letters does not count. Pure. */
#ifndef TEXT_FIND_TEXT_H
#define TEXT_FIND_TEXT_H

#include "base/span.h"

#include <stdbool.h>

/* part is in small letters; an empty one stands in every text. */
bool find_text(struct span text, struct span part);

#endif
