#include "review/corrections.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/json_out.h"
#include "base/must.h"
#include "review/kinds.h"
#include "review/log_lines.h"
#include "text/csv.h"
#include "text/mask.h"
#include "text/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <yyjson.h>

enum { LINE_BYTES_MAX = 8 << 20 }; /* of what is said at once */

static const char KEPT[] = ",\"kept\":true";

/* ---- reading ---- */

static struct span word_text(struct arena *a, yyjson_val *object, const char *name) {
    yyjson_val *v = yyjson_obj_get(object, name);
    if (!yyjson_is_str(v)) return (struct span){"", 0};
    return arena_copy(a, (struct span){yyjson_get_str(v), yyjson_get_len(v)});
}

/* ---- who said it first ---- */

void corrections_note_origin(struct corrections *c, uint64_t log, uint32_t id) {
    unsigned i = 0;
    while (i < c->origins && c->origin[i].log != log) i++;
    if (i == c->origins) {
        if (c->origins == CORRECTIONS_ORIGINS_MAX) return;
        c->origin = realloc(c->origin, (c->origins + 1) * sizeof *c->origin);
        MUST(c->origin != NULL);
        c->origin[c->origins++] = (struct corrections_origin){.log = log};
    }
    if (c->origin[i].last < id) c->origin[i].last = id;
}

uint32_t corrections_known(const struct corrections *c, uint64_t log) {
    for (unsigned i = 0; i < c->origins; i++)
        if (c->origin[i].log == log) return c->origin[i].last;
    return 0;
}

static void note_id(struct corrections *c, uint32_t id) {
    uint32_t *of = id >= LOG_OWN_FROM ? &c->own_id : &c->desk_id;
    if (*of < id) *of = id;
    if (c->last_id < id) c->last_id = id;
}

static void read_origin(struct corrections *c, yyjson_val *v, struct correction *r) {
    const char *text = yyjson_get_str(v);
    if (!text || !log_lines_origin(text, &r->origin_log, &r->origin_id)) return;
    corrections_note_origin(c, r->origin_log, r->origin_id);
    if (r->origin_log == c->log) note_id(c, r->origin_id); /* it is used, also where its line of here was lost */
}

uint32_t corrections_number(const struct corrections *c, uint32_t id) {
    for (size_t i = c->n; c->log && id >= LOG_OWN_FROM && i-- > 0;)
        if (c->row[i].origin_log == c->log && c->row[i].origin_id == id) return c->row[i].id;
    return id;
}

/* ---- words ---- */

/* Words are undone soon or never: the search begins at the end. */
static void mark_undone(struct corrections *c, uint64_t id, bool batch, const struct correction *by) {
    for (size_t i = c->n; i-- > 0;) {
        struct correction *r = &c->row[i];
        if ((batch ? r->batch : r->id) == id && !r->undone) {
            r->undone = true;
            r->undone_by = by->by, r->undone_at = by->at;
        }
        if (r->id < id && (r->id >= LOG_OWN_FROM) == (id >= LOG_OWN_FROM)) return;
    }
}

/* What the stages say counts again: as if all that was said about its label were undone. */
static void mark_taken_back(struct corrections *c, const struct correction *by) {
    for (size_t i = 0; i < c->n; i++) {
        struct correction *r = &c->row[i];
        bool same = r->family == by->family && span_eq(r->source, by->source);
        if (!same || r->undone || !r->label[0]) continue;
        r->undone = true;
        r->undone_by = by->by, r->undone_at = by->at;
    }
}

static uint64_t word_hash(yyjson_val *object, const char *name) {
    const char *text = yyjson_get_str(yyjson_obj_get(object, name));
    return text ? strtoull(text, NULL, 16) : 0;
}

static void word_name(char to[LABEL_ID_MAX], yyjson_val *object, const char *name) {
    yyjson_val *v = yyjson_obj_get(object, name);
    if (yyjson_is_str(v) && yyjson_get_len(v) < LABEL_ID_MAX) memcpy(to, yyjson_get_str(v), yyjson_get_len(v));
}

