/* mask_front: the timestamp that a line begins with. Pure. */
#ifndef TEXT_MASK_FRONT_H
#define TEXT_MASK_FRONT_H

#include "base/span.h"

/* Bytes of the timestamp at the front of the line, with the brackets and blanks around it; 0: there is none, or
 * nothing stands behind it. */
size_t mask_front(struct span line);

#endif
