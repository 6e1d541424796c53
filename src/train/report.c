#include "train/report.h"

#include "base/json_out.h"
#include "data/result_json.h"

#include <stdio.h>

enum { BAR = 30, MESSAGE_SHOWN = 110 };

/* ---- text ---- */

struct text {
    struct buf *out;
    bool colour;
};

static const char BOLD[] = "\033[1m", GREEN[] = "\033[32m", YELLOW[] = "\033[33m", RED[] = "\033[31m",
                  DIM[] = "\033[2m";

static void put_styled(const struct text *t, const char *style, const char *text) {
    if (t->colour)
        buf_printf(t->out, "%s%s\033[0m", style, text);
    else
        buf_puts(t->out, text);
}

/* A figure from 0 to 1, green when good. */
static void put_figure(const struct text *t, double v, int width) {
    char text[32];
    snprintf(text, sizeof text, "%*.3f", width, v);
    put_styled(t, v >= 0.85 ? GREEN : v >= 0.7 ? YELLOW : RED, text);
}

static void report_put_labels(const struct text *t, const struct report *r, const struct score *s) {
    char line[160];
    snprintf(line, sizeof line, "%-24s %9s %8s %8s %8s\n", "label", "precision", "recall", "F1", "rows");
    put_styled(t, BOLD, line);
    for (unsigned l = 0; l < s->labels; l++) {
        const struct score_label *f = &s->label[l];
        if (f->truth + f->answers == 0) continue;
        buf_printf(t->out, "%-24s", r->labels->label[l].id);
        put_figure(t, f->precision, 10);
        put_figure(t, f->recall, 9);
        put_figure(t, f->f1, 9);
        buf_printf(t->out, " %8zu\n", f->truth);
    }
}

static void put_summary(const struct text *t, const struct report *r, const struct score *s) {
    buf_puts(t->out, "\nmacro-F1 ");
    put_figure(t, s->macro_f1, 0);
    buf_puts(t->out, "   accuracy ");
    put_figure(t, s->accuracy, 0);
    if (r->stages == 0)
        buf_printf(t->out, "   (answers below %.2f count as UNCLASSIFIED; without that %.3f and %.3f)", r->threshold,
                   s->macro_f1_best, s->accuracy_best);
    buf_putc(t->out, '\n');
    if (s->answered < 1)
        buf_printf(t->out, "answered %.1f %%, of these right %.1f %%", 100 * s->answered, 100 * s->right_of_answered);
    if (s->macro_f1_all < s->macro_f1)
        buf_printf(t->out, "%smacro-F1 is over labels that have rows; with those that are answers only %.3f",
                   s->answered < 1 ? "   " : "", s->macro_f1_all);
    if (s->answered < 1 || s->macro_f1_all < s->macro_f1) buf_putc(t->out, '\n');
    buf_printf(t->out, "calibration error (ECE) %.3f   the more confident half is right in ", s->ece);
    put_figure(t, s->confident_half, 0);
    buf_putc(t->out, '\n');
}

/* What a wished accuracy costs. */
static void put_target(const struct text *t, const struct report *r) {
    if (r->target == 0) return;
    const struct threshold_effect *at = &r->at_target;
    buf_printf(
        t->out,
        "\n--bert-classifier-threshold %.4f: %.1f%% of the rows are answered, right in %.3f; %.1f%% go on to the "
        "LLM or stay UNCLASSIFIED\n",
        at->threshold, 100 * at->answered, at->precision, 100 * (1 - at->answered));
}

static void report_put_confusion(const struct text *t, const struct report *r, const struct score *s) {
    put_styled(t, BOLD, "\nwhat was answered, by truth\n");
    buf_printf(t->out, "%-27s", "");
    for (unsigned a = 0; a < s->labels; a++) buf_printf(t->out, "%6u", a + 1);
    buf_putc(t->out, '\n');
    for (unsigned l = 0; l < s->labels; l++) {
        buf_printf(t->out, "%2u %-24s", l + 1, r->labels->label[l].id);
        for (unsigned a = 0; a < s->labels; a++) {
            char cell[32];
            snprintf(cell, sizeof cell, "%6zu", s->confusion[l][a]);
            if (s->confusion[l][a] == 0) cell[5] = '.';
            put_styled(t, a == l ? GREEN : DIM, cell);
        }
        buf_putc(t->out, '\n');
    }
}

