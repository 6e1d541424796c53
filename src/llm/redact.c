#include "llm/redact.h"

#include "base/file.h"
#include "base/must.h"
#include "llm/pseudonym.h"
#include "llm/redact_scan.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redact {
    regex_t rule[REDACT_RULES_MAX]; /* the patterns of the user's file */
    size_t n;
    struct pseudonyms *pseudonyms; /* NULL: names stay */
};

static const char *const REPLACEMENT[] = {
    [REDACT_SECRET] = "<secret>", [REDACT_EMAIL] = "<email>", [REDACT_CARD] = "<card>"};

/* ---- open ---- */

static bool redact_add(struct redact *r, const char *pattern, struct err *e) {
    char why[256];
    if (r->n == REDACT_RULES_MAX) return err_set(e, ERR_LIMIT, "more than %d rules", REDACT_RULES_MAX);
    int bad = regcomp(&r->rule[r->n], pattern, REG_EXTENDED | REG_ICASE);
    if (bad) {
        regerror(bad, &r->rule[r->n], why, sizeof why);
        return err_set(e, ERR_INPUT, "invalid pattern '%s': %s", pattern, why);
    }
    r->n++;
    return true;
}

static bool redact_add_line(struct redact *r, struct span line, struct err *e) {
    char pattern[REDACT_PATTERN_MAX];
    if (line.n >= sizeof pattern) return err_set(e, ERR_LIMIT, "longer than %d bytes", REDACT_PATTERN_MAX - 1);
    memcpy(pattern, line.p, line.n);
    pattern[line.n] = '\0';
    if (!redact_add(r, pattern, e)) return false;
    regmatch_t m;
    return regexec(&r->rule[r->n - 1], "", 1, &m, 0) == REG_NOMATCH ||
           err_set(e, ERR_INPUT, "pattern '%s' matches the empty string", pattern);
}

static bool add_file(struct redact *r, const char *path, struct err *e) {
    struct span text;
    if (!file_read(path, REDACT_FILE_BYTES_MAX, &text, e)) return false;
    struct span rest = text;
    bool ok = true;
    for (unsigned line_no = 1; ok && rest.n > 0; line_no++) {
        struct span line = span_trim(span_take_line(&rest));
        if (line.n == 0 || line.p[0] == '#') continue;
        ok = redact_add_line(r, line, e) || err_prefix(e, "%s:%u", path, line_no);
    }
    file_free(&text);
    return ok;
}

struct redact *redact_open(const char *path, struct err *e) {
    struct redact *r = must_calloc(1, sizeof *r);
    if (!path || !path[0] || add_file(r, path, e)) return r;
    redact_close(r);
    return NULL;
}

void redact_close(struct redact *r) {
    if (!r) return;
    for (size_t i = 0; i < r->n; i++) regfree(&r->rule[i]);
    free(r->pseudonyms);
    free(r);
}

void redact_pseudonyms(struct redact *r, uint64_t key) {
    MUST(!r->pseudonyms);
    r->pseudonyms = must_calloc(1, sizeof *r->pseudonyms);
    pseudonym_open(r->pseudonyms, "/etc/passwd", key);
}

/* ---- run ---- */

/* text is NUL-terminated. */
static void redact_apply(const regex_t *rule, const char *text, struct buf *out) {
    regmatch_t m;
    for (int flags = 0; *text && regexec(rule, text, 1, &m, flags) == 0; flags = REG_NOTBOL) {
        buf_put(out, text, (size_t)m.rm_so);
        text += m.rm_eo;
        if (m.rm_eo > m.rm_so)
            buf_puts(out, "<redacted>");
        else if (*text) /* a place, not a text: go on behind the next character */
            buf_putc(out, *text++);
    }
    buf_puts(out, text);
}

/* text with what the scans mark replaced. */
static void redact_put(const struct redact *r, struct span text, const unsigned char *mark, struct buf *out) {
    for (size_t i = 0, end; i < text.n; i = end) {
        for (end = i; end < text.n && mark[end] == mark[i];) end++;
        if (mark[i] == REDACT_KEEP)
            buf_put(out, text.p + i, end - i);
        else if (mark[i] >= REDACT_USER)
            pseudonym_put(r->pseudonyms, span_sub(text, i, end), mark[i] == REDACT_HOST, out);
        else
            buf_puts(out, REPLACEMENT[mark[i]]);
    }
}

void redact_run(const struct redact *r, struct span text, struct buf *out) {
    struct buf side[2];
    const char *nul = text.n ? memchr(text.p, '\0', text.n) : NULL;
    if (nul) text.n = (size_t)(nul - text.p);
    unsigned char *mark = must_calloc(text.n + 1, 1);
    for (int i = 0; i < 2; i++) buf_init(&side[i], 16 * (text.n + 64));
    redact_scan(text, mark);
    if (r->pseudonyms) pseudonym_scan(r->pseudonyms, text, mark);
    redact_put(r, text, mark, &side[0]);
    buf_putc(&side[0], '\0');
    size_t from = 0;
    for (size_t i = 0; i < r->n && !side[from].failed; i++, from = 1 - from) {
        buf_reset(&side[1 - from]);
        redact_apply(&r->rule[i], side[from].p, &side[1 - from]);
        buf_putc(&side[1 - from], '\0');
    }
    if (side[from].failed)
        out->failed = true; /* rather nothing than something unredacted */
    else
        buf_put(out, side[from].p, strlen(side[from].p));
    for (int i = 0; i < 2; i++) buf_release(&side[i]);
    free(mark);
}
