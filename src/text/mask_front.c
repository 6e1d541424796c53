#include "text/mask_front.h"

#include "text/mask_match.h"

size_t mask_front(struct span line) {
    size_t at = line.n > 0 && (line.p[0] == '[' || line.p[0] == '(') ? 1 : 0, end = at;
    while (end < line.n && !(mask_class_at(line, end) & C_BREAK)) end++;
    size_t behind = mask_time(line, at, end);
    if (behind == at) return 0;
    while (mask_char_at(line, behind) == ']' || mask_char_at(line, behind) == ')' || mask_char_at(line, behind) == ',')
        behind++;
    while (mask_class_at(line, behind) & C_SPACE) behind++;
    return behind < line.n ? behind : 0;
}
