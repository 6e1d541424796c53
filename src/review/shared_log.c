#include "review/shared_log.h"

#include "base/file.h"
#include "base/json_out.h"
#include "base/must.h"
#include "review/kinds.h"
#include "review/log_lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <yyjson.h>

enum { SKEW_S = 2 };

static const char FORGET[] = ",\"forget\":\"";

static bool shared_read(const char *path, struct span *text, struct err *e) {
    *text = (struct span){"", 0};
    return access(path, F_OK) != 0 || file_read(path, CORRECTIONS_FILE_BYTES_MAX, text, e);
}

static void shared_free(struct span *text) {
    if (text->n > 0) file_free(text);
}

static struct span whole_lines(struct span text) {
    const char *end = text.n ? memrchr(text.p, '\n', text.n) : NULL;
    return span_sub(text, 0, end ? (size_t)(end - text.p) + 1 : 0);
}

/* Of a write that was cut off there may be a beginning, whose number the next one has, too. */
static bool is_record(struct span line) {
    yyjson_doc *doc = yyjson_read(line.p, line.n, YYJSON_READ_NOFLAG);
    bool is = yyjson_is_obj(yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return is;
}

static bool no_desk(const char *path, struct err *e) {
    return err_set(e, ERR_USAGE, "%s follows another desk: this instance is none", path);
}

uint32_t shared_number(struct span line) {
    return log_lines_id(line);
}

bool shared_forgets(struct span line, uint64_t *kind, uint64_t *family) {
    if (!log_lines_has(line, FORGET)) return false;
    yyjson_doc *doc = yyjson_read(line.p, line.n, YYJSON_READ_NOFLAG);
    const char *a = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "forget"));
    const char *b = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "family"));
    *kind = a ? strtoull(a, NULL, 16) : 0;
    *family = b ? strtoull(b, NULL, 16) : 0;
    yyjson_doc_free(doc);
    return *kind != 0;
}

bool shared_is_about(struct span line, uint64_t kind, uint64_t family) {
    struct buf left;
    buf_init(&left, line.n + 2);
    corrections_without(line, kind, family, &left);
    bool about = left.n == 0;
    buf_release(&left);
    return about;
}

/* Takes what was said about a kind out of b. */
static void drop_kind(struct buf *b, uint64_t kind, uint64_t family) {
    struct buf left;
    buf_init(&left, b->max);
    corrections_without(buf_span(b), kind, family, &left);
    buf_release(b);
    *b = left;
}

/* Puts lines behind what stands in `to`; `from` is released. */
static void pour(struct buf *from, struct buf *to) {
    buf_put(to, from->p, from->n);
    to->failed |= from->failed;
    buf_release(from);
}

/* ---- the desk takes ---- */

struct taking {
    const struct shared_sent *sent;
    struct shared_taken *done;
    const char *path;
    uint32_t at; /* the number that a topic gives the record; 0: the next one */
    struct {
        uint32_t own, id, batch; /* its number there, and here */
    } map[SHARED_LINES_MAX];
    unsigned n;
};

/* What has number `own` there. False: it is not here (any more). */
static bool find_own(const struct taking *t, const struct corrections *c, uint32_t own, uint32_t *id, uint32_t *batch) {
    for (unsigned i = t->n; i-- > 0;) {
        if (t->map[i].own != own) continue;
        *id = t->map[i].id, *batch = t->map[i].batch;
        return true;
    }
    for (size_t i = c->n; i-- > 0;) {
        const struct correction *r = &c->row[i];
        if (r->origin_log != t->sent->log || r->origin_id != own) continue;
        *id = r->id, *batch = r->batch;
        return true;
    }
    return false;
}

/* A word in force about the same that was said later; 0: there is none. */
static uint32_t later_word(const struct corrections *c, const struct correction *w) {
    for (size_t i = c->n; i-- > 0;) {
        const struct correction *r = &c->row[i];
        bool same = r->family == w->family && span_eq(r->source, w->source) && !r->state[0] == !w->state[0];
        if (!same || r->undone || r->at.n == 0 || r->at.n != w->at.n) continue;
        if (memcmp(r->at.p, w->at.p, r->at.n) > 0) return r->id;
    }
    return 0;
}

