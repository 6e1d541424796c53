/* review: kinds of line that wait for a person, one after the other, in the terminal; the keys are those of the page.
 */
#include "app/kept_kinds.h"
#include "base/must.h"
#include "cmd/cmd.h"
#include "cmd/flags.h"
#include "review/kinds_query.h"
#include "review/say.h"
#include "text/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const char USAGE[] = "Usage: logclass review [OPTIONS]\n\n"
                            "Shows the kinds of line that nobody decided, those with most lines first, and asks what\n"
                            "they are. One key decides; it is in force within a second.\n\n"
                            "  1-9  this label          Enter  the likeliest is right\n"
                            "  s    skip                b      back\n"
                            "  m    mute until it rises u      undo the last\n"
                            "  q    quit                ?      these keys\n\n";

static const char EXAMPLES[] = "\nExample: logclass review --labels own.labels\n";

enum { REVIEWED_MAX = KINDS_QUERY_MAX };

struct reviewer {
    struct kept_kinds kept;
    struct label_set labels;
    struct kinds_result queue;
    uint32_t batch[REVIEWED_MAX]; /* of the change about each; 0: none */
    unsigned at, decided;
    unsigned last; /* index + 1 of the one that was decided last; 0: none */
    struct kind_view kind;
    char text[KINDS_TEXT_MAX];
};

/* ---- keys ---- */

static struct termios g_before;

static void keys_back(void) {
    tcsetattr(STDIN_FILENO, TCSANOW, &g_before);
}

/* A key at a time, without an echo; a pipe is read as it is. */
static void keys_one_by_one(void) {
    struct termios t;
    if (tcgetattr(STDIN_FILENO, &t) != 0) return;
    g_before = t;
    t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0) atexit(keys_back);
}

/* ---- the card ---- */

static void print_safe(struct span text) {
    char fixed[3 * KINDS_TEXT_MAX];
    size_t n = utf8_repair(text, fixed);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)fixed[i] < ' ' || fixed[i] == 0x7f)
            fixed[i] = ' '; /* a log line does not steer a terminal */
    printf("%.*s\n", (int)n, fixed);
}

static void show_likely(const struct reviewer *r, uint8_t label, uint16_t p) {
    if (label) printf("  %-22s %3.0f %%\n", kinds_label_id(r->kept.book.kinds, label), p / 1e2);
}

static void show_keys(const struct reviewer *r) {
    for (unsigned i = 0; i < r->labels.n && i < 9; i++) printf("[%u] %s  ", i + 1, r->labels.label[i].id);
    printf("\n[Enter] first is right  [s]kip  [m]ute  [b]ack  [u]ndo  [q]uit\n");
}

static void show_card(struct reviewer *r) {
    printf("\n%u of %u, %u decided\n", r->at + 1, r->queue.n, r->decided);
    print_safe(r->kind.text);
    printf("  %u lines in 24 hours, %" PRIu64 " in all\n", r->kind.lines_24h, r->kind.lines);
    show_likely(r, r->kind.best, r->kind.p1);
    show_likely(r, r->kind.second, r->kind.p2);
    show_keys(r);
    fflush(stdout);
}

/* ---- what a key does ---- */

static void review_say(struct reviewer *r, const char *label, const char *state) {
    struct words *w = book_words(&r->kept.book);
    struct err e = {0};
    struct kind_decision d = kind_decide(r->kept.book.kinds, w, &r->kind);
    struct say_change c = {.kind = r->kind.id,
                           .family = r->kind.family,
                           .rev = d.rev,
                           .redacted = r->kind.redacted,
                           .was = span_of(d.label)};
    struct say s = {.change = &c, .n = 1, .from = SPAN_LIT("cli")};
    c.message = span_sub(r->kind.text, r->kind.message_at, r->kind.text.n);
    if (state[0] && r->kind.message_at >= 2) c.source = span_sub(r->kind.text, 0, r->kind.message_at - 2U);
    snprintf(c.label, sizeof c.label, "%s", label);
    snprintf(c.state, sizeof c.state, "%s", state);
    switch (say_words(r->kept.corrections, &s, &e)) {
    case SAY_CONFLICT: printf("somebody else said something about it meanwhile: look again\n"); break;
    case SAY_FAILED: printf("not saved: %s\n", e.msg); break;
    case SAY_REPEATED:
    case SAY_DONE:
        printf("%s: %u lines a day\n", label[0] ? label : state, r->kind.lines_24h);
        r->batch[r->at] = s.batch;
        r->last = ++r->at;
        r->decided++;
    }
    words_unref(s.conflict);
    words_unref(w);
    kept_kinds_read_words(&r->kept, &e);
}

