#include "review/kinds_share.h"

#include "base/check.h"
#include "review/kinds_internal.h"

#include <stdlib.h>
#include <yyjson.h>

static struct kinds *open_kinds(void) {
    struct kinds *k = kinds_open(&(struct kinds_opts){.max = 20000});
    kinds_tick(k, 1000000);
    return k;
}

static void kinds_share_see(struct kinds *k, const char *text, uint32_t lines) {
    struct kinds_sight s = {.text = span_of(text),
                            .lines = lines,
                            .decided = true,
                            .label = kinds_label(k, SPAN_LIT("INFO")),
                            .best = kinds_label(k, SPAN_LIT("BACKUP")),
                            .p1 = 4000,
                            .stage = 1};
    kinds_see(k, &s);
}

static unsigned tell(struct kinds_parcel *p, struct kinds *to) {
    yyjson_doc *doc = yyjson_read(p->body.p, p->body.n, YYJSON_READ_NOFLAG);
    CHECK(doc != NULL);
    unsigned n = kinds_share_take(to, NULL, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return n;
}

static uint64_t lines_of(struct kinds *k, const char *text) {
    struct kind_view v = {0};
    char copy[KINDS_TEXT_MAX];
    return kinds_find(k, kinds_id_of(span_of(text)), &v, copy) ? v.lines : 0;
}

static void lines_add_up_and_are_told_once(void) {
    struct kinds *a = open_kinds(), *desk = open_kinds();
    struct kinds_parcel p;
    kinds_parcel_init(&p);
    kinds_share_see(a, "before", 9);
    kinds_share_begin(a); /* what was counted before is not told */
    kinds_share_begin(a);
    kinds_share_see(a, "pool is full", 3);
    kinds_share_see(a, "x: \"quoted\"\n", 1);
    kinds_share_see(desk, "pool is full", 4);
    CHECK_INT(kinds_parcel_pack(a, &p, KINDS_SHARE_MAX), 2);
    CHECK_INT(tell(&p, desk), 2);
    CHECK_INT(lines_of(desk, "pool is full"), 7);
    CHECK_INT(lines_of(desk, "x: \"quoted\"\n"), 1);
    CHECK_INT(lines_of(desk, "before"), 0);
    CHECK_INT(kinds_parcel_pack(a, &p, KINDS_SHARE_MAX), 0);
    kinds_share_see(a, "before", 2);
    CHECK_INT(kinds_parcel_pack(a, &p, KINDS_SHARE_MAX), 1);
    kinds_parcel_undo(a, &p);
    kinds_share_see(a, "before", 5);
    CHECK_INT(kinds_parcel_pack(a, &p, KINDS_SHARE_MAX), 1);
    tell(&p, desk);
    CHECK_INT(lines_of(desk, "before"), 7);
    struct kind_view v;
    char text[KINDS_TEXT_MAX];
    CHECK(kinds_find(desk, kinds_id_of(SPAN_LIT("before")), &v, text));
    CHECK_STR(kinds_label_id(desk, v.label), "INFO");
    CHECK_STR(kinds_label_id(desk, v.best), "BACKUP");
    CHECK_INT(v.p1, 4000);
    CHECK_INT(v.state, KIND_NEW);
    kinds_share_see(desk, "before", 1); /* the line itself is of the same kind */
    CHECK_INT(lines_of(desk, "before"), 8);
    kinds_parcel_release(&p);
    kinds_close(a);
    kinds_close(desk);
}

static void many_kinds_come_in_parcels_and_each_has_its_turn(void) {
    enum { KINDS = 3000 };
    struct kinds *a = open_kinds(), *desk = open_kinds();
    struct kinds_parcel p;
    unsigned n, parcels = 0;
    uint64_t sum = 0;
    char text[32];
    kinds_parcel_init(&p);
    kinds_share_begin(a);
    for (unsigned i = 0; i < KINDS; i++) {
        snprintf(text, sizeof text, "kind %u", i);
        kinds_share_see(a, text, 1 + i % 3);
    }
    while ((n = kinds_parcel_pack(a, &p, 1000)) > 0 && parcels++ < 10) {
        CHECK(n <= 1000);
        tell(&p, desk);
    }
    CHECK_INT(parcels, 3);
    for (unsigned i = 0; i < KINDS; i++) {
        snprintf(text, sizeof text, "kind %u", i);
        sum += lines_of(desk, text);
    }
    CHECK_INT(sum, KINDS * 2);
    kinds_parcel_release(&p);
    kinds_close(a);
    kinds_close(desk);
}

static void what_is_no_kind_is_left_out(void) {
    static const char TEXT[] =
        "[5, {}, {\"id\":\"zz\",\"n\":1}, {\"id\":\"00000000000000aa\",\"n\":0,\"text\":\"a\"},"
        "{\"id\":\"00000000000000aa\",\"n\":1}, {\"id\":\"00000000000000ab\",\"n\":-4,\"text\":\"b\"},"
        "{\"id\":\"00000000000000ac\",\"n\":99999999999,\"text\":\"c\",\"at\":9,\"stage\":77,\"p1\":70000,"
        "\"best\":\"INFO\",\"label\":7}]";
    struct kinds *desk = open_kinds();
    struct kinds_figures f;
    struct kind_view v;
    char text[KINDS_TEXT_MAX];
    yyjson_doc *doc = yyjson_read(TEXT, sizeof TEXT - 1, YYJSON_READ_NOFLAG);
    CHECK_INT(kinds_share_take(desk, NULL, yyjson_doc_get_root(doc)), 1);
    CHECK_INT(kinds_share_take(desk, NULL, NULL), 0);
    kinds_figures(desk, &f);
    CHECK_INT(f.kinds, 1);
    CHECK(kinds_find(desk, 0xac, &v, text));
    CHECK_INT(v.lines, UINT32_MAX);
    CHECK_INT(v.message_at, 0);
    CHECK_INT(v.p1, 10000);
    yyjson_doc_free(doc);
    kinds_close(desk);
}

static void what_is_dropped_is_told_no_more(void) {
    struct kinds *a = open_kinds();
    struct kinds_parcel p;
    kinds_parcel_init(&p);
    kinds_share_begin(a);
    kinds_share_see(a, "gone", 3);
    CHECK(kinds_forget(a, kinds_id_of(SPAN_LIT("gone"))));
    CHECK_INT(kinds_parcel_pack(a, &p, KINDS_SHARE_MAX), 0);
    kinds_share_see(a, "here", 3);
    CHECK_INT(kinds_parcel_pack(a, &p, KINDS_SHARE_MAX), 1);
    CHECK(kinds_forget(a, kinds_id_of(SPAN_LIT("here"))));
    kinds_parcel_undo(a, &p);
    CHECK_INT(kinds_parcel_pack(a, &p, KINDS_SHARE_MAX), 0);
    kinds_parcel_release(&p);
    kinds_close(a);
}

static void what_was_first_seen_before_it_was_to_be_forgotten_is_not_taken(void) {
    enum { FORGOTTEN = 300 };
    struct corrections c;
    char line[200];
    corrections_init(&c);
    for (unsigned i = 1; i <= FORGOTTEN; i++) {
        int n = snprintf(line, sizeof line, "{\"id\":%u,\"at\":\"2026-01-02T03:%02u:00Z\",\"forget\":\"%016x\"}", i,
                         i < FORGOTTEN ? 1 : 5, i);
        corrections_take(&c, (struct span){line, (size_t)n});
    }
    for (unsigned i = 0; i < 2; i++) { /* of one it was said before, too, by another clock */
        int n = snprintf(line, sizeof line, "{\"id\":%u,\"at\":\"2026-01-02T03:%02u:00Z\",\"forget\":\"%016x\"}",
                         FORGOTTEN + 1 + i, 3 + i, FORGOTTEN);
        corrections_take(&c, (struct span){line, (size_t)n});
    }
    CHECK_INT(c.forgotten_n, FORGOTTEN + 2);
    struct words *w = words_open(&c);
    uint32_t at = corrections_time(SPAN_LIT("2026-01-02T03:00:00Z"));
    for (uint64_t kind = 1; kind < FORGOTTEN; kind++)
        CHECK(words_forget(w, kind, at + 60) && !words_forget(w, kind, at + 61));
    CHECK(words_forget(w, FORGOTTEN, at + 300) && !words_forget(w, FORGOTTEN, at + 301));
    CHECK(!words_forget(w, FORGOTTEN + 1, 0) && !words_forget(w, 0, 0) && !words_forget(NULL, 1, 0));
    static const char PARCEL[] = "[{\"id\":\"0000000000000007\",\"n\":1,\"text\":\"a\",\"first\":5},"
                                 "{\"id\":\"0000000000001007\",\"n\":1,\"text\":\"b\",\"first\":5}]";
    struct kinds *desk = open_kinds();
    yyjson_doc *doc = yyjson_read(PARCEL, sizeof PARCEL - 1, YYJSON_READ_NOFLAG);
    CHECK_INT(kinds_share_take(desk, w, yyjson_doc_get_root(doc)), 1);
    yyjson_doc_free(doc);
    kinds_close(desk);
    words_unref(w);
}

CHECK_MAIN(CHECK_TEST(what_was_first_seen_before_it_was_to_be_forgotten_is_not_taken),
           CHECK_TEST(lines_add_up_and_are_told_once), CHECK_TEST(many_kinds_come_in_parcels_and_each_has_its_turn),
           CHECK_TEST(what_is_no_kind_is_left_out), CHECK_TEST(what_is_dropped_is_told_no_more))
