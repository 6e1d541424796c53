#include "llm/pseudonym.h"

#include "llm/redact_internal.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { PEOPLE_FROM = 1000, PEOPLE_TO = 60000, OWN_LEAST = 3 };

enum cue_what { CUE_USER, CUE_HOST };
enum cue_how { CUE_KEY, CUE_WORD, CUE_SHAPE };

static const struct cue {
    const char *word;
    enum cue_what what;
    enum cue_how how;
} CUES[] = {
#define PSEUDONYM_CUE(word, what, how) {word, CUE_##what, CUE_##how},
#include "llm/pseudonym_word.def"
#undef PSEUDONYM_CUE
};

static const char *const NO_NAMES[] = {
#define PSEUDONYM_PLAIN(word) word,
#include "llm/pseudonym_word.def"
#undef PSEUDONYM_PLAIN
};

static const char *const THINGS[] = {
#define PSEUDONYM_THING(word) word,
#include "llm/pseudonym_word.def"
#undef PSEUDONYM_THING
};

/* ---- this machine's names ---- */

static void pseudonym_add_own(struct pseudonyms *p, const char *name, bool is_host) {
    size_t n = strlen(name);
    if (p->own_n == PSEUDONYM_OWN_MAX || n < OWN_LEAST || n >= PSEUDONYM_NAME_MAX) return;
    struct pseudonym_own *own = &p->own[p->own_n++];
    memcpy(own->name, name, n + 1);
    own->is_host = is_host;
}

static bool has_shell(const struct passwd *u) {
    const char *name = u->pw_shell ? strrchr(u->pw_shell, '/') : NULL;
    return name && strcmp(name, "/nologin") != 0 && strcmp(name, "/false") != 0;
}

/* From the file alone: to ask a directory service could take long, and bring thousands. */
static void add_accounts(struct pseudonyms *p, const char *passwd) {
    FILE *f = fopen(passwd, "re");
    char text[1024];
    struct passwd u, *found;
    while (f && fgetpwent_r(f, &u, text, sizeof text, &found) == 0)
        if (u.pw_uid >= PEOPLE_FROM && u.pw_uid < PEOPLE_TO && has_shell(&u)) pseudonym_add_own(p, u.pw_name, false);
    if (f) fclose(f);
}

void pseudonym_open(struct pseudonyms *p, const char *passwd, uint64_t key) {
    char host[256] = "";
    *p = (struct pseudonyms){.key = key};
    if (gethostname(host, sizeof host - 1) == 0) {
        pseudonym_add_own(p, host, true);
        char *dot = strchr(host, '.');
        if (dot) *dot = '\0', pseudonym_add_own(p, host, true);
    }
    add_accounts(p, passwd);
}

/* ---- pieces of a text ---- */

static bool is_name_char(char c) {
    return redact_is_word(c) || c == '-' || c == '.' || c == '#' || (unsigned char)c >= 0x80;
}

/* The end of the name at i, without the dots and dashes that are the sentence's. */
static size_t name_end(const struct redact_text *x, size_t i) {
    size_t end = i;
    while (end < x->t.n && is_name_char(x->t.p[end])) end++;
    while (end > i && (x->t.p[end - 1] == '.' || x->t.p[end - 1] == '-')) end--;
    return end;
}

static bool has_letter(const struct redact_text *x, size_t from, size_t to) {
    for (; from < to; from++)
        if (redact_is_letter(x->t.p[from]) || (unsigned char)x->t.p[from] >= 0x80) return true;
    return false;
}

/* Letters, and a number, dash or dot among them: web-3, dc#, mail.corp. Not tty#, not 3.5. */
static bool pseudonym_has_shape(const struct redact_text *x, size_t from, size_t to) {
    size_t letters = from;
    while (letters < to && (redact_is_letter(x->t.p[letters]) || x->t.p[letters] == '-')) letters++;
    bool number = letters < to && (x->t.p[letters] == '#' || redact_is_digit(x->t.p[letters]));
    size_t word = letters > from && x->t.p[letters - 1] == '-' ? letters - 1 : letters;
    if (number && REDACT_IS_ONE_OF(x, from, word, THINGS)) return false;
    bool inside = false;
    for (size_t i = from + 1; i < to; i++) inside = inside || strchr("-.#0123456789", x->t.p[i]);
    return inside && redact_is_letter(x->t.p[from]);
}

/* ---- cues ---- */

/* Does the word of the cue end before `to`, not as the end of a longer one? A '_' or '-' in a key does not count. */
static bool cue_ends_at(const struct redact_text *x, size_t to, const char *word) {
    size_t i = to, n = strlen(word);
    while (n > 0 && i > 0) {
        char c = x->t.p[i - 1];
        if (c == '_' && word[n - 1] != '_') {
            i--;
            continue;
        }
        if ((redact_is_letter(c) ? (c | 0x20) : c) != word[n - 1]) return false;
        i--, n--;
    }
    return n == 0 && (i == 0 || !redact_is_word(x->t.p[i - 1]));
}

