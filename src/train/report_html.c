#include "train/report.h"

#include <math.h>
#include <stdio.h>

/* Diagrams are drawn in a box of this many units, with a margin for axes. */
enum { BOX = 300, MARGIN = 44, CELL = 44 };

static const char HEAD[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>logclass: evaluation</title>\n<style>\n"
    ":root{--ink:#1b1f24;--soft:#5b6470;--line:#d8dce3;--paper:#fff;--good:#1a7f4b;--bad:#b3392c;--mark:#2b5fb8;--on:#"
    "fff}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#9aa3ad;--line:#3a414b;--paper:#16191d;"
    "--good:#4cc38a;--bad:#ff7b6b;--mark:#7aa7ff;--on:#0c0e11}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1000px;margin:2em auto;"
    "padding:0 1em}\nh1{font-size:1.5em;margin-bottom:0}h2{font-size:1.15em;margin:2em 0 .5em}\n"
    "table{border-collapse:collapse;margin:1em 0}th,td{padding:.25em .8em;border-bottom:1px solid var(--line);"
    "text-align:right;vertical-align:top;font-variant-numeric:tabular-nums}th{color:var(--soft);font-weight:600}\n"
    "th:first-child,td:first-child,.left{text-align:left}td.text{text-align:left;font:13px/1.4 ui-monospace,monospace;"
    "overflow-wrap:anywhere}td.text .soft{font-family:system-ui,sans-serif}.id{white-space:nowrap}\n"
    "td.bar{width:120px;text-align:left}td.bar i{display:block;height:.7em;margin-top:.45em;background:var(--mark)}\n"
    ".figures{display:flex;gap:2.5em;flex-wrap:wrap}.figures b{display:block;font-size:1.8em;line-height:1.2}\n"
    ".soft{color:var(--soft)}.charts{display:flex;gap:1em;flex-wrap:wrap}figure{margin:1em "
    "0}figcaption{font-weight:600}\n"
    "svg{max-width:100%}svg text{font:11px system-ui,sans-serif;fill:var(--soft)}svg .axis{stroke:var(--line)}\n"
    "svg .true{stroke:var(--soft);stroke-dasharray:4 4}svg .mark{fill:var(--mark)}\n"
    "svg .curve{fill:none;stroke:var(--mark);stroke-width:2}svg .cell{font-size:12px;fill:var(--ink)}\n"
    "svg .cell.on{fill:var(--on)}\n</style></head><body>\n";

/* Text of others in HTML: markup characters become entities, control characters blanks. */
static void report_html_put_text(struct buf *out, struct span s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        switch (c) {
        case '<': buf_puts(out, "&lt;"); break;
        case '>': buf_puts(out, "&gt;"); break;
        case '&': buf_puts(out, "&amp;"); break;
        case '"': buf_puts(out, "&quot;"); break;
        case '\'': buf_puts(out, "&#39;"); break;
        default: buf_putc(out, c < ' ' || c == 0x7f ? ' ' : (char)c);
        }
    }
}

static void report_html_put_figures(struct buf *out, const struct report *r, const struct score *s) {
    const struct {
        const char *name;
        double value;
    } figure[] = {{"macro-F1", s->macro_f1},
                  {"accuracy", s->accuracy},
                  {"calibration error", s->ece},
                  {"accuracy, surer half", s->confident_half}};
    buf_puts(out, "<div class=\"figures\">\n");
    for (unsigned i = 0; i < sizeof figure / sizeof figure[0]; i++)
        buf_printf(out, "<div><b>%.3f</b><span class=\"soft\">%s</span></div>\n", figure[i].value, figure[i].name);
    buf_puts(out, "</div>\n");
    if (r->stages > 0) return;
    buf_printf(out,
               "<p class=\"soft\">Answers below %.2f count as UNCLASSIFIED; without that macro-F1 is %.3f, "
               "accuracy %.3f.</p>\n",
               r->threshold, s->macro_f1_best, s->accuracy_best);
    buf_printf(out, "<p class=\"soft\">Answered %.1f %%, of these right %.1f %%.", 100 * s->answered,
               100 * s->right_of_answered);
    if (s->macro_f1_all < s->macro_f1)
        buf_printf(out, " macro-F1 is over labels that have rows; with those that are answers only it is %.3f.",
                   s->macro_f1_all);
    buf_puts(out, "</p>\n");
}

