/* The inventory: counting, bounds, states, its file, and looking through it. */
#include "review/kinds.h"

#include "base/check.h"
#include "data/decider.h"
#include "review/kinds_bloom.h"
#include "review/kinds_internal.h"
#include "review/kinds_query.h"
#include "review/kinds_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { T0 = 1790000000, HOUR = 3600, DAY = 24 * HOUR };

static struct kinds *new_table(size_t max) {
    struct kinds_opts o = {.max = max};
    struct kinds *k = kinds_open(&o);
    kinds_tick(k, T0);
    kinds_count_entered(k);
    return k;
}

static uint32_t seen(struct kinds *k, const char *text, uint32_t lines) {
    struct kinds_sight s = {.text = span_of(text), .lines = lines, .decided = true, .stage = DECIDER_BERT};
    s.label = kinds_label(k, SPAN_LIT("INFO"));
    return kinds_see(k, &s);
}

static uint32_t seen_number(struct kinds *k, unsigned i) {
    char text[40];
    snprintf(text, sizeof text, "kind number %u of many", i);
    return seen(k, text, 1);
}

static struct kind_view view_of(struct kinds *k, const char *text) {
    static char copy[KINDS_TEXT_MAX];
    struct kind_view v = {0};
    if (!kinds_find(k, kinds_id_of(span_of(text)), &v, copy)) v.lines = 0;
    return v;
}

static void sweep(struct kinds *k) {
    kinds_sweep_begin(k);
    kinds_sweep_end(k);
}

static void lines_are_counted(void) {
    struct kinds *k = new_table(1000);
    uint32_t a = seen(k, "a line", 1), b = seen(k, "another", 3);
    CHECK(a != 0 && b != 0 && a != b);
    CHECK_INT(seen(k, "a line", 2), a);
    CHECK(kinds_count(k, a, 10) && kinds_count(k, a & ((1U << KINDS_NUMBER_BITS) - 1), 1));
    struct kind_view v = view_of(k, "a line");
    CHECK_INT(v.lines, 14);
    CHECK_INT(v.lines_24h, 14);
    CHECK_INT(v.hour[KINDS_HOURS - 1], 14);
    CHECK_STR(kinds_label_id(k, v.label), "INFO");
    kinds_decided(k, a, kinds_label(k, SPAN_LIT("BACKUP")), DECIDER_LLM);
    CHECK_STR(kinds_label_id(k, view_of(k, "a line").label), "BACKUP");
    CHECK_INT(view_of(k, "another").lines, 3);
    CHECK(!kinds_count(k, 0, 1) && !kinds_count(k, 0xffffffff, 1));
    kinds_close(k);
}

static void hours_and_days_end(void) {
    struct kinds *k = new_table(1000);
    uint32_t now = T0 / DAY * DAY;
    kinds_close(k);
    struct kinds_opts o = {.max = 1000};
    k = kinds_open(&o);
    kinds_tick(k, now);
    uint32_t a = seen(k, "a", 100);
    kinds_tick(k, now + HOUR);
    kinds_count(k, a, 50);
    struct kind_view v = view_of(k, "a");
    CHECK_NEAR(v.hour[KINDS_HOURS - 2], 100, 7);
    CHECK_INT(v.hour[KINDS_HOURS - 1], 50);
    CHECK_NEAR(v.lines_24h, 150, 8);
    CHECK_NEAR(v.day[KINDS_DAYS - 1], 150, 8);
    kinds_tick(k, now + DAY);
    v = view_of(k, "a");
    CHECK_NEAR(v.day[KINDS_DAYS - 2], 150, 20);
    CHECK_INT(v.day[KINDS_DAYS - 1], 0);
    CHECK_NEAR(v.lines_24h, 50, 4); /* of the 24 hours that end now the first has gone */
    kinds_tick(k, now + 30 * DAY);
    v = view_of(k, "a");
    CHECK_INT(v.lines_24h, 0);
    CHECK_INT(v.lines, 150);
    kinds_close(k);
}

static void a_byte_is_right_to_6_percent(void) {
    for (uint32_t n = 1; n < 2000000000; n += n / 7 + 1) {
        double back = kind_lines_of(kind_byte_of(n));
        CHECK(back >= n * 0.94 - 0.5 && back <= n * 1.065 + 0.5);
    }
    CHECK_INT(kind_lines_of(kind_byte_of(0)), 0);
    CHECK_INT(kind_lines_of(kind_byte_of(1)), 1);
}

