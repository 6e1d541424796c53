#include "rules/rule_suggest.h"

#include "base/must.h"
#include "rules/placeholder.h"
#include "rules/rule_pattern.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 256 }; /* of a template; later ones are not looked at */

struct words {
    struct span word[WORDS_MAX];
    size_t n;
};

/* ---- words ---- */

static void split_words(struct span text, struct words *to) {
    to->n = 0;
    while (to->n < WORDS_MAX) {
        size_t from = 0, end;
        while (from < text.n && text.p[from] == ' ') from++;
        for (end = from; end < text.n && text.p[end] != ' ';) end++;
        if (from == end) return;
        to->word[to->n++] = span_sub(text, from, end);
        text = span_sub(text, end, text.n);
    }
}

/* Does it say anything? Not if it is placeholders and punctuation only. */
static bool has_letters(struct span word) {
    while (word.n > 0) {
        const struct placeholder *p = placeholder_at(word);
        if (!p && (isalpha((unsigned char)word.p[0]) || (unsigned char)word.p[0] >= 0x80)) return true;
        word = span_sub(word, p ? strlen(p->text) : 1, word.n);
    }
    return false;
}

/* ---- what they have in common ---- */

/* The longest common subsequence of a and b, into a. Ties go to what stands earlier in a. Textbook dynamic
 * programming: length[i][j] is that of a[i…] and b[j…]. */
static void keep_common(struct words *a, const struct words *b) {
    uint16_t(*length)[WORDS_MAX + 1] = must_calloc(WORDS_MAX + 1, sizeof *length);
    for (size_t i = a->n; i-- > 0;)
        for (size_t j = b->n; j-- > 0;) {
            uint16_t skip = length[i + 1][j] > length[i][j + 1] ? length[i + 1][j] : length[i][j + 1];
            length[i][j] = span_eq(a->word[i], b->word[j]) ? (uint16_t)(length[i + 1][j + 1] + 1) : skip;
        }
    size_t kept = 0;
    for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
        if (span_eq(a->word[i], b->word[j]))
            a->word[kept++] = a->word[i], i++, j++;
        else if (length[i + 1][j] > length[i][j + 1])
            i++;
        else
            j++;
    }
    a->n = kept;
    free(length);
}

/* Without what says nothing at either end: it only narrows the pattern. */
static void trim_words(struct words *w) {
    size_t from = 0;
    while (from < w->n && !has_letters(w->word[from])) from++;
    while (w->n > from && !has_letters(w->word[w->n - 1])) w->n--;
    memmove(w->word, w->word + from, (w->n - from) * sizeof w->word[0]);
    w->n -= from;
}

/* Marks in gap[i] that another word stands between common word i and the one before it in this template. The first
 * place where each can stand is taken. */
static void find_gaps(const struct words *common, const struct words *all, bool *gap) {
    size_t at = 0;
    for (size_t i = 0; i < common->n; i++) {
        size_t from = at;
        while (at < all->n && !span_eq(all->word[at], common->word[i])) at++;
        if (i > 0 && at > from) gap[i] = true;
        at++;
    }
}

/* ---- the pattern ---- */

static void put_name(struct buf *name, struct span word) {
    if (!has_letters(word) || placeholder_at(word) || name->n + word.n + 1 > RULE_SUGGEST_NAME_MAX) return;
    if (name->n > 0) buf_putc(name, ' ');
    for (size_t i = 0; i < word.n; i++) {
        unsigned char c = (unsigned char)word.p[i];
        buf_putc(name, c < ' ' || c == 0x7f || c == '[' || c == ']' ? '_' : word.p[i]);
    }
}

bool rule_suggest(const struct span *template, size_t n, struct buf *pattern, struct buf *name, struct err *e) {
    struct words *common = must_calloc(1, sizeof *common), *all = must_calloc(1, sizeof *all);
    bool gap[WORDS_MAX] = {false};
    MUST(n > 0 && n <= RULE_SUGGEST_TEMPLATES_MAX);
    split_words(template[0], common);
    for (size_t i = 1; i < n; i++) {
        split_words(template[i], all);
        keep_common(common, all);
    }
    trim_words(common);
    for (size_t i = 0; i < n; i++) {
        split_words(template[i], all);
        find_gaps(common, all, gap);
    }
    for (size_t i = 0; i < common->n; i++) {
        if (i > 0) buf_puts(pattern, gap[i] ? "\\s.{0,80}" : "\\s+");
        rule_pattern_put(pattern, common->word[i]);
        put_name(name, common->word[i]);
    }
    if (name->n == 0) buf_puts(name, "rule");
    bool ok = common->n > 0 || err_set(e, ERR_RULE, "these kinds have no word in common");
    free(common), free(all);
    return ok;
}
