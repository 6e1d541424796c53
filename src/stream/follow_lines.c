/* Lines of text to records: of each an event, or of several, where they belong together; of a JSON object, its message.
 */
#include "base/must.h"
#include "stream/follow.h"
#include "text/container.h"

enum { JUDGED_LINES_MAX = 16, STREAM_TEXT_MAX = 4 * CHUNK_LINE_MAX };

bool follow_lines_open(struct follow *s, struct err *e) {
    static const char START[] = "start:";
    const char *how = s->conf->multiline;
    char why[256];
    reader_json_init(&s->json);
    reader_json_init(&s->docker);
    for (int i = 0; i < 2; i++) buf_init(&s->stream_text[i], STREAM_TEXT_MAX);
    if (strcmp(how, "auto") == 0) return true;
    s->join = FOLLOW_JOIN_NONE;
    if (strcmp(how, "none") == 0) return true;
    if (strncmp(how, START, sizeof START - 1) != 0)
        return err_set(e, ERR_USAGE, "multiline is '%s': expected auto, none or start:REGEX", how);
    int failed = regcomp(&s->starts, how + sizeof START - 1, REG_EXTENDED | REG_NOSUB);
    if (failed) {
        regerror(failed, &s->starts, why, sizeof why);
        return err_set(e, ERR_USAGE, "multiline is '%s': %s", how, why);
    }
    s->join = FOLLOW_JOIN_START;
    return true;
}

void follow_lines_close(struct follow *s) {
    if (s->join == FOLLOW_JOIN_START) regfree(&s->starts);
    reader_json_release(&s->json);
    reader_json_release(&s->docker);
    for (int i = 0; i < 2; i++) buf_release(&s->stream_text[i]);
}

/* ---- lines ---- */

static struct span without_return(struct span line) {
    return line.n > 0 && line.p[line.n - 1] == '\r' ? span_sub(line, 0, line.n - 1) : line;
}

bool follow_lines_next(const struct follow_text *t, size_t *from, struct span *line) {
    if (*from >= t->text.n) return false;
    const char *start = t->text.p + *from, *nl = memchr(start, '\n', t->text.n - *from);
    if (!nl && !t->last_counts) return false;
    size_t n = nl ? (size_t)(nl - start) : t->text.n - *from;
    *line = without_return((struct span){start, n});
    *from += n + (nl != NULL);
    return true;
}

/* Passes over the rest of a line that was cut. False: it goes on behind the text. */
static bool skip_rest(struct follow_text *t) {
    const char *nl = memchr(t->text.p, '\n', t->text.n);
    t->used = nl ? (size_t)(nl - t->text.p) + 1 : t->text.n;
    t->f->skipping = !nl && !t->last_counts;
    return nl != NULL;
}

/* ---- events ---- */

enum event_next follow_lines_join(const struct follow *s, struct event *ev, struct span line, struct span after) {
    if (s->join == FOLLOW_JOIN_NONE) return EVENT_ENDS;
    if (s->join == FOLLOW_JOIN_AUTO) return event_take(ev, line, after);
    regmatch_t where = {.rm_so = 0, .rm_eo = (regoff_t)line.n};
    if (ev->lines >= EVENT_LINES_MAX || regexec(&s->starts, line.p, 1, &where, REG_STARTEND) == 0) return EVENT_ENDS;
    ev->lines++;
    ev->frame = false;
    return EVENT_GOES_ON;
}

bool follow_lines_is_open(const struct follow *s, const struct event *ev, struct span first_line) {
    if (s->join != FOLLOW_JOIN_AUTO) return s->join == FOLLOW_JOIN_START;
    return first_line.n > 0 && event_may_go_on(ev, first_line);
}

/* What an event says: its lines, without those that only say where. */
struct said {
    struct span line[JUDGED_LINES_MAX];
    unsigned n;
};

static void said_add(struct said *d, struct span line) {
    if (d->n < JUDGED_LINES_MAX) d->line[d->n++] = line;
}

/* p == NULL: no room in the chunk. */
static struct span said_text(const struct said *d, struct arena *a) {
    size_t n = 0;
    for (unsigned i = 0; i < d->n; i++) n += d->line[i].n + 1;
    char *text = arena_alloc(a, n), *to = text;
    for (unsigned i = 0; text && i < d->n; i++) {
        memcpy(to, d->line[i].p, d->line[i].n);
        to += d->line[i].n;
        *to++ = '\n';
    }
    return (struct span){text, text ? n - 1 : 0};
}

/* The first line, and those of the others that say what happened: frames would make each trace a template of its own.
 */
