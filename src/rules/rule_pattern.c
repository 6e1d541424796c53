#include "rules/rule_pattern.h"

#include "rules/cost.h"
#include "rules/placeholder.h"
#include "rules/rules.h"

#include <ctype.h>
#include <string.h>

/* The value of a key in quotes goes up to the quote. */
static const char QUOTED_VALUE[] = "[^\"'`]+";

/* Behind sd, vd and hd "#" stands for the letter of a disk too. */
static const char DISK[] = "[a-z]\\d?\\d?|";

static bool is_behind_quote(struct span text, size_t at) {
    return at > 0 && strchr("\"'`", text.p[at - 1]) != NULL;
}

static bool is_behind_disk(struct span text, size_t at) {
    return at > 1 && text.p[at - 1] == 'd' && strchr("svh", text.p[at - 2]) != NULL;
}

/* Masking writes 0 for a 0.00 that says there is none. */
static bool is_lone_zero(struct span text, size_t at) {
    bool begins = at == 0 || !(isalnum((unsigned char)text.p[at - 1]) || strchr(".-/_", text.p[at - 1]));
    return begins && text.p[at] == '0' && (at + 1 == text.n || !isalnum((unsigned char)text.p[at + 1]));
}

static void put_value(struct buf *out, struct span text, size_t at, const struct placeholder *p, bool lists) {
    const char *disk = p->text[0] == '#' && is_behind_disk(text, at) ? DISK : "";
    if (p->is_named && is_behind_quote(text, at))
        buf_puts(out, QUOTED_VALUE);
    else if (lists && p->between)
        buf_printf(out, "(?:%s%s)(?:%s(?:%s))*", disk, p->pattern, p->between, p->pattern);
    else
        buf_printf(out, "(?:%s%s)", disk, p->pattern);
}

static void put_text(struct buf *out, struct span text, bool lists) {
    for (size_t at = 0; at < text.n;) {
        const struct placeholder *p = placeholder_at(span_sub(text, at, text.n));
        char c = text.p[at];
        if (p) {
            put_value(out, text, at, p, lists);
            at += strlen(p->text);
            continue;
        }
        if (c && strchr("\\^$.|?*+()[]{}", c)) buf_putc(out, '\\');
        if (c == ' ')
            buf_puts(out, "\\s+");
        else
            buf_putc(out, c);
        if (is_lone_zero(text, at)) buf_puts(out, "[0.]*");
        at++;
    }
}

void rule_pattern_put(struct buf *out, struct span piece) {
    put_text(out, piece, false);
}

bool rule_pattern_whole(struct buf *out, struct span template, struct err *e) {
    struct cost ignored;
    for (int lists = 1; lists >= 0; lists--) {
        buf_reset(out);
        buf_puts(out, "^\\s*");
        put_text(out, template, lists);
        buf_puts(out, "\\s*$");
        buf_putc(out, '\0');
        bool fits = !out->failed && --out->n <= RULES_PATTERN_MAX;
        if (!fits)
            err_set(e, ERR_LIMIT, "its pattern has more than %d bytes", RULES_PATTERN_MAX);
        else if (cost_of(out->p, &ignored, e))
            return true;
    }
    return false;
}