static uint32_t word_number(yyjson_val *object, const char *name, uint32_t none) {
    yyjson_val *v = yyjson_obj_get(object, name);
    return yyjson_is_uint(v) && yyjson_get_uint(v) <= UINT32_MAX ? (uint32_t)yyjson_get_uint(v) : none;
}

static struct correction *new_row(struct corrections *c) {
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        c->row = realloc(c->row, c->cap * sizeof *c->row);
        MUST_MEMORY(c->row);
    }
    struct correction *r = &c->row[c->n++];
    *r = (struct correction){0};
    return r;
}

/* The kind that a word is about, where it does not say so: one of before, or one about a line. */
static void corrections_fill_kind(struct correction *r) {
    char masked[MASK_OUTPUT_MAX];
    if (r->family == 0) r->family = kinds_id_of((struct span){masked, mask_line(r->message, masked)});
}

static void read_texts(struct corrections *c, yyjson_val *object, struct correction *r) {
    r->by = word_text(&c->text, object, "by");
    r->at = word_text(&c->text, object, "at");
    r->source = word_text(&c->text, object, "source");
    r->message = word_text(&c->text, object, "log_message");
    r->note = word_text(&c->text, object, "note");
    r->from = word_text(&c->text, object, "from");
    r->was = word_text(&c->text, object, "was");
    r->request = word_text(&c->text, object, "request");
    r->on = word_text(&c->text, object, "on");
}

/* A label, the taking back of all labels (null) or a state; the two latter name the kind. */
static bool is_word(yyjson_val *object, const struct correction *r) {
    yyjson_val *label = yyjson_obj_get(object, "label"), *message = yyjson_obj_get(object, "log_message");
    if (!yyjson_is_str(message)) return false;
    if (yyjson_is_str(label)) return r->label[0] && yyjson_get_len(label) < LABEL_ID_MAX;
    return r->family != 0 && (r->state[0] || yyjson_is_null(label));
}

uint32_t corrections_time(struct span at) {
    char text[32];
    struct tm tm = {0};
    if (at.n >= sizeof text) return 0;
    if (at.n > 0) memcpy(text, at.p, at.n);
    text[at.n] = '\0';
    if (!strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm)) return 0;
    time_t t = timegm(&tm);
    return t > 0 ? (uint32_t)t : 0;
}

static void note_forgotten(struct corrections *c, uint64_t kind, uint32_t at) {
    c->forgotten = realloc(c->forgotten, (c->forgotten_n + 1) * sizeof *c->forgotten);
    MUST_MEMORY(c->forgotten);
    c->forgotten[c->forgotten_n++] = (struct corrections_forgotten){kind, at};
}

/* What is said about the log itself: which numbers were used, that it follows a desk's. */
static bool read_note(struct corrections *c, yyjson_val *object, uint32_t id) {
    size_t i, n;
    yyjson_val *one;
    struct correction ignored;
    yyjson_arr_foreach(yyjson_obj_get(object, "origins"), i, n, one) read_origin(c, one, &ignored);
    note_id(c, word_number(object, "known", 0));
    note_id(c, id);
    return true;
}

/* A word that came when a later one about the same was here already. */
static void note_lost(const struct corrections *c, struct correction *r, uint32_t to) {
    r->lost = to;
    r->undone = true;
    r->undone_by = r->undone_at = SPAN_LIT("");
    for (size_t i = c->n; i-- > 0;)
        if (c->row[i].id == to) r->undone_by = c->row[i].by, r->undone_at = c->row[i].at;
}