static void report_html_put_labels(struct buf *out, const struct report *r, const struct score *s) {
    buf_puts(out, "<table><tr><th>label<th>rows<th>precision<th>recall<th>F1<th></tr>\n");
    for (unsigned l = 0; l < s->labels; l++) {
        const struct score_label *f = &s->label[l];
        if (f->truth + f->answers == 0) continue;
        buf_printf(
            out,
            "<tr><td>%s<td>%zu<td>%.3f<td>%.3f<td><b>%.3f</b><td class=\"bar\"><i style=\"width:%.0f%%\"></i></tr>\n",
            r->labels->label[l].id, f->truth, f->precision, f->recall, f->f1, 100 * f->f1);
    }
    buf_puts(out, "</table>\n");
}

/* ---- diagrams: x and y run from 0 to 1, y upwards ---- */

static double x_at(double v) {
    return MARGIN + v * BOX;
}

static double y_at(double v) {
    return MARGIN / 2.0 + (1 - v) * BOX;
}

static void begin_diagram(struct buf *out, const char *title, const char *x, const char *y) {
    buf_printf(out,
               "<figure><figcaption>%s</figcaption><svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"%s\">\n",
               title, BOX + 2 * MARGIN, BOX + 2 * MARGIN, title);
    for (int i = 0; i <= 10; i += 2) {
        double v = i / 10.0;
        buf_printf(out, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f M%.1f %.1fV%.1f\"/>", x_at(0), y_at(v), x_at(1),
                   x_at(v), y_at(0), y_at(1));
        buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>", x_at(0) - 6, y_at(v) + 4, v);
        buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.1f</text>\n", x_at(v), y_at(0) + 16, v);
    }
    buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>", x_at(0.5), y_at(0) + 34, x);
    buf_printf(out, "<text x=\"12\" y=\"%.1f\" text-anchor=\"middle\" transform=\"rotate(-90 12 %.1f)\">%s</text>\n",
               y_at(0.5), y_at(0.5), y);
}

static void end_diagram(struct buf *out) {
    buf_puts(out, "</svg></figure>\n");
}

/* A dot for each bin, its size by the rows in it; on the diagonal confidence means what it says. */
static void report_html_put_reliability(struct buf *out, const struct score *s) {
    begin_diagram(out, "Reliability: is confidence true?", "confidence", "share that is right");
    buf_printf(out, "<path class=\"true\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", x_at(0), y_at(0), x_at(1), y_at(1));
    for (unsigned b = 0; b < SCORE_BINS; b++) {
        const struct score_bin *bin = &s->bin[b];
        if (bin->n == 0) continue;
        double share = (double)bin->n / (double)s->n;
        buf_printf(out,
                   "<circle class=\"mark\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>%zu rows: confidence %.3f, "
                   "right %.3f</title></circle>\n",
                   x_at(bin->confidence), y_at(bin->accuracy), 3 + 12 * sqrt(share), bin->n, bin->confidence,
                   bin->accuracy);
    }
    end_diagram(out);
}

static void put_coverage(struct buf *out, const struct score *s) {
    begin_diagram(out, "Coverage: how right are the surest?", "share of the rows, surest first", "share that is right");
    buf_puts(out, "<path class=\"curve\" d=\"");
    for (unsigned i = 0; i < SCORE_STEPS; i++)
        buf_printf(out, "%c%.1f %.1f", i ? 'L' : 'M', x_at((i + 1.0) / SCORE_STEPS), y_at(s->coverage[i]));
    buf_puts(out, "\"/>\n");
    end_diagram(out);
}

/* Colour of a cell by its share of the row's truth: green on the diagonal, red beside it. */
static void put_cell(struct buf *out, const struct score *s, unsigned truth, unsigned answer) {
    size_t n = s->confusion[truth][answer];
    double share = s->label[truth].truth ? (double)n / (double)s->label[truth].truth : 0;
    if (n == 0) return;
    buf_printf(out, "<rect x=\"%u\" y=\"%u\" width=\"%d\" height=\"%d\" fill=\"var(--%s)\" fill-opacity=\"%.2f\"/>",
               200 + answer * CELL, 20 + truth * CELL, CELL - 2, CELL - 2, truth == answer ? "good" : "bad",
               0.08 + 0.8 * share);
    buf_printf(out, "<text class=\"cell%s\" x=\"%u\" y=\"%u\" text-anchor=\"middle\">%zu</text>\n",
               share > 0.55 ? " on" : "", 200 + answer * CELL + CELL / 2, 24 + truth * CELL + CELL / 2, n);
}