/* A time as the desk's clock would have shown it, into to[24]. */
static struct span shift(struct span at, int64_t skew_s, char *to) {
    struct tm utc = {0};
    char text[24] = "";
    if (at.n < sizeof text) memcpy(text, at.p, at.n);
    if ((skew_s <= SKEW_S && skew_s >= -SKEW_S) || !strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc)) return at;
    time_t then = timegm(&utc) + (time_t)skew_s;
    strftime(to, 24, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&then, &utc));
    return span_of(to);
}

static struct span shared_text(yyjson_val *object, const char *name) {
    yyjson_val *v = yyjson_obj_get(object, name);
    return yyjson_is_str(v) ? (struct span){yyjson_get_str(v), yyjson_get_len(v)} : (struct span){"", 0};
}

/* Whether a record's undoing has something to undo, and which number that has here. */
static bool find_undone(const struct taking *t, const struct corrections *c, yyjson_val *v, bool batch, uint32_t *to) {
    uint64_t n = yyjson_get_uint(v);
    uint32_t id = (uint32_t)n, of_batch = 0;
    if (n >= LOG_OWN_FROM) {
        if (n > UINT32_MAX || !find_own(t, c, (uint32_t)n, &id, &of_batch)) return false;
        *to = batch ? of_batch : id;
        return true;
    }
    *to = id;
    for (size_t i = c->n; i-- > 0;)
        if ((batch ? c->row[i].batch : c->row[i].id) == id && !c->row[i].undone) return true;
    return false;
}

/* The members that are the same here as there. */
static void put_others(struct buf *out, yyjson_val *object) {
    static const char *const OURS[] = {"id",   "at",     "batch", "undoes", "undoes_batch",
                                       "kept", "origin", "on",    "lost",   "follows"};
    size_t i, max;
    yyjson_val *key, *v;
    yyjson_obj_foreach(object, i, max, key, v) {
        bool ours = false;
        for (size_t k = 0; k < sizeof OURS / sizeof OURS[0]; k++) ours |= yyjson_equals_str(key, OURS[k]);
        size_t n = 0;
        char *text = ours ? NULL : yyjson_val_write(v, YYJSON_WRITE_NOFLAG, &n);
        if (!text) continue;
        buf_putc(out, ',');
        json_out_string(out, (struct span){yyjson_get_str(key), yyjson_get_len(key)});
        buf_putc(out, ':');
        buf_put(out, text, n);
        free(text);
    }
}

/* The numbers of a record, as they are here. False: it undoes what is not here. */
static bool taking_numbers(struct taking *t, const struct corrections *c, yyjson_val *object, struct buf *out) {
    static const char *const UNDOES[] = {"undoes", "undoes_batch"};
    uint64_t own_batch = yyjson_get_uint(yyjson_obj_get(object, "batch"));
    uint32_t id = t->map[t->n].id, batch = id;
    if (own_batch && own_batch <= UINT32_MAX) {
        uint32_t first = 0, of_first = id;
        if (own_batch != t->map[t->n].own && find_own(t, c, (uint32_t)own_batch, &first, &of_first)) batch = of_first;
        buf_printf(out, ",\"batch\":%u", batch);
    }
    t->map[t->n].batch = batch;
    for (unsigned i = 0; i < 2; i++) {
        yyjson_val *v = yyjson_obj_get(object, UNDOES[i]);
        uint32_t to = 0;
        if (!v) continue;
        if (!find_undone(t, c, v, i == 1, &to)) return false;
        buf_printf(out, ",\"%s\":%u", UNDOES[i], to);
    }
    return true;
}

/* By which word of here it is lost; 0: it counts. */
static uint32_t lost_to(const struct taking *t, const struct corrections *c, yyjson_val *object, struct span line) {
    struct corrections one;
    char at[24];
    uint32_t lost = 0;
    corrections_init(&one);
    corrections_take(&one, line);
    uint32_t said = one.n == 1 ? corrections_time(one.row[0].at) : 0;
    bool prompt = said && t->sent->now && t->sent->now - said <= SHARED_PROMPT_S;
    if (one.n == 1 && !prompt) {
        one.row[0].at = shift(shared_text(object, "at"), t->sent->skew_s, at);
        lost = later_word(c, &one.row[0]);
    }
    corrections_release(&one);
    return lost;
}

