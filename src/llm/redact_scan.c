#include "llm/redact_scan.h"

#include "llm/redact_internal.h"
#include "llm/redact_random.h"

#include <string.h>

enum {
    CARD_DIGITS_MIN = 13,
    CARD_DIGITS_MAX = 19,
    IBAN_GROUPS_MIN = 3,
    RANDOM_MIN = 12,
    PLACEHOLDER_MAX = 10,
    LOCAL_MAX = 64,
    DOMAIN_MAX = 255
};

/* ---- pieces ---- */

void redact_hide(struct redact_text *x, size_t from, size_t to, enum redact_mark mark) {
    for (size_t i = from; i < to && i < x->t.n; i++)
        if (x->mark[i] == REDACT_KEEP) x->mark[i] = (unsigned char)mark;
}

size_t redact_placeholder(const struct redact_text *x, size_t i) {
    if (redact_at(x, i) == '#') return 1;
    if (redact_at(x, i) != '<') return 0;
    size_t n = 1;
    while (n < PLACEHOLDER_MAX && redact_is_letter(redact_at(x, i + n))) n++;
    return n > 1 && redact_at(x, i + n) == '>' ? n + 1 : 0;
}

static bool ends_token(char c) {
    return c == '\0' || redact_is_blank(c) || strchr("\"'`,;&(){}[]>|<", c) != NULL;
}

size_t redact_token_end(const struct redact_text *x, size_t i) {
    for (size_t n; i < x->t.n; i += n) {
        n = redact_placeholder(x, i);
        if (n == 0 && ends_token(x->t.p[i])) return i;
        if (n == 0 && x->t.p[i] == '\\' && strchr("\"'n", redact_at(x, i + 1))) return i; /* an escaped end */
        if (n == 0) n = 1;
    }
    return i;
}

bool redact_begins(const struct redact_text *x, size_t i, const char *with, bool nocase) {
    for (; *with; with++, i++) {
        char c = redact_at(x, i);
        if (c != *with && !(nocase && redact_is_letter(c) && (c | 0x20) == (*with | 0x20))) return false;
    }
    return true;
}

bool redact_is(const struct redact_text *x, size_t from, size_t to, const char *word) {
    return strlen(word) == to - from && redact_begins(x, from, word, true);
}

bool redact_is_one_of(const struct redact_text *x, size_t from, size_t to, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (redact_is(x, from, to, words[i])) return true;
    return false;
}

bool redact_looks_secret(const struct redact_text *x, size_t from, size_t to) {
    size_t letters = 0, signs = 0, masked = 0, flips = 0;
    for (size_t i = from, n; i < to; i += n) {
        n = redact_placeholder(x, i);
        char c = redact_at(x, i), before = i > from ? redact_at(x, i - 1) : '\0';
        if (n > 0)
            masked++;
        else if (redact_is_letter(c))
            letters++, flips += redact_is_letter(before) && !(c & 0x20) && (before & 0x20);
        else if (redact_is_digit(c) || strchr("!@$%^*+~=", c))
            signs++;
        if (n == 0) n = 1;
    }
    if (letters == 0) return signs > 5;
    return masked + signs + flips > 0 || redact_is_random((struct span){x->t.p + from, to - from}, false);
}

/* ---- URLs and mail ---- */

static bool is_scheme(char c) {
    return redact_is_word(c) || c == '+' || c == '.' || c == '-';
}

/* scheme://USER:PASSWORD@host */
static void hide_userinfo(struct redact_text *x) {
    for (size_t i = 1; i + 3 < x->t.n; i++) {
        if (!redact_begins(x, i, "://", false) || !is_scheme(x->t.p[i - 1])) continue;
        size_t end = i + 3, at = 0;
        for (; end < x->t.n && x->t.p[end] != '/' && !redact_is_blank(x->t.p[end]) && x->t.p[end] != '"'; end++)
            if (x->t.p[end] == '@') at = end;
        if (at > 0) redact_hide(x, i + 3, at, REDACT_SECRET);
    }
}

static bool is_local(char c) {
    return redact_is_word(c) || strchr(".+-#%", c);
}

static bool is_domain(char c) {
    return redact_is_word(c) || c == '.' || c == '-' || (unsigned char)c >= 0x80;
}

