/* /api/rules: the rules in force, and those of the page: suggested from kinds, saved, taken back. */
#include "api/context.h"
#include "api/desk.h"
#include "api/ask.h"
#include "api/handlers.h"
#include "api/json_put.h"
#include "api/rule_preview.h"
#include "base/file.h"
#include "rules/page_rules.h"
#include "rules/rule_suggest.h"

#include <inttypes.h>

enum { RULE_LIST_MAX = 2000 };

static unsigned no_rules_here(struct exchange *x) {
    return ask_error(x, 404, "there is no state folder to keep rules in: set HOME or STATE_DIRECTORY");
}

/* ---- the list ---- */

static void put_rule(struct buf *out, const struct rules *r, size_t i, const struct label_set *labels,
                     const char *own) {
    const struct rule *rule = rules_get(r, i);
    buf_printf(out, "{\"n\":%zu", i + 1);
    json_put_member(out, "name", span_of(rule->name));
    json_put_member(out, "label_id", span_of(labels->label[rule->label].id));
    json_put_member(out, "pattern", span_of(rule->pattern));
    json_put_member(out, "source", span_of(rule->source ? rule->source : ""));
    buf_printf(out, ",\"confidence\":%.4g,\"page\":%s,\"line\":%u", rule->confidence,
               own && strcmp(rule->path, own) == 0 ? "true" : "false", rule->line);
    json_put_member(out, "path", span_of(rule->path));
    buf_putc(out, '}');
}

/* {"revision","versions","total","rules":[…]} */
static unsigned put_rules(struct exchange *x, unsigned status) {
    const char *own = api_of(x)->places.page_rules;
    struct engine *eng = pipeline_engine(api_of(x)->pipeline);
    const struct rules *r = eng ? eng->rules : NULL;
    struct span text;
    struct err e = {0};
    uint64_t revision = 0;
    size_t n = r ? rules_count(r) : 0;
    if (own && !page_rules_read(own, &text, &revision, &e)) {
        engine_unref(eng);
        return ask_error(x, 500, "%s", e.msg);
    }
    if (own) file_free(&text);
    buf_printf(&x->out, "{\"revision\":\"%016" PRIx64 "\",\"versions\":%u,\"editable\":%s,\"total\":%zu,\"rules\":[",
               revision, own ? page_rules_versions(own) : 0, own ? "true" : "false", n);
    for (size_t i = 0; i < n && i < RULE_LIST_MAX; i++) {
        if (i > 0) buf_putc(&x->out, ',');
        put_rule(&x->out, r, i, &eng->labels, own);
    }
    buf_puts(&x->out, "]}");
    engine_unref(eng);
    return status;
}

static unsigned rules_look(struct exchange *x) {
    return put_rules(x, 200);
}

enum step api_rules(struct exchange *x) {
    return desk_run(x, rules_look);
}

/* ---- suggest ---- */

static unsigned suggest(struct exchange *x, const struct ask *f) {
    struct span template[ASK_LIST_MAX];
    struct buf pattern, name;
    struct err e = {0};
    size_t n = ask_texts(f, "templates", NULL, template);
    if (n == 0 || n > RULE_SUGGEST_TEMPLATES_MAX)
        return ask_error(x, 422, "templates: expected 1 to %d", RULE_SUGGEST_TEMPLATES_MAX);
    buf_init(&pattern, RULES_PATTERN_MAX), buf_init(&name, RULES_NAME_MAX);
    bool ok = rule_suggest(template, n, &pattern, &name, &e);
    if (ok && pattern.failed) ok = err_set(&e, ERR_LIMIT, "what they have in common is too long for a pattern");
    if (ok) {
        buf_puts(&x->out, "{\"name\":");
        json_put_text(&x->out, buf_span(&name));
        json_put_member(&x->out, "pattern", buf_span(&pattern));
        buf_putc(&x->out, '}');
    }
    buf_release(&pattern), buf_release(&name);
    return ok ? 200 : ask_error(x, 422, "%s", e.msg);
}

/* ---- save, remove, undo ---- */