static void taking_record(struct taking *t, const struct corrections *c, yyjson_val *object, struct span line,
                          struct buf *out) {
    char at[24];
    uint32_t lost = lost_to(t, c, object, line), id = t->map[t->n].id;
    buf_printf(out, "{\"id\":%u,\"at\":", id);
    json_out_string(out, shift(shared_text(object, "at"), t->sent->skew_s, at));
    if (!taking_numbers(t, c, object, out)) lost = id; /* it undoes nothing, and is kept so that it is not sent again */
    put_others(out, object);
    if (t->sent->name.n > 0) corrections_member(out, "on", span_sub(t->sent->name, 0, SHARED_NAME_MAX - 1));
    if (lost) buf_printf(out, ",\"lost\":%u", lost);
    buf_printf(out, ",\"origin\":\"%016" PRIx64 ":%u\"}\n", t->sent->log, t->map[t->n].own);
    t->done->lost += lost != 0;
    t->done->taken++;
    t->n++;
}

/* One line of an instance. Forgetting drops what was said about the kind from `before`, too. */
static bool taking_line(struct taking *t, const struct corrections *c, struct span line, struct buf *before,
                        struct buf *out, struct err *e) {
    uint32_t own = log_lines_id(line);
    uint64_t kind, family;
    if (own < LOG_OWN_FROM || line.n > SHARED_LINE_BYTES_MAX)
        return err_set(e, ERR_INPUT, "record %u: expected a line with a number of its own log", t->n + 1);
    if (own <= corrections_known(c, t->sent->log) || (t->n > 0 && own <= t->map[t->n - 1].own)) {
        t->done->repeated++;
        return true;
    }
    if (t->n == SHARED_LINES_MAX) return err_set(e, ERR_LIMIT, "more than %d records", SHARED_LINES_MAX);
    yyjson_doc *doc = yyjson_read(line.p, line.n, YYJSON_READ_NOFLAG);
    yyjson_val *object = yyjson_doc_get_root(doc);
    if (before && shared_forgets(line, &kind, &family)) {
        drop_kind(before, kind, family);
        drop_kind(out, kind, family);
    }
    bool ok = yyjson_is_obj(object) || err_set(e, ERR_INPUT, "record %u is not JSON", t->n + 1);
    if (ok) {
        t->map[t->n].own = own;
        t->map[t->n].id = t->at ? t->at : c->last_id + 1 + t->n;
        taking_record(t, c, object, line, out);
    }
    yyjson_doc_free(doc);
    return ok;
}

static bool taking_lines(struct taking *t, const struct corrections *c, struct buf *before, struct buf *out,
                         struct err *e) {
    if (c->log) return no_desk(t->path, e);
    if (c->origins == CORRECTIONS_ORIGINS_MAX && corrections_known(c, t->sent->log) == 0)
        return err_set(e, ERR_LIMIT, "%s: more than %d logs have sent something", t->path, CORRECTIONS_ORIGINS_MAX);
    for (struct span rest = t->sent->lines; rest.n > 0;) {
        struct span line = span_take_line(&rest);
        if (line.n > 0 && !taking_line(t, c, line, before, out, e)) return false;
    }
    return true;
}

static bool append_taken(const struct corrections *c, const void *what, struct buf *out, struct err *e) {
    struct taking *t = *(struct taking *const *)what;
    struct buf lines; /* corrections_add takes off the line break that corrections_begin puts in front */
    buf_init(&lines, out->max);
    bool ok = taking_lines(t, c, NULL, &lines, e);
    if (lines.n > 0) buf_putc(out, '\n');
    pour(&lines, out);
    return ok;
}

static bool rewrite_taken(const struct corrections *c, struct span text, const void *what, struct buf *out,
                          struct err *e) {
    struct taking *t = *(struct taking *const *)what;
    struct buf lines;
    buf_init(&lines, out->max);
    text = whole_lines(text);
    buf_put(out, text.p, text.n);
    bool ok = taking_lines(t, c, out, &lines, e);
    corrections_put_kept(c, out);
    pour(&lines, out);
    if (ok && t->n == 0) buf_reset(out);
    return ok;
}