/* Where the key ends whose value begins at `at`: key=, key:, "key": "; 0: there is none. */
static size_t cue_key_end(const struct redact_text *x, size_t at) {
    size_t i = at;
    while (i > 0 && strchr("\"'\\ ", x->t.p[i - 1])) i--;
    if (i == 0 || !strchr("=:", x->t.p[i - 1])) return 0;
    for (i--; i > 0 && strchr("\"'\\ ", x->t.p[i - 1]);) i--;
    return i;
}

/* The cue whose place the name [from, to) has; NULL: none. */
static const struct cue *cue_of(const struct redact_text *x, size_t from, size_t to) {
    size_t key = cue_key_end(x, from);
    size_t word = from > 1 && x->t.p[from - 1] == ' ' ? from - 1 : 0;
    for (size_t i = 0; i < sizeof CUES / sizeof CUES[0]; i++) {
        const struct cue *c = &CUES[i];
        size_t end = c->how == CUE_KEY ? key : word;
        if (end == 0 || !cue_ends_at(x, end, c->word)) continue;
        if (c->how == CUE_SHAPE && !pseudonym_has_shape(x, from, to)) continue;
        if (!REDACT_IS_ONE_OF(x, from, to, NO_NAMES)) return c;
    }
    return NULL;
}

static const struct pseudonym_own *own_of(const struct pseudonyms *p, const struct redact_text *x, size_t from,
                                          size_t to) {
    for (size_t i = 0; i < p->own_n; i++)
        if (redact_is(x, from, to, p->own[i].name)) return &p->own[i];
    return NULL;
}

/* ---- places of their own ---- */

/* CORP\erin: both, and the end behind it; 0: it is none. */
static size_t take_domain_user(struct redact_text *x, size_t from, size_t to) {
    size_t user = to + 1, end;
    for (size_t i = from; i < to; i++)
        if (x->t.p[i] >= 'a' && x->t.p[i] <= 'z') return 0;
    if (to - from < 2 || redact_at(x, to) != '\\') return 0;
    if (redact_at(x, user) == '\\') user++;
    end = name_end(x, user);
    if (end - user < 2 || !has_letter(x, user, end)) return 0;
    redact_hide(x, from, to, REDACT_HOST);
    redact_hide(x, user, end, REDACT_USER);
    return end;
}

/* jane@corp: with a dot it would have been an address. */
static size_t take_user_at(struct redact_text *x, size_t from, size_t to) {
    size_t end = redact_at(x, to) == '@' ? name_end(x, to + 1) : 0;
    if (end <= to + 1 || !has_letter(x, to + 1, end) || !has_letter(x, from, to)) return 0;
    redact_hide(x, from, to, REDACT_USER);
    redact_hide(x, to + 1, end, REDACT_HOST);
    return end;
}

/* uid=1000(frank) */
static bool is_named_id(const struct redact_text *x, size_t from, size_t to) {
    size_t i = from;
    if (i == 0 || x->t.p[--i] != '(' || redact_at(x, to) != ')') return false;
    while (i > 0 && (x->t.p[i - 1] == '#' || redact_is_digit(x->t.p[i - 1]))) i--;
    return i > 2 && x->t.p[i - 1] == '=' && redact_begins(x, i - 3, "id", true);
}

/* Looks at the name [from, to); returns where to go on. */
static size_t take_name_at(const struct pseudonyms *p, struct redact_text *x, size_t from, size_t to) {
    size_t end = take_domain_user(x, from, to);
    if (end == 0) end = take_user_at(x, from, to);
    if (end > 0) return end;
    const struct pseudonym_own *own = own_of(p, x, from, to);
    const struct cue *cue = own || !has_letter(x, from, to) ? NULL : cue_of(x, from, to);
    if (own)
        redact_hide(x, from, to, own->is_host ? REDACT_HOST : REDACT_USER);
    else if (cue)
        redact_hide(x, from, to, cue->what == CUE_HOST ? REDACT_HOST : REDACT_USER);
    else if (is_named_id(x, from, to))
        redact_hide(x, from, to, REDACT_USER);
    return to;
}

void pseudonym_scan(const struct pseudonyms *p, struct span text, unsigned char *mark) {
    struct redact_text x = {text, mark};
    for (size_t i = 0, end; i < text.n; i = end) {
        size_t placeholder = text.p[i] == '<' ? redact_placeholder(&x, i) : 0;
        end = name_end(&x, i);
        if (placeholder)
            end = i + placeholder;
        else if (end == i || mark[i] != REDACT_KEEP)
            end = end > i ? end : i + 1;
        else
            end = take_name_at(p, &x, i, end);
    }
}

void pseudonym_put(const struct pseudonyms *p, struct span name, bool is_host, struct buf *out) {
    char low[PSEUDONYM_NAME_MAX], text[16];
    size_t n = name.n < sizeof low ? name.n : sizeof low;
    for (size_t i = 0; i < n; i++) low[i] = redact_is_letter(name.p[i]) ? (char)(name.p[i] | 0x20) : name.p[i];
    uint64_t hash = XXH3_64bits_withSeed(low, n, p->key);
    snprintf(text, sizeof text, "%s-%06x", is_host ? "host" : "user", (unsigned)(hash >> 40));
    buf_puts(out, text);
}
