#include "llm/redact_random.h"

/* Bits by which the second letter of a pair surprises after the first, rounded, A = 10, B = 11, C = 12 or more: of the
 * words of the corpus (data/corpus), each word of a line once, camel case cut into words. A row for each first letter.
 * Words, names of classes and abbreviations have 3 to 4.6 on the average, random letters 7; of 12 random letters 1 in
 * 100 has less than 4.9. */
static const char BITS[26][27] = {
    "A534875B4B7453C5C34356876A", "27773A8845927848A55739B95C", "3A5839A36C348B2695735ACC6C",
    "3585187739856747C559498A6C", "5842657A89A55485724486757C", "2B9A559B2C94AB29C3654CAC7C",
    "488718553CA66447B35749AB8A", "27761AAA3C998A37B5945CAC7B", "6745565CCC9352369543A5C6C7",
    "398529AC6BCC78179959576CCC", "589714783C968567B74738AC9C", "488428AA3C938938C76547BA5C",
    "2576288A3C9757338A576A9A6C", "4943353A4B678438C84376BA8C", "6555875C79654255C25446588B",
    "397539764C937834B254599B7C", "99997CCC9CB27798C8871CC9CB", "4855286B4C586537B45455AC5C",
    "595827744C5677456732596C5C", "395829932CB79946C4555C7A5C", "7656486B5BC45383C333ACC8CC",
    "3978199A2CC76857C888ACCBAA", "2BA739C52CB79429C458AC79CC", "4A2737963CC86783B7839BA85C",
    "675748AA5CA64343C7149A7CB8", "378716CA3C786737A78A5A8A78"};

/* In random text one letter in ten is a small one between two capitals; in camel case none is. */
#define ODD_BITS 5.0
#define SAME     '4'

static int letter_of(char c) {
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'z' ? low - 'a' : -1;
}

/* The end of a placeholder ("<id>") at i, whose letters say nothing; i: there is none. */
static size_t pass_placeholder(struct span s, size_t i) {
    size_t end = i;
    if (s.p[i] != '<') return i;
    while (end + 1 < s.n && letter_of(s.p[end + 1]) >= 0) end++;
    return end > i && end + 1 < s.n && s.p[end + 1] == '>' ? end + 2 : i;
}

static bool is_small(char c) {
    return c >= 'a' && c <= 'z';
}

static bool is_large(char c) {
    return c >= 'A' && c <= 'Z';
}

struct redact_letters redact_letters_of(struct span s) {
    struct redact_letters l = {0};
    unsigned bits = 0, odd = 0;
    for (size_t i = 0, past; i < s.n; i++) {
        int a = i > 0 ? letter_of(s.p[i - 1]) : -1, b = letter_of(s.p[i]);
        if ((past = pass_placeholder(s, i)) > i) {
            i = past - 1;
            continue;
        }
        l.n += b >= 0;
        l.small += is_small(s.p[i]);
        if (a < 0 || b < 0) continue;
        char digit = BITS[a][b];
        if (a == b) digit = SAME; /* xxxxxxxx stands for what somebody took out */
        bits += (unsigned)(digit <= '9' ? digit - '0' : digit - 'A' + 10);
        odd += i > 1 && is_large(s.p[i - 2]) && is_small(s.p[i - 1]) && is_large(s.p[i]);
        l.pairs++;
    }
    if (l.pairs > 0) l.bits = ((double)bits + ODD_BITS * odd) / (double)l.pairs;
    return l;
}

/* The fewer pairs, the more an average strays. What is written in one case is more often an abbreviation. */
bool redact_is_random(struct span s, bool mixed) {
    struct redact_letters l = redact_letters_of(s);
    bool one_case = l.small == 0 || l.small == l.n;
    if (l.n < 8 || l.pairs < (one_case ? 9 : 5)) return false;
    return l.bits > (mixed ? 4.8 : 5.0) + (one_case ? 0.7 : 0) + 5.0 / (double)l.pairs;
}