bool shared_take(const char *path, const struct shared_sent *s, struct shared_taken *done, struct err *e) {
    struct taking *t = must_calloc(1, sizeof *t);
    *t = (struct taking){.sent = s, .done = done, .path = path};
    *done = (struct shared_taken){0};
    bool there = access(path, F_OK) == 0;
    bool ok = there && log_lines_has(s->lines, FORGET) ? corrections_rewrite(path, rewrite_taken, &t, e)
                                                       : corrections_add(path, append_taken, &t, e);
    if (!ok) *done = (struct shared_taken){0};
    free(t);
    return ok;
}

/* ---- the desk gives ---- */

/* The number of a line, and the line; one of before records had numbers gets its own. False: it counts nothing. */
static bool numbered(struct span line, uint32_t before, uint32_t *id, struct buf *with) {
    buf_reset(with);
    if ((*id = log_lines_id(line)) != 0) {
        buf_put(with, line.p, line.n);
        return true;
    }
    struct corrections one;
    corrections_init(&one);
    corrections_take(&one, line);
    bool counts = one.n == 1 && line.p[0] == '{';
    corrections_release(&one);
    if (!counts) return false;
    *id = before + 1;
    buf_printf(with, "{\"id\":%u,", *id);
    buf_put(with, line.p + 1, line.n - 1);
    return true;
}

static void give_lines(struct span text, uint32_t after, struct buf *out, uint32_t *last, bool *more) {
    struct buf line;
    size_t limit = out->n + SHARED_BYTES_MAX;
    buf_init(&line, SHARED_BYTES_MAX);
    while (text.n > 0) {
        uint32_t id;
        if (!numbered(span_take_line(&text), *last, &id, &line)) continue;
        if (id > *last) *last = id;
        if (id <= after || *more || !is_record(buf_span(&line))) continue;
        *more = out->n + line.n + 1 > limit;
        if (*more) continue;
        buf_put(out, line.p, line.n);
        buf_putc(out, '\n');
    }
    buf_release(&line);
}

bool shared_give(const char *path, uint32_t after, struct buf *out, uint32_t *last, bool *more, struct err *e) {
    struct span text;
    *last = 0;
    *more = false;
    if (!shared_read(path, &text, e)) return false;
    bool ok = !log_lines_follows(text) || no_desk(path, e);
    if (ok) give_lines(whole_lines(text), after, out, last, more);
    shared_free(&text);
    if (ok && after > *last)
        return err_set(
            e, ERR_INPUT,
            "the desk's log ends with record %u, yet you have record %u: it is not the log that you followed", *last,
            after);
    return ok;
}

/* ---- an instance begins to follow ---- */

/* A line of before: its numbers become those of a log that follows. */
static void renumber(struct span line, uint32_t *last, struct buf *out) {
    static const char *const NUMBERS[] = {"batch", "undoes", "undoes_batch"};
    struct buf with;
    uint32_t id;
    buf_init(&with, SHARED_BYTES_MAX);
    yyjson_doc *doc = numbered(line, *last, &id, &with) ? yyjson_read(with.p, with.n, YYJSON_READ_NOFLAG) : NULL;
    yyjson_mut_doc *copy = doc ? yyjson_doc_mut_copy(doc, NULL) : NULL;
    yyjson_mut_val *root = copy ? yyjson_mut_doc_get_root(copy) : NULL;
    if (yyjson_mut_is_obj(root)) {
        *last = id > *last ? id : *last;
        yyjson_mut_obj_remove_key(root, "id");
        for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
            yyjson_mut_val *v = yyjson_mut_obj_get(root, NUMBERS[i]);
            if (yyjson_mut_is_uint(v)) yyjson_mut_set_uint(v, yyjson_mut_get_uint(v) + LOG_OWN_FROM);
        }
        size_t n = 0;
        char *text = yyjson_mut_write(copy, YYJSON_WRITE_NOFLAG, &n);
        buf_printf(out, "{\"id\":%u,%.*s\n", id + LOG_OWN_FROM, text ? (int)n - 1 : 1, text ? text + 1 : "}");
        free(text);
    }
    yyjson_mut_doc_free(copy);
    yyjson_doc_free(doc);
    buf_release(&with);
}