static void review_undo(struct reviewer *r) {
    struct err e = {0};
    if (!r->last || !r->batch[r->last - 1]) {
        printf("there is nothing to undo\n");
        return;
    }
    if (!say_undo(r->kept.corrections, r->batch[r->last - 1], (struct span){0}, true, &e)) {
        printf("%s\n", e.msg);
        return;
    }
    r->at = r->last - 1;
    r->batch[r->at] = 0;
    r->decided--;
    for (r->last = r->at; r->last > 0 && !r->batch[r->last - 1];) r->last--;
    printf("undone\n");
    kept_kinds_read_words(&r->kept, &e);
}

/* False: quit. */
static bool review_key(struct reviewer *r, int key) {
    if (key == 'q' || key == EOF || key == 3 || key == 4) return false;
    if (key >= '1' && key <= '9' && (unsigned)(key - '1') < r->labels.n)
        review_say(r, r->labels.label[key - '1'].id, "");
    if ((key == '\n' || key == '\r') && r->kind.best)
        review_say(r, kinds_label_id(r->kept.book.kinds, r->kind.best), "");
    if (key == 'm') review_say(r, "", "muted");
    if (key == 's') r->at++;
    if (key == 'b' && r->at > 0) r->at--;
    if (key == 'u') review_undo(r);
    if (key == '?') printf("%s", strstr(USAGE, "  1-9"));
    return true;
}

static void review_loop(struct reviewer *r) {
    bool goes_on = true;
    keys_one_by_one();
    while (goes_on && r->at <= r->queue.n) {
        bool there = r->at < r->queue.n && kinds_find(r->kept.book.kinds, r->queue.hit[r->at].id, &r->kind, r->text);
        if (r->at == r->queue.n) {
            printf("\nNothing more waits; %u decided. [b]ack  [u]ndo  [q]uit\n", r->decided);
            fflush(stdout);
            int key = getchar();
            if (key != 'b' && key != 'u') return;
            goes_on = review_key(r, key);
            continue;
        }
        if (there) show_card(r);
        goes_on = there ? review_key(r, getchar()) : (r->at++, true);
    }
}

int cmd_review(int argc, char **argv) {
    const char *labels = NULL;
    struct err e = {0};
    int words = 0;
    const struct flag flag[] = {{"labels", FLAG_TEXT, &labels, 0, 0, "ops|FILE",
                                 "labels to choose from, where they are not the built-in ones"}};
    if (flags_show_help(argc, argv, USAGE, flag, 1, EXAMPLES)) return CMD_OK;
    struct reviewer *r = must_calloc(1, sizeof *r);
    r->labels = *label_default();
    bool ok = flags_parse(flag, 1, argc, argv, &words, &e) && (!labels || label_load(&r->labels, labels, &e)) &&
              (words == 0 || err_set(&e, ERR_USAGE, "unexpected argument '%s'; see 'logclass review --help'", argv[1]));
    if (ok) {
        ok = kept_kinds_open(&r->kept, &e);
        struct kinds_query q = KINDS_QUERY_ALL;
        struct words *w = ok ? book_words(&r->kept.book) : NULL;
        q.property = KINDS_WAITING;
        q.sort = KINDS_BY_SETTLES;
        q.limit = REVIEWED_MAX;
        if (ok) kinds_query_run(&r->kept.book, w, &q, &r->queue);
        words_unref(w);
        if (ok) review_loop(r);
        kept_kinds_close(&r->kept);
    }
    free(r);
    return ok ? CMD_OK : cmd_fail(&e);
}