/* NAME@domain.tld, NAME@localhost, and the same with %40. */
static void hide_mail_at(struct redact_text *x, size_t at, size_t sign) {
    size_t from = at, to = at + sign, dots = 0;
    if (at > 0 && x->mark[at - 1] != REDACT_KEEP) return; /* of a URL: whose password is known */
    while (from > 0 && at - from < LOCAL_MAX && x->t.p[from - 1] && is_local(x->t.p[from - 1])) from--;
    while (to < x->t.n && to - at < DOMAIN_MAX && is_domain(x->t.p[to])) dots += x->t.p[to] == '.', to++;
    while (to > at + sign && x->t.p[to - 1] == '.') to--, dots--;
    bool named = dots > 0 || redact_is(x, at + sign, to, "localhost");
    bool letter = false;
    for (size_t i = from; i < at; i++) letter = letter || redact_is_letter(x->t.p[i]) || x->t.p[i] == '_';
    if (letter && to > at + sign && named && redact_is_letter(x->t.p[to - 1])) redact_hide(x, from, to, REDACT_EMAIL);
}

static void hide_mail(struct redact_text *x) {
    for (size_t i = 1; i + 1 < x->t.n; i++) {
        if (x->t.p[i] == '@') hide_mail_at(x, i, 1);
        if (redact_begins(x, i, "%40", false) || redact_begins(x, i, "%#", false))
            hide_mail_at(x, i, x->t.p[i + 1] == '#' ? 2 : 3);
    }
}

/* ---- numbers of accounts ---- */

