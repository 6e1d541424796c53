#include "train/wording.h"

#include "text/mask.h"
#include "train/values.h"

#include <ctype.h>
#include <stdlib.h>
#include <xxhash.h>

#define SLOT "<slot>" /* stands for a slot while the text is masked */

/* Placeholders of the masker are dropped like slots. */
static const char *const PLACEHOLDER[] = {
    SLOT,
#define MASK(id, text, what) text,
#include "text/mask.def"
#undef MASK
};

static size_t placeholder_length(struct span s) {
    for (size_t i = 0; i < sizeof PLACEHOLDER / sizeof PLACEHOLDER[0]; i++)
        if (span_starts(s, span_of(PLACEHOLDER[i]))) return strlen(PLACEHOLDER[i]);
    return 0;
}

static bool is_word_byte(char c) {
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* A quoted name at the front of s, quotes included: 'orders', "db-1". 0: none, or words in quotes. */
static size_t quoted_length(struct span s) {
    for (size_t i = 1; i < s.n && s.p[i] != ' ' && s.p[i] != '\n'; i++)
        if (s.p[i] == s.p[0]) return i + 1;
    return 0;
}

/* Adds the word at the front of s, or a gap when it has digits or is a single letter. Returns its length. */
static size_t take_word(struct span s, struct wording *out, bool *gap) {
    char lower[64];
    size_t n = 0;
    bool plain = true;
    for (; n < s.n && is_word_byte(s.p[n]); n++) {
        plain = plain && !isdigit((unsigned char)s.p[n]);
        if (n < sizeof lower) lower[n] = (char)tolower((unsigned char)s.p[n]);
    }
    if (!plain || n < 2) {
        *gap = *gap || !plain;
        return n;
    }
    out->gap_before[out->n] = *gap;
    out->word[out->n++] = (uint32_t)XXH3_64bits(lower, n < sizeof lower ? n : sizeof lower);
    *gap = false;
    return n;
}

static int wording_ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void sort_words(struct wording *s) {
    memcpy(s->sorted, s->word, s->n * sizeof s->word[0]);
    qsort(s->sorted, s->n, sizeof s->sorted[0], wording_ascending);
    for (unsigned i = 0; i < s->n; i++)
        if (s->distinct == 0 || s->sorted[s->distinct - 1] != s->sorted[i]) s->sorted[s->distinct++] = s->sorted[i];
}

/* The template's text with SLOT in place of each slot. */
static struct span without_slots(struct span text, char *out, size_t size) {
    size_t n = 0;
    struct values_piece piece;
    while (values_next(&text, &piece)) {
        struct span s = piece.is_slot ? SPAN_LIT(SLOT) : piece.text;
        s = span_sub(s, 0, size - n);
        memcpy(out + n, s.p, s.n);
        n += s.n;
    }
    return (struct span){out, n};
}

void wording_of(struct span text, bool is_template, struct wording *s) {
    char plain[MASK_INPUT_MAX], masked[MASK_OUTPUT_MAX];
    bool gap = false;
    *s = (struct wording){0};
    if (is_template) text = without_slots(text, plain, sizeof plain);
    text = (struct span){masked, mask_line(text, masked)};
    while (text.n > 0 && s->n < WORDING_WORDS_MAX) {
        char c = text.p[0];
        size_t used = c == '"' || c == '\'' || c == '`' ? quoted_length(text) : placeholder_length(text);
        if (used > 0)
            gap = true;
        else
            used = is_word_byte(c) ? take_word(text, s, &gap) : 1;
        text = span_sub(text, used, text.n);
    }
    s->gap_before[s->n] = gap;
    sort_words(s);
}

/* `at` holds, a bit each, the words of the message before which the template's words so far may end. */
bool wording_matches(const struct wording *template, const struct wording *message) {
    bool loose = template->n >= WORDING_WORDS_LOOSE;
    unsigned header = template->n >= WORDING_WORDS_EMBEDDED ? WORDING_HEADER_MAX : 0;
    uint64_t end = (uint64_t)1 << message->n, at = ((uint64_t)2 << header) - 1;
    if (template->n == 0) return false;
    for (unsigned t = 0; at != 0; t++) {
        if (loose && template->gap_before[t])
            for (unsigned k = 0; k < WORDING_GAP_MAX; k++) at |= at << 1;
        if (t == template->n) return at & end;
        uint64_t next = 0;
        for (at &= end - 1; at != 0; at &= at - 1) {
            unsigned m = (unsigned)__builtin_ctzll(at);
            if (message->word[m] == template->word[t]) next |= (uint64_t)2 << m;
        }
        at = next;
    }
    return false;
}

double wording_overlap(const struct wording *a, const struct wording *b) {
    unsigned i = 0, k = 0, shared = 0;
    while (i < a->distinct && k < b->distinct) {
        uint32_t x = a->sorted[i], y = b->sorted[k];
        shared += x == y;
        i += x <= y;
        k += y <= x;
    }
    unsigned all = a->distinct + b->distinct - shared;
    return all ? (double)shared / all : 0;
}

uint64_t wording_hash(const struct wording *s) {
    return XXH3_64bits_withSeed(s->word, s->n * sizeof s->word[0], XXH3_64bits(s->gap_before, s->n + 1u));
}
