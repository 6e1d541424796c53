/* /api/rules: the rules in force, and those of the page: suggested from kinds, saved, taken back. */
#include "api/context.h"
#include "api/desk.h"
#include "api/ask.h"
#include "api/handlers.h"
#include "api/json_put.h"
#include "api/params.h"
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

static bool is_of_page(const struct rule *r, const char *own) {
    return own && strcmp(r->path, own) == 0;
}

/* ,"lines","lines_24h","last","hours": where lines are counted by rule. */
static void put_rule_counts(struct buf *out, const struct book *b, const struct rule *r) {
    struct ruled_view v;
    if (!b || !ruled_find(b->ruled, rules_id(r), kinds_now(b->kinds), &v)) return;
    buf_printf(out, ",\"lines\":%" PRIu64 ",\"lines_24h\":%u,\"last\":", v.lines, v.lines_24h);
    if (v.last)
        buf_printf(out, "%u", v.last);
    else
        buf_puts(out, "null");
    buf_puts(out, ",\"hours\":[");
    for (unsigned i = 0; i < RULED_HOURS; i++) buf_printf(out, "%s%u", i ? "," : "", v.hour[i]);
    buf_putc(out, ']');
}

static void put_rule_row(struct exchange *x, const struct rule *r, const struct label_set *labels, const char *own) {
    struct buf *out = &x->out;
    buf_printf(out, "{\"from\":\"%s\"", is_of_page(r, own) ? "page" : "file");
    json_put_member(out, "name", span_of(r->name));
    json_put_member(out, "label_id", span_of(labels->label[r->label].id));
    json_put_member(out, "pattern", span_of(r->pattern));
    json_put_member(out, "source", span_of(r->source ? r->source : ""));
    buf_printf(out, ",\"confidence\":%.4g,\"line\":%u", r->confidence, r->line);
    json_put_member(out, "path", span_of(r->path));
    put_rule_counts(out, api_of(x)->book, r);
    buf_putc(out, '}');
}

static void put_rules_head(struct exchange *x, uint64_t revision, const struct rules *r) {
    const char *own = api_of(x)->places.page_rules, *path = "";
    unsigned versions = own ? page_rules_versions(own) : 0;
    size_t n = r ? rules_count(r) : 0;
    for (size_t i = 0; i < n && !path[0]; i++)
        if (!is_of_page(rules_get(r, i), own)) path = rules_get(r, i)->path;
    buf_printf(&x->out, "{\"revision\":\"%016" PRIx64 "\",\"undo\":%s,\"versions\":%u,\"editable\":%s,\"total\":%zu",
               revision, versions ? "true" : "false", versions, own ? "true" : "false", n);
    json_put_member(&x->out, "path", span_of(path));
}

/* {"revision","undo","versions","editable","total","path","items":[…]}, in the order in which they are tried. */
static unsigned put_rules(struct exchange *x, unsigned status) {
    const char *own = api_of(x)->places.page_rules;
    struct engine *eng = pipeline_engine(api_of(x)->pipeline);
    const struct rules *r = eng ? eng->rules : NULL;
    struct span text = {0};
    struct err e = {0};
    uint64_t revision = 0;
    bool ok = !own || page_rules_read(own, &text, &revision, &e);
    file_free(&text);
    if (ok) {
        put_rules_head(x, revision, r);
        buf_puts(&x->out, ",\"items\":[");
        for (size_t i = 0; r && i < rules_count(r) && i < RULE_LIST_MAX; i++) {
            if (i > 0) buf_putc(&x->out, ',');
            put_rule_row(x, rules_get(r, i), &eng->labels, own);
        }
        buf_puts(&x->out, "]}");
    }
    engine_unref(eng);
    return ok ? status : ask_error(x, 500, "%s", e.msg);
}

static unsigned rules_look(struct exchange *x) {
    return put_rules(x, 200);
}

enum step api_rules(struct exchange *x) {
    return desk_run(x, rules_look);
}

/* ---- suggest ---- */

/* The messages' templates of the kinds that were chosen, into text; or those that are in the request itself. */
static size_t chosen_templates(struct exchange *x, const struct ask *f, struct buf *text, struct span *template) {
    struct book *b = api_of(x)->book;
    struct span chosen[ASK_LIST_MAX];
    size_t n = ask_texts(f, "ids", chosen), from[RULE_SUGGEST_TEMPLATES_MAX + 1] = {0}, found = 0;
    if (n == 0) return ask_texts(f, "templates", template);
    for (size_t i = 0; i < n && found < RULE_SUGGEST_TEMPLATES_MAX; i++) {
        struct kind_view v;
        char whole[KINDS_TEXT_MAX];
        uint64_t id;
        if (!b || !b->kinds || !params_id(chosen[i], &id) || !kinds_find(b->kinds, id, &v, whole)) continue;
        buf_put(text, v.text.p + v.message_at, v.text.n - v.message_at);
        from[++found] = text->n;
    }
    for (size_t i = 0; i < found; i++) template[i] = span_sub(buf_span(text), from[i], from[i + 1]);
    return found;
}

