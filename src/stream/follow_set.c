#include "stream/follow_set.h"

#include "base/json_out.h"
#include "base/log.h"
#include "base/must.h"

#include <inttypes.h>
#include <limits.h>
#include <time.h>
#include <xxhash.h>
#include <yyjson.h>

void follow_set_init(struct follow_set *s, unsigned open_max) {
    *s = (struct follow_set){.open_max = open_max};
    s->queue_end = &s->queue;
}

/* ---- three indices ---- */

static uint64_t key_of_text(const char *text) {
    return XXH3_64bits(text, strlen(text));
}

static uint64_t key_of_id(struct follow_id id) {
    return XXH3_64bits(&id, sizeof id);
}

static void index_put(struct follow_set *s, struct follow_file *f, int which, uint64_t key) {
    struct follow_file **at = &s->index[which][key % FOLLOW_BUCKETS];
    f->key[which] = key;
    f->index_next[which] = *at;
    *at = f;
}

static void index_take(struct follow_set *s, struct follow_file *f, int which) {
    struct follow_file **at = &s->index[which][f->key[which] % FOLLOW_BUCKETS];
    while (*at && *at != f) at = &(*at)->index_next[which];
    MUST(*at == f);
    *at = f->index_next[which];
}

static char *copy_text(const char *text) {
    char *copy = strdup(text);
    MUST_MEMORY(copy);
    return copy;
}

struct follow_file *follow_set_add(struct follow_set *s, const char *name, const char *path, struct follow_id id,
                                   enum follow_state state) {
    if (s->n == FOLLOW_FILES_MAX) {
        if (!s->full_said)
            log_error("follow.full", "%d files are followed, which is all; %s is not", FOLLOW_FILES_MAX, path);
        s->full_said = true;
        return NULL;
    }
    struct follow_file *f = must_calloc(1, sizeof *f);
    *f = (struct follow_file){
        .name = copy_text(name), .path = copy_text(path), .id = id, .state = state, .fd = -1, .checked = true};
    index_put(s, f, FOLLOW_BY_PATH, key_of_text(path));
    index_put(s, f, FOLLOW_BY_NAME, key_of_text(name));
    index_put(s, f, FOLLOW_BY_ID, key_of_id(id));
    f->all_next = s->all;
    if (s->all) s->all->all_prev = f;
    s->all = f;
    s->n++;
    return f;
}

static void set_unqueue(struct follow_set *s, const struct follow_file *f) {
    struct follow_file **at = &s->queue;
    while (*at && *at != f) at = &(*at)->next_queued;
    if (!*at) return;
    *at = f->next_queued;
    if (!*at) s->queue_end = at;
}

/* ---- those that are open ---- */

static void used_unlink(struct follow_set *s, struct follow_file *f) {
    if (!f->is_used) return;
    *(f->used_next ? &f->used_next->used_prev : &s->used_last) = f->used_prev;
    *(f->used_prev ? &f->used_prev->used_next : &s->used) = f->used_next;
    f->used_next = f->used_prev = NULL;
    f->is_used = false;
    s->open_n--;
}

static void used_now(struct follow_set *s, struct follow_file *f) {
    used_unlink(s, f);
    f->used_next = s->used;
    *(s->used ? &s->used->used_prev : &s->used_last) = f;
    s->used = f;
    f->is_used = true;
    s->open_n++;
}

static void set_shut(struct follow_set *s, struct follow_file *f) {
    used_unlink(s, f);
    follow_file_shut(f);
}

/* Would it be found again? What is decoded would have to be decoded anew, from its beginning. */
static bool may_be_reopened(const struct follow_file *f) {
    struct follow_id id;
    uint64_t size;
    return !f->in && follow_look(-1, f->path, &id, &size, NULL) && follow_id_is_same(id, f->id);
}

static void shut_one(struct follow_set *s) {
    struct follow_file *rotated = NULL, *f;
    for (f = s->used_last; f; f = f->used_prev) {
        bool idle = f->at_end && !f->is_queued;
        if (idle && f->state == FOLLOW_LIVE) break;
        if (idle && !rotated) rotated = f;
    }
    if (!f) f = rotated;
    if (!f)
        for (f = s->used_last; f && !may_be_reopened(f);) f = f->used_prev;
    if (f) set_shut(s, f);
}