static void report_put_reliability(const struct text *t, const struct score *s) {
    put_styled(t, BOLD, "\nconfidence       rows   mean  right\n");
    for (unsigned b = 0; b < SCORE_BINS; b++) {
        const struct score_bin *bin = &s->bin[b];
        if (bin->n == 0) continue;
        buf_printf(t->out, "%.1f to %.1f  %8zu  %.3f  %.3f  ", b / 10.0, (b + 1) / 10.0, bin->n, bin->confidence,
                   bin->accuracy);
        for (int i = 0; i < (int)(bin->accuracy * BAR + 0.5); i++) buf_putc(t->out, '#');
        buf_putc(t->out, '\n');
    }
}

/* The message on one line, cut. */
static void report_put_message(struct buf *out, struct span m) {
    bool cut = m.n > MESSAGE_SHOWN;
    m = span_sub(m, 0, MESSAGE_SHOWN);
    while (cut && m.n > 0 && ((unsigned char)m.p[m.n - 1] & 0xc0) == 0x80) m.n--; /* not inside a character */
    if (cut && m.n > 0 && (unsigned char)m.p[m.n - 1] >= 0xc0) m.n--;
    for (size_t i = 0; i < m.n; i++) buf_putc(out, (unsigned char)m.p[i] < ' ' || m.p[i] == 0x7f ? ' ' : m.p[i]);
    if (cut) buf_puts(out, "…");
}

static double share(size_t part, size_t whole) {
    return whole ? (double)part / (double)whole : 0;
}

static void report_put_stages(const struct text *t, const struct report *r) {
    if (r->stages == 0) return;
    put_styled(t, BOLD, "\nstage        lines   share   right\n");
    for (unsigned i = 0; i < r->stages; i++) {
        const struct report_stage *s = &r->stage[i];
        buf_printf(t->out, "%-10s %7zu  %5.1f%%  ", s->name, s->answers, 100 * share(s->answers, r->part[0].score->n));
        if (s->answers)
            buf_printf(t->out, "%5.1f%%\n", 100 * share(s->right, s->answers));
        else
            buf_puts(t->out, "     -\n");
    }
    buf_printf(t->out, "the LLM was asked %llu times", (unsigned long long)r->llm_calls);
    if (r->llm_cost > 0) buf_printf(t->out, ", about %.4f", r->llm_cost);
    buf_putc(t->out, '\n');
}

static void report_put_lines(const struct text *t, const struct report *r) {
    if (r->lines == 0) return;
    put_styled(t, BOLD, "\nsure and wrong\n");
    for (unsigned i = 0; i < r->lines; i++) {
        const struct report_line *l = &r->line[i];
        buf_printf(t->out, "line %u: %s %.2f, truth %s", l->row, r->labels->label[l->best].id, l->confidence,
                   r->labels->label[l->truth].id);
        if (l->truth_confidence >= 0) buf_printf(t->out, " %.2f", l->truth_confidence);
        buf_puts(t->out, "\n    ");
        if (l->source.n > 0) {
            report_put_message(t->out, l->source);
            buf_puts(t->out, ": ");
        }
        report_put_message(t->out, l->message);
        buf_putc(t->out, '\n');
        if (l->reason.n == 0) continue;
        buf_puts(t->out, "    by ");
        report_put_message(t->out, l->reason);
        buf_putc(t->out, '\n');
    }
}

void report_text(struct buf *out, const struct report *r, bool colour) {
    struct text t = {out, colour};
    for (unsigned p = 0; p < r->parts; p++) {
        const struct score *s = r->part[p].score;
        char line[300];
        snprintf(line, sizeof line, "%s%s: %zu rows (%s), by %s\n", p ? "\n" : "", r->title, s->n, r->part[p].name,
                 r->judge);
        put_styled(&t, BOLD, line);
        report_put_labels(&t, r, s);
        put_summary(&t, r, s);
        if (p > 0) continue; /* details of the first part only */
        report_put_confusion(&t, r, s);
        report_put_reliability(&t, s);
    }
    report_put_stages(&t, r);
    put_target(&t, r);
    report_put_lines(&t, r);
}

/* ---- JSON ---- */

static void report_put_number(struct buf *out, const char *key, double v) {
    buf_printf(out, "\"%s\":", key);
    result_json_number(out, v);
}