/* False: it is no word. */
static bool read_word(struct corrections *c, yyjson_val *object) {
    uint32_t id = word_number(object, "id", c->last_id + 1), lost = word_number(object, "lost", 0),
             undoes = word_number(object, "undoes", 0), batch = word_number(object, "undoes_batch", 0);
    struct correction r = {
        .id = id, .batch = word_number(object, "batch", id), .until = word_number(object, "until", 0)};
    if (yyjson_obj_get(object, "kept") || yyjson_obj_get(object, "follows")) return read_note(c, object, id);
    read_origin(c, yyjson_obj_get(object, "origin"), &r);
    read_texts(c, object, &r);
    word_name(r.label, object, "label");
    word_name(r.state, object, "state");
    r.kind = word_hash(object, "kind"), r.family = word_hash(object, "family");
    r.redacted = yyjson_is_true(yyjson_obj_get(object, "redacted"));
    uint64_t forget = word_hash(object, "forget");
    if (forget) {
        note_forgotten(c, forget, corrections_time(r.at));
        note_id(c, id);
        return true;
    }
    bool undo = undoes || batch;
    if (!undo && !is_word(object, &r)) return false;
    if (undo && !lost) mark_undone(c, corrections_number(c, batch ? batch : undoes), batch != 0, &r);
    if (!undo) corrections_fill_kind(&r);
    if (lost) note_lost(c, &r, lost);
    if (!undo && !lost && !r.label[0] && !r.state[0]) mark_taken_back(c, &r);
    if (!undo) *new_row(c) = r;
    note_id(c, id);
    return r.source.p && r.message.p && r.by.p && r.at.p && r.note.p && r.from.p && r.was.p && r.request.p;
}

void corrections_take(struct corrections *c, struct span line) {
    if (span_trim(line).n == 0) return;
    yyjson_doc *doc = yyjson_read(line.p, line.n, YYJSON_READ_NOFLAG);
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (!yyjson_is_obj(root) || c->n >= CORRECTIONS_MAX || !read_word(c, root)) c->broken++;
    yyjson_doc_free(doc);
}

/* What was said here and the desk has is passed over: its line of the desk counts. */
static void corrections_parse(struct corrections *c, struct span text) {
    struct log_settled settled = {0};
    c->log = log_lines_follows(text);
    if (c->log) log_settled_find(&settled, text, c->log);
    while (text.n > 0) {
        bool whole = memchr(text.p, '\n', text.n) != NULL;
        struct span line = span_take_line(&text);
        uint32_t id = c->log ? log_lines_id(line) : 0;
        if (id && log_settled_has(&settled, id))
            note_id(c, id);
        else if (whole) /* else somebody is writing it, or was killed when he did */
            corrections_take(c, line);
    }
    log_settled_release(&settled);
}

void corrections_init(struct corrections *c) {
    *c = (struct corrections){0};
    arena_init(&c->text, 2 * (size_t)CORRECTIONS_FILE_BYTES_MAX);
}

bool corrections_read(struct corrections *c, const char *path, struct err *e) {
    corrections_init(c);
    struct span text;
    if (access(path, F_OK) != 0) return true;
    if (!file_read(path, CORRECTIONS_FILE_BYTES_MAX, &text, e)) return false;
    corrections_parse(c, text);
    file_free(&text);
    return true;
}

void corrections_release(struct corrections *c) {
    arena_release(&c->text);
    free(c->row);
    free(c->forgotten);
    free(c->origin);
    *c = (struct corrections){0};
}

/* ---- writing ---- */

void corrections_member(struct buf *b, const char *name, struct span text) {
    char *whole = must_calloc(3, text.n + 1);
    buf_printf(b, ",\"%s\":", name);
    json_out_string(b, (struct span){whole, utf8_repair(text, whole)});
    free(whole);
}

void corrections_begin(struct buf *b, uint32_t id, struct span by) {
    char at[32], name[64];
    time_t now = time(NULL);
    struct tm utc;
    strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    const char *user = getenv("SUDO_USER") ? getenv("SUDO_USER") : getenv("USER");
    snprintf(name, sizeof name, "%.60s", user && user[0] ? user : "unknown");
    buf_printf(b, "%s{\"id\":%u,\"at\":\"%s\"", b->n ? "" : "\n", id, at);
    corrections_member(b, "by", by.n > 0 ? by : span_of(name));
}