static void states_come_and_go(void) {
    struct kinds *k = new_table(1000);
    uint32_t now = T0;
    seen(k, "a", 5);
    CHECK_INT(view_of(k, "a").state, KIND_NEW);
    kinds_tick(k, now += DAY + 60);
    CHECK_INT(view_of(k, "a").state, KIND_KNOWN);
    kinds_tick(k, now += 15 * DAY);
    seen(k, "a", 1);
    CHECK_INT(view_of(k, "a").state, KIND_RETURNED);
    for (unsigned h = 0; h < 8 * 24; h++) {
        seen(k, "a", 98);
        kinds_tick(k, now += HOUR);
    }
    CHECK_INT(view_of(k, "a").state, KIND_KNOWN);
    seen(k, "a", 250); /* 3 times the busiest hour are 294 */
    kinds_tick(k, now += 60);
    CHECK_INT(view_of(k, "a").state, KIND_KNOWN);
    seen(k, "a", 162);
    kinds_tick(k, now += 60);
    CHECK_INT(view_of(k, "a").state, KIND_RISING);
    struct kinds_rise rise[KINDS_RISES_MAX];
    CHECK_INT(kinds_rises(k, rise), 1);
    CHECK(rise[0].id == kinds_id_of(SPAN_LIT("a")) && rise[0].at == now && rise[0].lines == 412);
    CHECK_INT(rise[0].busiest, kind_lines_of(kind_byte_of(98)));
    CHECK(kinds_set_state(k, kinds_id_of(SPAN_LIT("a")), KIND_MUTED, 0));
    for (unsigned h = 0; h < 30; h++) {
        seen(k, "a", 300);
        kinds_tick(k, now += HOUR);
        CHECK_INT(view_of(k, "a").state, KIND_MUTED); /* a steady rate */
    }
    seen(k, "a", 2500);
    kinds_tick(k, now += 60);
    CHECK_INT(view_of(k, "a").state, KIND_RISING);
    CHECK(kinds_set_state(k, kinds_id_of(SPAN_LIT("a")), KIND_MUTED, now + HOUR));
    kinds_tick(k, now += 2 * HOUR);
    CHECK_INT(view_of(k, "a").state, KIND_KNOWN);
    CHECK(!kinds_set_state(k, 12345, KIND_MUTED, 0));
    kinds_close(k);
}

static void hours_go_by_with_lines(struct kinds *k, unsigned hours, uint32_t lines, uint32_t *now) {
    for (unsigned h = 0; h < hours; h++) {
        if (lines) seen(k, "beat", lines);
        kinds_tick(k, *now += HOUR);
    }
}

static void what_came_every_hour_and_comes_no_more_is_silent(void) {
    struct kinds *k = new_table(1000);
    uint32_t now = T0;
    hours_go_by_with_lines(k, KINDS_STEADY_H - 1, 2, &now);
    hours_go_by_with_lines(k, 4, 0, &now);
    CHECK(!view_of(k, "beat").silent); /* an hour less than a week */
    hours_go_by_with_lines(k, KINDS_STEADY_H, 2, &now);
    hours_go_by_with_lines(k, KINDS_QUIET_H - 1, 0, &now);
    CHECK(!view_of(k, "beat").silent);
    hours_go_by_with_lines(k, 1, 0, &now);
    CHECK(view_of(k, "beat").silent);
    struct book b = {.kinds = k};
    struct kinds_query q = KINDS_QUERY_ALL;
    struct kinds_result *r = calloc(1, sizeof *r);
    q.property = KINDS_SILENT;
    seen(k, "another", 1);
    kinds_query_run(&b, NULL, &q, r);
    CHECK(r->total == 1 && r->hit[0].id == kinds_id_of(SPAN_LIT("beat")));
    free(r);
    seen(k, "beat", 1);
    CHECK(!view_of(k, "beat").silent);
    hours_go_by_with_lines(k, KINDS_STEADY_H, 2, &now);
    hours_go_by_with_lines(k, KINDS_QUIET_MAX_H, 0, &now);
    CHECK(view_of(k, "beat").silent);
    hours_go_by_with_lines(k, 1, 0, &now);
    CHECK(!view_of(k, "beat").silent); /* it is one that comes no more */
    kinds_close(k);
}

static void see_from(struct kinds *k, const char *text, uint16_t message_at) {
    struct kinds_sight s = {.text = span_of(text), .message_at = message_at, .lines = 1};
    CHECK(kinds_see(k, &s) != 0);
}