bool follow_set_open(struct follow_set *s, struct follow_file *f, struct err *e) {
    bool open = f->fd >= 0 || f->in;
    if (!open && s->open_n >= s->open_max) shut_one(s);
    if (!open && !follow_file_open(f, e)) return false;
    used_now(s, f);
    return true;
}

/* ---- who waits for whom ---- */

void follow_set_chain(struct follow_file *f, struct follow_file *before) {
    if (f->after) {
        struct follow_file **at = &f->after->waiters;
        while (*at != f) at = &(*at)->next_waiter;
        *at = f->next_waiter;
    }
    f->after = before;
    f->next_waiter = before ? before->waiters : NULL;
    if (before) before->waiters = f;
}

void follow_set_remove(struct follow_set *s, struct follow_file *f) {
    if (f->is_queued) set_unqueue(s, f);
    for (int i = 0; i < FOLLOW_INDICES; i++) index_take(s, f, i);
    if (f->all_next) f->all_next->all_prev = f->all_prev;
    *(f->all_prev ? &f->all_prev->all_next : &s->all) = f->all_next;
    while (f->waiters) follow_set_chain(f->waiters, f->after);
    follow_set_chain(f, NULL);
    set_shut(s, f);
    free(f->name);
    free(f->path);
    free(f->attrs);
    free(f);
    s->n--;
}

void follow_set_release(struct follow_set *s) {
    while (s->all) follow_set_remove(s, s->all);
}

void follow_set_move(struct follow_set *s, struct follow_file *f, const char *path) {
    index_take(s, f, FOLLOW_BY_PATH);
    char *own = copy_text(path); /* path may be f->path */
    free(f->path);
    f->path = own;
    index_put(s, f, FOLLOW_BY_PATH, key_of_text(own));
}

void follow_set_identify(struct follow_set *s, struct follow_file *f, struct follow_id id) {
    index_take(s, f, FOLLOW_BY_ID);
    f->id = id;
    index_put(s, f, FOLLOW_BY_ID, key_of_id(id));
}

struct follow_file *follow_set_by_path(const struct follow_set *s, const char *path) {
    uint64_t key = key_of_text(path);
    struct follow_file *f = s->index[FOLLOW_BY_PATH][key % FOLLOW_BUCKETS];
    while (f && (f->key[FOLLOW_BY_PATH] != key || f->state != FOLLOW_LIVE || strcmp(f->path, path) != 0))
        f = f->index_next[FOLLOW_BY_PATH];
    return f;
}

struct follow_file *follow_set_by_id(const struct follow_set *s, struct follow_id id) {
    uint64_t key = key_of_id(id);
    struct follow_file *f = s->index[FOLLOW_BY_ID][key % FOLLOW_BUCKETS];
    while (f && !follow_id_is_same(f->id, id)) f = f->index_next[FOLLOW_BY_ID];
    return f;
}

struct follow_file *follow_set_newest(const struct follow_set *s, const char *name, const struct follow_file *but) {
    uint64_t key = key_of_text(name);
    struct follow_file *f = s->index[FOLLOW_BY_NAME][key % FOLLOW_BUCKETS]; /* the last that was added comes first */
    while (f && (f == but || f->state == FOLLOW_ORPHAN || strcmp(f->name, name) != 0))
        f = f->index_next[FOLLOW_BY_NAME];
    return f;
}

bool follow_set_is_kept(const struct follow_set *s, const char *name) {
    uint64_t key = key_of_text(name);
    struct follow_file *f = s->index[FOLLOW_BY_NAME][key % FOLLOW_BUCKETS];
    while (f && (!f->kept || strcmp(f->name, name) != 0)) f = f->index_next[FOLLOW_BY_NAME];
    return f != NULL;
}

/* ---- turns ---- */

void follow_set_queue(struct follow_set *s, struct follow_file *f) {
    if (f->is_queued || f->state == FOLLOW_ORPHAN) return;
    f->is_queued = true;
    f->next_queued = NULL;
    *s->queue_end = f;
    s->queue_end = &f->next_queued;
}