static void put_json_labels(struct buf *out, const struct report *r, const struct score *s) {
    buf_puts(out, ",\"labels\":{");
    for (unsigned l = 0; l < s->labels; l++) {
        const struct score_label *f = &s->label[l];
        buf_printf(out, "%s\"%s\":{", l ? "," : "", r->labels->label[l].id);
        report_put_number(out, "precision", f->precision);
        buf_putc(out, ',');
        report_put_number(out, "recall", f->recall);
        buf_putc(out, ',');
        report_put_number(out, "f1", f->f1);
        buf_printf(out, ",\"rows\":%zu,\"answers\":%zu}", f->truth, f->answers);
    }
    buf_puts(out, "},\"confusion\":[");
    for (unsigned l = 0; l < s->labels; l++) {
        buf_puts(out, l ? ",[" : "[");
        for (unsigned a = 0; a < s->labels; a++) buf_printf(out, a ? ",%zu" : "%zu", s->confusion[l][a]);
        buf_putc(out, ']');
    }
    buf_putc(out, ']');
}

static void put_json_part(struct buf *out, const struct report *r, const struct score *s) {
    static const char *const KEY[] = {"accuracy",
                                      "macro_f1",
                                      "accuracy_without_threshold",
                                      "macro_f1_without_threshold",
                                      "ece",
                                      "accuracy_confident_half",
                                      "macro_f1_all",
                                      "answered",
                                      "right_of_answered"};
    const double value[] = {s->accuracy,       s->macro_f1,     s->accuracy_best, s->macro_f1_best,    s->ece,
                            s->confident_half, s->macro_f1_all, s->answered,      s->right_of_answered};
    buf_printf(out, "{\"rows\":%zu", s->n);
    for (unsigned i = 0; i < sizeof KEY / sizeof KEY[0]; i++) {
        buf_putc(out, ',');
        report_put_number(out, KEY[i], value[i]);
    }
    put_json_labels(out, r, s);
    buf_puts(out, ",\"reliability\":[");
    for (unsigned b = 0; b < SCORE_BINS; b++) {
        buf_printf(out, "%s{\"rows\":%zu,", b ? "," : "", s->bin[b].n);
        report_put_number(out, "confidence", s->bin[b].confidence);
        buf_putc(out, ',');
        report_put_number(out, "accuracy", s->bin[b].accuracy);
        buf_putc(out, '}');
    }
    buf_puts(out, "],\"accuracy_at_coverage\":[");
    for (unsigned i = 0; i < SCORE_STEPS; i++) {
        if (i) buf_putc(out, ',');
        result_json_number(out, s->coverage[i]);
    }
    buf_puts(out, "]}");
}

static void put_json_stages(struct buf *out, const struct report *r) {
    if (r->stages == 0) return;
    buf_puts(out, ",\"stages\":{");
    for (unsigned i = 0; i < r->stages; i++)
        buf_printf(out, "%s\"%s\":{\"rows\":%zu,\"right\":%zu}", i ? "," : "", r->stage[i].name, r->stage[i].answers,
                   r->stage[i].right);
    buf_printf(out, "},\"llm_calls\":%llu,", (unsigned long long)r->llm_calls);
    report_put_number(out, "llm_cost", r->llm_cost);
}

static void put_json_lines(struct buf *out, const struct report *r) {
    buf_puts(out, ",\"worst\":[");
    for (unsigned i = 0; i < r->lines; i++) {
        const struct report_line *l = &r->line[i];
        buf_printf(out, "%s{\"line\":%u,\"answer\":\"%s\",\"truth\":\"%s\",", i ? "," : "", l->row,
                   r->labels->label[l->best].id, r->labels->label[l->truth].id);
        report_put_number(out, "confidence", l->confidence);
        buf_puts(out, ",\"source\":");
        json_out_string(out, l->source);
        buf_puts(out, ",\"log_message\":");
        json_out_string(out, l->message);
        buf_puts(out, ",\"reason\":");
        json_out_string(out, l->reason);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_json_target(struct buf *out, const struct report *r) {
    if (r->target == 0) return;
    buf_puts(out, ",\"target_accuracy\":{");
    report_put_number(out, "threshold", r->at_target.threshold);
    buf_putc(out, ',');
    report_put_number(out, "answered", r->at_target.answered);
    buf_putc(out, ',');
    report_put_number(out, "accuracy", r->at_target.precision);
    buf_putc(out, '}');
}

void report_json(struct buf *out, const struct report *r) {
    buf_puts(out, "{\"file\":");
    json_out_string(out, span_of(r->title));
    buf_puts(out, ",\"judge\":");
    json_out_string(out, span_of(r->judge));
    buf_putc(out, ',');
    report_put_number(out, "threshold", r->threshold);
    for (unsigned p = 0; p < r->parts; p++) {
        buf_printf(out, ",\"%s\":", r->part[p].name);
        put_json_part(out, r, r->part[p].score);
    }
    put_json_stages(out, r);
    put_json_target(out, r);
    put_json_lines(out, r);
    buf_puts(out, "}\n");
}