static void families_are_counted(void) {
    struct kinds *k = new_table(1000);
    see_from(k, "app: disk is full", 5);
    see_from(k, "web: disk is full", 5);
    see_from(k, "disk is full", 0);
    see_from(k, "app: all is well", 5);
    uint64_t family[4] = {view_of(k, "app: all is well").family, view_of(k, "web: disk is full").family,
                          view_of(k, "app: disk is full").family, 12345};
    uint32_t n[4];
    CHECK(family[1] == kinds_id_of(SPAN_LIT("disk is full")) && family[1] == family[2]);
    kinds_count_families(k, family, 4, n);
    CHECK(n[0] == 1 && n[1] == 3 && n[2] == 3 && n[3] == 0);
    kinds_close(k);
}

static void the_table_is_bounded(void) {
    enum { MAX = 640, MANY = 20000, SAID = 40 };
    struct kinds *k = new_table(MAX);
    struct kinds_figures f;
    char text[40];
    for (unsigned i = 0; i < SAID; i++) {
        snprintf(text, sizeof text, "a person said %u", i);
        seen(k, text, 1);
        kinds_keep(k, kinds_id_of(span_of(text)), true);
    }
    for (unsigned i = 0; i < 20; i++) seen(k, "common", 5);
    for (unsigned i = 0; i < MANY; i++) {
        seen_number(k, i);
        if (i % 100 == 0) sweep(k), seen(k, "common", 1);
    }
    kinds_figures(k, &f);
    CHECK(f.kinds <= MAX + KINDS_SHARDS && f.kinds > MAX / 2);
    CHECK_NEAR((double)f.entered, MANY + SAID + 1, 0.02 * MANY);
    CHECK_NEAR((double)f.seen, MANY + SAID + 1, 0.06 * MANY);
    CHECK(f.forgotten > MANY - 2 * MAX);
    for (unsigned i = 0; i < SAID; i++) {
        snprintf(text, sizeof text, "a person said %u", i);
        CHECK_INT(view_of(k, text).lines, 1);
    }
    CHECK_INT(view_of(k, "common").lines, 100 + MANY / 100); /* seen often: it stays */
    kinds_close(k);
}

static void what_was_dropped_is_not_new_again(void) {
    struct kinds *k = new_table(64);
    struct kinds_figures f;
    for (unsigned i = 0; i < 2000; i++) seen_number(k, i), sweep(k);
    kinds_figures(k, &f);
    uint64_t before = f.entered;
    CHECK(before > 1900);
    for (unsigned i = 0; i < 2000; i++) seen_number(k, i), sweep(k);
    kinds_figures(k, &f);
    CHECK_INT(f.entered, before);
    kinds_close(k);
}

/* The memo keeps numbers without the part that tells reuse: a slot is free only after a sweep. */
static void numbers_are_not_used_again_before_a_sweep(void) {
    struct kinds *k = new_table(1000);
    uint32_t a = seen(k, "a", 1);
    CHECK(kinds_forget(k, kinds_id_of(SPAN_LIT("a"))) && !kinds_forget(k, kinds_id_of(SPAN_LIT("a"))));
    CHECK(!kinds_count(k, a, 1));
    for (unsigned i = 0; i < 2000; i++) CHECK((seen_number(k, i) & 0xffffff) != a);
    CHECK(kinds_sweep_begin(k));
    kinds_sweep_end(k);
    CHECK(!kinds_sweep_begin(k));
    bool again = false;
    for (unsigned i = 2000; i < 4000; i++) {
        uint32_t b = seen_number(k, i);
        if ((b & 0xffffff) != a) continue;
        again = true;
        CHECK(b != a);
        kinds_decided(k, b, kinds_label(k, SPAN_LIT("BACKUP")), DECIDER_LLM);
    }
    CHECK(again);
    kinds_close(k);
}

static uint64_t bad_hash(const void *text, size_t n, uint64_t seed) {
    (void)text, (void)n;
    return 64 * 7 + 64 * seed;
}

