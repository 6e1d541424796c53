#include "stream/writer_table.h"

#include "base/must.h"
#include "text/mask_front.h"
#include "text/severity.h"
#include "text/utf8.h"
#include "text/width.h"

#include <stdio.h>

enum {
    LABEL_COLUMNS = 19, /* DEPRECATION_WARNING, and UNCLASSIFIED with its kind */
    SURE_COLUMNS = 5,   /* "100 %" */
    SEVERITY_COLUMNS = 9,
    STAGE_COLUMNS = 8,
    WIDE = 100, /* from so many columns on there is room for severity and stage, and for the timestamp */
};

/* By urgency, not by label: what may wake somebody is bright, routine is dim. Labels of one's own get none. */
static const char URGENT[] = "\033[1;31m", HEEDED[] = "\033[33m", NOTED[] = "\033[36m", ROUTINE[] = "\033[2m",
                  DOUBTED[] = "\033[2;3m", PLAIN[] = "\033[0m";

static const struct {
    const char *id, *code;
} COLOURS[] = {
    {"AUTH_ERROR", URGENT},
    {"DB_ERROR", URGENT},
    {"WORKFLOW_ERROR", URGENT},
    {"SECURITY_ALERT", URGENT},
    {"HARDWARE_ERROR", URGENT},
    {"RESOURCE_ERROR", URGENT},
    {"STORAGE_ERROR", URGENT},
    {"NETWORK_ERROR", URGENT},
    {"CRASH", URGENT},
    {"SERVICE_ERROR", URGENT},
    {"UNCLASSIFIED", HEEDED},
    {"DEPRECATION_WARNING", HEEDED},
    {"SYSTEM_NOTIFICATION", NOTED},
    {"BACKUP", NOTED},
    {"USER_ACTION", NOTED},
    {"INFO", ROUTINE},
};

const char *writer_table_colour(const char *label_id, enum reason reason) {
    if (reason != REASON_NONE && reason != REASON_OTHER) return DOUBTED;
    for (size_t i = 0; i < sizeof COLOURS / sizeof COLOURS[0]; i++)
        if (strcmp(COLOURS[i].id, label_id) == 0) return COLOURS[i].code;
    return "";
}

