#include "train/feedback.h"

#include "base/check.h"
#include "base/must.h"
#include "base/rng.h"
#include "llm/store.h"

#include <stdio.h>
#include <unistd.h>

enum { LINES = 6000, TEMPLATES = 2000, ANSWERS = 2600 };

static char g_head[64], g_words[64], g_store[64];
static struct err err;

/* A head of labels A, B, UNCLASSIFIED. */
static struct head *feedback_head(void) {
    static const char *const ID[] = {"A", "B", "UNCLASSIFIED"};
    float weight[6] = {0}, bias[3] = {0};
    struct head_content *c = must_calloc(1, sizeof *c);
    for (unsigned k = 0; k < 3; k++) snprintf(c->labels.label[k].id, LABEL_ID_MAX, "%s", ID[k]);
    c->labels.n = 3;
    c->labels.unclassified = 2;
    c->layers = 1;
    c->layer[0] = (struct head_layer){.inputs = 2, .outputs = 3, .weight = weight, .bias = bias};
    CHECK(head_write(g_head, c, &err));
    free(c);
    return head_open(g_head, &err);
}

/* Letters only, so that the template is the message. */
static void wording(unsigned i, char text[32]) {
    snprintf(text, 32, "%c%c%c is here", 'a' + (int)(i / 676), 'a' + (int)(i / 26 % 26), 'a' + (int)(i % 26));
}

static void file_names(void) {
    snprintf(g_head, sizeof g_head, "/tmp/logclass_feedback_%d.json", (int)getpid());
    snprintf(g_words, sizeof g_words, "/tmp/logclass_feedback_%d.csv", (int)getpid());
    snprintf(g_store, sizeof g_store, "/tmp/logclass_feedback_%d.db", (int)getpid());
}

static void remove_feedback_files(void) {
    char text[80];
    static const char *const MORE[] = {"", "-wal", "-shm"};
    for (unsigned i = 0; i < 3; i++) snprintf(text, sizeof text, "%s%s", g_store, MORE[i]), unlink(text);
    unlink(g_head), unlink(g_words);
}

/* Answers about every second template, of which users said something about the first TEMPLATES. */
static void store_answers(void) {
    struct store_answer a = {.label = "A", .confidence = 0.9};
    struct store_origin origin = {.version = 1, .model = "m"};
    char text[32];
    struct store *s = store_open(&(struct store_opts){.path = g_store}, &err);
    CHECK(s != NULL);
    for (unsigned i = 0; i < ANSWERS; i += 2) wording(i, text), store_put(s, &origin, span_of(text), &a);
    CHECK(store_flush(s, &err));
    store_close(s);
}

/* What users said is the last word about each template, in the order of the first ones, and no answer counts beside
 * it: as it comes out when everything is compared with everything. */
static void many_words_are_as_when_all_are_compared(void) {
    static unsigned template[TEMPLATES];
    static uint8_t label[TEMPLATES];
    char text[32];
    size_t n = 0, left = 0;
    struct rng rng = {3};
    file_names();
    FILE *f = fopen(g_words, "w");
    fprintf(f, "source,log_message,target_label\n");
    for (unsigned i = 0; i < LINES; i++) {
        unsigned which = rng_below(&rng, TEMPLATES), of = rng_below(&rng, 2);
        size_t at = 0;
        while (at < n && template[at] != which) at++;
        if (at == n) template[n++] = which;
        label[at] = (uint8_t)of;
        wording(which, text);
        fprintf(f, "x,%s,%s\n", text, of == 0 ? "A" : "B");
    }
    fclose(f);
    for (unsigned i = 0; i < ANSWERS; i += 2) {
        size_t at = 0;
        while (at < n && template[at] != i) at++;
        left += at == n;
    }
    store_answers();
    struct head *base = feedback_head();
    struct feedback t;
    char *files[] = {g_words};
    struct feedback_opts o = {.store = g_store, .files = files, .files_n = 1, .corrections = "/dev/null"};
    CHECK(base && feedback_count(&t, &o, base, &err));
    CHECK_INT(t.by_user, n);
    CHECK_INT(t.by_llm, left);
    CHECK(left > (ANSWERS - TEMPLATES) / 2);
    for (size_t i = 0; i < n && i < t.rows.n; i++) {
        wording(template[i], text);
        CHECK_SPAN(t.rows.row[i].message, text);
        CHECK_INT(t.rows.row[i].label, label[i]);
    }
    feedback_release(&t);
    head_close(base);
    remove_feedback_files();
}

CHECK_MAIN(CHECK_TEST(many_words_are_as_when_all_are_compared))