/* Was the last line cut off? Then what comes begins a line of its own. */
static bool is_torn(int fd, const struct stat *st) {
    char last = '\n';
    return st->st_size > 0 && pread(fd, &last, 1, st->st_size - 1) == 1 && last != '\n';
}

static bool write_whole(int fd, struct span text) {
    return write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
}

static bool append_locked(int fd, const char *path, corrections_word *word, const void *what, struct err *e) {
    struct corrections c;
    struct stat st;
    struct buf b;
    buf_init(&b, LINE_BYTES_MAX);
    bool ok = corrections_read(&c, path, e) && word(&c, what, &b, e);
    if (ok && (b.failed || c.n >= CORRECTIONS_MAX))
        ok = err_set(e, ERR_LIMIT, "%s: what is said at once has at most %d bytes, the log %d words", path,
                     LINE_BYTES_MAX, CORRECTIONS_MAX);
    if (ok && b.n > 0 &&
        (fstat(fd, &st) != 0 || !write_whole(fd, span_sub(buf_span(&b), is_torn(fd, &st) ? 0 : 1, b.n))))
        ok = err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    corrections_release(&c);
    buf_release(&b);
    return ok;
}

/* Whether another file has taken the place of the one that was opened: somebody forgot a kind. */
static bool is_replaced(int fd, const char *path) {
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino != there.st_ino;
}

/* Opens and locks the log; -1: e says why. */
static int open_locked(const char *path, struct err *e) {
    enum { TRIES = 100 };
    for (int i = 0; i < TRIES; i++) {
        int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0 && flock(fd, LOCK_EX) == 0 && !is_replaced(fd, path)) return fd;
        if (fd < 0 || errno == ENOLCK) {
            err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
            if (fd >= 0) close(fd);
            return -1;
        }
        close(fd);
    }
    err_set(e, ERR_IO, "%s: it is replaced again and again", path);
    return -1;
}

bool corrections_add(const char *path, corrections_word *word, const void *what, struct err *e) {
    int fd = open_locked(path, e);
    if (fd < 0) return false;
    bool ok = append_locked(fd, path, word, what, e);
    close(fd); /* and gives the lock back */
    return ok;
}

/* ---- forgetting ---- */

static bool is_about(struct span line, uint64_t kind, uint64_t family) {
    yyjson_doc *doc = yyjson_read(line.p, line.n, YYJSON_READ_NOFLAG);
    yyjson_val *root = yyjson_doc_get_root(doc), *message = yyjson_obj_get(root, "log_message");
    char masked[MASK_OUTPUT_MAX];
    uint64_t its_kind = word_hash(root, "kind"), its_family = word_hash(root, "family");
    if (!its_family && yyjson_is_str(message)) {
        struct span text = {yyjson_get_str(message), yyjson_get_len(message)};
        its_family = kinds_id_of((struct span){masked, mask_line(text, masked)});
    }
    bool about = (its_kind && its_kind == kind) || (family && its_family == family);
    yyjson_doc_free(doc);
    return about;
}

void corrections_without(struct span text, uint64_t kind, uint64_t family, struct buf *out) {
    while (text.n > 0) {
        struct span line = span_take_line(&text);
        if (is_about(line, kind, family) || log_lines_has(line, KEPT)) continue;
        buf_put(out, line.p, line.n);
        buf_putc(out, '\n');
    }
}

void corrections_put_kept(const struct corrections *c, struct buf *out) {
    buf_printf(out, "{\"id\":%u%s,\"known\":%u,\"origins\":[", c->last_id, KEPT, c->desk_id);
    for (unsigned i = 0; i < c->origins; i++)
        buf_printf(out, "%s\"%016llx:%u\"", i ? "," : "", (unsigned long long)c->origin[i].log, c->origin[i].last);
    buf_puts(out, "]}\n");
}