/* {"name","pattern"}: what {"ids"} or {"templates"} have in common. */
static unsigned suggest(struct exchange *x, const struct ask *f, const struct rule_now *now) {
    struct span template[ASK_LIST_MAX];
    struct buf pattern, name, text;
    struct err e = {0};
    (void)now;
    buf_init(&pattern, RULES_PATTERN_MAX), buf_init(&name, RULES_NAME_MAX);
    buf_init(&text, RULE_SUGGEST_TEMPLATES_MAX * KINDS_TEXT_MAX);
    size_t n = chosen_templates(x, f, &text, template);
    bool ok = n > 0 && n <= RULE_SUGGEST_TEMPLATES_MAX;
    if (!ok) err_set(&e, ERR_INPUT, "expected ids or templates of 1 to %d kinds", RULE_SUGGEST_TEMPLATES_MAX);
    ok = ok && rule_suggest(template, n, &pattern, &name, &e);
    if (ok && pattern.failed) ok = err_set(&e, ERR_LIMIT, "what they have in common is too long for a pattern");
    if (ok) {
        buf_puts(&x->out, "{\"name\":");
        json_put_text(&x->out, buf_span(&name));
        json_put_member(&x->out, "pattern", buf_span(&pattern));
        buf_putc(&x->out, '}');
    }
    buf_release(&pattern), buf_release(&name), buf_release(&text);
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
static unsigned save_draft(struct exchange *x, const struct ask *f, const struct rule_now *now) {
    struct rule_draft d = rule_preview_draft(f);
    struct err e = {0};
    struct buf text;
    if (ask_hash(f, "hash") != rule_preview_hash(&d, now->revision))
        return ask_error(x, 409,
                         "this is not the rule that was looked at, or somebody else changed the rules meanwhile");
    buf_init(&text, PAGE_RULES_BYTES_MAX);
    struct rules *compiled = page_rules_with(now->text, &d, &now->eng->labels, &text, &e)
                                 ? rules_open_text(buf_span(&text), "rules of the page", &now->eng->labels, &e)
                                 : NULL;
    unsigned status = compiled ? put_in_force(x, buf_span(&text), now->revision) : ask_error(x, 422, "%s", e.msg);
    rules_close(compiled);
    buf_release(&text);
    return status;
}

static unsigned remove_rule(struct exchange *x, struct span name, const struct rule_now *now) {
    struct err e = {0};
    struct buf text;
    buf_init(&text, PAGE_RULES_BYTES_MAX);
    unsigned status = page_rules_without(now->text, name, &text, &e) ? put_in_force(x, buf_span(&text), now->revision)
                                                                     : ask_error(x, 422, "%s", e.msg);
    buf_release(&text);
    return status;
}

/* A rule that was looked at, or {"remove":NAME}. */
static unsigned save_rule(struct exchange *x, const struct ask *f, const struct rule_now *now) {
    struct span name = ask_text(f, "remove");
    return name.n > 0 ? remove_rule(x, name, now) : save_draft(x, f, now);
}

static unsigned undo_rules(struct exchange *x, const struct ask *f, const struct rule_now *now) {
    const struct api_places *p = &api_of(x)->places;
    struct err e = {0};
    (void)f;
    if (!page_rules_undo(p->page_rules, now->revision, &e))
        return ask_error(x, e.code == ERR_BUSY ? 409 : 422, "%s", e.msg);
    return p->reload(p->ctx, &e) ? put_rules(x, 200) : ask_error(x, 500, "%s", e.msg);
}

/* ---- the handlers ---- */

typedef unsigned rule_act(struct exchange *x, const struct ask *f, const struct rule_now *now);

static unsigned rule_do(struct exchange *x, rule_act *act) {
    const char *own = api_of(x)->places.page_rules;
    struct rule_now now = {0};
    struct err e = {0};
    struct ask f;
    unsigned status = 0;
    if (!own) return no_rules_here(x);
    if (!ask_open(x, &f)) return 0;
    now.eng = pipeline_engine(api_of(x)->pipeline);
    if (!now.eng)
        status = ask_error(x, 503, "rules and model are still being loaded");
    else if (!page_rules_read(own, &now.text, &now.revision, &e))
        status = ask_error(x, 500, "%s", e.msg);
    else
        status = act(x, &f, &now);
    file_free(&now.text);
    engine_unref(now.eng);
    ask_close(&f);
    return status;
}

static unsigned suggest_work(struct exchange *x) {
    return rule_do(x, suggest);
}

static unsigned preview_work(struct exchange *x) {
    return rule_do(x, rule_preview);
}

static unsigned rules_of_desk(struct exchange *x) {
    return ask_error(x, 409, "rules are changed at the desk, %s", api_of(x)->places.desk);
}

static unsigned save_work(struct exchange *x) {
    if (api_of(x)->places.desk) return rules_of_desk(x);
    return rule_do(x, save_rule);
}

static unsigned undo_work(struct exchange *x) {
    if (api_of(x)->places.desk) return rules_of_desk(x);
    return rule_do(x, undo_rules);
}

enum step api_rules_suggest(struct exchange *x) {
    return desk_run(x, suggest_work);
}

enum step api_rules_preview(struct exchange *x) {
    return desk_run(x, preview_work);
}

enum step api_rules_save(struct exchange *x) {
    return desk_run(x, save_work);
}

enum step api_rules_undo(struct exchange *x) {
    return desk_run(x, undo_work);
}
