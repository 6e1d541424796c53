/* Lines of container runtimes (CRI, docker's json-file): taken apart, pieces of a long line put together, and joined to
 * events for stdout and stderr apart, for these are written in turns. */
#include "base/must.h"
#include "stream/follow.h"
#include "text/container.h"

#include <yyjson.h>

enum { STREAMS = 2, ATTRS_MAX = 8, TIME_BYTES = 40 };

struct follow_attrs {
    struct attr v[STREAMS][ATTRS_MAX];
    unsigned n;
};

/* The open event of one stream; its text is in follow.stream_text. */
struct stream {
    bool is_open, in_pieces; /* in_pieces: the last line is not whole yet */
    bool asked;              /* it ends with a blank line, of which the next line decides */
    uint64_t place;          /* where it begins */
    size_t first_n;          /* bytes of the first line */
    char time[TIME_BYTES];
    size_t time_n;
    struct event ev;
    bool truncated;
};

struct container_turn {
    struct follow *s;
    struct follow_text *t;
    struct stream stream[STREAMS];
    uint64_t line_place; /* of the line that is looked at */
};

/* ---- what the path says ---- */

static void add_attr(struct follow_attrs *a, const char *key, struct span value) {
    if (value.n == 0) return;
    for (int i = 0; i < STREAMS; i++) a->v[i][a->n] = (struct attr){span_of(key), value};
    a->n++;
}

static const struct follow_attrs *attrs_of(struct follow_file *f) {
    struct container_path p;
    if (f->attrs) return f->attrs;
    struct follow_attrs *a = f->attrs = must_calloc(1, sizeof *a);
    if (container_parse_path(span_of(f->name), &p)) {
        add_attr(a, "k8s.namespace.name", p.namespace);
        add_attr(a, "k8s.pod.name", p.pod);
        add_attr(a, "k8s.pod.uid", p.uid);
        add_attr(a, "k8s.container.name", p.container);
        add_attr(a, "k8s.container.restart_count", p.restarts);
        add_attr(a, "container.id", p.id);
    }
    a->v[0][a->n] = (struct attr){SPAN_LIT("log.iostream"), SPAN_LIT("stdout")};
    a->v[1][a->n] = (struct attr){SPAN_LIT("log.iostream"), SPAN_LIT("stderr")};
    a->n++;
    return a;
}

/* ---- one stream's event ---- */

static struct buf *text_of(struct container_turn *x, int i) {
    return &x->s->stream_text[i];
}

/* Hands the open event on. False: there is no room in the chunk. */
static bool stream_emit(struct container_turn *x, int i) {
    struct stream *st = &x->stream[i];
    struct arena *a = &x->t->c->arena;
    struct span body = arena_copy(a, buf_span(text_of(x, i)));
    struct span time = arena_copy(a, (struct span){st->time, st->time_n});
    struct origin *o = body.p && time.p ? follow_lines_add(x->s, x->t, body, st->ev.lines > 1, st->place) : NULL;
    if (!o) {
        x->t->full = true;
        return false;
    }
    o->time = time;
    o->truncated |= st->truncated;
    o->attr = attrs_of(x->t->f)->v[i];
    o->attr_n = attrs_of(x->t->f)->n;
    *st = (struct stream){0};
    buf_reset(text_of(x, i));
    return true;
}

static void append_piece(struct container_turn *x, int i, struct span piece) {
    struct buf *text = text_of(x, i);
    size_t room = text->n < CHUNK_LINE_MAX * 2 ? CHUNK_LINE_MAX * 2 - text->n : 0;
    x->stream[i].truncated |= piece.n > room;
    buf_put(text, piece.p, piece.n < room ? piece.n : room);
}

static void stream_begin(struct container_turn *x, int i, const struct container_line *l) {
    struct stream *st = &x->stream[i];
    *st = (struct stream){.is_open = true, .place = x->line_place};
    st->time_n = l->time.n < TIME_BYTES ? l->time.n : TIME_BYTES;
    memcpy(st->time, l->time.p, st->time_n);
    buf_reset(text_of(x, i));
}

/* The open event ends before the line, unless the line belongs to it. False: no room. */
static bool stream_make_way(struct container_turn *x, int i, struct span line) {
    struct stream *st = &x->stream[i];
    if (!st->is_open || st->in_pieces) return true;
    enum event_next r = EVENT_ENDS;
    if (st->asked) {
        st->asked = false;
        r = follow_lines_join(x->s, &st->ev, (struct span){"", 0}, line);
        if (r == EVENT_GOES_ON) buf_putc(text_of(x, i), '\n');
    }
    if (text_of(x, i)->n < CHUNK_LINE_MAX) r = follow_lines_join(x->s, &st->ev, line, (struct span){0});
    if (r == EVENT_GOES_ON) {
        buf_putc(text_of(x, i), '\n');
        return true;
    }
    if (r == EVENT_ASKS) {
        st->asked = true;
        return true;
    }
    return stream_emit(x, i);
}

