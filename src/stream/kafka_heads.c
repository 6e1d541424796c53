#include "stream/kafka_heads.h"

#include "base/must.h"
#include "data/label.h"
#include "data/result_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 256, MARK_SLOT = SLOTS - 1 };

/* Lists with one answer. */
struct heads_slot {
    char label[LABEL_ID_MAX];
    uint64_t confidence; /* its bits */
    uint8_t decider;
    uint32_t turn; /* whose answer it is; counts on when another one takes the slot */
    struct heads_node *kept;
};

struct heads_node {
    rd_kafka_headers_t *list;
    struct heads_node *next;
};

struct kafka_heads {
    struct heads_slot slot[SLOTS];
    struct heads_node node[KAFKA_HEADS_KEPT_MAX], *unused;
    unsigned kept_n;
};

struct kafka_heads *kafka_heads_open(void) {
    struct kafka_heads *h = must_calloc(1, sizeof *h);
    for (unsigned i = 0; i < KAFKA_HEADS_KEPT_MAX; i++) {
        h->node[i].next = h->unused;
        h->unused = &h->node[i];
    }
    return h;
}

static rd_kafka_headers_t *slot_pop(struct kafka_heads *h, struct heads_slot *s) {
    struct heads_node *n = s->kept;
    if (!n) return NULL;
    s->kept = n->next;
    n->next = h->unused;
    h->unused = n;
    h->kept_n--;
    return n->list;
}

static void slot_empty(struct kafka_heads *h, struct heads_slot *s) {
    rd_kafka_headers_t *list;
    while ((list = slot_pop(h, s))) rd_kafka_headers_destroy(list);
}

void kafka_heads_close(struct kafka_heads *h) {
    for (unsigned i = 0; h && i < SLOTS; i++) slot_empty(h, &h->slot[i]);
    free(h);
}

static void heads_add(rd_kafka_headers_t *list, const char *name, struct span value) {
    rd_kafka_header_add(list, name, -1, value.p, (ssize_t)value.n);
}

void kafka_heads_put(rd_kafka_headers_t *list, const char *label, const struct result *r) {
    char number[32];
    struct buf confidence = {.p = number, .cap = sizeof number, .max = sizeof number};
    result_json_number(&confidence, r->confidence);
    heads_add(list, "logclass.label", span_of(label));
    heads_add(list, "logclass.confidence", buf_span(&confidence));
    heads_add(list, "logclass.stage", span_of(decider_name(r->decider)));
}

static uint32_t slot_number(const char *label, uint64_t confidence, uint8_t decider) {
    uint64_t bits = confidence ^ (uint64_t)decider << 8 ^ (uint64_t)(unsigned char)label[0];
    return (uint32_t)(bits * UINT64_C(0x9E3779B97F4A7C15) >> 56); /* the golden ratio's */
}

rd_kafka_headers_t *kafka_heads_take(struct kafka_heads *h, const char *label, const struct result *r, uint32_t *mark) {
    uint64_t confidence;
    memcpy(&confidence, &r->confidence, sizeof confidence);
    uint32_t n = slot_number(label, confidence, r->decider);
    struct heads_slot *s = &h->slot[n];
    bool same = s->turn > 0 && s->confidence == confidence && s->decider == r->decider && strcmp(s->label, label) == 0;
    if (!same) {
        slot_empty(h, s);
        snprintf(s->label, sizeof s->label, "%s", label);
        s->confidence = confidence;
        s->decider = r->decider;
        s->turn = s->turn + 1 < UINT32_MAX / SLOTS ? s->turn + 1 : 1;
    }
    *mark = s->turn * SLOTS + n;
    rd_kafka_headers_t *list = slot_pop(h, s);
    if (list) return list;
    list = rd_kafka_headers_new(3);
    kafka_heads_put(list, label, r);
    return list;
}

void kafka_heads_back(struct kafka_heads *h, rd_kafka_headers_t *list, uint32_t mark) {
    struct heads_slot *s = &h->slot[mark & MARK_SLOT];
    struct heads_node *n = h->unused;
    if (!n || mark / SLOTS != s->turn) {
        rd_kafka_headers_destroy(list);
        return;
    }
    h->unused = n->next;
    *n = (struct heads_node){list, s->kept};
    s->kept = n;
    h->kept_n++;
}

unsigned kafka_heads_kept(const struct kafka_heads *h) {
    return h->kept_n;
}