static void two_texts_with_one_id_are_two_kinds(void) {
    struct kinds_opts o = {.max = 1000, .hash = bad_hash};
    struct kinds *k = kinds_open(&o);
    kinds_tick(k, T0);
    uint32_t a = seen(k, "a", 1), b = seen(k, "b", 1), c = seen(k, "c", 1);
    CHECK(a && b && c && a != b && b != c && a != c);
    CHECK_INT(seen(k, "b", 4), b);
    struct kind_view v;
    char text[KINDS_TEXT_MAX];
    CHECK(kinds_find(k, 64 * 8, &v, text) && v.lines == 5 && span_eq(v.text, SPAN_LIT("b")));
    for (unsigned i = 0; i < 20; i++) seen_number(k, i); /* no id is left for some: not kept, no harm */
    kinds_close(k);
}

static void hide(void *self, struct span text, struct buf *out) {
    (void)self;
    for (size_t i = 0; i < text.n; i++) buf_putc(out, text.p[i] >= '0' && text.p[i] <= '9' ? 'x' : text.p[i]);
}

static void texts_are_redacted_before_they_are_kept(void) {
    struct kinds_opts o = {.max = 1000, .redact = hide};
    struct kinds *k = kinds_open(&o);
    kinds_tick(k, T0);
    uint32_t a = seen(k, "password 123", 1);
    CHECK_INT(seen(k, "password 123", 1), a);
    CHECK(seen(k, "password 456", 1) != a);
    struct kind_view v = view_of(k, "password 123");
    CHECK(v.redacted && v.lines == 2 && span_eq(v.text, SPAN_LIT("password xxx")));
    CHECK(!view_of(k, "no digit").redacted);
    kinds_close(k);
}

/* ---- the long memory ---- */

static void the_long_memory_takes_few_for_seen(void) {
    struct kinds_bloom b, c;
    unsigned wrong = 0;
    kinds_bloom_open(&b);
    for (uint64_t i = 0; i < 200000; i++) wrong += kinds_bloom_add(&b, i * 0x9e3779b97f4a7c15, T0);
    CHECK(wrong < 200);
    for (uint64_t i = 0; i < 200000; i += 97) CHECK(kinds_bloom_add(&b, i * 0x9e3779b97f4a7c15, T0));
    CHECK_NEAR((double)kinds_bloom_estimate(&b), 200000, 8000);
    uint8_t *saved = malloc(KINDS_BLOOM_SAVED);
    kinds_bloom_save(&b, saved);
    kinds_bloom_open(&c);
    CHECK(!kinds_bloom_add(&c, 42, T0));
    CHECK(kinds_bloom_restore(&c, (struct span){(const char *)saved, KINDS_BLOOM_SAVED}));
    CHECK(!kinds_bloom_restore(&c, (struct span){(const char *)saved, 100}));
    CHECK(kinds_bloom_add(&c, 42, T0) && kinds_bloom_add(&c, 97 * 0x9e3779b97f4a7c15, T0));
    for (unsigned g = 0; g < 2; g++) /* after two generations it is forgotten */
        for (uint64_t i = 0; i <= KINDS_BLOOM_IDS; i++) kinds_bloom_add(&c, (g + 2) * 0x123456789abcdef + i * 7919, T0);
    CHECK(!kinds_bloom_add(&c, 97 * 0x9e3779b97f4a7c15 + 1, T0));
    kinds_bloom_close(&b);
    kinds_bloom_close(&c);
    free(saved);
}

/* ---- the file ---- */

static char g_folder[] = "/tmp/logclass_kinds_XXXXXX", g_path[100];

static bool save(struct kinds *k, struct totals *t) {
    struct err e = {0};
    bool more = true, ok = true;
    struct kinds_store *s = kinds_store_open(g_path, &e);
    CHECK(s != NULL);
    while (s && more && ok) ok = kinds_store_write(s, &(struct book){.kinds = k, .totals = t}, true, &more, &e);
    if (!ok) fprintf(stderr, "%s\n", e.msg);
    kinds_store_close(s);
    return ok && s;
}

static struct kinds *loaded(size_t max, struct totals *t) {
    struct err e = {0};
    struct kinds_opts o = {.max = max};
    struct kinds *k = kinds_open(&o);
    kinds_tick(k, T0 + HOUR);
    struct kinds_store *s = kinds_store_open(g_path, &e);
    CHECK(s && kinds_store_load(s, &(struct book){.kinds = k, .totals = t}, &e));
    kinds_store_close(s);
    return k;
}

