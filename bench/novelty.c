/* Replays lines of several systems in runs, on a clock of its own, and tells what the alarms of the inventory say: in the
 * first day, in the second, and when a system that was never seen makes a tenth of the lines. For bench/novelty.
 *
 *   novelty LINES_AN_HOUR RUN SEED HELD < rows
 *
 * A row: system, label, stage (0: rule, 1: encoder, 3: nobody), probability in 1/10,000, template; separated by tabs.
 * HELD: the number of the system, from 0 in the order of the rows, that comes on the third day. */
#include "base/must.h"
#include "base/rng.h"
#include "review/news.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 1000000, SYSTEMS_MAX = 64, TURNS = 30, TURN_S = 120, T0 = 1790000000 / 3600 * 3600, DAY = 24 };

struct row {
    char *text;
    uint16_t message_at, p;
    uint8_t label, stage;
};

struct system {
    char name[64];
    unsigned from, n, at; /* its rows; the next of them */
};

static struct row g_row[ROWS_MAX];
static struct system g_system[SYSTEMS_MAX];
static unsigned g_rows, g_systems;
static struct book g_book;
static struct news g_news;
static struct rng g_rng;
static uint32_t g_now = T0;
static unsigned g_begun[NEWS_ALARMS]; /* alarms that began since it was last set to nothing */
static bool g_on[NEWS_ALARMS];

static void read_row(char *line) {
    char *part[5], *rest = line;
    for (unsigned i = 0; i < 5; i++) part[i] = i < 4 ? strsep(&rest, "\t") : rest;
    if (!part[4] || g_rows == ROWS_MAX) return;
    struct system *s = &g_system[g_systems ? g_systems - 1 : 0];
    if (g_systems == 0 || strcmp(s->name, part[0]) != 0) {
        if (g_systems == SYSTEMS_MAX) return;
        s = &g_system[g_systems++];
        snprintf(s->name, sizeof s->name, "%s", part[0]);
        s->from = g_rows;
    }
    s->n++;
    struct row *r = &g_row[g_rows++];
    r->text = strdup(part[4]);
    r->message_at = (uint16_t)(strlen(part[0]) + 2);
    r->label = kinds_label(g_book.kinds, span_of(part[1]));
    r->stage = (uint8_t)atoi(part[2]);
    r->p = (uint16_t)atoi(part[3]);
}

static void see(const struct row *r) {
    struct kinds_sight s = {.text = span_of(r->text), .message_at = r->message_at, .lines = 1, .decided = true};
    s.label = r->label, s.stage = r->stage, s.p1 = r->p, s.best = r->label;
    kinds_see(g_book.kinds, &s);
    totals_add(g_book.totals, g_now, r->label, r->stage, 1);
}

/* The next lines of a system, as they stand in its file. */
static void replay(unsigned system, unsigned run) {
    struct system *s = &g_system[system];
    for (unsigned i = 0; i < run; i++) see(&g_row[s->from + s->at++ % s->n]);
}

static unsigned other_than(unsigned held) {
    unsigned n = (unsigned)(rng_next(&g_rng) % (g_systems - 1));
    return n < held ? n : n + 1;
}

static void look(void) {
    char text[NEWS_TEXT_MAX];
    news_find(&g_book, NULL, &g_news);
    news_drift(&g_book, &g_news);
    book_set_news(&g_book, &g_news);
    for (unsigned i = 0; i < NEWS_ALARMS; i++) {
        news_alarm(&g_news, i, text);
        g_begun[i] += text[0] && !g_on[i];
        g_on[i] = text[0] != '\0';
    }
}

/* Two minutes: share of the lines of the system that is held, in percent. */
static void turn(unsigned lines, unsigned run, unsigned held, unsigned percent) {
    static unsigned owed;
    struct kinds_figures was, is;
    kinds_figures(g_book.kinds, &was);
    kinds_tick(g_book.kinds, g_now += TURN_S);
    for (owed += lines / TURNS; owed >= run; owed -= run)
        replay(rng_next(&g_rng) % 100 < percent ? held : other_than(held), run);
    kinds_figures(g_book.kinds, &is);
    totals_add(g_book.totals, g_now, TOTALS_NEW_KINDS, 0, (uint32_t)(is.entered - was.entered));
    look();
}

static void say_alarms(const char *when) {
    printf(",\"%s\":{", when);
    for (unsigned i = 0; i < NEWS_ALARMS; i++)
        printf("%s\"%s\":%u", i ? "," : "", news_alarm_name[i], g_begun[i]);
    printf("}");
    memset(g_begun, 0, sizeof g_begun);
}

int main(int argc, char **argv) {
    static char line[1 << 16];
    static const struct kinds_opts OPTS = {.max = 100000};
    if (argc != 5) return 2;
    unsigned lines = (unsigned)atoi(argv[1]), run = (unsigned)atoi(argv[2]), held = (unsigned)atoi(argv[4]);
    unsigned warm = 0, known = 0, minutes = 0;
    g_rng.state = (uint64_t)atoi(argv[3]);
    book_init(&g_book);
    book_open(&g_book, &OPTS);
    kinds_tick(g_book.kinds, g_now);
    kinds_count_entered(g_book.kinds);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        read_row(line);
    }
    if (g_systems < 2 || held >= g_systems || run == 0) return 2;
    for (unsigned t = 0; t < DAY * TURNS; t++) {
        turn(lines, run, held, 0);
        if (!warm && g_news.drift.warm) warm = t + 1;
    }
    printf("{\"held\":\"%s\",\"run\":%u,\"warm_minutes\":%u", g_system[held].name, run, warm * TURN_S / 60);
    say_alarms("first_day");
    for (unsigned t = 0; t < DAY * TURNS; t++) turn(lines, run, held, 0);
    say_alarms("second_day");
    bool named = false;
    while (minutes < 6 * 60 && !named) {
        turn(lines, run, held, 10);
        minutes += TURN_S / 60;
        named = g_on[0] && strcmp(g_news.source[0].name, g_system[held].name) == 0;
    }
    known = g_news.drift.new_1h;
    printf(",\"named\":%s,\"minutes\":%u,\"new_kinds\":%u,\"undecided_alarm\":%s,\"labels_alarm\":%s}\n",
           named ? "true" : "false", minutes, known, g_on[2] ? "true" : "false", g_on[1] ? "true" : "false");
    book_release(&g_book);
    return 0;
}