/* ISO/IEC 7812: from the right, every second digit doubled, digits of the sum; the total must end in 0. */
static bool luhn(struct span s) {
    unsigned sum = 0, k = 0;
    for (size_t i = s.n; i-- > 0;) {
        if (!redact_is_digit(s.p[i])) continue;
        unsigned d = (unsigned)(s.p[i] - '0') * (k++ % 2 ? 2 : 1);
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

static void hide_cards(struct redact_text *x) {
    for (size_t i = 0; i < x->t.n; i++) {
        if (!redact_is_digit(x->t.p[i]) || (i > 0 && redact_is_word(x->t.p[i - 1]))) continue;
        size_t digits = 0, end = i, to = i;
        for (; digits < CARD_DIGITS_MAX && end < x->t.n; end++) {
            bool digit = redact_is_digit(x->t.p[end]);
            if (!digit && !((x->t.p[end] == ' ' || x->t.p[end] == '-') && redact_is_digit(redact_at(x, end + 1))))
                break;
            digits += digit;
            if (digit) to = end + 1;
        }
        if (digits >= CARD_DIGITS_MIN && luhn((struct span){x->t.p + i, to - i})) redact_hide(x, i, to, REDACT_CARD);
        i = to > i ? to - 1 : i;
    }
}

static bool is_capital(char c) {
    return c >= 'A' && c <= 'Z';
}

/* The end of a group of an account number: up to four capitals and digits, or a masked number; i: there is none. */
static size_t group_end(const struct redact_text *x, size_t i) {
    size_t end = i;
    while (end - i < 4 && (is_capital(redact_at(x, end)) || redact_is_digit(redact_at(x, end)))) end++;
    return end > i ? end : i + redact_placeholder(x, i);
}

/* Two capitals and a number, then at least three groups behind blanks: an IBAN as people write it. */
static void hide_ibans(struct redact_text *x) {
    for (size_t i = 0; i + 3 < x->t.n; i++) {
        if ((i > 0 && redact_is_word(x->t.p[i - 1])) || !is_capital(x->t.p[i]) || !is_capital(x->t.p[i + 1])) continue;
        if (redact_at(x, i + 2) != '#' &&
            !(redact_is_digit(redact_at(x, i + 2)) && redact_is_digit(redact_at(x, i + 3))))
            continue;
        size_t end = i + (redact_at(x, i + 2) == '#' ? 3 : 4), groups = 0, next;
        while (redact_at(x, end) == ' ' && (next = group_end(x, end + 1)) > end + 1) end = next, groups++;
        if (groups >= IBAN_GROUPS_MIN && !redact_is_word(redact_at(x, end))) redact_hide(x, i, end, REDACT_SECRET);
    }
}

/* ---- keys of vendors, PEM, random letters ---- */

static const struct {
    const char *text;
    size_t least;
} PREFIXES[] = {
#define REDACT_PREFIX(text, least) {text, least},
#include "llm/redact_word.def"
#undef REDACT_PREFIX
};

static void hide_prefixed(struct redact_text *x) {
    for (size_t i = 0; i < x->t.n; i++) {
        if (x->mark[i] != REDACT_KEEP || (i > 0 && redact_is_word(x->t.p[i - 1]))) continue;
        for (size_t k = 0; k < sizeof PREFIXES / sizeof PREFIXES[0]; k++) {
            if (!redact_begins(x, i, PREFIXES[k].text, false)) continue;
            size_t end = redact_token_end(x, i);
            if (end - i >= strlen(PREFIXES[k].text) + PREFIXES[k].least) redact_hide(x, i, end, REDACT_SECRET);
        }
    }
}

static void hide_pem(struct redact_text *x) {
    for (size_t i = 0; i + 10 < x->t.n; i++) {
        if (!redact_begins(x, i, "-----BEGIN ", false)) continue;
        size_t end = i + 11;
        while (end < x->t.n && !redact_begins(x, end, "-----END ", false)) end++;
        redact_hide(x, i, end, REDACT_SECRET);
        return;
    }
}

static bool is_code(char c) {
    return redact_is_word(c) || (c && strchr("+/=.~%-:!@$^*", c));
}

static size_t code_end(const struct redact_text *x, size_t i) {
    for (size_t n; i < x->t.n; i += n) {
        n = redact_placeholder(x, i);
        if (n == 0 && !is_code(x->t.p[i])) return i;
        if (n == 0) n = 1;
    }
    return i;
}

static bool is_mixed(const struct redact_text *x, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (redact_placeholder(x, i) || redact_is_digit(x->t.p[i]) || strchr("+=%", x->t.p[i])) return true;
    return false;
}

/* A masked id with more of the same around it: base64 and the like, of which the masker saw a part. */
static bool is_half_masked(const struct redact_text *x, size_t from, size_t to) {
    bool small = false, large = false, digit = false, plus = false, id = false;
    for (size_t i = from, n; i < to; i += n) {
        char c = x->t.p[i];
        n = redact_placeholder(x, i);
        id = id || n > 1;
        digit = digit || redact_is_digit(c);
        plus = plus || c == '+';
        if (n == 0) small = small || (c >= 'a' && c <= 'z'), large = large || is_capital(c);
        if (n == 0) n = 1;
    }
    bool padded = to - from > 2 && x->t.p[to - 1] == '=' && x->t.p[to - 2] == '=';
    return small && large && ((id && (digit || plus)) || padded);
}

/* A part of a token: between its dots, slashes, colons and equals signs. */
static void hide_random_parts(struct redact_text *x, size_t from, size_t to) {
    for (size_t i = from, end; i < to; i = end + 1) {
        for (end = i; end < to && !strchr("./:=", x->t.p[end]);) end++;
        if (end - i >= RANDOM_MIN - 4 && redact_is_random((struct span){x->t.p + i, end - i}, is_mixed(x, i, end)))
            redact_hide(x, i, end, REDACT_SECRET);
    }
}

static void hide_random(struct redact_text *x) {
    for (size_t i = 0, end; i<x->t.n; i = end> i ? end : i + 1) {
        end = code_end(x, i);
        if (end - i < RANDOM_MIN) continue;
        if (is_half_masked(x, i, end) || redact_is_random((struct span){x->t.p + i, end - i}, is_mixed(x, i, end)))
            redact_hide(x, i, end, REDACT_SECRET);
        else
            hide_random_parts(x, i, end);
    }
}

void redact_scan(struct span text, unsigned char *mark) {
    struct redact_text x = {text, mark};
    memset(mark, REDACT_KEEP, text.n);
    hide_pem(&x);
    hide_userinfo(&x);
    hide_mail(&x);
    redact_named(&x);
    redact_commands(&x);
    hide_prefixed(&x);
    hide_cards(&x);
    hide_ibans(&x);
    hide_random(&x);
}