static void the_file_keeps_kinds(void) {
    struct kinds *k = new_table(20000);
    struct totals *t = totals_open();
    struct kind_view v;
    kinds_tick(k, T0);
    for (unsigned i = 0; i < 12000; i++) seen_number(k, i); /* more than one write takes */
    uint32_t a = seen(k, "a", 100);
    kinds_set_state(k, kinds_id_of(SPAN_LIT("a")), KIND_MUTED, T0 + 10 * DAY);
    totals_add(t, T0, kinds_label(k, SPAN_LIT("INFO")), DECIDER_BERT, 77);
    CHECK(save(k, t));
    kinds_count(k, a, 5);
    CHECK(save(k, t)); /* adds what is new */
    kinds_close(k), totals_close(t);
    t = totals_open();
    k = loaded(20000, t);
    v = view_of(k, "a");
    CHECK_INT(v.lines, 105);
    CHECK_NEAR(v.lines_24h, 105, 8);
    CHECK(v.state == KIND_MUTED && v.state_at == T0 + 10 * DAY && v.kept && v.first == T0);
    CHECK_STR(kinds_label_id(k, v.label), "INFO");
    CHECK_INT(totals_hour(t, T0 / HOUR, kinds_label(k, SPAN_LIT("INFO")), DECIDER_BERT), 77);
    struct kinds_figures f;
    kinds_figures(k, &f);
    CHECK_INT(f.kinds, 12001);
    kinds_count_entered(k);
    seen_number(k, 5);
    seen_number(k, 99999);
    kinds_figures(k, &f);
    CHECK_INT(f.entered, 1);
    kinds_close(k), totals_close(t);
    struct stat st;
    CHECK(stat(g_path, &st) == 0 && (st.st_mode & 0777) == 0600);
    t = totals_open();
    k = loaded(1000, t); /* less room: those with a person's word, and those seen last */
    CHECK_INT(view_of(k, "a").lines, 105);
    kinds_figures(k, &f);
    CHECK(f.kinds <= 1024 && f.kinds > 800);
    kinds_close(k), totals_close(t);
}

static void lines_that_flow_while_it_is_read_are_added(void) {
    struct kinds *k = new_table(1000);
    struct totals *t = totals_open();
    struct err e = {0};
    unlink(g_path);
    seen(k, "a", 40);
    CHECK(save(k, t));
    kinds_close(k);
    struct kinds_opts o = {.max = 1000};
    k = kinds_open(&o);
    kinds_tick(k, T0);
    seen(k, "a", 2);
    seen(k, "b", 1);
    struct kinds_store *s = kinds_store_open(g_path, &e);
    bool more;
    CHECK(s && kinds_store_load(s, &(struct book){.kinds = k, .totals = t}, &e));
    CHECK_INT(view_of(k, "a").lines, 42);
    kinds_count_entered(k);
    struct kinds_figures f;
    kinds_figures(k, &f);
    CHECK_INT(f.entered, 1); /* b */
    CHECK(kinds_store_write(s, &(struct book){.kinds = k, .totals = t}, false, &more, &e));
    kinds_forget(k, kinds_id_of(SPAN_LIT("b")));
    CHECK(kinds_store_forget(s, kinds_id_of(SPAN_LIT("b")), &e));
    kinds_store_close(s);
    kinds_close(k);
    k = loaded(1000, t);
    CHECK_INT(view_of(k, "a").lines, 42);
    CHECK_INT(view_of(k, "b").lines, 0);
    kinds_close(k), totals_close(t);
}

static void a_damaged_file_of_kinds_is_set_aside(void) {
    static const char *const WRONG[] = {"not a database at all, but long enough to look like one to somebody",
                                        "SQLite format 3"};
    char aside[120];
    snprintf(aside, sizeof aside, "%s.damaged", g_path);
    for (unsigned i = 0; i < 2; i++) {
        struct err e = {0};
        FILE *f = fopen(g_path, "w");
        CHECK(f && fputs(WRONG[i], f) >= 0 && fclose(f) == 0);
        struct kinds_store *s = kinds_store_open(g_path, &e);
        CHECK(s && kinds_store_was_damaged(s) && access(aside, F_OK) == 0);
        kinds_store_close(s);
        unlink(aside);
    }
    struct err e = {0};
    CHECK(!kinds_store_open("/dev/null/kinds.db", &e) && e.code == ERR_IO);
}

/* ---- looking ---- */

static struct kinds_result g_found;

