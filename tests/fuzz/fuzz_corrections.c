/* Any bytes as the log of corrections: read, indexed and asked without harm; what is said behind them is in force and can
 * be taken back, and the log has a line more. */
#include "base/must.h"
#include "review/kinds.h"
#include "review/overlay.h"
#include "review/say.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char path[64];

static void write_file(const uint8_t *data, size_t n) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MUST(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    close(fd);
}

static void ask_all(const struct words *w) {
    const struct corrections *c = words_log(w);
    struct overlay *o = overlay_open(c);
    struct overlay_word found;
    for (size_t i = 0; i < c->n; i++) {
        const struct correction *r = &c->row[i];
        struct words_about a = words_about(w, r->kind, r->family);
        MUST(a.rev > 1 && (!a.label || (a.label->label[0] && !a.label->undone)));
        if (o) overlay_find(o, r->source, r->message, &found);
    }
    overlay_unref(o);
}

static struct words *read_words(void) {
    struct corrections c;
    struct err e = {0};
    bool ok = corrections_read(&c, path, &e);
    struct words *w = ok ? words_open(&c) : NULL;
    corrections_release(&c);
    return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char TEMPLATE[] = "what nobody said before";
    struct err e = {0};
    snprintf(path, sizeof path, "/tmp/logclass_fuzz_%d.jsonl", (int)getpid());
    write_file(data, n);
    struct words *w = read_words();
    MUST(w != NULL);
    ask_all(w);
    struct say_change c = {.message = span_of(TEMPLATE), .label = "INFO"};
    c.kind = c.family = kinds_id_of(span_of(TEMPLATE));
    bool known = words_about(w, c.kind, c.family).rev > 1;
    size_t before = words_log(w)->n;
    uint32_t last = words_log(w)->last_id;
    words_unref(w);
    struct say s = {.change = &c, .n = 1, .by = SPAN_LIT("fuzz")};
    if (last < UINT32_MAX - 2 && say_words(path, &s, &e) == SAY_DONE) {
        w = read_words();
        MUST(w && words_log(w)->n == before + 1);
        if (!known) MUST(strcmp(words_about(w, c.kind, c.family).label->label, "INFO") == 0);
        words_unref(w);
        MUST(corrections_forget(path, c.kind, c.family, &e));
        w = read_words();
        MUST(w && words_log(w)->forgotten_n > 0);
        words_unref(w);
    }
    unlink(path);
    return 0;
}