/* Embeddings, overrides and isolates of direction: what follows one is shown in another order than it stands in. */
static bool turns_text(uint32_t cp) {
    return (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0x200e || cp == 0x200f ||
           cp == 0x61c;
}

size_t writer_table_text(struct buf *out, struct span s, size_t columns, size_t *used) {
    size_t i = 0;
    for (*used = 0; i < s.n;) {
        uint32_t cp;
        size_t n = utf8_decode(s.p + i, s.n - i, &cp);
        bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || turns_text(cp);
        unsigned width = control ? 1 : width_of(cp);
        if (columns > 0 && *used + width > columns) break;
        if (control)
            buf_putc(out, ' ');
        else if (cp == UTF8_REPLACEMENT)
            buf_puts(out, "\xef\xbf\xbd"); /* also for bytes that are none, which a terminal may obey */
        else
            buf_put(out, s.p + i, n);
        *used += width;
        i += n;
    }
    return i;
}

static bool table_is_wide(const struct writer *w) {
    return w->columns == 0 || w->columns >= WIDE;
}

static bool shows_severity(const struct writer *w) {
    return w->severity || table_is_wide(w);
}

static size_t prefix_columns(const struct writer *w) {
    size_t n = LABEL_COLUMNS + 1 + SURE_COLUMNS + 2;
    if (shows_severity(w)) n += SEVERITY_COLUMNS + 1;
    return table_is_wide(w) ? n + STAGE_COLUMNS + 1 : n;
}

void writer_table_header(const struct writer *w, struct buf *out) {
    if (w->columns == 0) return; /* not a terminal: nothing but answers */
    if (w->colour) buf_puts(out, ROUTINE);
    buf_printf(out, "%-*s %*s  ", LABEL_COLUMNS, "label", SURE_COLUMNS, "sure");
    if (shows_severity(w)) buf_printf(out, "%-*s ", SEVERITY_COLUMNS, "level");
    if (table_is_wide(w)) buf_printf(out, "%-*s ", STAGE_COLUMNS, "stage");
    buf_puts(out, "line");
    if (w->colour) buf_puts(out, PLAIN);
    buf_putc(out, '\n');
}

/* The line, in as many rows as it needs, the next ones under the first; or cut to one. */
static void table_rows(const struct writer *w, struct buf *out, struct span text, size_t indent, size_t taken) {
    size_t room = w->columns > indent + 8 ? w->columns - indent : 0, used;
    size_t first = room > taken ? room - taken : room ? 1 : 0;
    text = span_sub(text, writer_table_text(out, text, first, &used), text.n);
    while (w->wrap && room > 0 && text.n > 0) {
        buf_printf(out, "\n%*s", (int)indent, "");
        text = span_sub(text, writer_table_text(out, text, room, &used), text.n);
    }
    buf_putc(out, '\n');
}

/* "UNCLASSIFIED unsure"; the label alone where it is one. */
static void table_label(struct buf *out, const char *id, enum reason reason) {
    char text[LABEL_ID_MAX + 16];
    snprintf(text, sizeof text, "%s%s%s", id, reason ? " " : "", reason_word(reason));
    struct span s = span_of(text);
    size_t used;
    writer_table_text(out, s, 0, &used);
    if (used < LABEL_COLUMNS) buf_printf(out, "%*s", (int)(LABEL_COLUMNS - used), "");
}

static size_t table_doubt(const struct writer *w, struct buf *out, const struct result *r, enum reason reason) {
    if (reason != REASON_UNSURE || r->nearest == w->eng->labels.unclassified) return 0;
    const char *id = w->eng->labels.label[r->nearest].id;
    buf_printf(out, "(%s?) ", id);
    return strlen(id) + 4;
}

static double sureness(const struct result *r, enum reason reason) {
    return reason && r->decider == DECIDER_FALLBACK ? (double)r->nearest_p : r->confidence;
}

static void table_explain(struct writer *w, struct buf *out, const struct record *rec, const struct result *res) {
    static const struct explain_opts OPTS = {EXPLAIN_LABELS, false};
    struct explanation *x = must_calloc(1, sizeof *x);
    struct writer wrapping = *w;
    struct buf words;
    wrapping.wrap = true;
    buf_init(&words, 1 << 16);
    explain_find(x, w->eng, &w->scratch, rec, res, &OPTS);
    explain_words(&words, x);
    buf_puts(out, "    ");
    table_rows(&wrapping, out, buf_span(&words), 4, 0);
    buf_release(&words);
    free(x);
}

void writer_table_record(struct writer *w, struct buf *out, const struct batch *b, uint32_t i) {
    const struct record *rec = &b->rec[i];
    const struct result *res = &b->res[i];
    const char *id = w->eng->labels.label[res->label].id;
    enum reason reason = reason_of(res, &w->eng->labels);
    const char *colour = w->colour ? writer_table_colour(id, reason) : "";
    struct span text = rec->message;
    buf_puts(out, colour);
    table_label(out, id, reason);
    if (colour[0]) buf_puts(out, PLAIN);
    buf_printf(out, " %3.0f %%  ", 100 * sureness(res, reason));
    if (shows_severity(w)) {
        enum severity s =
            b->place && b->place[i].severity != SEVERITY_NONE ? b->place[i].severity : severity_of_line(text);
        buf_printf(out, "%-*s ", SEVERITY_COLUMNS, severity_name(s));
    }
    if (table_is_wide(w)) buf_printf(out, "%-*s ", STAGE_COLUMNS, decider_name(res->decider));
    size_t taken = table_doubt(w, out, res, reason);
    if (!table_is_wide(w)) text = span_sub(text, mask_front(text), text.n);
    table_rows(w, out, text, prefix_columns(w), taken);
    if (w->explain) table_explain(w, out, rec, res);
}
