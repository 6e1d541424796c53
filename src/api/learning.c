/* /api/learn: what there is to learn from, and learning in a child process; /api/heads: which head decides. */
#include "api/context.h"
#include "api/desk.h"
#include "api/ask.h"
#include "api/handlers.h"
#include "api/json_put.h"
#include "api/learner.h"
#include "train/head_versions.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static unsigned no_state_folder(struct exchange *x) {
    return ask_error(x, 404, "there is no state folder, so nothing can be learnt here: set HOME or STATE_DIRECTORY");
}

/* ---- learn ---- */

/* {"learn":{…},"count":{…}|null}: where it stands, and what there is to learn from. */
static unsigned learn_look(struct exchange *x) {
    struct err e = {0};
    struct buf count;
    if (!api_of(x)->places.heads) return no_state_folder(x);
    buf_init(&count, LEARNER_RESULT_MAX);
    buf_puts(&x->out, "{\"learn\":");
    learner_json(api_of(x)->learner, &x->out);
    buf_puts(&x->out, ",\"count\":");
    if (learner_count(api_of(x)->learner, &count, &e)) {
        buf_put(&x->out, count.p, count.n);
    } else {
        buf_puts(&x->out, "null");
        json_put_member(&x->out, "error", span_of(e.msg));
    }
    buf_putc(&x->out, '}');
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

static unsigned learn_stop(struct exchange *x) {
    struct err e = {0};
    if (!api_of(x)->places.heads) return no_state_folder(x);
    if (!learner_stop(api_of(x)->learner, &e)) return ask_error(x, 409, "%s", e.msg);
    learner_json(api_of(x)->learner, &x->out);
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
    json_put_member(out, c ? "created_by" : "error", span_of(c ? c->created_by : e.msg));
    put_figures(out, c ? &c->metrics : &(struct head_metrics){0});
    buf_putc(out, '}');
    head_close(h);
}

static void put_shipped(struct buf *out, bool in_use) {
    buf_printf(out, "{\"name\":\"shipped\",\"in_use\":%s,\"created_by\":\"came with logclass\",\"judged\":null}",
               in_use ? "true" : "false");
}

static void put_heads(struct exchange *x, const char *folder) {
    struct head_versions_entry all[HEAD_VERSIONS_MAX + 1];
    char path[PATH_MAX];
    unsigned n = head_versions_list(folder, all);
    bool learnt = false;
    buf_puts(&x->out, "{\"heads\":[");
    for (unsigned i = 0; i < n; i++) {
        put_head(&x->out, folder, all[i].name, all[i].current);
        buf_putc(&x->out, ',');
        learnt = learnt || all[i].current;
    }
    put_shipped(&x->out, !learnt);
    buf_puts(&x->out, "],\"candidate\":");
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

/* Which head is in use, to go back to where another can't be taken up. */
static void head_in_use(const char *folder, char name[HEAD_VERSIONS_NAME_MAX]) {
    struct head_versions_entry all[HEAD_VERSIONS_MAX + 1];
    unsigned n = head_versions_list(folder, all);
    snprintf(name, HEAD_VERSIONS_NAME_MAX, "shipped");
    for (unsigned i = 0; i < n; i++)
        if (all[i].current) memcpy(name, all[i].name, HEAD_VERSIONS_NAME_MAX);
}

static bool switch_head(const char *folder, const char *name, struct err *e) {
    char ignored[HEAD_VERSIONS_NAME_MAX];
    if (strcmp(name, HEAD_VERSIONS_CANDIDATE) == 0)
        return head_versions_accept(folder, (int64_t)time(NULL), ignored, e);
    return head_versions_restore(folder, name, e);
}

/* In force when this answers: the next line is decided by it. A head that the server can't take up is not in use. */
static unsigned use_head(struct exchange *x, const struct ask *f) {
    const struct api_places *p = &api_of(x)->places;
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
    put_heads(x, p->heads);
    return 200;
}

static unsigned heads_use(struct exchange *x) {
    struct ask f;
    if (!api_of(x)->places.heads) return no_state_folder(x);
    if (!ask_open(x, &f)) return 0;
    unsigned status = use_head(x, &f);
    ask_close(&f);
    return status;
}

enum step api_heads_use(struct exchange *x) {
    return desk_run(x, heads_use);
}

static unsigned heads_discard(struct exchange *x) {
    const struct api_places *p = &api_of(x)->places;
    struct err e = {0};
    if (!p->heads) return no_state_folder(x);
    if (!head_versions_discard(p->heads, &e)) return ask_error(x, 500, "%s", e.msg);
    put_heads(x, p->heads);
    return 200;
}

enum step api_heads_discard(struct exchange *x) {
    return desk_run(x, heads_discard);
}