static void report_html_put_confusion(struct buf *out, const struct report *r, const struct score *s) {
    unsigned size = s->labels * CELL;
    buf_printf(out,
               "<h2>What was answered, by truth</h2>\n<svg width=\"%u\" height=\"%u\" role=\"img\" "
               "aria-label=\"confusion matrix\">\n",
               220 + size, 40 + size);
    for (unsigned l = 0; l < s->labels; l++) {
        buf_printf(out, "<text x=\"190\" y=\"%u\" text-anchor=\"end\">%u %s</text>", 24 + l * CELL + CELL / 2, l + 1,
                   r->labels->label[l].id);
        buf_printf(out, "<text x=\"%u\" y=\"14\" text-anchor=\"middle\">%u</text>\n", 200 + l * CELL + CELL / 2, l + 1);
        for (unsigned a = 0; a < s->labels; a++) put_cell(out, s, l, a);
    }
    buf_puts(out, "</svg>\n");
}

static void report_html_put_stages(struct buf *out, const struct report *r) {
    size_t n = r->part[0].score->n;
    if (r->stages == 0 || n == 0) return;
    buf_puts(out, "<h2>Who decided</h2>\n<table><tr><th>stage<th>lines<th>share<th>right<th></tr>\n");
    for (unsigned i = 0; i < r->stages; i++) {
        const struct report_stage *s = &r->stage[i];
        double share = 100 * (double)s->answers / (double)n;
        buf_printf(out, "<tr><td>%s<td>%zu<td>%.1f%%<td>", s->name, s->answers, share);
        if (s->answers) buf_printf(out, "%.1f%%", 100 * (double)s->right / (double)s->answers);
        buf_printf(out, "<td class=\"bar\"><i style=\"width:%.0f%%\"></i></tr>\n", share);
    }
    buf_printf(out, "</table>\n<p class=\"soft\">The LLM was asked %llu times", (unsigned long long)r->llm_calls);
    if (r->llm_cost > 0) buf_printf(out, ", about %.4f", r->llm_cost);
    buf_puts(out, ".</p>\n");
}

static void report_html_put_lines(struct buf *out, const struct report *r) {
    if (r->lines == 0) return;
    buf_puts(out, "<h2>Sure and wrong</h2>\n<table><tr><th>line<th class=\"left\">answer<th class=\"left\">truth"
                  "<th class=\"left\">message, and what made the answer</tr>\n");
    for (unsigned i = 0; i < r->lines; i++) {
        const struct report_line *l = &r->line[i];
        buf_printf(out, "<tr><td>%u<td class=\"left id\">%s<br>%.2f<td class=\"left id\">%s", l->row,
                   r->labels->label[l->best].id, l->confidence, r->labels->label[l->truth].id);
        if (l->truth_confidence >= 0) buf_printf(out, "<br>%.2f", l->truth_confidence);
        buf_puts(out, "<td class=\"text\">");
        report_html_put_text(out, l->source);
        if (l->source.n > 0) buf_puts(out, ": ");
        report_html_put_text(out, l->message);
        if (l->reason.n > 0) {
            buf_puts(out, "<br><span class=\"soft\">by ");
            report_html_put_text(out, l->reason);
            buf_puts(out, "</span>");
        }
        buf_puts(out, "</tr>\n");
    }
    buf_puts(out, "</table>\n");
}

void report_html(struct buf *out, const struct report *r) {
    buf_puts(out, HEAD);
    buf_puts(out, "<h1>");
    report_html_put_text(out, span_of(r->title));
    buf_puts(out, "</h1>\n<p class=\"soft\">judged by ");
    report_html_put_text(out, span_of(r->judge));
    buf_puts(out, "</p>\n");
    for (unsigned p = 0; p < r->parts; p++) {
        const struct score *s = r->part[p].score;
        buf_printf(out, "<h2>%s: %zu rows</h2>\n", r->part[p].name, s->n);
        report_html_put_figures(out, r, s);
        report_html_put_labels(out, r, s);
        if (p > 0) continue; /* diagrams of the first part only */
        buf_puts(out, "<div class=\"charts\">\n");
        report_html_put_reliability(out, s);
        put_coverage(out, s);
        buf_puts(out, "</div>\n");
        report_html_put_confusion(out, r, s);
    }
    report_html_put_stages(out, r);
    report_html_put_lines(out, r);
    buf_puts(out, "</body></html>\n");
}
