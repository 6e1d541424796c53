/* /api/learn: what there is to learn from, and learning in a child process; /api/heads: which head decides. */
#include "api/context.h"
#include "api/desk.h"
#include "api/ask.h"
#include "api/handlers.h"
#include "api/head_compare.h"
#include "api/json_put.h"
#include "api/learner.h"
#include "api/params.h"
#include "train/head_versions.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static unsigned no_state_folder(struct exchange *x) {
    return ask_error(x, 404, "there is no state folder, so nothing can be learnt here: set HOME or STATE_DIRECTORY");
}

/* Which head is in use. */
static void head_in_use(const char *folder, char name[HEAD_VERSIONS_NAME_MAX]) {
    struct head_versions_entry all[HEAD_VERSIONS_MAX + 1];
    unsigned n = head_versions_list(folder, all);
    snprintf(name, HEAD_VERSIONS_NAME_MAX, "shipped");
    for (unsigned i = 0; i < n; i++)
        if (all[i].current) memcpy(name, all[i].name, HEAD_VERSIONS_NAME_MAX);
}

/* ---- learn ---- */

/* The file of a head of the list, of the candidate or the shipped one. */
static bool head_file(const struct api_places *p, const char *name, char path[PATH_MAX]) {
    if (strcmp(name, "shipped") != 0) return head_versions_path(p->heads, name, path, PATH_MAX);
    return p->shipped_head[0] && snprintf(path, PATH_MAX, "%s", p->shipped_head) < PATH_MAX;
}

/* ,"differs":[…]…: what changes from one head to the other. */
static bool put_difference(struct exchange *x, const char *was, const char *is, struct err *e) {
    const struct api_places *p = &api_of(x)->places;
    char a[PATH_MAX], b[PATH_MAX];
    if (!head_file(p, was, a)) return err_set(e, ERR_INPUT, "there is no head '%s'", was);
    if (!head_file(p, is, b)) return err_set(e, ERR_INPUT, "there is no head '%s'", is);
    return head_compare_put(x, a, b, e);
}

/* The label that was likeliest by a blind check's note, or, in those of earlier versions, now; "": it is none. */
static struct span blind_likeliest(struct book *b, const struct correction *c, char *text) {
    const struct span BEGIN = SPAN_LIT("blind check"), LIKELIEST = SPAN_LIT(", likeliest ");
    struct kind_view v;
    if (!span_eq(span_sub(c->note, 0, BEGIN.n), BEGIN)) return (struct span){0};
    struct span rest = span_sub(c->note, BEGIN.n, c->note.n);
    if (span_eq(span_sub(rest, 0, LIKELIEST.n), LIKELIEST)) return span_sub(rest, LIKELIEST.n, rest.n);
    return rest.n == 0 && kinds_find(b->kinds, c->kind, &v, text) ? span_of(kinds_label_id(b->kinds, v.best))
                                                                  : (struct span){0};
}

/* ,"blind":{"checks","agree"}: of words on cards that showed no suggestion, those that are what was likeliest. */
static void put_blind(struct exchange *x) {
    struct book *b = api_of(x)->book;
    struct words *w = b ? book_words(b) : NULL;
    const struct corrections *c = w ? words_log(w) : NULL;
    char text[KINDS_TEXT_MAX];
    unsigned checks = 0, agree = 0;
    for (size_t i = 0; c && i < c->n; i++) {
        const struct correction *one = &c->row[i];
        if (one->undone || !one->label[0]) continue;
        struct span likeliest = blind_likeliest(b, one, text);
        checks += likeliest.n > 0;
        agree += likeliest.n > 0 && span_eq(likeliest, span_of(one->label));
    }
    words_unref(w);
    buf_printf(&x->out, ",\"blind\":{\"checks\":%u,\"agree\":%u}", checks, agree);
}

