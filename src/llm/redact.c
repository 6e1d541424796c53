#include "llm/redact.h"

#include "base/file.h"
#include "base/must.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

enum check { CHECK_ANY, CHECK_LUHN };

struct rule {
    regex_t regex;
    const char *replacement;
    enum check check;
};

struct redact {
    struct rule rule[REDACT_RULES_MAX];
    size_t n;
};

static const struct {
    enum check check;
    const char *replacement, *pattern;
} BUILT_IN[] = {
#define REDACT(id, check, replacement, pattern) {CHECK_##check, replacement, pattern},
#include "llm/redact.def"
#undef REDACT
};

/* ---- open ---- */

static bool redact_add(struct redact *r, const char *pattern, const char *replacement, enum check check,
                       struct err *e) {
    char why[256];
    if (r->n == REDACT_RULES_MAX) return err_set(e, ERR_LIMIT, "more than %d rules", REDACT_RULES_MAX);
    struct rule *rule = &r->rule[r->n];
    int bad = regcomp(&rule->regex, pattern, REG_EXTENDED | REG_ICASE);
    if (bad) {
        regerror(bad, &rule->regex, why, sizeof why);
        return err_set(e, ERR_INPUT, "invalid pattern '%s': %s", pattern, why);
    }
    rule->replacement = replacement;
    rule->check = check;
    r->n++;
    return true;
}

static bool redact_add_line(struct redact *r, struct span line, struct err *e) {
    char pattern[REDACT_PATTERN_MAX];
    if (line.n >= sizeof pattern) return err_set(e, ERR_LIMIT, "longer than %d bytes", REDACT_PATTERN_MAX - 1);
    memcpy(pattern, line.p, line.n);
    pattern[line.n] = '\0';
    if (!redact_add(r, pattern, "<redacted>", CHECK_ANY, e)) return false;
    regmatch_t m;
    return regexec(&r->rule[r->n - 1].regex, "", 1, &m, 0) == REG_NOMATCH ||
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
    for (size_t i = 0; i < sizeof BUILT_IN / sizeof BUILT_IN[0]; i++)
        MUST(redact_add(r, BUILT_IN[i].pattern, BUILT_IN[i].replacement, BUILT_IN[i].check, e));
    if (!path || !path[0] || add_file(r, path, e)) return r;
    redact_close(r);
    return NULL;
}

void redact_close(struct redact *r) {
    if (!r) return;
    for (size_t i = 0; i < r->n; i++) regfree(&r->rule[i].regex);
    free(r);
}

/* ---- run ---- */

/* ISO/IEC 7812: from the right, every second digit doubled, digits of the sum; the total must end in 0. */
static bool luhn(struct span s) {
    unsigned sum = 0, k = 0;
    for (size_t i = s.n; i-- > 0;) {
        if (s.p[i] < '0' || s.p[i] > '9') continue;
        unsigned d = (unsigned)(s.p[i] - '0') * (k++ % 2 ? 2 : 1);
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

static void put_replacement(struct buf *out, const char *replacement, struct span group) {
    if (replacement[0] == '\\') {
        buf_put(out, group.p, group.n);
        replacement += 2;
    }
    buf_puts(out, replacement);
}

static struct span redact_matched(const char *text, regmatch_t m) {
    if (m.rm_so < 0) return (struct span){text, 0};
    return (struct span){text + m.rm_so, (size_t)(m.rm_eo - m.rm_so)};
}

/* text is NUL-terminated. */
static void redact_apply(const struct rule *rule, const char *text, struct buf *out) {
    regmatch_t m[2];
    for (int flags = 0; *text && regexec(&rule->regex, text, 2, m, flags) == 0; flags = REG_NOTBOL) {
        struct span whole = redact_matched(text, m[0]);
        buf_put(out, text, (size_t)m[0].rm_so);
        text = whole.p + whole.n;
        if (whole.n == 0) { /* a place, not a text: go on behind the next character */
            if (*text) buf_putc(out, *text++);
        } else if (rule->check == CHECK_ANY || luhn(whole)) {
            put_replacement(out, rule->replacement, redact_matched(whole.p - m[0].rm_so, m[1]));
        } else {
            buf_put(out, whole.p, whole.n);
        }
    }
    buf_puts(out, text);
}

void redact_run(const struct redact *r, struct span text, struct buf *out) {
    struct buf side[2];
    for (int i = 0; i < 2; i++) buf_init(&side[i], 16 * (text.n + 64));
    buf_put(&side[0], text.p, text.n);
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
}