/* Puts text in place of the page's rules and has it taken up, or leaves everything as it was. */
static unsigned put_in_force(struct exchange *x, struct span text, uint64_t revision) {
    const struct api_places *p = &api_of(x)->places;
    struct err e = {0}, ignored;
    struct span now;
    if (!page_rules_save(p->page_rules, text, revision, &e))
        return ask_error(x, e.code == ERR_BUSY ? 409 : 500, "%s", e.msg);
    if (p->reload(p->ctx, &e)) return put_rules(x, 200);
    if (page_rules_read(p->page_rules, &now, &revision, &ignored)) {
        file_free(&now);
        page_rules_undo(p->page_rules, revision, &ignored);
    }
    return ask_error(x, 422, "%s", e.msg);
}

/* The page's rules with this one, compiled: what can't be used is told before anything is written. */
static unsigned save_draft(struct exchange *x, const struct ask *f, struct span old, const struct label_set *labels) {
    struct rule_draft d = rule_preview_draft(f);
    uint64_t revision = ask_hash(f, "revision");
    struct err e = {0};
    struct buf text;
    if (ask_hash(f, "hash") != rule_preview_hash(&d, revision))
        return ask_error(x, 409, "look at the preview of exactly this rule first");
    buf_init(&text, PAGE_RULES_BYTES_MAX);
    struct rules *compiled = page_rules_with(old, &d, labels, &text, &e)
                                 ? rules_open_text(buf_span(&text), "rules of the page", labels, &e)
                                 : NULL;
    unsigned status = compiled ? put_in_force(x, buf_span(&text), revision) : ask_error(x, 422, "%s", e.msg);
    rules_close(compiled);
    buf_release(&text);
    return status;
}

static unsigned remove_rule(struct exchange *x, const struct ask *f, struct span old) {
    struct err e = {0};
    struct buf text;
    buf_init(&text, PAGE_RULES_BYTES_MAX);
    unsigned status = page_rules_without(old, ask_text(f, "name"), &text, &e)
                          ? put_in_force(x, buf_span(&text), ask_hash(f, "revision"))
                          : ask_error(x, 422, "%s", e.msg);
    buf_release(&text);
    return status;
}

static unsigned undo_rules(struct exchange *x, const struct ask *f) {
    const struct api_places *p = &api_of(x)->places;
    struct err e = {0};
    if (!page_rules_undo(p->page_rules, ask_hash(f, "revision"), &e))
        return ask_error(x, e.code == ERR_BUSY ? 409 : 422, "%s", e.msg);
    return p->reload(p->ctx, &e) ? put_rules(x, 200) : ask_error(x, 500, "%s", e.msg);
}

/* ---- the handlers ---- */

enum rule_act { RULE_SUGGEST, RULE_PREVIEW, RULE_SAVE, RULE_REMOVE, RULE_UNDO };

static unsigned act_on_rules(struct exchange *x, const struct ask *f, enum rule_act act) {
    struct engine *eng = pipeline_engine(api_of(x)->pipeline);
    struct span old = {0};
    struct err e = {0};
    uint64_t revision;
    unsigned status = 0;
    if (!eng) return ask_error(x, 503, "rules and model are still being loaded");
    if (!page_rules_read(api_of(x)->places.page_rules, &old, &revision, &e)) status = ask_error(x, 500, "%s", e.msg);
    if (status)
        ;
    else if (act == RULE_SUGGEST)
        status = suggest(x, f);
    else if (act == RULE_PREVIEW)
        status = rule_preview(x, f, eng, revision);
    else if (act == RULE_SAVE)
        status = save_draft(x, f, old, &eng->labels);
    else if (act == RULE_REMOVE)
        status = remove_rule(x, f, old);
    else
        status = undo_rules(x, f);
    file_free(&old);
    engine_unref(eng);
    return status;
}

static unsigned rule_work(struct exchange *x, enum rule_act act) {
    struct ask f;
    if (!api_of(x)->places.page_rules) return no_rules_here(x);
    if (!ask_open(x, &f)) return 0;
    unsigned status = act_on_rules(x, &f, act);
    ask_close(&f);
    return status;
}

#define RULE_HANDLER(name, act)                       \
    static unsigned name##_work(struct exchange *x) { \
        return rule_work(x, act);                     \
    }                                                 \
    enum step api_##name(struct exchange *x) {        \
        return desk_run(x, name##_work);              \
    }
RULE_HANDLER(rules_suggest, RULE_SUGGEST)
RULE_HANDLER(rules_preview, RULE_PREVIEW)
RULE_HANDLER(rules_save, RULE_SAVE)
RULE_HANDLER(rules_remove, RULE_REMOVE)
RULE_HANDLER(rules_undo, RULE_UNDO)