/* How learning goes, and what there is to learn from: {"off":true} where nothing can be kept. */
static unsigned learn_look(struct exchange *x) {
    struct api *api = api_of(x);
    struct err e = {0};
    struct buf count;
    char name[HEAD_VERSIONS_NAME_MAX], path[PATH_MAX];
    if (!api->places.heads) {
        buf_puts(&x->out, "{\"off\":true}");
        return 200;
    }
    buf_init(&count, LEARNER_RESULT_MAX);
    learner_json(api->learner, &x->out);
    x->out.n--; /* its last bracket: more members follow */
    head_in_use(api->places.heads, name);
    json_put_member(&x->out, "head", span_of(name));
    put_blind(x);
    if (head_versions_path(api->places.heads, HEAD_VERSIONS_CANDIDATE, path, sizeof path))
        put_difference(x, name, HEAD_VERSIONS_CANDIDATE, &e);
    if (learner_count(api->learner, &count, &e) && count.n > 2) {
        buf_putc(&x->out, ',');
        buf_put(&x->out, count.p + 1, count.n - 1);
    } else {
        json_put_member(&x->out, "count_error", span_of(e.msg));
        buf_putc(&x->out, '}');
    }
    buf_release(&count);
    return 200;
}

enum step api_learn(struct exchange *x) {
    return desk_run(x, learn_look);
}

static unsigned learn_start(struct exchange *x) {
    struct err e = {0};
    char by[LEARNER_BY_MAX];
    struct span user = exchange_user(x);
    if (!api_of(x)->places.heads) return no_state_folder(x);
    snprintf(by, sizeof by, "%.*s", (int)(user.n < sizeof by - 1 ? user.n : sizeof by - 1), user.p);
    if (!learner_start(api_of(x)->learner, by, &e)) return ask_error(x, e.code == ERR_BUSY ? 409 : 500, "%s", e.msg);
    learner_json(api_of(x)->learner, &x->out);
    return 202;
}

enum step api_learn_start(struct exchange *x) {
    return desk_run(x, learn_start);
}

/* Ends the child; {"discard":true}: takes its candidate away instead. */
static unsigned learn_stop(struct exchange *x) {
    struct api *api = api_of(x);
    struct err e = {0};
    struct ask f;
    if (!api->places.heads) return no_state_folder(x);
    if (!ask_open(x, &f)) return 0;
    bool discard = ask_flag(&f, "discard");
    ask_close(&f);
    bool ok = discard ? learner_forget(api->learner, &e) && head_versions_discard(api->places.heads, &e)
                      : learner_stop(api->learner, &e);
    if (!ok) return ask_error(x, e.code == ERR_IO ? 500 : 409, "%s", e.msg);
    learner_json(api->learner, &x->out);
    return 202;
}

enum step api_learn_stop(struct exchange *x) {
    return desk_run(x, learn_stop);
}

/* ---- heads ---- */

static void put_figures(struct buf *out, const struct head_metrics *m) {
    if (m->rows == 0)
        buf_puts(out, ",\"judged\":null");
    else
        buf_printf(out, ",\"judged\":{\"rows\":%u,\"right\":%.4f,\"macro_f1\":%.4f,\"ece\":%.4f}", m->rows, m->accuracy,
                   m->macro_f1, m->ece);
}

/* One head of the list. A file that can't be read says so in its place. */
static void put_head(struct buf *out, const char *folder, const char *name, bool in_use) {
    char path[PATH_MAX];
    struct err e = {0};
    struct head *h = head_versions_path(folder, name, path, sizeof path) ? head_open(path, &e) : NULL;
    const struct head_content *c = h ? head_content(h) : NULL;
    buf_puts(out, "{\"name\":");
    json_put_text(out, span_of(name));
    buf_printf(out, ",\"in_use\":%s", in_use ? "true" : "false");
    json_put_member(out, c ? "about" : "error", span_of(c ? c->created_by : e.msg));
    put_figures(out, c ? &c->metrics : &(struct head_metrics){0});
    buf_putc(out, '}');
    head_close(h);
}

/* {"in_use","items":[…],"candidate":{…}|null}, newest first, at the end the shipped one. */
static void put_heads(struct exchange *x, const char *folder) {
    struct head_versions_entry all[HEAD_VERSIONS_MAX + 1];
    char path[PATH_MAX], in_use[HEAD_VERSIONS_NAME_MAX];
    unsigned n = head_versions_list(folder, all);
    head_in_use(folder, in_use);
    buf_printf(&x->out, "{\"in_use\":\"%s\",\"items\":[", in_use);
    for (unsigned i = 0; i < n; i++) {
        put_head(&x->out, folder, all[i].name, all[i].current);
        buf_putc(&x->out, ',');
    }
    buf_printf(&x->out, "{\"name\":\"shipped\",\"in_use\":%s,\"about\":\"came with logclass\",\"judged\":null}]",
               strcmp(in_use, "shipped") == 0 ? "true" : "false");
    buf_puts(&x->out, ",\"candidate\":");
    if (head_versions_path(folder, HEAD_VERSIONS_CANDIDATE, path, sizeof path))
        put_head(&x->out, folder, HEAD_VERSIONS_CANDIDATE, false);
    else
        buf_puts(&x->out, "null");
    buf_putc(&x->out, '}');
}