static bool edit_follow(const struct corrections *c, struct span text, const void *what, struct buf *out,
                        struct err *e) {
    const char *topic = what;
    uint64_t name = 0;
    uint32_t last = 0;
    if (c->log) return true;
    if (c->last_id >= LOG_OWN_FROM) return err_set(e, ERR_LIMIT, "the log of corrections has no numbers left");
    while (name == 0)
        if (getrandom(&name, sizeof name, 0) != sizeof name) return err_set(e, ERR_IO, "there are no random numbers");
    buf_printf(out, "{\"id\":%u,\"follows\":\"%016" PRIx64 "\"", LOG_OWN_FROM, name);
    if (topic[0]) corrections_member(out, "topic", span_of(topic));
    buf_puts(out, "}\n");
    for (text = whole_lines(text); text.n > 0;) renumber(span_take_line(&text), &last, out);
    return true;
}

static bool shared_nothing(const struct corrections *c, const void *what, struct buf *b, struct err *e) {
    (void)c, (void)what, (void)b, (void)e;
    return true;
}

bool shared_follow(const char *path, const char *topic, struct err *e) {
    return corrections_add(path, shared_nothing, NULL, e) && /* makes the file */
           corrections_rewrite(path, edit_follow, topic, e);
}

/* ---- what an instance has to tell ---- */

static bool is_to_send(struct span line, const struct log_settled *settled) {
    uint32_t id = log_lines_id(line);
    return id > LOG_OWN_FROM && line.n <= SHARED_LINE_BYTES_MAX && !log_settled_has(settled, id) &&
           !log_lines_has(line, ",\"kept\":true") && is_record(line);
}

/* Numbers of a desk and those of a topic, or of two of them, never meet in one log. */
static bool follows_this(const char *path, struct span text, const char *topic, struct err *e) {
    struct buf member;
    struct span line = {0};
    while (text.n > 0 && !log_lines_follows(line)) line = span_take_line(&text);
    buf_init(&member, SHARED_LINE_BYTES_MAX);
    corrections_member(&member, "topic", span_of(topic));
    buf_putc(&member, '\0');
    bool other = log_lines_has(line, ",\"topic\":"), same = topic[0] ? log_lines_has(line, member.p) : !other;
    buf_release(&member);
    return same ||
           err_set(e, ERR_INPUT, "%s follows %s: stop this instance and move the file away, once its words are there",
                   path, other ? "another topic" : "a desk");
}

bool shared_look(const char *path, const char *topic, struct shared_state *s, struct err *e) {
    struct span text, rest;
    struct corrections c;
    struct log_settled settled;
    if (!shared_read(path, &text, e)) return false;
    s->log = log_lines_follows(text);
    s->waiting = 0;
    s->last = 0;
    buf_reset(s->lines);
    if (s->log == 0) err_set(e, ERR_USAGE, "%s does not follow anything any more: it was removed", path);
    if (s->log && !follows_this(path, text, topic, e)) s->log = 0;
    log_settled_find(&settled, text, s->log);
    for (rest = whole_lines(text); s->log && rest.n > 0 && s->waiting < SHARED_LINES_MAX;) {
        struct span line = span_take_line(&rest);
        if (!is_to_send(line, &settled)) continue;
        if (s->lines->n + line.n + 1 > SHARED_BYTES_MAX) break;
        buf_put(s->lines, line.p, line.n);
        buf_putc(s->lines, '\n');
        s->waiting++;
        s->last = log_lines_id(line);
    }
    log_settled_release(&settled);
    shared_free(&text);
    if (s->log == 0 || !corrections_read(&c, path, e)) return false;
    s->desk_id = c.desk_id;
    corrections_release(&c);
    return true;
}

/* ---- lines are put behind those of a log that follows ---- */

/* What goes behind the lines of a log that follows another, in `lines`; a kind that is forgotten is taken out of
 * `before`. */
struct joined {
    bool (*put)(const struct corrections *c, const void *what, struct buf *before, struct buf *lines, struct err *e);
    const void *what;
};

static bool append_joined(const struct corrections *c, const void *what, struct buf *out, struct err *e) {
    const struct joined *j = what;
    struct buf lines;
    if (c->log == 0) return err_set(e, ERR_USAGE, "the log of corrections follows nothing");
    buf_init(&lines, out->max);
    bool ok = j->put(c, j->what, NULL, &lines, e);
    if (lines.n > 0) buf_putc(out, '\n');
    pour(&lines, out);
    return ok;
}

