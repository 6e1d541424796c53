/* What the desk answers, brought in force here. */
#include "app/share_desk.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "encoder/encoder.h"
#include "rules/page_rules.h"
#include "train/head_versions.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yyjson.h>

/* ---- words ---- */

static uint64_t version_of(yyjson_val *root, const char *name) {
    const char *text = yyjson_get_str(yyjson_obj_get(root, name));
    return text ? strtoull(text, NULL, 16) : 0; /* "shipped" is none */
}

/* Whether our rules and head are those of the desk. */
static void share_compare(struct share_desk *d) {
    struct span text = {0};
    struct err ignored = {0};
    uint64_t ours = 0;
    bool known = page_rules_read(d->page_rules, &text, &ours, &ignored);
    file_free(&text);
    d->want_rules = known && d->rules && ours != d->rules && d->rules != d->refused_rules;
    known = head_versions_read(d->heads, &text, &ours, &ignored);
    file_free(&text);
    d->want_head = known && ours != d->head && (d->head == 0 || d->head != d->refused_head);
}

/* The first line tells what there is; what follows are records. */
static bool take_in_words(struct share_desk *d, struct span reply, struct err *e) {
    struct span first = span_take_line(&reply);
    yyjson_doc *doc = yyjson_read(first.p, first.n, YYJSON_READ_NOFLAG);
    yyjson_val *root = yyjson_doc_get_root(doc), *last = yyjson_obj_get(root, "last");
    bool known = yyjson_is_uint(last), more = yyjson_is_true(yyjson_obj_get(root, "more"));
    d->rules = version_of(root, "rules");
    d->head = version_of(root, "head");
    yyjson_doc_free(doc);
    if (!known) return err_set(e, ERR_DECODE, "the answer is not that of a desk");
    if (reply.n > 0 && !shared_adopt(d->s->log, reply, e)) return false;
    if (reply.n > 0) share_refresh(d->s);
    if (!more) d->s->heard_ns = clock_now_ns(NULL);
    share_compare(d);
    return true;
}

/* ---- rules and head ---- */

static bool share_reload(struct share_desk *d, struct err *e) {
    return d->s->places->api.reload(d->s->places->api.ctx, e);
}

/* Rules that can't be used here, for a label that there is not, are not tried again until they change. */
static bool take_rules(struct share_desk *d, struct span reply, struct err *e) {
    struct span old = {0};
    struct err ignored;
    uint64_t revision = 0;
    bool ok = page_rules_read(d->page_rules, &old, &revision, e) && page_rules_save(d->page_rules, reply, revision, e);
    file_free(&old);
    d->want_rules = false;
    if (!ok) return false;
    if (share_reload(d, e)) {
        log_info("share.rules", "the rules of desk %s are in force", d->desk);
        return true;
    }
    if (e->code == ERR_CANCELLED) return false;
    d->refused_rules = d->rules;
    log_warn("share.rules_unfit", "the rules of desk %s can't be used here: %s", d->desk, e->msg);
    if (page_rules_read(d->page_rules, &old, &revision, &ignored)) page_rules_undo(d->page_rules, revision, &ignored);
    file_free(&old);
    *e = (struct err){0};
    return share_reload(d, e);
}

static bool receive_head(struct share_desk *d, struct span text, struct err *e) {
    if (text.n == 0) return head_versions_restore(d->heads, "shipped", e);
    struct engine *eng = pipeline_engine(d->s->classifier->pipeline);
    if (!eng || !eng->encoder) {
        engine_unref(eng);
        return err_set(e, ERR_MODEL, "there is no encoder here");
    }
    struct head_versions_fit fit = {&eng->labels, encoder_hash(eng->encoder)};
    bool ok = head_versions_receive(d->heads, text, &fit, (int64_t)time(NULL), e);
    engine_unref(eng);
    return ok;
}

static bool take_head(struct share_desk *d, struct span reply, struct err *e) {
    d->want_head = false;
    if (receive_head(d, reply, e) && share_reload(d, e)) {
        log_info("share.head", "the head of desk %s is in use", d->desk);
        return true;
    }
    if (e->code == ERR_CANCELLED || e->code == ERR_IO) return false;
    d->refused_head = d->head;
    log_warn("share.head_unfit", "the head of desk %s is not used here: %s", d->desk, e->msg);
    *e = (struct err){0};
    return true;
}

bool share_desk_take(struct share_desk *d, enum share_job job, struct span reply, struct err *e) {
    switch (job) {
    case SHARE_ASK: return take_in_words(d, reply, e);
    case SHARE_FETCH_RULES: return take_rules(d, reply, e);
    case SHARE_FETCH_HEAD: return take_head(d, reply, e);
    case SHARE_TELL_WORDS:
        d->s->told_last = d->s->telling;
        return true; /* they wait until they come back as the desk's */
    case SHARE_TELL_KINDS: d->parcel.n = 0; return true;
    case SHARE_JOBS: break;
    }
    return true;
}
