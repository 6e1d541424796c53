#include "review/corrections.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/json_out.h"
#include "base/must.h"
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

enum { LINE_BYTES_MAX = 1 << 16 };

/* ---- reading ---- */

static struct span word_text(struct arena *a, yyjson_val *object, const char *name) {
    yyjson_val *v = yyjson_obj_get(object, name);
    if (!yyjson_is_str(v)) return (struct span){"", 0};
    return arena_copy(a, (struct span){yyjson_get_str(v), yyjson_get_len(v)});
}

static void mark_undone(struct corrections *c, uint64_t id) {
    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].id == id) c->row[i].undone = true;
}

static struct correction *new_row(struct corrections *c) {
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        c->row = realloc(c->row, c->cap * sizeof *c->row);
        MUST(c->row != NULL);
    }
    struct correction *r = &c->row[c->n++];
    *r = (struct correction){0};
    return r;
}

/* False: it is no word. */
static bool read_word(struct corrections *c, yyjson_val *object) {
    yyjson_val *id = yyjson_obj_get(object, "id"), *undoes = yyjson_obj_get(object, "undoes"),
               *label = yyjson_obj_get(object, "label"), *message = yyjson_obj_get(object, "log_message");
    uint32_t number = yyjson_is_uint(id) ? (uint32_t)yyjson_get_uint(id) : c->last_id + 1;
    if (yyjson_is_uint(undoes)) {
        mark_undone(c, yyjson_get_uint(undoes));
        c->last_id = number > c->last_id ? number : c->last_id;
        return true;
    }
    if (!yyjson_is_str(label) || yyjson_get_len(label) >= LABEL_ID_MAX || !yyjson_is_str(message)) return false;
    struct correction *r = new_row(c);
    r->id = number;
    memcpy(r->label, yyjson_get_str(label), yyjson_get_len(label));
    r->source = word_text(&c->text, object, "source");
    r->message = word_text(&c->text, object, "log_message");
    r->by = word_text(&c->text, object, "by");
    r->at = word_text(&c->text, object, "at");
    r->note = word_text(&c->text, object, "note");
    c->last_id = number > c->last_id ? number : c->last_id;
    return r->source.p && r->message.p && r->by.p && r->at.p && r->note.p;
}

static void corrections_line(struct corrections *c, struct span line) {
    if (span_trim(line).n == 0) return;
    yyjson_doc *doc = yyjson_read(line.p, line.n, YYJSON_READ_NOFLAG);
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (!yyjson_is_obj(root) || c->n >= CORRECTIONS_MAX || !read_word(c, root)) c->broken++;
    yyjson_doc_free(doc);
}

static void corrections_parse(struct corrections *c, struct span text) {
    while (text.n > 0) {
        bool whole = memchr(text.p, '\n', text.n) != NULL;
        struct span line = span_take_line(&text);
        if (whole) corrections_line(c, line); /* else somebody is writing it, or was killed when he did */
    }
}

bool corrections_read(struct corrections *c, const char *path, struct err *e) {
    *c = (struct corrections){0};
    arena_init(&c->text, 2 * (size_t)CORRECTIONS_FILE_BYTES_MAX);
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
    *c = (struct corrections){0};
}

/* ---- writing ---- */

static void word_put(struct buf *b, const char *name, struct span text) {
    char *whole = must_calloc(3, text.n + 1);
    buf_printf(b, ",\"%s\":", name);
    json_out_string(b, (struct span){whole, utf8_repair(text, whole)});
    free(whole);
}

static void word_begin(struct buf *b, uint32_t id) {
    char at[32], by[64] = "";
    time_t now = time(NULL);
    struct tm utc;
    strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    const char *user = getenv("SUDO_USER") ? getenv("SUDO_USER") : getenv("USER");
    snprintf(by, sizeof by, "%.60s", user ? user : "");
    buf_printf(b, "\n{\"id\":%u,\"at\":\"%s\"", id, at);
    word_put(b, "by", by[0] ? span_of(by) : SPAN_LIT("unknown"));
}

/* Was the last line cut off? Then what comes begins a line of its own. */
static bool is_torn(int fd, const struct stat *st) {
    char last = '\n';
    return st->st_size > 0 && pread(fd, &last, 1, st->st_size - 1) == 1 && last != '\n';
}

static bool write_whole(int fd, struct span text) {
    return write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
}

/* Under the lock: reads the log, lets `word` say what comes behind it, and appends that. */
typedef bool corrections_word(const struct corrections *c, const void *what, struct buf *b, struct err *e);

static bool append_locked(int fd, const char *path, corrections_word *word, const void *what, struct err *e) {
    struct corrections c;
    struct stat st;
    struct buf b;
    buf_init(&b, LINE_BYTES_MAX);
    bool ok = corrections_read(&c, path, e) && word(&c, what, &b, e);
    if (ok && (b.failed || c.n >= CORRECTIONS_MAX))
        ok = err_set(e, ERR_LIMIT, "%s: a word has at most %d bytes, the log %d words", path, LINE_BYTES_MAX,
                     CORRECTIONS_MAX);
    if (ok && (fstat(fd, &st) != 0 || !write_whole(fd, span_sub(buf_span(&b), is_torn(fd, &st) ? 0 : 1, b.n))))
        ok = err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    corrections_release(&c);
    buf_release(&b);
    return ok;
}

static bool corrections_add(const char *path, corrections_word *word, const void *what, struct err *e) {
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
        if (fd >= 0) close(fd);
        return false;
    }
    bool ok = append_locked(fd, path, word, what, e);
    close(fd); /* and gives the lock back */
    return ok;
}

struct saying {
    const struct correction *word;
    uint32_t *id;
};

static bool say_label(const struct corrections *c, const void *what, struct buf *b, struct err *e) {
    const struct saying *s = what;
    char text[MASK_OUTPUT_MAX];
    (void)e;
    *s->id = c->last_id + 1;
    word_begin(b, *s->id);
    word_put(b, "label", span_of(s->word->label));
    word_put(b, "source", s->word->source);
    word_put(b, "log_message", (struct span){text, mask_line(s->word->message, text)});
    word_put(b, "note", span_sub(s->word->note, 0, CORRECTIONS_NOTE_MAX));
    buf_puts(b, "}\n");
    return true;
}

bool corrections_append(const char *path, const struct correction *word, uint32_t *id, struct err *e) {
    return corrections_add(path, say_label, &(struct saying){word, id}, e);
}

static bool say_undone(const struct corrections *c, const void *what, struct buf *b, struct err *e) {
    uint32_t id = *(const uint32_t *)what;
    const struct correction *found = NULL;
    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].id == id) found = &c->row[i];
    if (!found) return err_set(e, ERR_INPUT, "there is no correction %u; 'logclass correct --list' lists them", id);
    if (found->undone) return err_set(e, ERR_INPUT, "correction %u is undone already", id);
    word_begin(b, c->last_id + 1);
    buf_printf(b, ",\"undoes\":%u,\"label\":null}\n", id);
    return true;
}

bool corrections_undo(const char *path, uint32_t id, struct err *e) {
    return corrections_add(path, say_undone, &id, e);
}