static bool rewrite_locked(const char *path, corrections_edit *edit, const void *what, struct err *e) {
    struct corrections c;
    struct span text = {0};
    struct buf out;
    buf_init(&out, CORRECTIONS_FILE_BYTES_MAX);
    bool ok = corrections_read(&c, path, e) && file_read(path, CORRECTIONS_FILE_BYTES_MAX, &text, e) &&
              edit(&c, text, what, &out, e);
    if (ok && out.failed)
        ok = err_set(e, ERR_LIMIT, "%s: it would be larger than %d bytes", path, CORRECTIONS_FILE_BYTES_MAX);
    ok = ok && (out.n == 0 || file_write_private(path, buf_span(&out), e));
    file_free(&text);
    corrections_release(&c);
    buf_release(&out);
    return ok;
}

bool corrections_rewrite(const char *path, corrections_edit *edit, const void *what, struct err *e) {
    int fd = open_locked(path, e);
    if (fd < 0) return false;
    bool ok = rewrite_locked(path, edit, what, e);
    close(fd);
    return ok;
}

static bool edit_forget(const struct corrections *c, struct span text, const void *what, struct buf *out,
                        struct err *e) {
    const uint64_t *about = what; /* kind, family */
    (void)e;
    corrections_without(text, about[0], about[1], out);
    corrections_put_kept(c, out);
    corrections_begin(out, c->last_id + 1, (struct span){0});
    buf_printf(out, ",\"forget\":\"%016llx\",\"family\":\"%016llx\"}\n", (unsigned long long)about[0],
               (unsigned long long)about[1]);
    return true;
}

bool corrections_forget(const char *path, uint64_t kind, uint64_t family, struct err *e) {
    const uint64_t about[] = {kind, family};
    return corrections_rewrite(path, edit_forget, about, e);
}

/* ---- one word ---- */

struct saying {
    const struct correction *word;
    uint32_t *id;
};

static bool say_label(const struct corrections *c, const void *what, struct buf *b, struct err *e) {
    const struct saying *s = what;
    char text[MASK_OUTPUT_MAX];
    (void)e;
    *s->id = c->last_id + 1;
    corrections_begin(b, *s->id, (struct span){0});
    corrections_member(b, "label", span_of(s->word->label));
    corrections_member(b, "source", s->word->source);
    corrections_member(b, "log_message", (struct span){text, mask_line(s->word->message, text)});
    corrections_member(b, "note", span_sub(s->word->note, 0, CORRECTIONS_NOTE_MAX));
    buf_puts(b, "}\n");
    return true;
}

bool corrections_append(const char *path, const struct correction *word, uint32_t *id, struct err *e) {
    return corrections_add(path, say_label, &(struct saying){word, id}, e);
}

static bool say_undone(const struct corrections *c, const void *what, struct buf *b, struct err *e) {
    uint32_t id = corrections_number(c, *(const uint32_t *)what);
    const struct correction *found = NULL;
    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].id == id) found = &c->row[i];
    if (!found) return err_set(e, ERR_INPUT, "there is no correction %u; 'logclass correct --list' lists them", id);
    if (found->undone) return err_set(e, ERR_INPUT, "correction %u is undone already", id);
    corrections_begin(b, c->last_id + 1, (struct span){0});
    buf_printf(b, ",\"undoes\":%u,\"label\":null}\n", id);
    return true;
}

bool corrections_undo(const char *path, uint32_t id, struct err *e) {
    return corrections_add(path, say_undone, &id, e);
}

void corrections_put_csv(struct buf *out, const struct correction *c) {
    const struct span field[] = {span_of(c->label), c->source, c->message, c->by, c->at, c->note};
    if (c->undone || !c->label[0]) return;
    for (size_t i = 0; i < sizeof field / sizeof field[0]; i++) {
        if (i) buf_putc(out, ',');
        csv_put_text(out, field[i]);
    }
    buf_putc(out, '\n');
}