static bool rewrite_joined(const struct corrections *c, struct span text, const void *what, struct buf *out,
                           struct err *e) {
    const struct joined *j = what;
    struct buf lines;
    if (c->log == 0) return err_set(e, ERR_USAGE, "the log of corrections follows nothing");
    buf_init(&lines, out->max);
    text = whole_lines(text);
    buf_put(out, text.p, text.n);
    bool ok = j->put(c, j->what, out, &lines, e), any = lines.n > 0;
    corrections_put_kept(c, out);
    pour(&lines, out);
    if (!any) buf_reset(out);
    return ok;
}

static bool shared_join(const char *path, bool forgets, const struct joined *j, struct err *e) {
    return forgets ? corrections_rewrite(path, rewrite_joined, j, e) : corrections_add(path, append_joined, j, e);
}

/* ---- an instance takes what the desk has ---- */

static bool adopt_lines(const struct corrections *c, const void *what, struct buf *before, struct buf *out,
                        struct err *e) {
    struct span lines = *(const struct span *)what;
    uint32_t last = c->desk_id;
    (void)e;
    uint64_t kind, family;
    while (lines.n > 0) {
        struct span line = span_take_line(&lines);
        uint32_t id = log_lines_id(line);
        if (id <= last || id >= LOG_OWN_FROM) continue;
        last = id;
        if (before && shared_forgets(line, &kind, &family)) {
            drop_kind(before, kind, family);
            drop_kind(out, kind, family);
        }
        buf_put(out, line.p, line.n);
        buf_putc(out, '\n');
    }
    return true;
}

bool shared_adopt(const char *path, struct span lines, struct err *e) {
    return shared_join(path, log_lines_has(lines, FORGET), &(struct joined){adopt_lines, &lines}, e);
}

/* ---- an instance makes the order of a topic its own ---- */

struct ordering {
    const char *path;
    const struct shared_entry *entry;
    size_t n, done;
    unsigned broken;
};

/* What every instance knows that has come so far: what was said here and is not in the topic yet does not count. */
static bool ordering_read(const char *path, struct corrections *c, struct err *e) {
    struct span text;
    if (!shared_read(path, &text, e)) return false;
    corrections_init(c);
    for (struct span rest = whole_lines(text); rest.n > 0;) {
        struct span line = span_take_line(&rest);
        if (log_lines_id(line) < LOG_OWN_FROM || log_lines_has(line, ",\"kept\":true")) corrections_take(c, line);
    }
    shared_free(&text);
    return true;
}

/* One message. What becomes of it is behind `from` in out. */
static void ordering_take(struct ordering *o, struct corrections *c, const struct shared_entry *entry,
                          struct buf *before, struct buf *out) {
    struct shared_taken done = {0};
    struct taking *t = must_calloc(1, sizeof *t);
    struct span rest = entry->sent.lines;
    struct err e = {0};
    *t = (struct taking){.sent = &entry->sent, .done = &done, .path = o->path, .at = entry->id};
    bool room = c->origins < CORRECTIONS_ORIGINS_MAX || corrections_known(c, entry->sent.log) > 0;
    size_t from = out->n;
    if (!room || !taking_line(t, c, span_take_line(&rest), before, out, &e)) o->broken++;
    if (out->n > from) corrections_take(c, (struct span){out->p + from, out->n - from});
    free(t);
}

static bool ordering_lines(const struct corrections *all, const void *what, struct buf *before, struct buf *out,
                           struct err *e) {
    struct ordering *o = *(struct ordering *const *)what;
    struct corrections c;
    (void)all;
    if (!ordering_read(o->path, &c, e)) return false;
    for (bool ends = false; !ends && o->done < o->n; o->done++) {
        const struct shared_entry *entry = &o->entry[o->done];
        if (entry->id <= c.desk_id) continue;
        ends = before != NULL;
        if (!ends && log_lines_has(entry->sent.lines, FORGET)) break;
        ordering_take(o, &c, entry, before, out);
    }
    corrections_release(&c);
    return true;
}

size_t shared_order(const char *path, const struct shared_entry *entry, size_t n, unsigned *broken, struct err *e) {
    struct ordering o = {.path = path, .entry = entry, .n = n}, *what = &o;
    bool forgets = n > 0 && log_lines_has(entry[0].sent.lines, FORGET);
    bool ok = shared_join(path, forgets, &(struct joined){ordering_lines, &what}, e);
    *broken = o.broken;
    return ok ? o.done : 0;
}
