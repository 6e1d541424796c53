#include "review/kinds_share.h"

#include "base/must.h"
#include "data/decider.h"
#include "review/corrections.h"
#include "review/kinds_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <yyjson.h>

void kinds_share_begin(struct kinds *k) {
    for (unsigned i = 0; i < KINDS_SHARDS; i++) {
        struct kinds_shard *sh = &k->shard[i];
        pthread_mutex_lock(&sh->lock);
        if (!sh->untold) {
            void *p = mmap(NULL, sh->slots * sizeof *sh->untold, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            MUST(p != MAP_FAILED);
            sh->untold = p;
        }
        pthread_mutex_unlock(&sh->lock);
    }
}

/* ---- telling ---- */

void kinds_parcel_init(struct kinds_parcel *p) {
    *p = (struct kinds_parcel){.item = must_calloc(KINDS_SHARE_MAX, sizeof *p->item)};
    buf_init(&p->body, KINDS_SHARE_BYTES_MAX + (1 << 20));
}

void kinds_parcel_release(struct kinds_parcel *p) {
    buf_release(&p->body);
    free(p->item);
    *p = (struct kinds_parcel){0};
}

static void put_kind(struct buf *b, const struct kinds *k, const struct kind *c, uint32_t lines) {
    buf_printf(b, "%s{\"id\":\"%016" PRIx64 "\"", b->n > 1 ? "," : "", c->id);
    corrections_member(b, "text", (struct span){c->text, c->text_n});
    buf_printf(b, ",\"at\":%u,\"n\":%u,\"first\":%u,\"stage\":%u,\"p1\":%u,\"p2\":%u", c->message_at, lines, c->first,
               c->stage, c->p1, c->p2);
    corrections_member(b, "label", span_of(kinds_label_id(k, c->label)));
    corrections_member(b, "best", span_of(kinds_label_id(k, c->best)));
    corrections_member(b, "second", span_of(kinds_label_id(k, c->second)));
    if (c->flags & KIND_FLAG_BY_RULE) buf_puts(b, ",\"by_rule\":true");
    if (c->flags & KIND_FLAG_REDACTED) buf_puts(b, ",\"redacted\":true");
    buf_putc(b, '}');
}

static void pack_shard(struct kinds *k, struct kinds_shard *sh, struct kinds_parcel *p, unsigned max) {
    pthread_mutex_lock(&sh->lock);
    for (uint32_t i = 0; sh->untold && i < sh->top && p->n < max && p->body.n < KINDS_SHARE_BYTES_MAX; i++) {
        if (!sh->untold[i] || !sh->kind[i].text) continue;
        put_kind(&p->body, k, &sh->kind[i], sh->untold[i]);
        p->item[p->n++] = (struct kinds_parcel_item){sh->kind[i].id, sh->untold[i]};
        sh->untold[i] = 0;
    }
    pthread_mutex_unlock(&sh->lock);
}

unsigned kinds_parcel_pack(struct kinds *k, struct kinds_parcel *p, unsigned max) {
    buf_reset(&p->body);
    p->n = 0;
    buf_putc(&p->body, '[');
    if (max > KINDS_SHARE_MAX) max = KINDS_SHARE_MAX;
    for (unsigned i = 0; i < KINDS_SHARDS; i++) pack_shard(k, &k->shard[(p->from + i) % KINDS_SHARDS], p, max);
    p->from++;
    buf_putc(&p->body, ']');
    if (!p->body.failed) return p->n;
    kinds_parcel_undo(k, p); /* no memory */
    return p->n = 0;
}

void kinds_parcel_undo(struct kinds *k, const struct kinds_parcel *p) {
    for (unsigned i = 0; i < p->n; i++) {
        struct kinds_shard *sh;
        uint32_t slot = kinds_lock_id(k, p->item[i].id, &sh);
        if (slot == KIND_NONE) continue; /* it was dropped meanwhile */
        if (sh->untold) sh->untold[slot] += p->item[i].lines;
        pthread_mutex_unlock(&sh->lock);
    }
}

/* ---- taking ---- */

static uint32_t told_number(yyjson_val *object, const char *name, uint32_t max) {
    yyjson_val *v = yyjson_obj_get(object, name);
    uint64_t n = yyjson_is_uint(v) ? yyjson_get_uint(v) : 0;
    return n > max ? max : (uint32_t)n;
}

static struct span told_text(yyjson_val *object, const char *name) {
    yyjson_val *v = yyjson_obj_get(object, name);
    return yyjson_is_str(v) ? (struct span){yyjson_get_str(v), yyjson_get_len(v)} : (struct span){"", 0};
}

static uint32_t enter_told(struct kinds *k, struct kinds_shard *sh, uint64_t id, yyjson_val *object, uint8_t label) {
    struct span text = told_text(object, "text");
    if (text.n == 0 || text.n >= KINDS_TEXT_MAX) return KIND_NONE;
    uint32_t slot = kinds_enter_new(k, sh, id, text, label);
    if (slot == KIND_NONE) return slot;
    struct kind *c = &sh->kind[slot];
    uint32_t at = told_number(object, "at", KINDS_TEXT_MAX), first = told_number(object, "first", UINT32_MAX);
    kind_set_message(sh, slot, at);
    if (first > 0 && first < c->first) c->first = first;
    return slot;
}

static bool take_told(struct kinds *k, const struct words *w, yyjson_val *object) {
    struct span hex = told_text(object, "id");
    uint64_t id = hex.n == 16 ? strtoull(hex.p, NULL, 16) : 0;
    uint32_t lines = told_number(object, "n", UINT32_MAX);
    uint8_t label = kinds_label(k, told_text(object, "label")), best = kinds_label(k, told_text(object, "best")),
            second = kinds_label(k, told_text(object, "second"));
    struct kinds_shard *sh;
    if (id == 0 || lines == 0 || words_forget(w, id, told_number(object, "first", UINT32_MAX))) return false;
    uint32_t slot = kinds_lock_id(k, id, &sh);
    if (slot == KIND_NONE) {
        sh = &k->shard[id % KINDS_SHARDS];
        pthread_mutex_lock(&sh->lock);
        slot = kinds_slot_of(sh, id); /* it may have come meanwhile */
        if (slot == KIND_NONE) slot = enter_told(k, sh, id, object, label);
    }
    if (slot != KIND_NONE) {
        struct kind *c = &sh->kind[slot];
        if (label) c->label = label, c->stage = (uint8_t)(told_number(object, "stage", UINT32_MAX) % DECIDER_COUNT);
        if (best) {
            c->best = best, c->second = second;
            c->p1 = (uint16_t)told_number(object, "p1", 10000), c->p2 = (uint16_t)told_number(object, "p2", 10000);
        }
        bool by_rule = yyjson_is_true(yyjson_obj_get(object, "by_rule")),
             redacted = yyjson_is_true(yyjson_obj_get(object, "redacted"));
        c->flags = (uint8_t)(c->flags | KIND_FLAG_DIRTY | (by_rule ? KIND_FLAG_BY_RULE : 0) |
                             (redacted ? KIND_FLAG_REDACTED : 0));
        kind_add(k, sh, slot, lines);
    }
    pthread_mutex_unlock(&sh->lock);
    return slot != KIND_NONE;
}

unsigned kinds_share_take(struct kinds *k, const struct words *w, struct yyjson_val *parcel) {
    size_t i, n;
    unsigned taken = 0;
    yyjson_val *one;
    yyjson_arr_foreach(parcel, i, n, one) if (i < KINDS_SHARE_MAX) taken += take_told(k, w, one);
    return taken;
}