struct follow_file *follow_set_next(struct follow_set *s) {
    struct follow_file *f = s->queue;
    if (!f) return NULL;
    s->queue = f->next_queued;
    if (!s->queue) s->queue_end = &s->queue;
    f->is_queued = false;
    return f;
}

/* ---- the checkpoint ---- */

void follow_set_write_rows(const struct follow_set *s, int64_t known_ns, struct buf *out) {
    buf_printf(out, "{\"known\":%" PRId64 "}\n", known_ns);
    for (const struct follow_file *f = s->all; f; f = f->all_next) {
        if (f->lost) continue;
        buf_puts(out, "{\"path\":");
        json_out_string(out, span_of(f->path));
        buf_puts(out, ",\"name\":");
        json_out_string(out, span_of(f->name));
        buf_printf(out,
                   ",\"dev\":%" PRIu64 ",\"ino\":%" PRIu64 ",\"born\":%" PRIu64 ",\"head\":%" PRIu64
                   ",\"head_n\":%u,\"at\":%" PRIu64 ",\"mark\":%" PRIu64 ",\"mark_n\":%u,\"size\":%" PRIu64
                   ",\"seen\":%lld%s}\n",
                   f->id.dev, f->id.ino, f->id.born, f->head.hash, f->head.n, f->safe.at, f->safe.mark.hash,
                   f->safe.mark.n, f->size, (long long)time(NULL), f->safe.skipping ? ",\"skipping\":true" : "");
        if (f->safe.stream_at[0] + f->safe.stream_at[1] > 0) {
            out->n -= 2;
            buf_printf(out, ",\"stdout\":%" PRIu64 ",\"stderr\":%" PRIu64 "}\n", f->safe.stream_at[0],
                       f->safe.stream_at[1]);
        }
    }
}

static uint64_t row_number(yyjson_val *row, const char *key) {
    return yyjson_get_uint(yyjson_obj_get(row, key));
}

static void set_read_row(struct follow_set *s, yyjson_val *row) {
    const char *path = yyjson_get_str(yyjson_obj_get(row, "path")), *name = yyjson_get_str(yyjson_obj_get(row, "name"));
    if (!path || !name || strlen(path) >= PATH_MAX || strlen(name) >= PATH_MAX) return;
    struct follow_id id = {row_number(row, "dev"), row_number(row, "ino"), row_number(row, "born")};
    struct follow_file *f = follow_set_add(s, name, path, id, FOLLOW_ORPHAN);
    if (!f) return;
    f->head = (struct follow_hash){row_number(row, "head"), (uint32_t)row_number(row, "head_n")};
    f->mark = (struct follow_hash){row_number(row, "mark"), (uint32_t)row_number(row, "mark_n")};
    f->at = row_number(row, "at");
    f->size = row_number(row, "size");
    f->seen_s = (int64_t)row_number(row, "seen");
    f->stream_at[0] = row_number(row, "stdout");
    f->stream_at[1] = row_number(row, "stderr");
    f->skipping = yyjson_get_bool(yyjson_obj_get(row, "skipping"));
    f->checked = false;
    f->kept = true;
    if (f->mark.n > FOLLOW_TAIL_MAX || f->mark.n > f->at || f->head.n > FOLLOW_HEAD_MAX)
        follow_file_rewind(f); /* nothing that we wrote */
    f->safe = follow_file_place(f);
}

int64_t follow_set_read_rows(struct follow_set *s, struct span rows) {
    int64_t known_ns = 0;
    while (rows.n > 0) {
        struct span line = span_take_line(&rows);
        yyjson_doc *doc = yyjson_read(line.p, line.n, YYJSON_READ_ALLOW_INVALID_UNICODE);
        yyjson_val *row = yyjson_doc_get_root(doc);
        if (yyjson_is_obj(row)) set_read_row(s, row);
        if (yyjson_obj_get(row, "known")) known_ns = (int64_t)row_number(row, "known");
        yyjson_doc_free(doc);
    }
    return known_ns;
}

uint64_t follow_set_lag(const struct follow_set *s) {
    uint64_t lag = 0;
    for (const struct follow_file *f = s->all; f; f = f->all_next)
        if (f->state != FOLLOW_ORPHAN && !f->in && f->size > f->safe.at) lag += f->size - f->safe.at;
    return lag;
}