/* One line of the stream, or a piece of one. */
static bool stream_take(struct container_turn *x, int i, const struct container_line *l) {
    struct stream *st = &x->stream[i];
    bool was_in_pieces = st->in_pieces;
    if (!stream_make_way(x, i, l->text)) return false;
    if (st->asked) return true; /* the blank line is not in the text, until it is known whose it is */
    bool first = !st->is_open;
    if (first) stream_begin(x, i, l);
    append_piece(x, i, l->text);
    st->in_pieces = l->partial;
    if (l->partial) return true;
    if (first || (was_in_pieces && st->ev.lines == 0)) {
        st->first_n = text_of(x, i)->n;
        st->ev = event_begin(buf_span(text_of(x, i)));
    }
    return true;
}

/* ---- lines ---- */

/* docker's {"log":"text\n","stream":"stdout","time":"…"}; a log without its newline goes on in the next line. */
static bool parse_docker(struct follow *s, struct span line, struct container_line *out) {
    yyjson_alc alc;
    if (!container_is_docker(line) || line.n > CHUNK_LINE_MAX ||
        !yyjson_alc_pool_init(&alc, s->docker.pool, s->docker.pool_bytes))
        return false;
    union {
        const char *read_only;
        char *p;
    } text = {.read_only = line.p};
    yyjson_val *root =
        yyjson_doc_get_root(yyjson_read_opts(text.p, line.n, YYJSON_READ_ALLOW_INVALID_UNICODE, &alc, NULL));
    yyjson_val *log = yyjson_obj_get(root, "log"), *stream = yyjson_obj_get(root, "stream"),
               *time = yyjson_obj_get(root, "time");
    if (!yyjson_is_str(log) || !yyjson_is_str(stream) || !yyjson_is_str(time)) return false;
    out->text = (struct span){yyjson_get_str(log), yyjson_get_len(log)};
    out->stream = (struct span){yyjson_get_str(stream), yyjson_get_len(stream)};
    out->time = (struct span){yyjson_get_str(time), yyjson_get_len(time)};
    out->partial = out->text.n == 0 || out->text.p[out->text.n - 1] != '\n';
    if (!out->partial) out->text.n--;
    if (out->text.n > 0 && out->text.p[out->text.n - 1] == '\r') out->text.n--;
    return true;
}

/* Closes what is open, if it is over; else its place is where the stream goes on. */
static void stream_rest(struct container_turn *x, int i, bool force) {
    struct stream *st = &x->stream[i];
    struct follow_text *t = x->t;
    if (!st->is_open) return;
    struct span first = span_sub(buf_span(text_of(x, i)), 0, st->first_n);
    bool waits =
        st->in_pieces ? !t->last_counts : !t->open_ends && (st->asked || follow_lines_is_open(x->s, &st->ev, first));
    if (!t->full && (force || t->last_counts || !waits)) stream_emit(x, i);
    t->held |= st->is_open;
}

/* Up to where the text is used: the place of the stream that is furthest behind. */
static void settle_places(struct container_turn *x, uint64_t end) {
    struct follow_file *f = x->t->f;
    uint64_t lowest = end;
    for (int i = 0; i < STREAMS; i++) {
        uint64_t place = x->stream[i].is_open ? x->stream[i].place : end;
        if (place > f->stream_at[i]) f->stream_at[i] = place;
        if (place < lowest) lowest = place;
    }
    x->t->used = (size_t)(lowest - f->at);
}

void follow_container_take(struct follow *s, struct follow_text *t) {
    struct container_turn x = {.s = s, .t = t};
    struct span line;
    size_t from = t->used, before = from;
    while (follow_lines_next(t, &from, &line)) {
        struct container_line l;
        x.line_place = t->f->at + before;
        if (!container_parse_cri(line, &l) && !parse_docker(s, line, &l)) l = (struct container_line){.text = line};
        int i = span_eq(l.stream, SPAN_LIT("stderr"));
        if (x.line_place >= t->f->stream_at[i] && !stream_take(&x, i, &l)) break;
        before = from;
    }
    for (int i = 0; i < STREAMS; i++) stream_rest(&x, i, false);
    settle_places(&x, t->f->at + before);
    bool stuck = t->used == 0 && t->more && !t->full;
    for (int i = 0; stuck && i < STREAMS; i++) stream_rest(&x, i, true);
    if (stuck) settle_places(&x, t->f->at + before);
    if (stuck && t->used == 0) t->used = t->text.n; /* one line longer than all there is room for: passed over */
    t->f->skipping = stuck && t->used == t->text.n && before < t->text.n;
}