static unsigned heads_look(struct exchange *x) {
    const struct api_places *p = &api_of(x)->places;
    if (!p->heads) return no_state_folder(x);
    put_heads(x, p->heads);
    return 200;
}

enum step api_heads(struct exchange *x) {
    return desk_run(x, heads_look);
}

static bool switch_head(const char *folder, const char *name, struct err *e) {
    char ignored[HEAD_VERSIONS_NAME_MAX];
    if (strcmp(name, HEAD_VERSIONS_CANDIDATE) == 0)
        return head_versions_accept(folder, (int64_t)time(NULL), ignored, e);
    return head_versions_restore(folder, name, e);
}

/* In force when this answers: the next line is decided by it. A head that the server can't take up is not in use. */
static unsigned use_head(struct exchange *x, const struct ask *f) {
    struct api *api = api_of(x);
    const struct api_places *p = &api->places;
    struct err e = {0}, ignored;
    char before[HEAD_VERSIONS_NAME_MAX], name[HEAD_VERSIONS_NAME_MAX];
    struct span wanted = ask_text(f, "name");
    if (wanted.n == 0 || wanted.n >= sizeof name) return ask_error(x, 422, "name: expected the name of a head");
    snprintf(name, sizeof name, "%.*s", (int)wanted.n, wanted.p);
    head_in_use(p->heads, before);
    if (!switch_head(p->heads, name, &e)) return ask_error(x, e.code == ERR_INPUT ? 404 : 500, "%s", e.msg);
    if (!p->reload(p->ctx, &e)) {
        head_versions_restore(p->heads, before, &ignored);
        return ask_error(x, 500, "it can't be taken up: %s", e.msg);
    }
    if (strcmp(name, HEAD_VERSIONS_CANDIDATE) == 0) learner_forget(api->learner, &ignored);
    head_in_use(p->heads, name);
    buf_puts(&x->out, "{\"head\":");
    json_put_text(&x->out, span_of(name));
    buf_putc(&x->out, '}');
    return 200;
}

static unsigned heads_use(struct exchange *x) {
    struct ask f;
    if (!api_of(x)->places.heads) return no_state_folder(x);
    if (api_of(x)->places.desk) return ask_error(x, 409, "the head is that of the desk, %s", api_of(x)->places.desk);
    if (!ask_open(x, &f)) return 0;
    unsigned status = use_head(x, &f);
    ask_close(&f);
    return status;
}

enum step api_heads_use(struct exchange *x) {
    return desk_run(x, heads_use);
}

/* GET /api/heads/compare?a=&b= */
static unsigned heads_compare(struct exchange *x) {
    struct param p[] = {{.name = "a"}, {.name = "b"}};
    char a[HEAD_VERSIONS_NAME_MAX], b[HEAD_VERSIONS_NAME_MAX];
    struct err e = {0};
    if (!api_of(x)->places.heads) return no_state_folder(x);
    if (!params_read(x, p, 2)) return 0;
    if (p[0].value.n >= sizeof a || p[1].value.n >= sizeof b) return ask_error(x, 404, "there is no such head");
    snprintf(a, sizeof a, "%.*s", (int)p[0].value.n, p[0].value.n ? p[0].value.p : "");
    snprintf(b, sizeof b, "%.*s", (int)p[1].value.n, p[1].value.n ? p[1].value.p : "");
    buf_puts(&x->out, "{\"a\":");
    json_put_text(&x->out, span_of(a));
    json_put_member(&x->out, "b", span_of(b));
    if (!put_difference(x, a, b, &e)) return ask_error(x, e.code == ERR_INPUT ? 404 : 422, "%s", e.msg);
    buf_putc(&x->out, '}');
    return 200;
}

enum step api_heads_compare(struct exchange *x) {
    return desk_run(x, heads_compare);
}
