#include "api/rule_preview.h"

#include "api/json_put.h"
#include "base/clock.h"

#include <inttypes.h>
#include <xxhash.h>

enum { PREVIEW_LINES_MAX = 200 };

/* The candidate alone, compiled, and what it was tried on so far. */
struct preview {
    struct rules *rule;
    struct rules_scratch *scratch;
    struct buf items;
    size_t lines, matched;
};

struct rule_draft rule_preview_draft(const struct ask *f) {
    return (struct rule_draft){.name = ask_text(f, "name"),
                               .label = ask_text(f, "label_id"),
                               .pattern = ask_text(f, "pattern"),
                               .source = ask_text(f, "source"),
                               .confidence = ask_number(f, "confidence", 0.95),
                               .replaces = ask_text(f, "replaces")};
}

uint64_t rule_preview_hash(const struct rule_draft *d, uint64_t revision) {
    const struct span part[] = {d->name, d->label, d->pattern, d->source, d->replaces};
    uint64_t hash = XXH3_64bits_withSeed(&d->confidence, sizeof d->confidence, revision);
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        hash = XXH3_64bits_withSeed(&part[i].n, sizeof part[i].n, hash);
        hash = XXH3_64bits_withSeed(part[i].n ? part[i].p : "", part[i].n, hash);
    }
    return hash;
}

static bool preview_open(struct preview *p, const struct rule_draft *d, const struct label_set *labels, struct err *e) {
    struct buf text;
    *p = (struct preview){0};
    buf_init(&p->items, 1 << 20);
    buf_init(&text, PAGE_RULES_BYTES_MAX);
    bool ok = page_rules_with((struct span){0}, d, labels, &text, e) &&
              (p->rule = rules_open_text(buf_span(&text), "rule", labels, e)) != NULL &&
              (p->scratch = rules_scratch_open(p->rule, e)) != NULL;
    buf_release(&text);
    return ok;
}

static void preview_close(struct preview *p) {
    rules_scratch_close(p->scratch);
    rules_close(p->rule);
    buf_release(&p->items);
}

/* One line that somebody pasted: does it match, and where? */
static void try_line(struct preview *p, struct span line) {
    struct rules_match where;
    struct record rec = {{0}, line};
    p->lines++;
    if (rules_match(p->rule, p->scratch, &rec, &where) < 0) return;
    buf_puts(&p->items, p->matched++ ? ",{\"example\":" : "{\"example\":");
    json_put_text(&p->items, line);
    buf_printf(&p->items, ",\"span\":[%u,%u]}", where.from, where.to);
}

unsigned rule_preview(struct exchange *x, const struct ask *f, const struct rule_now *now) {
    struct rule_draft d = rule_preview_draft(f);
    struct span line[ASK_LIST_MAX];
    struct preview p;
    struct err e = {0};
    uint64_t begun = clock_now_ns(NULL);
    bool ok = preview_open(&p, &d, &now->eng->labels, &e);
    size_t n = ok ? ask_texts(f, "lines", NULL, line) : 0;
    for (size_t i = 0; i < n && i < PREVIEW_LINES_MAX; i++) try_line(&p, line[i]);
    if (ok)
        buf_printf(&x->out,
                   "{\"hash\":\"%016" PRIx64 "\",\"revision\":\"%016" PRIx64
                   "\",\"ms\":%.1f,\"tested\":{\"kinds\":0,\"lines\":%zu},\"items\":[",
                   rule_preview_hash(&d, now->revision), now->revision, (double)(clock_now_ns(NULL) - begun) * 1e-6,
                   p.lines);
    if (ok) buf_put(&x->out, p.items.p, p.items.n), buf_puts(&x->out, "]}");
    preview_close(&p);
    return ok ? 200 : ask_error(x, 422, "%s", e.msg);
}
