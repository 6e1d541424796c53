/* list: doubly linked ring through a member of its items; nothing is allocated. The head is a link too. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

/* The struct of `type` whose `member` is *link. */
#define LIST_ITEM(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list *l) {
    l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *head) {
    return head->next == head;
}

static inline void list_push(struct list *head, struct list *item) {
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}

/* An item that is in no list may be removed too. */
static inline void list_remove(struct list *item) {
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

static inline void list_move(struct list *head, struct list *item) {
    list_remove(item);
    list_push(head, item);
}

#endif
