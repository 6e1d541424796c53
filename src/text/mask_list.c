/* mask_list: a list of values says no more than one of them, however long it is. */
#include "text/mask_match.h"

enum { LIST_ITEMS = 16 }; /* the last items that are looked at */

struct list_item {
    size_t at, end;
};

static bool is_gap(char c) {
    return c == ' ' || c == ',' || c == ';' || c == '|';
}

static struct span item_text(const char *text, const struct list_item *item, size_t i) {
    const struct list_item *it = &item[i % LIST_ITEMS];
    return (struct span){text + it->at, it->end - it->at};
}

/* True where the last k items equal the k before them and hold a value: "very very" is no list. */
static bool list_repeats(const char *text, const struct list_item *item, size_t items, size_t k) {
    bool value = false;
    for (size_t i = items - k; i < items; i++) {
        struct span a = item_text(text, item, i), b = item_text(text, item, i - k);
        if (!span_eq(a, b)) return false;
        value |= memchr(a.p, '#', a.n) || memchr(a.p, '<', a.n);
    }
    return value;
}

size_t mask_drop_repeats(char *text, size_t n) {
    struct list_item item[LIST_ITEMS] = {{0}};
    size_t items = 0, known = 0, to = 0; /* items below `known` have left the ring */
    for (size_t at = 0, next; at < n; at = next) {
        size_t end = at;
        while (end < n && !is_gap(text[end])) end++;
        for (next = end; next < n && is_gap(text[next]);) next++;
        if (to < at) memmove(text + to, text + at, next - at);
        item[items++ % LIST_ITEMS] = (struct list_item){to, to + (end - at)};
        if (items > known + LIST_ITEMS) known = items - LIST_ITEMS;
        to += next - at;
        for (size_t k = 1; k <= MASK_LIST_PERIOD && known + 2 * k <= items; k++) {
            if (!list_repeats(text, item, items, k)) continue;
            size_t keep = item[(items - k - 1) % LIST_ITEMS].end, gap = next - end;
            memmove(text + keep, text + to - gap, gap);
            to = keep + gap;
            items -= k;
            break;
        }
    }
    return to;
}