static struct span judged_of(const struct follow *s, struct span body, struct arena *a) {
    struct said d = {.n = 0};
    struct span line = without_return(span_take_line(&body));
    struct event ev = event_begin(line);
    said_add(&d, line);
    while (body.n > 0) {
        line = without_return(span_take_line(&body));
        struct span rest = body, after = rest.n ? span_take_line(&rest) : (struct span){0};
        if (follow_lines_join(s, &ev, line, after) != EVENT_GOES_ON || !ev.frame) said_add(&d, line);
    }
    return said_text(&d, a);
}

/* The message of a JSON object; a line that is none stays as it is. */
static void take_json(struct follow *s, struct chunk *c, struct span line, struct origin *o) {
    bool object = line.n > 1 && line.p[0] == '{' && line.p[line.n - 1] == '}';
    if (object && reader_json_line(&s->json, &c->arena, line, &c->rec[c->batch.n - 1], &c->place[c->batch.n - 1]))
        o->raw = line;
}

struct origin *follow_lines_add(struct follow *s, struct follow_text *t, struct span body, bool many, uint64_t place) {
    struct span judged = many ? judged_of(s, body, &t->c->arena) : span_sub(body, 0, CHUNK_LINE_MAX);
    t->full = t->c->batch.n == CHUNK_RECORDS || (many && !judged.p);
    if (t->full) return NULL;
    struct origin *o = chunk_point(t->c, span_of(s->conf->source), span_sub(judged, 0, CHUNK_LINE_MAX));
    if (many) o->body = body;
    o->truncated = !many && body.n > CHUNK_LINE_MAX;
    o->file = span_of(t->f->name);
    o->place = place;
    if (!many) take_json(s, t->c, body, o);
    return o;
}

/* ---- one event of plain text ---- */

/* A line without an end in sight: its front counts. */
static void take_endless(struct follow *s, struct follow_text *t, size_t from) {
    struct origin *o = follow_lines_add(s, t, span_sub(t->text, from, from + CHUNK_LINE_MAX), false, t->f->at + from);
    if (!o) return;
    o->truncated = true;
    t->f->skipping = true;
    t->used = t->text.n;
}

/* Takes the event that begins at t->used. False: there is none that is whole, or no room for it. */
static bool take_event(struct follow *s, struct follow_text *t) {
    size_t from = t->used, end = from, next;
    struct span line, first, after;
    if (!follow_lines_next(t, &end, &first)) {
        if (t->text.n - from >= CHUNK_LINE_MAX) take_endless(s, t, from);
        return false;
    }
    struct event ev = event_begin(first);
    struct span body = first;
    while (s->join != FOLLOW_JOIN_NONE && first.n > 0 && first.p[0] != '{' && body.n < CHUNK_LINE_MAX) {
        next = end;
        bool there = follow_lines_next(t, &next, &line);
        size_t behind = next;
        if (!there || !follow_lines_next(t, &behind, &after)) after = (struct span){0};
        enum event_next r = there ? follow_lines_join(s, &ev, line, after) : EVENT_ASKS;
        if (r == EVENT_ENDS) break;
        if (r == EVENT_ASKS) {
            t->held = !t->open_ends && !t->last_counts && (there || follow_lines_is_open(s, &ev, first));
            if (t->held) return false;
            break;
        }
        body.n = (size_t)(line.p + line.n - body.p);
        end = next;
    }
    if (!follow_lines_add(s, t, body, ev.lines > 1, t->f->at + from)) return false;
    t->used = end;
    return true;
}

/* The first line of a file tells whether a container runtime wrote it. */
static void find_form(struct follow *s, struct follow_text *t) {
    struct container_line ignored;
    struct span line;
    size_t from = 0;
    t->f->form = FOLLOW_FORM_UNKNOWN;
    if (!follow_lines_next(t, &from, &line)) return;
    bool wanted = strcmp(s->conf->container, "auto") == 0;
    bool is = wanted && (container_parse_cri(line, &ignored) || container_is_docker(line));
    t->f->form = is ? FOLLOW_FORM_CONTAINER : FOLLOW_FORM_PLAIN;
}

void follow_lines_take(struct follow *s, struct follow_text *t) {
    if (t->f->skipping && !skip_rest(t)) return;
    if (t->f->form == FOLLOW_FORM_UNKNOWN) find_form(s, t);
    if (t->f->form == FOLLOW_FORM_CONTAINER) {
        follow_container_take(s, t);
        return;
    }
    while (take_event(s, t))
        ;
}