static void pages_cover_all_once(void) {
    struct kinds *k = new_table(5000);
    struct book b;
    book_init(&b);
    b.kinds = k;
    for (unsigned i = 0; i < 1000; i++)
        for (unsigned n = 0; n <= i % 7; n++) seen_number(k, i);
    struct kinds_query q = KINDS_QUERY_ALL;
    q.limit = 90;
    unsigned pages = 0, n = 0;
    double last = 1e300;
    do {
        kinds_query_run(&b, NULL, &q, &g_found);
        CHECK_INT(g_found.total, 1000);
        for (unsigned i = 0; i < g_found.n; i++) {
            CHECK(g_found.hit[i].key <= last);
            last = g_found.hit[i].key;
        }
        n += g_found.n;
        pages++;
        q.goes_on = true;
        q.after_key = g_found.hit[g_found.n - 1].key, q.after_id = g_found.hit[g_found.n - 1].id;
    } while (g_found.n == q.limit);
    CHECK_INT(n, 1000);
    CHECK_INT(pages, 12);
    q = KINDS_QUERY_ALL;
    q.text = SPAN_LIT("number 77 of");
    kinds_query_run(&b, NULL, &q, &g_found);
    CHECK_INT(g_found.total, 1);
    seen(k, "Timeout after all", 1);
    q.text = SPAN_LIT("timeout");
    kinds_query_run(&b, NULL, &q, &g_found);
    CHECK_INT(g_found.total, 1);
    q.text = SPAN_LIT("");
    q.label = "BACKUP";
    kinds_query_run(&b, NULL, &q, &g_found);
    CHECK_INT(g_found.total, 0);
    book_release(&b);
}

static void totals_are_kept_by_hour_and_minute(void) {
    struct totals *t = totals_open();
    totals_add(t, T0, 3, DECIDER_BERT, 10);
    totals_add(t, T0 + 59, 3, DECIDER_BERT, 1);
    totals_add(t, T0 + HOUR, 3, DECIDER_LLM, 5);
    CHECK_INT(totals_hour(t, T0 / HOUR, 3, DECIDER_BERT), 11);
    CHECK_INT(totals_hour(t, T0 / HOUR, 3, DECIDER_LLM), 0);
    CHECK_INT(totals_hour(t, T0 / HOUR + 1, 3, DECIDER_LLM), 5);
    CHECK_INT(totals_minute(t, T0 / 60, 3, DECIDER_BERT) + totals_minute(t, T0 / 60 + 1, 3, DECIDER_BERT), 11);
    totals_add(t, T0 + 91 * DAY, 3, DECIDER_BERT, 1); /* its place is another's now, or is too old */
    CHECK_INT(totals_hour(t, T0 / HOUR + 91 * 24, 3, DECIDER_BERT), 1);
    totals_add(t, T0 + 90 * DAY, 3, DECIDER_BERT, 1);
    CHECK_INT(totals_hour(t, T0 / HOUR, 3, DECIDER_BERT), 0);
    totals_close(t);
}

static void kinds_make_folder(void) {
    CHECK(mkdtemp(g_folder) != NULL);
    snprintf(g_path, sizeof g_path, "%s/kinds.db", g_folder);
}

static void kinds_remove_folder(void) {
    static const char *const FILES[] = {"kinds.db", "kinds.db-wal", "kinds.db-shm"};
    char path[120];
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", g_folder, FILES[i]);
        unlink(path);
    }
    CHECK_INT(rmdir(g_folder), 0);
}

CHECK_MAIN(CHECK_TEST(lines_are_counted), CHECK_TEST(hours_and_days_end), CHECK_TEST(a_byte_is_right_to_6_percent),
           CHECK_TEST(states_come_and_go), CHECK_TEST(what_came_every_hour_and_comes_no_more_is_silent),
           CHECK_TEST(families_are_counted), CHECK_TEST(the_table_is_bounded),
           CHECK_TEST(what_was_dropped_is_not_new_again), CHECK_TEST(numbers_are_not_used_again_before_a_sweep),
           CHECK_TEST(two_texts_with_one_id_are_two_kinds), CHECK_TEST(texts_are_redacted_before_they_are_kept),
           CHECK_TEST(the_long_memory_takes_few_for_seen), CHECK_TEST(kinds_make_folder),
           CHECK_TEST(the_file_keeps_kinds), CHECK_TEST(lines_that_flow_while_it_is_read_are_added),
           CHECK_TEST(a_damaged_file_of_kinds_is_set_aside), CHECK_TEST(kinds_remove_folder),
           CHECK_TEST(pages_cover_all_once), CHECK_TEST(totals_are_kept_by_hour_and_minute))
